"""The journal's export format: entries of `KEY=value` lines, or `KEY`, a length in 8 bytes and the value; a blank line between
entries.

Each entry becomes the JSON record that `journalctl -o json` would have printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

_FIRST = re.compile(rb"(?:__CURSOR|__REALTIME_TIMESTAMP)=")
_NAME = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}")
_LONGEST = 1 << 20
_MOST_FIELDS = 512
Bytes = bytes | bytearray


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a line of JSON; `end` is where the next one may begin, `lines` how many newlines it held."""

    line: bytes
    end: int
    lines: int


class Unfinished:
    """The entry goes on beyond the bytes at hand."""


UNFINISHED = Unfinished()


def read(buffer: Bytes, begin: int, end: int, *, is_last: bool) -> Entry | Unfinished | None:
    """The entry that begins here; None when none does."""
    if _FIRST.match(buffer, begin, end) is None:
        return None
    fields: dict[str, object] = {}
    at = begin
    while at < end and len(fields) < _MOST_FIELDS:
        if buffer[at] == 0x0A:
            return _entry(buffer, begin, at + 1, fields)
        found = _field(buffer, at, end)
        if found is None:
            return _entry(buffer, begin, at, fields) if at > begin else None
        if isinstance(found, Unfinished):
            break
        name, value, at = found
        _put(fields, name, value)
    if is_last or at - begin > _LONGEST or len(fields) >= _MOST_FIELDS:
        return _entry(buffer, begin, max(at, begin + 1) if fields else end, fields)
    return UNFINISHED


def _field(buffer: Bytes, at: int, end: int) -> tuple[str, bytes, int] | Unfinished | None:
    """None for a line that is no field: the entry ends before it."""
    newline = buffer.find(b"\n", at, end)
    if newline < 0:
        return UNFINISHED
    match = _NAME.match(buffer, at, newline)
    if match is None:
        return None
    name = match[0].decode("ascii")
    if match.end() < newline:
        if buffer[match.end()] != 0x3D:
            return None
        return name, bytes(buffer[match.end() + 1 : newline]), newline + 1
    size = int.from_bytes(buffer[newline + 1 : newline + 9], "little")
    stop = newline + 9 + size
    if size > _LONGEST:
        return None
    if stop >= end:
        return UNFINISHED
    return name, bytes(buffer[newline + 9 : stop]), stop + 1


def _put(fields: dict[str, object], name: str, value: bytes) -> None:
    text = value.decode("utf-8", "replace")
    before = fields.get(name)
    if before is None:
        fields[name] = text
    elif isinstance(before, list):
        before.append(text)
    else:
        fields[name] = [before, text]


def _entry(buffer: Bytes, begin: int, end: int, fields: dict[str, object]) -> Entry:
    return Entry(orjson.dumps(fields), end, buffer.count(b"\n", begin, end))
