"""The finished event: what its lines say, as the rules see it."""

from __future__ import annotations

from detector.core.decode.logs import line as line_reader
from detector.core.decode.logs import times
from detector.core.decode.logs.event import Open, is_whole
from detector.core.decode.logs.json_text import load
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.line import Line
from detector.core.decode.logs.lines import Lines
from detector.core.decode.logs.reading import Reading
from detector.records import LogEvent, Stream, TimeFrom


def build(event: Open, lines: Lines, number: int, observed_ms: int, stream: Stream, *, is_cut: bool) -> LogEvent:
    """`number` is the event's first line's; `is_cut` says that a line of it lost its tail."""
    root = event.root
    placed = event.lines if len(event.lines) == 1 else event.lines[: event.lines.index(event.last) + 1]
    line = _joined_json(event) or root.line
    frame = line.frame
    frame_ms = None if frame is None else frame.time_ms
    reading = line_reader.meaning(line, observed_ms if frame_ms is None else frame_ms)
    level = line_reader.level_of(line, reading)
    text = reading.message
    if len(placed) > 1 and line is root.line:
        if line.header is not None and line.header.is_first_of_two and placed[1].line.kind is Kind.LEVEL:
            second = placed[1].line.header
            text, level = _second(placed[1].line), None if second is None else second.level
            rest = placed[2:]
        else:
            rest = placed[1:]
        indent = b"      " if reading.layout == "dotnet-console" else b""
        text = b"\n".join([*([text] if text else ()), *(_text(part.line, indent) for part in rest)])
    if reading.extra:
        text = text + b"\n" + reading.extra if text else reading.extra
    time_ms, time_from = _time(reading, frame_ms)
    raw = lines.raw(root.begin, root.end) if len(placed) == 1 else b"\n".join(lines.raw(part.begin, part.end) for part in placed)
    return LogEvent(
        lines.first(root.begin),
        lines.until(placed[-1].begin, placed[-1].end),
        number,
        text,
        level,
        time_ms,
        time_from,
        reading.layout if frame is None else f"{frame.name}+{reading.layout}",
        raw,
        _service(stream, reading, line),
        reading.logger,
        reading.thread,
        stream.labels if frame is None else stream.labels + frame.labels,
        is_cut or event.is_cut,
    )


def _second(line: Line) -> bytes:
    """The message of java.util.logging's second line, without the level."""
    return line.text.partition(b": ")[2]


def _text(line: Line, indent: bytes) -> bytes:
    """A joined line without the header that PostgreSQL repeats and the indentation that .NET adds."""
    return line.text[line.header.message :] if line.header is not None else line.text.removeprefix(indent)


def _joined_json(event: Open) -> Line | None:
    """A JSON record that was written over several lines, read as the one record that it is."""
    if event.root.line.kind is not Kind.JSON_OPEN or not (event.is_done or is_whole(event)):
        return None
    record, how = load(b"\n".join(placed.line.text for placed in event.lines))
    return (
        None
        if record is None
        else Line(event.root.line.text, Kind.JSON, event.root.line.key, event.root.line.frame, None, record, how)
    )


def _time(reading: Reading, frame_ms: int | None) -> tuple[int | None, TimeFrom]:
    if reading.moment is not None:
        return times.corrected(reading.moment, frame_ms), TimeFrom.EVENT
    return (frame_ms, TimeFrom.FRAME) if frame_ms is not None else (None, TimeFrom.ARRIVAL)


def _service(stream: Stream, reading: Reading, line: Line) -> str | None:
    if stream.service_fixed:
        return stream.service
    framed = line.frame.service if line.frame is not None else None
    return reading.service or framed or stream.service
