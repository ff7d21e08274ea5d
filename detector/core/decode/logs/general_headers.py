"""Headers as people configure them: a time, a level, thread and logger in any usual order.

A level counts only in its place: after a time and at most six header-like tokens (bracket groups, numbers, dotted names), or as
the first word of the line. Header expressions see the first 512 bytes of a line, and are atomic where they repeat: linear,
whatever the line holds.
"""

from __future__ import annotations

import re

from detector.core.decode.logs.header import ANY, DATE, LOOK, Header, level_of
from detector.core.decode.logs.levels import BY_TOKEN

_UP = (
    rb"(?:TRACE|DEBUG[1-5]?|INFO(?:RMATION)?|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRIT(?:ICAL)?|SEVERE|CONFIG|FINE(?:R|ST)?"
    rb"|VERBOSE|EMERG(?:ENCY)?"
    rb"|ALERT|PANIC|DPANIC|ERRO?|EROR|WRN|INF|DBG|VRB|TRC|FTL|CRT|DEBU|TRAC|FATA|PANI|PANC|PNC|CRI|SYSTEM|AUDIT|LOG|NTC"
    rb"|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION)"
)
_LOW = rb"(?:trace|debug|info|notice|warn(?:ing)?|error|fatal|critical|crit|severe|alert|emerg|d?panic|err|verbose|silly)"
_TITLE = rb"(?:Trace|Debug|Information|Info|Notice|Note|Warning|Warn|Error|Fatal|Critical|Severe|Verbose)"
_NEST = rb"\[(?:[^\[\]]++|\[[^\[\]]*+\])*+\]"
_NAME = rb"[\w$@*-]++(?:(?:[./$#]|::)+[\w$@*-]++)++(?:\(\))?+(?::\d++)?+:?+"
_KNOWN = rb"(?:root|main|__main__|default|[A-Za-z][\w-]*+(?=\s+[-|]\s|:\s*+(?:ERROR|WARN|INFO|DEBUG)))"
_PRE = (
    rb"(?>" + _NEST + rb"|\([^()]*+\)|\{[^{}]*+\}|<[^<>]*+>|0x[0-9a-fA-F]++|[0-9a-f]{8}-[0-9a-f-]{27}|(?:pid|tid|id|thread)=\S++"
    rb"|\d++(?![\w.])|\*++(?=\s)|" + _NAME + rb"|[\w.-]++@[\w.-]++|" + _KNOWN + rb"|(?:web|ce|es|app)\[\])"
)
_GAP = rb"(?>[\s|:,\-]*+)"
_LEVEL = (
    rb"(?:[\[<(]\s*+(?:[\w.-]+:)?(?P<br>" + ANY + rb")\s*+(?:/[^\]>)]{0,80}+)?[\]>)]"
    rb"|(?:[\w-]{1,40}\.)?(?P<up>" + _UP + rb")(?=[\s\]:|/>),\[-]|$)"
    rb"|(?P<lo>" + _LOW + rb")(?=\t|:|\s\s|\s*\||\[|\s+[\w.-]+ : )"
    rb"|(?P<ti>" + _TITLE + rb")(?=\s*\||\s\s|\t)"
    rb"|(?P<ch>[VDIWEF])(?= \|| [A-Z]{2,12}\s+\[|/[\w.]{1,60}[ (:]))"
)
_TIMED = re.compile(
    rb"[\[<(]?(?P<time>" + DATE + rb")(?P<tail>[\]>)]?)(?:(?P<pre>(?:" + _GAP + _PRE + rb"){0,6}?)" + _GAP + _LEVEL + rb")?"
)
_LEVEL_FIRST = re.compile(
    rb"\[\s*(?P<br>" + ANY + rb")\s*(?:/[^\]]{0,60})?\]"
    rb"|\s{0,2}(?P<up>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE|ALERT|VERBOSE)(?=[\s\]:|/-]|$)"
    rb"|(?P<jul>FINE(?:R|ST)?)(?=: )"
    rb"|(?P<lo>(?!d?panic)" + _LOW + rb")(?=: | \| | - )|<(?P<ti>" + _TITLE + rb")>"
)
_QUIET = re.compile(rb"(?:\s+[\w.:/@\[\]-]{1,60}+){1,3}?\s+(DEBUG|TRACE)(?=[\s:|])")  # behind words that no header form knows
_NUMBERED = re.compile(
    rb"(?:\[\d+\]|\d+(?= \[)|\d+(?= +(?:\[[^\]]*\] +)?(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL) )) +(?:(?P<time>" + DATE + rb")\s+)?"
    rb"(?:\[[^\]]{0,80}\] +)?(?:\[(?P<br>" + ANY + rb")\s*\]|(?P<up>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?=\s))"
)  # fmt: skip
_BEHIND_THREAD = re.compile(
    rb"\[[^\[\]]{1,80}\] (?P<up>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE)(?=[\s:|-])"
)
_SPRING = re.compile(rb"\s+(?:\[[^\]]*+\] )?(?:\S{1,40} )?--- (?:\[[^\]]*\] (?=\[))?\[\s*([^\]]*)\] (?:\[[^\]]*\] )?(\S+)\s*: ?")
_LOGBACK = re.compile(
    rb"[\]\s]*(?:\[((?:[^\[\]]|\[[^\[\]]*\])*+)\]"
    rb"|\(([^()]*+)\))\s+(?:([\w$-]++(?:[./*#@:]++[\w$-]++)++)\s*(?:\[[^\]]*+\]\s*)?(?: [-|:]|:)|([\w$-]++)\s*(?: -| :)|-) +"
)
_NAMED = re.compile(rb"[\]\s]*([\w$-]++(?:[./][\w$-]++)++)(?::\d+)?\s+(?:\[([^\]]*+)\]\s*|\(([^)]*+)\)\s*)?- +")
_JBOSS = re.compile(rb"\s+\[([\w.$-]+)\] \(([^)]*)\) ")
_LOGURU = re.compile(rb"\s*\| ([\w.<>$:-]+) - ")
_PIPE = re.compile(rb"\s*\|([\w.$-]+)\|")
_THREAD = re.compile(rb"[\s]*\[([^\]]*)\]\s+((?:[a-z_][\w$]*\.){2,}[\w$<>]+) ")
_RUST = re.compile(rb"\s+((?:[\w-]++::)++[\w-]++|[\w.$-]+\.[A-Z][\w$]*+): ")
_SEPARATOR = re.compile(
    rb"[\s|]*(?:(?:[-:|]+|\[MY-\d+\] \[\w+\]|\[\] -|\d+#\d+:(?: \*\d+)?|\[(?:pid|client|[\w.]+:) [^\]]*\]|<[\d.]+>"
    rb"|\[[\w.]+\] \[[\w./-]+:\d+\])\s+|\s+)"
)
_THROWN = re.compile(rb"(?:Exception|Error|Throwable|Failure|Fault)$")
_PG = frozenset((b"STATEMENT", b"DETAIL", b"HINT", b"CONTEXT", b"QUERY", b"LOCATION"))


