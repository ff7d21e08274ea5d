"""The header of a text line: time, level, thread and logger in their places, and where the message begins.

A level counts only in its place: after a time and at most six header-like tokens (bracket groups, numbers, dotted names), or
as the
first word of the line. Header expressions see the first 512 bytes of a line, and are atomic where they repeat: linear,
whatever the
line holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from detector.core.decode.logs import times
from detector.core.decode.logs.levels import BY_TOKEN
from detector.records import Level

LOOK = 512


@dataclass(slots=True)
class Header:
    """`time` is the text of the time, unread. `message` is the offset of the message in the line."""

    layout: str
    level: Level | None
    time: bytes
    message: int
    logger: bytes = b""
    thread: bytes = b""
    is_first_of_two: bool = False  # java.util.logging: the level and the message are on the next line
    continues: bool = False  # PostgreSQL's DETAIL: a line of its own that belongs to the one before


_UP = (
    rb"(?:TRACE|DEBUG[1-5]?|INFO(?:RMATION)?|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRIT(?:ICAL)?|SEVERE|CONFIG|FINE(?:R|ST)?"
    rb"|VERBOSE|EMERG(?:ENCY)?"
    rb"|ALERT|PANIC|DPANIC|ERRO?|EROR|WRN|INF|DBG|VRB|TRC|FTL|CRT|DEBU|TRAC|FATA|PANI|PANC|PNC|CRI|SYSTEM|AUDIT|LOG|NTC"
    rb"|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION)"
)
_ANY = (
    rb"(?i:trace|debug[1-5]?|info(?:rmation)?|notice|note|warn(?:ing)?|error|fatal|crit(?:ical)?|severe|config"
    rb"|fine(?:r|st)?|verbose"
    rb"|emerg(?:ency)?|alert|d?panic|erro?|fail(?:ure)?|wrn|inf|dbg|vrb|trc|ftl|crt|noti|warni|critical|system|log"
    rb"|success|audit|normal)"
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
    rb"(?:[\[<(]\s*+(?:[\w.-]+:)?(?P<br>" + _ANY + rb")\s*+(?:/[^\]>)]{0,80}+)?[\]>)]"
    rb"|(?:[\w-]{1,40}\.)?(?P<up>" + _UP + rb")(?=[\s\]:|/>),\[-]|$)"
    rb"|(?P<lo>" + _LOW + rb")(?=\t|:|\s\s|\s*\||\[|\s+[\w.-]+ : )"
    rb"|(?P<ti>" + _TITLE + rb")(?=\s*\||\s\s|\t)"
    rb"|(?P<ch>[VDIWEF])(?= \|| [A-Z]{2,12}\s+\[|/[\w.]{1,60}[ (:]))"
)
_DATE = (
    rb"(?:\d{4}[-/.]\d\d[-/.]\d\d(?:[T _]|, ?)\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?"
    rb"|\d\d?[-/ ][A-Z][a-z]{2}[-/ ]\d{4}[ :]+\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    rb"|\d\d?/\d\d?/\d{2,4},? \d\d?:\d\d:\d\d(?:[.,:]\d{1,9})?(?:[ \xe2\x80\xaf]*[AP]M)?"
    rb"|[A-Z][a-z]{2}\.? \d\d?, \d{4},? \d\d?:\d\d:\d\d(?:[.,]\d{1,9})?(?:[ \xe2\x80\xaf]*[AP]M)?"
    rb"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{3,4})? \d{4}"
    rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    rb"|\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}|\d{6} \d\d:?\d\d:?\d\d(?!\d)|\d{8}[-T ]\d\d?:\d\d?:\d\d?(?:[.,:]\d{1,9})?"
    rb"|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?|\d\d?:\d\d[AP]M|1\d{9}(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?(?![\d.]))"
    rb"(?: ?" + times.ZONE + rb")?"
)
_TIMED = re.compile(
    rb"[\[<(]?(?P<time>" + _DATE + rb")(?P<tail>[\]>)]?)(?:(?P<pre>(?:" + _GAP + _PRE + rb"){0,6}?)" + _GAP + _LEVEL + rb")?"
)
_LEVEL_FIRST = re.compile(
    rb"\[\s*(?P<br>" + _ANY + rb")\s*(?:/[^\]]{0,60})?\]"
    rb"|\s{0,2}(?P<up>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL|SEVERE|ALERT|VERBOSE)(?=[\s\]:|/-]|$)"
    rb"|(?P<lo>(?!d?panic)" + _LOW + rb")(?=: | \| | - )|<(?P<ti>" + _TITLE + rb")>"
)
_NUMBERED = re.compile(
    rb"(?:\[\d+\]|\d+(?= \[)|\d+(?= +(?:\[[^\]]*\] +)?(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL) )) +(?:(?P<time>" + _DATE + rb")\s+)?"
    rb"(?:\[[^\]]{0,80}\] +)?(?:\[(?P<br>" + _ANY + rb")\s*\]|(?P<up>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?=\s))"
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
_KLOG = re.compile(rb"([IWEFD])(\d{4} \d\d:\d\d:\d\d(?:\.\d+)?|\d{6} \d\d:\d\d:\d\d(?:\.\d+)?)\s+(\d+) ([\w.\-/<>]+:\d+)\] ?")
_RUBY = re.compile(rb"([DIWEFAU]), \[([^\]#]+?)(?: ?#\d+)?\]\s+(\w+) -- ([^:]{0,80}): ")
_DOTNET = re.compile(rb"(trce|dbug|info|warn|fail|crit): ([\w.`+<>\[\]/, -]{1,300})\[(-?\d+)\]\s*$")
_DOTNET_LINE = re.compile(
    rb"(?:(?P<time>" + _DATE + rb") ?)?(?P<lv>trce|dbug|info|warn|fail|crit): (?P<name>[\w.`+]{1,300})\[-?\d+\] "
)
_PYTHON = re.compile(rb"(DEBUG|INFO|WARNING|ERROR|CRITICAL):([\w.\-]{1,200}):")
_UVICORN = re.compile(rb"(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL): {2,}")
_LOGRUS = re.compile(rb"(TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[([^\]]{1,40})\] ?")
_REDIS = re.compile(rb"\d+:[XCSM] (\d\d? [A-Z][a-z]{2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?) ([.\-*#]) ")
_REDIS_LEVELS = {b".": Level.DEBUG, b"-": Level.INFO, b"*": Level.INFO, b"#": Level.WARN}
_PHP = re.compile(rb"\[(\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d(?: [\w/+:-]+)?)\] (?:(PHP [A-Z][\w ]{2,30}|[A-Z]+): +)?")
_PHP_LEVELS = (("fatal", Level.FATAL), ("parse error", Level.FATAL), ("error", Level.ERROR), ("warning", Level.WARN))
_PHP_BARE = re.compile(rb"PHP ([A-Z][\w ]{2,30}): +")
_PROGRAM = re.compile(rb"(?:[\w./-]{1,64}: \[|log4j:)(WARN|ERROR|emerg|alert|crit|error|warn|notice|info|debug)\]? ")
_DMESG = re.compile(rb"\[ *\d+\.\d{6}\] ?(?:\[ *T\d+\] ?)?")
_LOGCAT = re.compile(rb"(\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) +\d+ +\d+ ([VDIWEFA]) ([^:]{1,80}): ?")
_TORNADO = re.compile(
    rb"\[([DIWEC]) (\d{6} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|\d\d:\d\d:\d\d\.\d+) ([^\]]{1,80})\] ?"
)
_PASSED = re.compile(rb"\s{0,16}(?:\xe2\x9c[\x93\x94]|\xe2\x88\x9a|ok \d+) ")
_NODE_DEBUG = re.compile(rb"(?:MODULE|HTTPS?|HTTP2|NET|TLS|FS|TIMER|ESM|STREAM|WORKER|CLUSTER|CHILD_PROCESS) \d+: ")
_DEBUG_MODULE = re.compile(rb"\s{0,4}(?:[\w@/.-]{1,60}:){1,5}[\w@/.*-]{1,60} ")
_SINCE = re.compile(rb" \+\d+(?:ms|s|m|h)\s*\Z")
_VERBOSE_CLASS = re.compile(rb"\[(?:Loaded|Opened|Unloading class) ")
_SERILOG = re.compile(
    rb"\[(" + _DATE + rb") (VRB|DBG|INF|WRN|ERR|FTL|Verbose|Debug|Information|Warning|Error|Fatal|TRACE|DEBUG|INFO|WARN|ERROR"
    rb"|FATAL)\b ?([^\]]{0,80})\] ?"
)
_ENV_LOGGER = re.compile(rb"\[(\d{4}-\d\d-\d\dT[\d:.]+Z) (TRACE|DEBUG|INFO|WARN|ERROR)\s+([\w:]+)\] ")
_WEBLOGIC = re.compile(rb"####<([^>]+)> <(\w+)> <([^>]*)> |<([A-Z][a-z]{2} \d\d?, \d{4}[^>]*)> <(\w+)> <([^>]*)> ")
_LIBERTY = re.compile(rb"\[(\d\d?/\d\d?/\d\d,? \d\d?:\d\d:\d\d:\d{3} \w+)\] ([0-9a-f]{8}) (\S+)\s+([A-Z]) ")
_LIBERTY_LEVELS = {b"I": Level.INFO, b"W": Level.WARN, b"E": Level.ERROR, b"F": Level.FATAL, b"D": Level.DEBUG, b"A": Level.INFO}
_NEST_JS = re.compile(rb"\[\w+\] \d+\s+- (" + _DATE + rb")\s+(LOG|ERROR|WARN|DEBUG|VERBOSE|FATAL) (?:\[([^\]]+)\] )?")
_ERLANG = re.compile(rb"=(\w+) REPORT==== (\d\d?-[A-Z][a-z]{2}-\d{4}::\d\d:\d\d:\d\d(?:\.\d+)?)")
_HAPROXY = re.compile(rb"\[(NOTICE|WARNING|ALERT|EMERG)\]\s+(?:\d+/\d+ )?\(\d+\) : ")
_BGL = re.compile(rb"\S+ (1\d{9}) \d{4}\.\d\d\.\d\d \S+ \S+ \S+ \w+ \w+ (INFO|WARNING|ERROR|FATAL|SEVERE|FAILURE) ")
_UNIFIED = re.compile(rb"\[\d+[.,]\d+m?s\](?:\[[^\]]{0,80}\]){0,4}?\[(trace|debug|info|warning|error) *\](?:\[[^\]]{0,80}\])? ?")
_ACCESS = re.compile(
    rb"(?:\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] \"[A-Z-]+ [^\"]*\" \d+ "
    rb"|(?:\S+(?: \S+){0,2} \S+ )?\[(\d\d?/[A-Z][a-z]{2}/\d{4}[: ][^\]]+)\] \"|[\d.]+:\d+ - \"[A-Z]+ )"
)
_UVICORN_ACCESS = re.compile(rb"INFO: {2,}[\d.:a-f\[\]]+ - \"[A-Z]+ ")


def read(line: bytes) -> Header | None:
    """The header of a text line without frame and colours; None for a line that has none."""
    readers = _DATED if line[4:5] == b"-" and line[7:8] == b"-" else _READERS.get(line[:1], _OTHERS)
    for reader in readers:
        header = reader(line)
        if header is not None:
            return header
    return None


def _timed(line: bytes) -> Header | None:
    match = _TIMED.match(line, 0, LOOK)
    if match is None:
        return None
    end = match.end()
    token = match["up"] or match["br"] or match["lo"] or match["ti"] or match["ch"]
    if token is None:
        return Header("text", None, match["time"], _skip(line, match.end("tail")))
    if token in _PG:
        return Header("postgres", None, match["time"], match.start("up"), continues=True)
    if match["lo"] and line[end : end + 1] == b":":
        end = match.start("lo")
        return Header("text", BY_TOKEN[token], match["time"], end)
    return _rest(line, end, Header("text", BY_TOKEN.get(token) or _level(token), match["time"], end), match["pre"])


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


def _level(token: bytes) -> Level | None:
    return BY_TOKEN.get(token) or BY_TOKEN.get(token.lower())


def _first(line: bytes) -> Header | None:
    """A level as the first word. The word stays in the text: `ERROR: ld.so: ...` is how the loader itself begins."""
    match = _LEVEL_FIRST.match(line, 0, LOOK)
    if match is None:
        return None
    token = match["up"] or match["br"] or match["lo"] or match["ti"]
    header = Header("level-first", _level(token), b"", 0)
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


_AFTER_LEVEL = re.compile(rb"\s*(?:\[[^\]\d][^\]]*\]\s*)?[\[(]?(?P<time>" + _DATE + rb")[\])]?")


def _klog(line: bytes) -> Header | None:
    match = _KLOG.match(line, 0, LOOK)
    return match and Header("klog", BY_TOKEN[match[1]], match[2], match.end(), match[4])


def _ruby(line: bytes) -> Header | None:
    match = _RUBY.match(line, 0, LOOK)
    return match and Header("ruby", _level(match[3]) or BY_TOKEN.get(match[1]), match[2], match.end(), match[4].strip())


def _jul(line: bytes) -> Header | None:
    match = _JUL.match(line, 0, LOOK)
    return match and Header("jul", None, match[1], match.start(2), match[2], is_first_of_two=True)


_JUL = re.compile(
    rb"([A-Z][a-z]{2}\.? \d\d?, \d{4},? \d\d?:\d\d:\d\d(?:[ \xe2\x80\xaf]*[AP]M)?(?: [A-Z]{3,4})?"
    rb"|\d\d?\.? [A-Za-z]{3,4}\.? \d{4},? \d\d?:\d\d:\d\d(?:[ \xe2\x80\xaf]*[AP]M)?)"
    rb" ((?:[\w$]+\.)+[\w$]+(?: [\w$<>]+)?|[\w$]+ [\w$<>]+)\s*$"
)


def _dotnet(line: bytes) -> Header | None:
    match = _DOTNET.match(line, 0, LOOK)
    if match is not None:
        return Header("dotnet-console", BY_TOKEN[match[1]], b"", len(line), match[2])
    match = _DOTNET_LINE.match(line, 0, LOOK)
    return match and Header("dotnet-console", BY_TOKEN[match["lv"]], match["time"] or b"", match.end(), match["name"])


def _python(line: bytes) -> Header | None:
    match = _UVICORN.match(line, 0, LOOK)
    if match is not None:
        is_access = _UVICORN_ACCESS.match(line, 0, LOOK) is not None
        return Header("access" if is_access else "uvicorn", BY_TOKEN[match[1]], b"", match.end())
    match = _PYTHON.match(line, 0, LOOK)
    return match and Header("python", BY_TOKEN[match[1]], b"", match.end(), match[2])


def _logrus(line: bytes) -> Header | None:
    match = _LOGRUS.match(line, 0, LOOK)
    return match and Header("logrus", BY_TOKEN[match[1]], match[2] if b":" in match[2] else b"", match.end())


def _redis(line: bytes) -> Header | None:
    match = _REDIS.match(line, 0, LOOK)
    return match and Header("redis", _REDIS_LEVELS[match[2]], match[1], match.end())


def _php(line: bytes) -> Header | None:
    match = _PHP.match(line, 0, LOOK)
    if match is None:
        return None
    word = (match[2] or b"").decode("ascii", "replace").removeprefix("PHP ").lower()
    level = _level(match[2] or b"") or next((level for part, level in _PHP_LEVELS if part in word), None)
    return Header("php", level or (Level.INFO if word else None), match[1], match.start(2) if match[2] else match.end())


def _php_bare(line: bytes) -> Header | None:
    match = _PHP_BARE.match(line, 0, LOOK)
    if match is None:
        return None
    word = match[1].decode("ascii", "replace").lower()
    return Header("php", next((level for part, level in _PHP_LEVELS if part in word), Level.INFO), b"", 0)


def _program(line: bytes) -> Header | None:
    match = _PROGRAM.match(line, 0, LOOK)
    return match and Header("nginx", BY_TOKEN[match[1]], b"", 0)


def _dmesg(line: bytes) -> Header | None:
    match = _DMESG.match(line, 0, LOOK)
    return match and Header("dmesg", None, b"", match.end())


def _logcat(line: bytes) -> Header | None:
    match = _LOGCAT.match(line, 0, LOOK)
    return match and Header("logcat", BY_TOKEN[match[2]], match[1], match.end(), match[3].strip())


def _tornado(line: bytes) -> Header | None:
    match = _TORNADO.match(line, 0, LOOK)
    return match and Header("tornado", BY_TOKEN[match[1]], match[2], match.end(), match[3])


def _serilog(line: bytes) -> Header | None:
    match = _ENV_LOGGER.match(line, 0, LOOK)
    if match is not None:
        return Header("env_logger", BY_TOKEN[match[2]], match[1], match.end(), match[3])
    match = _SERILOG.match(line, 0, LOOK)
    return match and Header("serilog", _level(match[2]), match[1], match.end(), match[3].strip())


def _passed(line: bytes) -> Header | None:
    """A test that passed says what it tried, not what failed: TAP and its like."""
    match = _PASSED.match(line, 0, LOOK)
    return match and Header("test", Level.INFO, b"", match.end())


def _debug(line: bytes) -> Header | None:
    """Node's own debugging, the npm package debug (`app:db text +3ms`), and the class loading that Java 8 prints."""
    if _NODE_DEBUG.match(line) or _VERBOSE_CLASS.match(line):
        return Header("debug", Level.DEBUG, b"", 0)
    is_package = line[-1:] in b"smh" and _SINCE.search(line, max(0, len(line) - 12)) and _DEBUG_MODULE.match(line)
    return Header("debug", Level.DEBUG, b"", 0) if is_package else None


