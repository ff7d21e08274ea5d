"""LineBuffer: whole lines from pieces, long lines cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.edges.sources.lines import ROOM, LineBuffer
from detector.records import Batch, Stream

STREAM = Stream("k", "n")


def feed(pieces: list[bytes], max_line: int, offset: int = 0) -> list[tuple[bytes, Batch]]:
    """Every batch with its bytes, copied out before the buffer is used again."""
    lines = LineBuffer(STREAM, max_line, offset)
    got: list[tuple[bytes, Batch]] = []
    for piece in pieces:
        space = lines.space()
        space[: len(piece)] = piece
        batch = lines.filled(len(piece), 7)
        while batch is not None:
            got.append((bytes(batch.buffer[batch.begin : batch.end]), batch))
            batch = lines.more(7)
    last = lines.finish(7)
    return [*got, (bytes(last.buffer[last.begin : last.end]), last)]


def check_docstring(got: list[tuple[bytes, Batch]], offset: int = 0) -> None:
    """What the docstring of Batch promises."""
    for run, batch in got:
        assert batch.offset == offset
        assert batch.begin >= ROOM
        assert len(run) == batch.size
        assert batch.ends == (batch is got[-1][1])
        assert batch.ends or run.endswith(b"\n")
        offset += batch.size + batch.cut_bytes


def expected(data: bytes, max_line: int) -> list[bytes]:
    """The lines, those that are too long cut to their head."""
    out = []
    for line in data.splitlines(keepends=True) if data else []:
        content = line.removesuffix(b"\n")
        out.append(line if len(content) <= max_line else content[:max_line] + line[len(content) :])
    return out


@given(st.lists(st.text(alphabet="ab\n", max_size=30).map(str.encode), max_size=12), st.integers(1, 12), st.integers(0, 99))
def test_any_cut_into_pieces_gives_the_same_lines(pieces: list[bytes], max_line: int, offset: int) -> None:
    """However the bytes come: the same lines, cuts and offsets, and every batch keeps its docstring's word."""
    data = b"".join(pieces)
    got = feed(pieces, max_line, offset)
    check_docstring(got, offset)
    assert [line for run, _ in got for line in run.splitlines(keepends=True)] == expected(data, max_line)
    cut_at = [at for _, batch in got for at in batch.cut_at]
    starts = [0, *[i + 1 for i, byte in enumerate(data) if byte == 10]]
    assert cut_at == [offset + s for s in starts if len(data[s:].split(b"\n")[0]) > max_line]
    assert sum(b.size + b.cut_bytes for _, b in got) == len(data)


def test_half_a_line_is_held_back() -> None:
    """A line without its newline is not given out before the input ends."""
    got = feed([b"one\ntw", b"o", b"\nthree"], 100)
    assert [run for run, _ in got] == [b"one\n", b"two\n", b"three"]


def test_a_dropped_half_line_is_read_again() -> None:
    """After `drop` the buffer stands at the start of the line that was not finished."""
    lines = LineBuffer(STREAM, 100)
    lines.space()[:6] = b"one\ntw"
    assert lines.filled(6, 0) is not None
    lines.drop()
    lines.space()[:4] = b"two\n"
    batch = lines.filled(4, 0)
    assert batch is not None
    assert (bytes(batch.buffer[batch.begin : batch.end]), batch.offset) == (b"two\n", 4)


def test_a_line_as_long_as_allowed_is_whole() -> None:
    """The limit counts the line without its newline."""
    ((run, batch), _) = feed([b"x" * 10 + b"\n"], 10)
    assert (run, batch.cut_at) == (b"x" * 10 + b"\n", ())


def test_a_gigabyte_without_newline_keeps_memory_flat() -> None:
    """Only the head of an endless line is kept; the rest is counted and the next line is whole again."""
    lines = LineBuffer(STREAM, 1 << 20)
    piece = b"x" * (256 << 10)
    for _ in range(4096):
        lines.space()[:] = piece
        assert lines.filled(len(piece), 0) is None
    lines.space()[:6] = b"\nnext\n"
    first = lines.filled(6, 0)
    assert first is not None
    assert (first.size, first.cut_at, first.cut_bytes) == ((1 << 20) + 1, (0,), (1 << 30) - (1 << 20))
    second = lines.more(0)
    assert second is not None
    assert (bytes(second.buffer[second.begin : second.end]), second.offset) == (b"next\n", (1 << 30) + 1)
