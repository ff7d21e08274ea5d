"""How many lines of a batch are WARN or worse, by level: of lines that the scan marked for that some are read, so that a log full
of them costs no more than a few lines a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from detector.core.decode.logs import line as line_reader
from detector.core.decode.logs.stream import Mark
from detector.records import Level

MOST_READ = 32  # of a batch; of more lines every second, third, ... stands for those after it
LONGEST_READ = 4 << 10
_INDENTS = b"\t "
_CAUSED_BY = b"Caused by: "


class LoudLines(NamedTuple):
    """`lines` lines of a level at a time; None where the line that stands for them says none."""

    level: Level
    time_ms: int | None
    lines: int


def loud_lines(
    buffer: bytes | bytearray, begin: int, end: int, marks: Sequence[Mark], first_loud: int, observed_ms: int
) -> list[LoudLines]:
    """Of `buffer[begin:end]`, whole lines; `marks` are what a scan of them found, ascending."""
    starts = _starts(buffer, begin, end, marks, first_loud)
    apart = -(-len(starts) // MOST_READ) or 1
    found = []
    for at in range(0, len(starts), apart):
        stop = buffer.find(b"\n", starts[at], end)
        raw = bytes(buffer[starts[at] : min(end if stop < 0 else stop, starts[at] + LONGEST_READ)]).rstrip(b"\r")
        level, time_ms = _read(raw, observed_ms)
        if level is not None and level >= Level.WARN:
            found.append(LoudLines(level, time_ms, min(apart, len(starts) - at)))
    return found


def trace_lines(buffer: bytes | bytearray, begin: int, end: int, marks: Sequence[Mark], first_loud: int) -> int:
    """How many lines are of the stack traces that stand below loud lines, or at the beginning where the loud line was before."""
    count, at = _trace(buffer, begin, end)
    for mark, pattern in marks:
        if pattern >= first_loud and at <= mark < end:
            stop = buffer.find(b"\n", mark, end)
            if stop < 0:
                break
            more, at = _trace(buffer, stop + 1, end)
            count += more
    return count


def _trace(buffer: bytes | bytearray, at: int, end: int) -> tuple[int, int]:
    """How many lines from `at` on are of a stack trace, and where the next one begins."""
    count = 0
    while at < end and (buffer[at] in _INDENTS or buffer.startswith(_CAUSED_BY, at)):
        stop = buffer.find(b"\n", at, end)
        count, at = count + 1, end if stop < 0 else stop + 1
    return count, at


def _starts(buffer: bytes | bytearray, begin: int, end: int, marks: Sequence[Mark], first_loud: int) -> list[int]:
    """Where the lines begin in which a level was marked, each once."""
    starts, over = [], -1
    for at, pattern in marks:
        if pattern < first_loud or at < over or not begin <= at < end:
            continue
        starts.append(buffer.rfind(b"\n", begin, at) + 1 or begin)
        stop = buffer.find(b"\n", at, end)
        over = end if stop < 0 else stop
    return starts


def _read(raw: bytes, observed_ms: int) -> tuple[Level | None, int | None]:
    line = line_reader.read(raw, observed_ms)
    frame_ms = None if line.frame is None else line.frame.time_ms
    reading = line_reader.meaning(line, observed_ms if frame_ms is None else frame_ms)
    return line_reader.level_of(line, reading), frame_ms if reading.moment is None else reading.moment.ms