def _weblogic(line: bytes) -> Header | None:
    match = _WEBLOGIC.match(line, 0, LOOK)
    return match and Header("weblogic", _level(match[2] or match[5]), match[1] or match[4], match.end(), match[3] or match[6])


def _liberty(line: bytes) -> Header | None:
    match = _LIBERTY.match(line, 0, LOOK)
    return match and Header("liberty", _LIBERTY_LEVELS.get(match[4]), match[1], match.end(), match[3], match[2])


def _unified(line: bytes) -> Header | None:
    match = _UNIFIED.match(line, 0, LOOK)
    return match and Header("jvm-unified", BY_TOKEN[match[1]], b"", match.end())


def _nest(line: bytes) -> Header | None:
    match = _NEST_JS.match(line, 0, LOOK)
    return match and Header("nest", _level(match[2]), match[1], match.end(), match[3] or b"")


def _erlang(line: bytes) -> Header | None:
    match = _ERLANG.match(line, 0, LOOK)
    return match and Header("erlang", _level(match[1]), match[2].replace(b"::", b" "), len(line))


def _haproxy(line: bytes) -> Header | None:
    match = _HAPROXY.match(line, 0, LOOK)
    return match and Header("haproxy", _level(match[1]), b"", match.end())


def _access(line: bytes) -> Header | None:
    """What a client asked for is no failure of ours: an access line is INFO."""
    match = _ACCESS.match(line, 0, LOOK)
    return match and Header("access", Level.INFO, match[1] or match[2] or b"", 0)


