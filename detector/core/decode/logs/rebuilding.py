"""Puts together what runtimes and daemons cut: CRI and Docker parts, journal export entries, counted syslog frames, UTF-16
lines.

It happens before the scan, so that a match across a cut is found. Most runs have nothing to put together, and are not touched:
`is_needed` asks that at a few microseconds a run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import orjson

from detector.core.decode.logs import cri, journal_export, json_text, utf16

MOST_BYTES = 1 << 20
_SMALL = 65_536
_SAMPLES = 16
_OCTETS = re.compile(rb"(\d{1,7}) (?=<\d{1,3}>)")
_CRI_PART = re.compile(rb" std(?:out|err) P")  # one search for both is faster than bytes.find for each
_EXPORT = re.compile(rb"(?:__CURSOR|__REALTIME_TIMESTAMP)=")
_JSON_PART = re.compile(rb"\"(?:logtag\"\s*:\s*\"P\"|_p\"\s*:\s*\"P\"|CONTAINER_PARTIAL_MESSAGE\"\s*:\s*\"true\")")
_JSON_KEYS = (b'"logtag"', b'"_p"', b"CONTAINER_PARTIAL_MESSAGE")
Bytes = bytes | bytearray


@dataclass(slots=True)
class Rebuilt:
    """Whole lines one after the other in `buffer`. For each: where it begins there, where it was complete in the stream (`at`:
    the start of its last physical line), where it began, where it ends, and the number of physical lines before it."""

    buffer: bytearray = field(default_factory=bytearray)
    begins: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    untils: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    cut: set[int] = field(default_factory=set)
    end: int = 0  # where the whole lines end; what follows are parts whose rest has not come, to be scanned but not read
    open_from: int | None = None  # where the earliest of these parts begins in the stream
    open_firsts: list[tuple[int, int]] = field(
        default_factory=list
    )  # for each: its place in the buffer, its beginning in the stream

    def add(self, line: bytes, at: int, first: int, until: int, number: int, *, is_cut: bool = False) -> None:
        self.begins.append(len(self.buffer))
        self.at.append(at)
        self.firsts.append(first)
        self.untils.append(until)
        self.numbers.append(number)
        if is_cut:
            self.cut.add(first)
        self.buffer += line
        self.buffer += b"\n"


@dataclass(slots=True)
class _Parts:
    pieces: list[bytes]
    head: bytes
    first: int
    number: int
    size: int = 0
    is_full: bool = False
    record: dict[str, object] | None = None
    name: str = ""


def is_needed(buffer: Bytes, begin: int, end: int, lines: int) -> bool:
    """Whether something in the run may have to be put together. `lines` is how many lines it has."""
    if buffer.find(b"\0", begin, end) >= 0:
        return True
    if end - begin <= _SMALL:
        heads = [buffer[begin:end]]
        if _has_export(buffer, begin, end):
            return True
    else:
        heads = [_head(buffer, begin + step * (end - begin) // _SAMPLES, begin, end) for step in range(_SAMPLES)]
        if any(_EXPORT.match(head) for head in heads) and _has_export(buffer, begin, end):
            return True
    is_cri = any(b" stdout " in head or b" stderr " in head for head in heads)
    if is_cri and _CRI_PART.search(buffer, begin, end) is not None:
        return True
    if any(b'{"log"' in head for head in heads) and buffer.count(b'\\n","s', begin, end) != lines:
        return True
    if any(key in head for head in heads for key in _JSON_KEYS) and _JSON_PART.search(buffer, begin, end) is not None:
        return True
    return _OCTETS.match(buffer, begin, end) is not None


def _head(buffer: Bytes, near: int, begin: int, end: int) -> Bytes:
    start = buffer.rfind(b"\n", begin, near) + 1 or begin
    return buffer[start : min(start + 256, end)]


def _has_export(buffer: Bytes, begin: int, end: int) -> bool:
    return (
        _EXPORT.match(buffer, begin, end) is not None
        or buffer.find(b"\n__CURSOR=", begin, end) >= 0
        or buffer.find(b"\n__REALTIME_TIMESTAMP=", begin, end) >= 0
    )


def rebuild(buffer: Bytes, begin: int, end: int, offset: int, *, is_last: bool) -> Rebuilt:
    """Goes through whole physical lines; `offset` is the stream offset of `begin`. `is_last`: nothing will follow, what is open
    is given out as it is."""
    return _Rebuilding(buffer, begin, end, offset).run(is_last)


class _Rebuilding:
    def __init__(self, buffer: Bytes, begin: int, end: int, offset: int) -> None:
        self.buffer, self.position, self.end, self.shift = buffer, begin, end, offset - begin
        self.out = Rebuilt()
        self.parts: dict[str, _Parts] = {}
        self.number = 0

    def run(self, is_last: bool) -> Rebuilt:
        while self.position < self.end:
            entry = journal_export.read(self.buffer, self.position, self.end, is_last=is_last)
            if entry is journal_export.UNFINISHED:
                first = self.position + self.shift
                self.parts["journal"] = _Parts([bytes(self.buffer[self.position : self.end])], b"", first, self.number)
                break
            if isinstance(entry, journal_export.Entry):
                first, at = self.position + self.shift, entry.end - 1 + self.shift
                self.out.add(entry.line, at, first, at + 1, self.number)
                self.position, self.number = entry.end, self.number + entry.lines
                continue
            newline = self.buffer.find(b"\n", self.position, self.end)
            stop = self.end if newline < 0 else newline
            line = bytes(self.buffer[self.position : stop])
            self._line(line, min(stop + 1, self.end))
        self._close(is_last)
        return self.out

    def _take(self, line: bytes, end: int) -> None:
        at = self.position + self.shift
        self.out.add(line, at, at, end + self.shift, self.number)
        self.position, self.number = end, self.number + 1

    def _line(self, line: bytes, end: int) -> None:
        if b"\0" in line:
            line = utf16.plain(line)
        counted = _OCTETS.match(line)
        if counted is not None and len(line) > counted.end() + int(counted[1]):
            self._frames(line, end)
            return
        part = _cri_part(line) if line[:1].isdigit() else _json_part(line) if line[:1] == b"{" else None
        if part is None:
            self._take(line, end)
        else:
            self._part(*part, line, end)

    def _frames(self, line: bytes, end: int) -> None:
        """Counted frames without newlines between them are lines of their own; they share their physical line's place."""
        at, number = 0, self.number
        start = self.position + self.shift
        while at < len(line):
            counted = _OCTETS.match(line, at)
            stop = counted.end() + int(counted[1]) if counted is not None else len(line)
            piece = line[at:stop].rstrip(b"\r\n")
            last = end + self.shift if stop >= len(line) else start + stop
            self.out.add(piece.replace(b"\n", b"\\n"), start + at, start + at, last, number)
            at = max(stop, at + 1)
        self.position, self.number = end, number + 1

    def _part(
        self,
        key: str,
        payload: bytes,
        head: bytes,
        is_part: bool,
        record: dict[str, object] | None,
        name: str,
        line: bytes,
        end: int,
    ) -> None:
        held = self.parts.get(key)
        if held is None:
            if not is_part:
                self._take(line, end)
                return
            held = self.parts[key] = _Parts([], head, self.position + self.shift, self.number, record=record, name=name)
        held.pieces.append(payload)
        held.size += len(payload)
        if is_part and held.size < MOST_BYTES:
            self.position, self.number = end, self.number + 1
            return
        held.is_full = is_part
        del self.parts[key]
        self._whole(held, self.position + self.shift, end + self.shift)
        self.position, self.number = end, self.number + 1

    def _whole(self, held: _Parts, at: int, until: int) -> None:
        text = b"".join(held.pieces)
        if held.record is not None:
            merged = {**held.record, held.name: text.decode("utf-8", "replace")} | _FINAL
            merged = {name: value for name, value in merged.items() if value is not None}
            text = orjson.dumps(merged)
        self.out.add(held.head + text, at, held.first, until, held.number, is_cut=held.is_full)

    def _close(self, is_last: bool) -> None:
        parts = sorted(self.parts.values(), key=lambda parts: parts.first)
        for held in parts if is_last else ():
            held.is_full = True
            self._whole(held, self.end + self.shift - 1, self.end + self.shift)
        self.out.end = len(self.out.buffer)
        for held in () if is_last else parts:
            self.out.open_firsts.append((len(self.out.buffer), held.first))
            self.out.buffer += b"".join(held.pieces) + b"\n"
            self.out.open_from = held.first if self.out.open_from is None else min(held.first, self.out.open_from)


