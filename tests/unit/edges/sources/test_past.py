"""Reading past logs: files, globs, gzip, pipes."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import pytest
from _pytest.monkeypatch import MonkeyPatch

from detector.edges.sources.past import PastInput, PastSettings, past_inputs, read_past
from detector.errors import NoSuchInput
from detector.records import Batch

LINES = b"".join(b"line %d of the log\n" % i for i in range(50_000))


def read(*names: str, settings: PastSettings | None = None) -> dict[str, tuple[bytes, Batch]]:
    """The bytes of every stream and its last batch."""
    runs: dict[str, list[bytes]] = {}
    last: dict[str, Batch] = {}
    for batch in read_past(past_inputs(names), settings or PastSettings()):
        runs.setdefault(batch.stream.name, []).append(bytes(batch.buffer[batch.begin : batch.end]))
        last[batch.stream.name] = batch
    return {name: (b"".join(run), last[name]) for name, run in runs.items()}


def test_a_file_is_read_to_its_end_as_a_stream_of_its_own(tmp_path: Path) -> None:
    """Each file is one stream whose last batch ends it; a last line without newline is there."""
    (tmp_path / "a.log").write_bytes(LINES + b"last")
    (tmp_path / "b.log").write_bytes(b"only\n")
    got = read(str(tmp_path / "*.log"))
    assert [(Path(name).name, run, batch.ends) for name, (run, batch) in got.items()] == [
        ("a.log", LINES + b"last", True),
        ("b.log", b"only\n", True),
    ]


def test_an_empty_file_is_a_stream_that_ends(tmp_path: Path) -> None:
    """Nothing in it is no error."""
    (tmp_path / "a.log").write_bytes(b"")
    ((run, batch),) = read(str(tmp_path / "a.log")).values()
    assert (run, batch.ends) == (b"", True)


@pytest.mark.parametrize("padding", [b"", b"\0" * 20_000])
def test_gzip_with_several_members_is_one_stream(tmp_path: Path, padding: bytes) -> None:
    """Members that follow one another are joined, zeros after the last are skipped."""
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(LINES) + gzip.compress(b"") + gzip.compress(b"end\n") + padding)
    ((run, batch),) = read(str(tmp_path / "a.log.gz")).values()
    assert (run, batch.lost) == (LINES + b"end\n", None)


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    """The name does not matter."""
    (tmp_path / "a.log").write_bytes(gzip.compress(b"x\n"))
    (tmp_path / "b.gz").write_bytes(b"y\n")
    assert [run for run, _ in read(str(tmp_path / "a.log"), str(tmp_path / "b.gz")).values()] == [b"x\n", b"y\n"]


def test_what_can_be_read_of_a_truncated_gzip_is_read(tmp_path: Path) -> None:
    """The lines before the damage are judged, what is missing is a lost range with its reason."""
    packed = gzip.compress(LINES)
    (tmp_path / "a.gz").write_bytes(packed[: len(packed) // 2])
    ((run, batch),) = read(str(tmp_path / "a.gz")).values()
    assert len(run) > len(LINES) // 3
    assert LINES.startswith(run)
    assert batch.lost is not None
    assert (batch.lost.begin, batch.lost.end, batch.lost.reason) == (len(run), None, "damaged gzip: the file ends in the middle")


def test_a_wrong_check_sum_costs_no_line(tmp_path: Path) -> None:
    """Everything was unpacked before the check sum was read: it is given out, and the damage told."""
    packed = bytearray(gzip.compress(LINES))
    packed[-6] ^= 0xFF
    (tmp_path / "a.gz").write_bytes(packed)
    ((run, batch),) = read(str(tmp_path / "a.gz")).values()
    assert run == LINES
    assert batch.lost is not None


def test_something_after_the_gzip_is_told(tmp_path: Path) -> None:
    """Bytes that are no gzip are not judged and not hidden."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x\n") + b"garbage")
    ((run, batch),) = read(str(tmp_path / "a.gz")).values()
    assert run == b"x\n"
    assert batch.lost is not None
    assert "not gzip" in batch.lost.reason


def test_a_bomb_comes_in_pieces(tmp_path: Path) -> None:
    """A gigabyte of zeros in a megabyte of gzip: one cut line, flat memory."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1 << 20)
    (tmp_path / "a.gz").write_bytes(b"".join(deflate.compress(piece) for _ in range(1024)) + deflate.flush())
    ((run, batch),) = read(str(tmp_path / "a.gz")).values()
    assert (len(run), batch.cut_at, batch.cut_bytes) == (1 << 20, (0,), 1023 << 20)


def test_every_input_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    """Missing files, globs without a match and folders: all in one error, each on its line."""
    with pytest.raises(NoSuchInput) as error:
        past_inputs([str(tmp_path / "no.log"), str(tmp_path / "*.none"), str(tmp_path)])
    assert str(error.value).splitlines() == [
        f"{tmp_path}/no.log: no such file or directory",
        f"{tmp_path}/*.none: no file matches",
        f"{tmp_path}: is a folder; name its files, or a glob such as {tmp_path}/*.log",
    ]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """A name and a glob, or a link, that mean the same file do not double its counts."""
    (tmp_path / "a.log").write_bytes(b"x\n")
    os.link(tmp_path / "a.log", tmp_path / "b.log")
    assert past_inputs([str(tmp_path / "a.log"), str(tmp_path / "*.log")]) == (PastInput(str(tmp_path / "a.log"), 2),)


def test_a_name_with_brackets_is_a_name_first(tmp_path: Path) -> None:
    """A file that exists is meant, even if its name looks like a glob."""
    (tmp_path / "a[1].log").write_bytes(b"x\n")
    assert len(past_inputs([str(tmp_path / "a[1].log")])) == 1


def test_a_dash_is_standard_input_packed_or_not(monkeypatch: MonkeyPatch) -> None:
    """`-` reads the pipe to its end, gzip or plain."""
    for data in (LINES, gzip.compress(LINES)):
        end, start = os.pipe()
        if os.fork() == 0:
            with open(start, "wb") as pipe:
                pipe.write(data)
            os._exit(0)
        os.close(start)
        with open(end, "rb") as pipe:
            monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": pipe}))
            assert read("-")["-"][0] == LINES
        os.wait()


def test_the_settings_name_service_and_layout(tmp_path: Path) -> None:
    """A service that the user names is fixed."""
    (tmp_path / "a.log").write_bytes(b"x\n")
    ((_, batch),) = read(str(tmp_path / "a.log"), settings=PastSettings(service="shop", layout="cri")).values()
    assert (batch.stream.service, batch.stream.service_fixed, batch.stream.layout) == ("shop", True, "cri")
