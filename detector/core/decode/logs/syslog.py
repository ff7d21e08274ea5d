"""Syslog lines: RFC 5424, RFC 3164, and what syslog daemons and journalctl write to files (the same without the priority)."""

from __future__ import annotations

import re

from detector.core.decode.logs import levels, times
from detector.core.decode.logs.frame import Frame

_RFC5424 = re.compile(
    rb"(?:\d{1,7} )?<(\d{1,3})>1 (\S{1,64}) (\S{1,255}) (\S{1,255}) (\S{1,255}) (\S{1,255}) "
    rb"(?:-|(?:\[(?:[^\]\"\\]++|\\.|\"(?:[^\"\\]++|\\.)*+\")*+\])++)(?: (?:\xef\xbb\xbf)?|\Z)",
    re.DOTALL,
)
_DATE = (
    rb"([A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: \d{4})?"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d))"
)
_TAG = rb"([A-Za-z_][\w./@%+()-]{0,127}?)(?:\[([^\]]{1,64})\])?:(?: |\Z)"
_LEVELISH = frozenset(b"TRACE DEBUG INFO NOTICE WARN WARNING ERROR FATAL CRITICAL ERRO DEBU TRAC FATA INF ERR WRN DBG".split())
_RFC3164 = re.compile(rb"(?:\d{1,7} )?<(\d{1,3})>(?:" + _DATE + rb" )?(?:([\w.:%-]{1,255}) )??" + _TAG)
_FILE = re.compile(_DATE + rb" ([\w.:%-]{0,254}[\w.%-]) " + _TAG)
_PRIORITY = re.compile(rb"<(\d{1,3})>")


def read(line: bytes, reference_ms: int) -> Frame | None:
    """None when the line is no syslog line. A time without a year is the latest one not after the reference."""
    if line[:1] == b"<" or line[:1].isdigit():
        modern = _RFC5424.match(line)
        if modern is not None:
            return _modern(line, modern, reference_ms)
    match = _RFC3164.match(line)
    if match is not None:
        return _framed(line, match.end(), match[1], match[2], match[3], match[4], match[5], reference_ms)
    match = _FILE.match(line)
    if match is not None and match[2] not in _LEVELISH:
        return _framed(line, match.end(), None, match[1], match[2], match[3], match[4], reference_ms)
    match = _PRIORITY.match(line)
    if match is not None and int(match[1]) < 192:
        return Frame(line[match.end() :], "syslog", level=levels.syslog(int(match[1])))
    return None


def _modern(line: bytes, match: re.Match[bytes], reference_ms: int) -> Frame:
    time_ms = times.read_ms(match[2], reference_ms)
    host, app, pid = (b"" if part == b"-" else part for part in match.group(3, 4, 5))
    return _frame(line[match.end() :], match[1], time_ms, host, app, pid)


def _framed(
    line: bytes,
    end: int,
    priority: bytes | None,
    date: bytes | None,
    host: bytes | None,
    app: bytes,
    pid: bytes | None,
    reference_ms: int,
) -> Frame:
    time_ms = times.read_ms(date, reference_ms) if date else None
    return _frame(line[end:], priority, time_ms, host or b"", app, pid or b"")


def _frame(payload: bytes, priority: bytes | None, time_ms: int | None, host: bytes, app: bytes, pid: bytes) -> Frame:
    level = levels.syslog(int(priority)) if priority is not None else None
    names = [part.decode("utf-8", "replace") for part in (host, app, pid)]
    labels = (("host", names[0]),) if names[0] else ()
    if b"#01" in payload:  # rsyslog writes control characters like this
        payload = payload.replace(b"#011", b"\t").replace(b"#012", b"\n")
    if payload.startswith(b"@cee:"):
        payload = payload[5:].lstrip()
    return Frame(payload, "syslog", "/".join(names), time_ms, level, names[1] or None, labels)