_FINAL: dict[str, object] = {"logtag": None, "_p": None, "CONTAINER_PARTIAL_MESSAGE": None}


def _cri_part(line: bytes) -> tuple[str, bytes, bytes, bool, None, str] | None:
    match = cri.LINE.match(line)
    if match is None:
        return None
    head = line[: match.start(3)] + b"F "
    return match[2].decode(), line[match.end() :], head, match[3][:1] == b"P", None, ""


def _json_part(line: bytes) -> tuple[str, bytes, bytes, bool, dict[str, object] | None, str] | None:
    record, _ = json_text.load(line)
    if record is None:
        return None
    name = next((name for name in ("log", "message", "MESSAGE") if isinstance(record.get(name), str)), None)
    if name is None:
        return None
    payload = record[name]
    if "logtag" in record or "_p" in record:
        is_part = record.get("logtag") == "P" or record.get("_p") == "P"
    elif name == "MESSAGE":
        is_part = record.get("CONTAINER_PARTIAL_MESSAGE") == "true"
    elif name == "log" and "stream" in record and "time" in record and "kubernetes" not in record:
        is_part = not payload.endswith("\n")
    else:
        return None
    where = record.get("kubernetes")
    key = "/".join(str(record.get(part, "")) for part in ("stream", "CONTAINER_ID", "CONTAINER_NAME", "_PID", "container_id"))
    key += str(where.get("pod_name", "")) + str(where.get("container_name", "")) if isinstance(where, dict) else ""
    return key, payload.encode("utf-8", "replace"), b"", is_part, record, name
