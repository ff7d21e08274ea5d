"""Logs that were written before, for `replay`: files, globs, gzip and standard input, read once from start to end."""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from detector.edges.sources.gunzip import MAGIC, GzipDamaged, Joined, gunzip
from detector.edges.sources.lines import LineBuffer
from detector.errors import NoSuchInput
from detector.records import Batch, LostRange, Stream

STDIN = "-"
MAX_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class PastInput:
    """One input. `size` is bytes on the disk, packed if it is gzip; None where nobody knows (a pipe)."""

    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class PastSettings:
    """What the command line says about every input."""

    service: str | None = None
    layout: str = "auto"
    max_line: int = MAX_LINE

    def stream(self, name: str) -> Stream:
        return Stream(name, name, self.service, layout=self.layout, service_fixed=self.service is not None)


def past_inputs(names: Iterable[str]) -> tuple[PastInput, ...]:
    """The files that the names, globs and `-` stand for, each once. Raises NoSuchInput for all that cannot be read."""
    found: dict[tuple[int, int], PastInput] = {}
    problems: list[str] = []
    for name in names:
        for path in _paths(name, problems):
            _look_at(path, found, problems)
    if problems:
        raise NoSuchInput("\n".join(problems))
    return tuple(found.values())


def read_past(inputs: Iterable[PastInput], settings: PastSettings) -> Iterator[Batch]:
    """Every input to its end, one after the other; each is a stream of its own and its last batch `ends`.

    A batch is valid until the next one is asked for. What is missing from a damaged gzip file or behind a read error is the
    last batch's `lost`.
    """
    for one in inputs:
        if one.name == STDIN:
            yield from _read(sys.stdin.buffer, settings.stream(one.name), settings.max_line)
            continue
        with _open(one.name) as raw:
            yield from _read(raw, settings.stream(one.name), settings.max_line)


def _paths(name: str, problems: list[str]) -> list[str]:
    if name == STDIN or os.path.lexists(name) or not glob.has_magic(name):
        return [name]
    paths = sorted(path for path in glob.glob(name, recursive=True) if not os.path.isdir(path))
    if not paths:
        problems.append(f"{name}: no file matches")
    return paths


def _look_at(path: str, found: dict[tuple[int, int], PastInput], problems: list[str]) -> None:
    if path == STDIN:
        found[(-1, -1)] = PastInput(path, None)
        return
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            problems.append(f"{path}: is a folder; name its files, or a glob such as {os.path.join(path, '*.log')}")
            return
        if not os.access(path, os.R_OK):
            raise PermissionError(0, "permission denied")
    except OSError as error:
        problems.append(f"{path}: {(error.strerror or 'cannot be read').lower()}")
        return
    is_file = stat.S_ISREG(status.st_mode)
    found.setdefault((status.st_dev, status.st_ino), PastInput(path, status.st_size if is_file else None))


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:  # it went away since past_inputs looked
        raise NoSuchInput(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None


def _read(raw: BinaryIO, stream: Stream, max_line: int) -> Iterator[Batch]:
    lines = LineBuffer(stream, max_line)
    head = raw.read(len(MAGIC)) or b""
    while 0 < len(head) < len(MAGIC) and (more := raw.read(len(MAGIC) - len(head))):
        head += more
    if head == MAGIC:
        lost = yield from _unpack(Joined(head, raw), lines)
    else:
        lost = yield from _copy(head, raw, lines)
    yield lines.finish(_now_ms(), lost)


def _copy(head: bytes, raw: BinaryIO, lines: LineBuffer) -> Generator[Batch, None, LostRange | None]:
    """Reads straight into the batch's buffer. Returns what could not be read."""
    space = lines.space()
    space[: len(head)] = head
    size = len(head)
    while True:
        yield from _give(lines, size)
        try:
            size = _read_into(raw, lines.space())
        except OSError as error:
            return LostRange(lines.stream, lines.reached, None, f"unreadable: {error.strerror}")
        if not size:
            return None


def _unpack(packed: Joined, lines: LineBuffer) -> Generator[Batch, None, LostRange | None]:
    """As `_copy`, for gzip."""
    try:
        for piece in gunzip(packed):
            lines.space()[: len(piece)] = piece
            yield from _give(lines, len(piece))
    except (GzipDamaged, OSError) as problem:
        return LostRange(lines.stream, lines.reached, None, f"damaged gzip: {problem}")
    return None


def _give(lines: LineBuffer, size: int) -> Iterator[Batch]:
    batch = lines.filled(size, _now_ms())
    while batch is not None:
        yield batch
        batch = lines.more(_now_ms())


def _read_into(raw: BinaryIO, space: memoryview) -> int:
    """A pipe gives what it has, without waiting for more."""
    if isinstance(raw, io.BufferedIOBase):
        return raw.readinto1(space)
    assert isinstance(raw, io.RawIOBase)
    return raw.readinto(space) or 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