def timed(line: bytes) -> Header | None:
    match = _TIMED.match(line, 0, LOOK)
    if match is None:
        return None
    end = match.end()
    token = match["up"] or match["br"] or match["lo"] or match["ti"] or match["ch"]
    if token is None:
        quiet = _QUIET.match(line, match.end("tail"), LOOK)
        level = None if quiet is None else level_of(quiet[1])
        return Header("text", level, match["time"], _skip(line, match.end("tail")))
    if token in _PG:
        return Header("postgres", None, match["time"], match.start("up"), continues=True)
    if match["lo"] and line[end : end + 1] == b":":
        end = match.start("lo")
        return Header("text", BY_TOKEN[token], match["time"], end)
    return _rest(line, end, Header("text", BY_TOKEN.get(token) or level_of(token), match["time"], end), match["pre"])


def _rest(line: bytes, end: int, header: Header, before: bytes) -> Header:
    """Fills in what stands between the level and the message, in the handful of orders that people configure."""
    spring = _SPRING.match(line, end, LOOK)
    if spring is not None:
        header.layout, header.thread, header.logger, header.message = "spring-boot", spring[1].strip(), spring[2], spring.end()
        return header
    logback = _LOGBACK.match(line, end, LOOK)
    if logback is not None and not (logback[3] and _THROWN.search(logback[3])):
        header.layout, header.thread, header.logger = "logback", logback[1] or logback[2] or b"", logback[3] or logback[4] or b""
        header.message = logback.end()
        return header
    for layout, form, logger, thread in _ORDERS:
        match = form.match(line, end, LOOK)
        if match is not None and not _THROWN.search(match[logger]):
            header.layout, header.logger, header.message = layout, match[logger], match.end()
            header.thread = (match[thread] or b"") if thread else _bracketed(before)
            return header
    separator = _SEPARATOR.match(line, end, LOOK + end)
    header.message = separator.end() if separator is not None else end
    if line[header.message : header.message + 2] in (b"- ", b": "):
        header.message += 2
    header.thread = _bracketed(before)
    return header


