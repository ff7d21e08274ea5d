"""Headers of servers and of the kernel, each in its own form, and access lines."""

from __future__ import annotations

import re

from detector.core.decode.logs.header import LOOK, Header, level_of
from detector.core.decode.logs.levels import BY_TOKEN
from detector.records import Level

_REDIS = re.compile(rb"\d+:[XCSM] (\d\d? [A-Z][a-z]{2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?) ([.\-*#]) ")
_REDIS_LEVELS = {b".": Level.DEBUG, b"-": Level.INFO, b"*": Level.INFO, b"#": Level.WARN}
_PROGRAM = re.compile(rb"(?:[\w./-]{1,64}: \[|log4j:)(WARN|ERROR|emerg|alert|crit|error|warn|notice|info|debug)\]? ")
_DMESG = re.compile(rb"\[ *\d+\.\d{6}\] ?(?:\[ *T\d+\] ?)?")
_WEBLOGIC = re.compile(rb"####<([^>]+)> <(\w+)> <([^>]*)> |<([A-Z][a-z]{2} \d\d?, \d{4}[^>]*)> <(\w+)> <([^>]*)> ")
_LIBERTY = re.compile(rb"\[(\d\d?/\d\d?/\d\d,? \d\d?:\d\d:\d\d:\d{3} \w+)\] ([0-9a-f]{8}) (\S+)\s+([A-Z]) ")
_LIBERTY_LEVELS = {b"I": Level.INFO, b"W": Level.WARN, b"E": Level.ERROR, b"F": Level.FATAL, b"D": Level.DEBUG, b"A": Level.INFO}
_HAPROXY = re.compile(rb"\[(NOTICE|WARNING|ALERT|EMERG)\]\s+(?:\d+/\d+ )?\(\d+\) : ")
_BGL = re.compile(rb"\S+ (1\d{9}) \d{4}\.\d\d\.\d\d \S+ \S+ \S+ \w+ \w+ (INFO|WARNING|ERROR|FATAL|SEVERE|FAILURE) ")
_ACCESS = re.compile(
    rb"(?:\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] \"[A-Z-]+ [^\"]*\" \d+ "
    rb"|(?:\S+(?: \S+){0,2} \S+ )?\[(\d\d?/[A-Z][a-z]{2}/\d{4}[: ][^\]]+)\] \"|[\d.]+:\d+ - \"[A-Z]+ )"
)


def redis(line: bytes) -> Header | None:
    match = _REDIS.match(line, 0, LOOK)
    return match and Header("redis", _REDIS_LEVELS[match[2]], match[1], match.end())


def program(line: bytes) -> Header | None:
    match = _PROGRAM.match(line, 0, LOOK)
    return match and Header("nginx", BY_TOKEN[match[1]], b"", 0)


def dmesg(line: bytes) -> Header | None:
    match = _DMESG.match(line, 0, LOOK)
    return match and Header("dmesg", None, b"", match.end())


def weblogic(line: bytes) -> Header | None:
    match = _WEBLOGIC.match(line, 0, LOOK)
    return match and Header("weblogic", level_of(match[2] or match[5]), match[1] or match[4], match.end(), match[3] or match[6])


def liberty(line: bytes) -> Header | None:
    match = _LIBERTY.match(line, 0, LOOK)
    return match and Header("liberty", _LIBERTY_LEVELS.get(match[4]), match[1], match.end(), match[3], match[2])


def haproxy(line: bytes) -> Header | None:
    match = _HAPROXY.match(line, 0, LOOK)
    return match and Header("haproxy", level_of(match[1]), b"", match.end())


def access(line: bytes) -> Header | None:
    """What a client asked for is no failure of ours: an access line is INFO."""
    match = _ACCESS.match(line, 0, LOOK)
    return match and Header("access", Level.INFO, match[1] or match[2] or b"", 0)


def bgl(line: bytes) -> Header | None:
    match = _BGL.match(line, 0, LOOK)
    return match and Header("bgl", level_of(match[2]), match[1], match.end())
