"""A line that begins as JSON and cannot be read: cut off, or damaged. Its level and message are still where they are."""

from __future__ import annotations

import re

from detector.core.decode.logs import levels, times
from detector.core.decode.logs.reading import Reading

_LEVEL = re.compile(rb"\"(?:log\.level|level|levelname|severity|lvl|@l|LogLevel|s)\"\s*:\s*\"?([\w+-]{1,20})")
_NESTED = re.compile(rb"\"log\"\s*:\s*\{\s*\"level\"\s*:\s*\"(\w{1,20})\"")
_TIME = re.compile(rb"\"(?:@timestamp|timestamp|time|ts|@t|asctime)\"\s*:\s*\"?([^\",}]{5,40})")
_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b" ", b"f": b" "}
_LOOK = 16_384


def read(line: bytes, reference_ms: int) -> Reading:
    """The whole line as text, its escapes undone, with the level found where the usual keys are."""
    match = _NESTED.search(line, 0, _LOOK) or _LEVEL.search(line, 0, _LOOK)
    level = None
    if match is not None:
        token = match[1].decode("ascii", "replace")
        level = levels.numbered(int(token)) if token.isdigit() and len(token) < 7 else levels.named(token)
    when = _TIME.search(line, 0, _LOOK)
    moment = times.read(when[1], reference_ms) if when is not None else None
    return Reading("json-broken", unescaped(line), level, moment)


def unescaped(line: bytes) -> bytes:
    """Backslash escapes of JSON and of Go's quoted strings undone, outside and inside of strings."""
    return _ESCAPE.sub(_character, line)


def _character(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1] == b"u" and len(code) == 5:
        return chr(int(code[1:], 16)).encode("utf-8", "replace")
    return _PLAIN.get(code, code)