_ORDERS = (
    ("log4j", _NAMED, 1, 2),
    ("jboss", _JBOSS, 1, 2),
    ("loguru", _LOGURU, 1, 0),
    ("nlog", _PIPE, 1, 0),
    ("tomcat", _THREAD, 2, 1),
    ("text", _RUST, 1, 0),
)


def _bracketed(before: bytes) -> bytes:
    begin = before.find(b"[")
    return before[begin + 1 : before.rfind(b"]")] if begin >= 0 else b""


def _skip(line: bytes, at: int) -> int:
    while line[at : at + 1] in (b" ", b"\t", b":", b"-", b"|") and at < LOOK:
        at += 1
    return at


def level_first(line: bytes) -> Header | None:
    """A level as the first word. The word stays in the text: `ERROR: ld.so: ...` is how the loader itself begins."""
    match = _LEVEL_FIRST.match(line, 0, LOOK)
    if match is None:
        return None
    token = match["up"] or match["br"] or match["lo"] or match["ti"] or match["jul"]
    header = Header("level-first", level_of(token), b"", 0)
    if match["lo"] or line[match.end() : match.end() + 2] == b": ":
        return header
    timed = _AFTER_LEVEL.match(line, match.end(), LOOK)
    if timed is not None:
        header.time, end = timed["time"], timed.end()
    else:
        end = match.end()
    if match["br"] and timed is None:
        header.message = _skip(line, end)
        return header
    full = _rest(line, end, header, b"")
    if full.layout == "level-first" and timed is None:
        full.message = 0
    return full


_AFTER_LEVEL = re.compile(rb"\s*(?:\[[^\]\d][^\]]*\]\s*)?[\[(]?(?P<time>" + DATE + rb")[\])]?")


def numbered(line: bytes) -> Header | None:
    match = _NUMBERED.match(line, 0, LOOK)
    if match is None:
        return None
    token = match["up"] or match["br"]
    return _rest(line, match.end(), Header("text", level_of(token), match["time"] or b"", match.end()), b"")


def behind_thread(line: bytes) -> Header | None:
    """slf4j-simple: `[main] INFO com.acme.App - text`."""
    match = _BEHIND_THREAD.match(line, 0, LOOK)
    return match and _rest(line, match.end(), Header("text", level_of(match["up"]), b"", match.end()), line[: match.start("up")])


def behind_dash(line: bytes) -> Header | None:
    """A labelled collection marks a line that is nothing special: `- 2026-05-04 10:11:13 [main] DEBUG a.b.C - text`."""
    header = timed(line[2:]) if line[1:2] == b" " else None
    if header is not None:
        header.message += 2
    return header
