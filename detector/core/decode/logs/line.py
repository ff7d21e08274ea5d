"""One line, read: the frames around it, what kind of line it is, and on demand what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from detector.core.decode.logs import (
    broken_json,
    colours,
    cri,
    docker,
    envelope,
    headers,
    journald,
    json_layouts,
    json_text,
    kinds,
    logfmt,
    prefixes,
    syslog,
    times,
)
from detector.core.decode.logs.frame import Frame, within
from detector.core.decode.logs.header import Header
from detector.core.decode.logs.json_text import How
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.reading import Reading
from detector.records import Level

_MOST_FRAMES = 4
_LAST_FRAMES = ("cri", "docker")
_JSON = re.compile(rb"\s{0,8}\{\s*(?:\"|\}|\Z)")
_SYSLOG_FILE = re.compile(rb"[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:")
_OCTETS = re.compile(rb"\d{1,7} <\d")


@dataclass(slots=True)
class Line:
    """`text` is the payload without frames and colours. `header` is set for text lines that have one, `record` for JSON."""

    text: bytes
    kind: Kind
    key: str = ""
    frame: Frame | None = None
    header: Header | None = None
    record: dict[str, Any] | None = None
    how: How = How.CLEAN


def read(raw: bytes, reference_ms: int, is_plain: bool = False) -> Line:
    """Reads a line without its newline. `is_plain`: the user said that there are no frames. Never raises."""
    frame: Frame | None = None
    text = raw
    for _ in range(0 if is_plain else _MOST_FRAMES):
        inner = _frame(text, reference_ms)
        if isinstance(inner, Line):
            return _inside(inner, frame)
        if inner is None:
            break
        frame = inner if frame is None else within(frame, inner)
        text = frame.payload
        if inner.name.endswith(_LAST_FRAMES):
            break
    return _inside(_payload(text, reference_ms), frame)


def _inside(line: Line, frame: Frame | None) -> Line:
    """Puts what was read of the payload into the frames found around it. A line may bring a frame of its own (its time stamp)."""
    if frame is not None:
        line.frame = frame if line.frame is None else within(frame, line.frame)
        line.key = line.frame.key
    return line


def _frame(text: bytes, reference_ms: int) -> Frame | Line | None:
    """The outermost frame; or the whole line, when looking for a frame has already read it; or None."""
    first = text[:1]
    if first == b"{":
        return _json(text, reference_ms)
    if first.isdigit():
        found = cri.read(text) if b" std" in text[20:40] else None
        if found is not None:
            return found
        if _OCTETS.match(text):
            return syslog.read(text, reference_ms)
        return _dated(text, reference_ms)
    if first == b"<":
        return syslog.read(text, reference_ms)
    if first == b"\x1b":
        plain = colours.strip(text)
        return prefixes.read(plain) if plain[:1] != b"\x1b" else None
    if _SYSLOG_FILE.match(text):
        return syslog.read(text, reference_ms)
    if first.isalnum() or first == b"[":
        return prefixes.read(text)
    return None


def _dated(text: bytes, reference_ms: int) -> Frame | Line | None:
    """A line that begins with a digit: the application's own header if it names a level. Else the time is a frame if what
    follows is complete without it (a header, JSON, a part of a trace, a runtime's words) or if syslog wrote it."""
    plain = colours.strip(text)
    header = headers.read(plain)
    if header is not None and (header.level is not None or header.layout != "text" or header.continues):
        return _headed(plain, header, reference_ms)
    found = prefixes.read(text)
    if found is not None or text[10:11] != b"T":
        return found
    stamped = prefixes.stamp(text)
    if stamped is None:
        return syslog.read(text, reference_ms)
    inner = _payload(stamped.payload, reference_ms)
    inner.frame = stamped
    if inner.kind not in (Kind.BARE, Kind.BLANK, Kind.CALL):
        return inner
    return syslog.read(text, reference_ms) or (inner if _is_nano(text) else None)


def _is_nano(text: bytes) -> bool:
    """Whether the time has the nanoseconds that only container tools write: then it is their frame, whatever follows."""
    return len(text[19:].partition(b" ")[0].rstrip(b"Z")) > 7


def _json(text: bytes, reference_ms: int) -> Frame | Line:
    record, how = json_text.load(text)
    if record is None:
        return _payload(text, reference_ms)
    found = docker.read(record) or journald.read(record) or envelope.read(record)
    if found is not None:
        return found
    return Line(text, Kind.JSON, record=record, how=how)


def _payload(text: bytes, reference_ms: int) -> Line:
    first = text[:1]
    if (first == b"{" or (first == b" " and text.lstrip()[:1] == b"{")) and _JSON.match(text):
        record, how = json_text.load(text.strip())
        if record is not None:
            return Line(text, Kind.JSON, record=record, how=how)
        return Line(text, Kind.JSON_OPEN if kinds.opens_json(text) else Kind.JSON, how=How.BROKEN)
    text = colours.strip(text)
    if first.islower() and logfmt.looks_like(text):
        return Line(text, Kind.HEADER)
    header = headers.read(text)
    return _headed(text, header, reference_ms) if header is not None else Line(text, kinds.bare(text))


def _headed(text: bytes, header: Header, reference_ms: int) -> Line:
    if header.continues:
        return Line(text, Kind.DETAIL, header=header)
    if header.layout == "level-first":
        return Line(text, Kind.LEVEL, header=header)
    if header.level is None and text[header.message : header.message + 2] == b'{"':
        record, how = json_text.load(text[header.message :])
        if record is not None:
            time_ms = times.read_ms(header.time, reference_ms)
            return Line(text, Kind.JSON, frame=Frame(text[header.message :], "stamped", time_ms=time_ms), record=record, how=how)
    return Line(text, Kind.HEADER, header=header)


def meaning(line: Line, reference_ms: int) -> Reading:
    """What the line says. `reference_ms` completes times without a year or a date."""
    if line.record is not None:
        return json_layouts.read(line.record, reference_ms)
    if line.kind in (Kind.JSON, Kind.JSON_OPEN):
        return broken_json.read(line.text, reference_ms)
    header = line.header
    if header is None:
        return logfmt.read(line.text, reference_ms) if line.kind is Kind.HEADER else Reading("bare", line.text)
    reading = Reading(header.layout, line.text[header.message :], header.level)
    if header.time:
        reading.moment = times.read(header.time, reference_ms)
    if header.layout == "klog":
        reading.message, reading.extra = logfmt.klog(reading.message)
    if header.logger:
        reading.logger = header.logger.decode("utf-8", "replace")
    if header.thread:
        reading.thread = header.thread.decode("utf-8", "replace")
    return reading


def level_of(line: Line, reading: Reading) -> Level | None:
    """The line's own level, else the frame's. A frame that calls everything informational has judged nothing."""
    if reading.level is not None or line.frame is None:
        return reading.level
    level = line.frame.level
    return None if level is Level.INFO and line.kind in (Kind.OWN, Kind.THROWN, Kind.TRACE, Kind.INDENTED, Kind.BARE) else level