def _numbered(line: bytes) -> Header | None:
    match = _NUMBERED.match(line, 0, LOOK)
    if match is None:
        return None
    token = match["up"] or match["br"]
    return _rest(line, match.end(), Header("text", _level(token), match["time"] or b"", match.end()), b"")


def _behind_thread(line: bytes) -> Header | None:
    """slf4j-simple: `[main] INFO com.acme.App - text`."""
    match = _BEHIND_THREAD.match(line, 0, LOOK)
    return match and _rest(line, match.end(), Header("text", _level(match["up"]), b"", match.end()), line[: match.start("up")])


def _bgl(line: bytes) -> Header | None:
    match = _BGL.match(line, 0, LOOK)
    return match and Header("bgl", _level(match[2]), match[1], match.end())


Reader = Callable[[bytes], Header | None]
_DIGIT: tuple[Reader, ...] = (_logcat, _timed, _access, _redis, _numbered, _bgl)
_DATED: tuple[Reader, ...] = (_timed, _access, _redis, _numbered, _bgl)  # 2024-05-14
_LETTER: tuple[Reader, ...] = (_debug, _klog, _ruby, _jul, _python, _logrus, _timed, _first, _php_bare, _program, _access, _bgl)
_BRACKET: tuple[Reader, ...] = (
    _access,
    _php,
    _serilog,
    _tornado,
    _liberty,
    _timed,
    _haproxy,
    _nest,
    _unified,
    _dmesg,
    _numbered,
    _first,
    _behind_thread,
    _debug,
)
_SMALL: tuple[Reader, ...] = (_passed, _debug, _dotnet, _first, _program, _access, _bgl)
_OTHERS: tuple[Reader, ...] = (_access, _bgl)
_READERS: dict[bytes, tuple[Reader, ...]] = (
    {bytes([code]): _DIGIT for code in b"0123456789"}
    | {bytes([code]): _LETTER for code in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    | {bytes([code]): _SMALL for code in b"abcdefghijklmnopqrstuvwxyz"}
    | {
        b"[": _BRACKET,
        b"<": (_weblogic, _first),
        b"#": (_weblogic,),
        b"=": (_erlang,),
        b"(": (_timed,),
        b" ": (_first, _passed, _debug),
        b"\t": (),
    }
    | {b"": (), b"/": (_program,), b"\xe2": (_passed,)}
)
