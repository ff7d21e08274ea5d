"""logfmt: `time=... level=error msg="..." err="..."`, and klog's quoted message with `key="value"` behind it."""

from __future__ import annotations

import re

from detector.core.decode.logs import broken_json, levels, times
from detector.core.decode.logs.reading import Reading

_PAIR = re.compile(rb"(?<![\w.@/-])([\w.@/-]{1,100}+)=(?:\"((?:[^\"\\]++|\\.)*+)\"?|([^\s\"]*+))", re.DOTALL)
_HEAD = re.compile(
    rb"(?:time|ts|t|level|lvl|msg|logger|caller|timestamp|severity|component|source|app|service|logger_name|at|ts_ms)=\S"
)
_LEVEL = re.compile(rb"(?:\A|\s)(?:level|lvl|severity|loglevel|at)=\"?([A-Za-z]{2,11})\b")
_ERRORS = frozenset(b"err error exception stack stacktrace stack_trace reason cause detail errorVerbose panic traceback".split())
_QUOTED = re.compile(rb"\"((?:[^\"\\]++|\\.)*+)\"")
_LOOK = 65_536


def looks_like(line: bytes) -> bool:
    return _HEAD.match(line) is not None and (_LEVEL.search(line, 0, 4096) is not None or b"msg=" in line[:8192])


def read(line: bytes, reference_ms: int) -> Reading:
    """The first of each key counts, as in Go's encoders."""
    fields: dict[bytes, bytes] = {}
    for match in _PAIR.finditer(line, 0, _LOOK):
        fields.setdefault(match[1], _plain(match[2]) if match[2] is not None else match[3])
    token = (
        fields.get(b"level")
        or fields.get(b"lvl")
        or fields.get(b"severity")
        or fields.get(b"loglevel")
        or fields.get(b"at")
        or b""
    )
    when = fields.get(b"time") or fields.get(b"ts") or fields.get(b"t") or fields.get(b"timestamp")
    message = fields.get(b"msg") or fields.get(b"message") or fields.get(b"event")
    extra = b"\n".join(value for key, value in fields.items() if key in _ERRORS and value)
    reading = Reading("logfmt", line if message is None else message, levels.named(token.decode("ascii", "replace")))
    reading.moment = times.read(when, reference_ms) if when else None
    reading.extra = extra if message is not None else b""
    logger = fields.get(b"logger") or fields.get(b"component") or fields.get(b"caller")
    reading.logger = logger.decode("utf-8", "replace") if logger else None
    return reading


def klog(message: bytes) -> tuple[bytes, bytes]:
    """klog's structured form: the quoted message in plain and the text of its error; other messages as they are."""
    quoted = _QUOTED.match(message)
    if quoted is None:
        return message, b""
    errors = [_plain(match[2]) for match in _PAIR.finditer(message, quoted.end(), _LOOK) if match[1] in _ERRORS and match[2]]
    return _plain(quoted[1]) + message[quoted.end() :], b"\n".join(errors)


def _plain(value: bytes) -> bytes:
    return broken_json.unescaped(value) if b"\\" in value else value
