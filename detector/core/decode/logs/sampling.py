"""A quiet line now and then, read for its layout and its time: enough to say what a log looks like, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from detector.core.decode.logs import line as line_reader
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.stream import Span

OFTEN_BYTES, SELDOM_BYTES = 1 << 10, 1 << 18  # apart at the beginning of a stream, and later
OFTEN_UNTIL = 1 << 16
MOST_LINE = 16 << 10
_HEADED = (Kind.HEADER, Kind.JSON)


@dataclass(frozen=True, slots=True)
class Sample:
    """A line's layout (as `LogEvent.layout`) and time, in milliseconds since the epoch; None where it says none."""

    layout: str
    time_ms: int | None


def samples(span: Span) -> Iterator[Sample]:
    """Of the new lines that hold certain offsets of the stream, those with a header: the same ones however the stream is cut."""
    if span.rebuilt is not None:
        return
    shift = span.offset - span.begin
    at = _next_place(shift + span.scan_from)
    while at - shift < span.end:
        begin = span.buffer.rfind(b"\n", span.scan_from, at - shift) + 1 or span.scan_from
        end = span.buffer.find(b"\n", at - shift, span.end)
        found = _read(bytes(span.buffer[begin : min(span.end if end < 0 else end, begin + MOST_LINE)]), span.observed_ms)
        if found is not None:
            yield found
        at = _next_place(at + 1)


def _next_place(offset: int) -> int:
    apart = OFTEN_BYTES if offset <= OFTEN_UNTIL else SELDOM_BYTES
    return -(-offset // apart) * apart


def _read(raw: bytes, observed_ms: int) -> Sample | None:
    line = line_reader.read(raw.rstrip(b"\r"), observed_ms)
    if line.kind not in _HEADED:
        return None
    frame_ms = None if line.frame is None else line.frame.time_ms
    reading = line_reader.meaning(line, observed_ms if frame_ms is None else frame_ms)
    layout = reading.layout if line.frame is None else f"{line.frame.name}+{reading.layout}"
    return Sample(layout, frame_ms if reading.moment is None else reading.moment.ms)
