"""Headers that a language's own logging library writes, in the one form it has."""

from __future__ import annotations

import re

from detector.core.decode.logs.header import DATE, LOOK, Header, level_of
from detector.core.decode.logs.levels import BY_TOKEN
from detector.records import Level

_KLOG = re.compile(rb"([IWEFD])(\d{4} \d\d:\d\d:\d\d(?:\.\d+)?|\d{6} \d\d:\d\d:\d\d(?:\.\d+)?)\s+(\d+) ([\w.\-/<>]+:\d+)\] ?")
_RUBY = re.compile(rb"([DIWEFAU]), \[([^\]#]+?)(?: ?#\d+)?\]\s+(\w+) -- ([^:]{0,80}): ")
_DOTNET = re.compile(rb"(trce|dbug|info|warn|fail|crit): ([\w.`+<>\[\]/, -]{1,300})\[(-?\d+)\]\s*$")
_DOTNET_LINE = re.compile(
    rb"(?:(?P<time>" + DATE + rb") ?)?(?P<lv>trce|dbug|info|warn|fail|crit): (?P<name>[\w.`+]{1,300})\[-?\d+\] "
)
_PYTHON = re.compile(rb"(DEBUG|INFO|WARNING|ERROR|CRITICAL):([\w.\-]{1,200}):")
_UVICORN = re.compile(rb"(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL): {2,}")
_LOGRUS = re.compile(rb"(TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[([^\]]{1,40})\] ?")
_PHP = re.compile(rb"\[(\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d(?: [\w/+:-]+)?)\] (?:(PHP [A-Z][\w ]{2,30}|[A-Z]+): +)?")
_PHP_LEVELS = (("fatal", Level.FATAL), ("parse error", Level.FATAL), ("error", Level.ERROR), ("warning", Level.WARN))
_PHP_BARE = re.compile(rb"PHP ([A-Z][\w ]{2,30}): +")
_LOGCAT = re.compile(rb"(\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) +\d+ +\d+ ([VDIWEFA]) ([^:]{1,80}): ?")
_TORNADO = re.compile(
    rb"\[([DIWEC]) (\d{6} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|\d\d:\d\d:\d\d\.\d+) ([^\]]{1,80})\] ?"
)
_PASSED = re.compile(rb"\s{0,16}(?:\xe2\x9c[\x93\x94]|\xe2\x88\x9a|(?:not )?ok \d+|# Subtest:) ")
_NODE_DEBUG = re.compile(rb"(?:MODULE|HTTPS?|HTTP2|NET|TLS|FS|TIMER|ESM|STREAM|WORKER|CLUSTER|CHILD_PROCESS) \d+: ")
_DEBUG_MODULE = re.compile(rb"\s{0,4}(?:[\w@/.-]{1,60}:){1,5}[\w@/.*-]{1,60} ")
_SINCE = re.compile(rb" \+\d+(?:ms|s|m|h)\s*\Z")
_VERBOSE_CLASS = re.compile(rb"\[(?:Loaded|Opened|Unloading class) ")
_SERILOG = re.compile(
    rb"\[(" + DATE + rb") (VRB|DBG|INF|WRN|ERR|FTL|Verbose|Debug|Information|Warning|Error|Fatal|TRACE|DEBUG|INFO|WARN|ERROR"
    rb"|FATAL)\b ?([^\]]{0,80})\] ?"
)
_ENV_LOGGER = re.compile(rb"\[(\d{4}-\d\d-\d\dT[\d:.]+Z) (TRACE|DEBUG|INFO|WARN|ERROR)\s+([\w:]+)\] ")
_NEST_JS = re.compile(rb"\[\w+\] \d+\s+- (" + DATE + rb")\s+(LOG|ERROR|WARN|DEBUG|VERBOSE|FATAL) (?:\[([^\]]+)\] )?")
_ERLANG = re.compile(rb"=(\w+) REPORT==== (\d\d?-[A-Z][a-z]{2}-\d{4}::\d\d:\d\d:\d\d(?:\.\d+)?)")
_UNIFIED = re.compile(rb"\[\d+[.,]\d+m?s\](?:\[[^\]]{0,80}\]){0,4}?\[(trace|debug|info|warning|error) *\](?:\[[^\]]{0,80}\])? ?")
_UVICORN_ACCESS = re.compile(rb"INFO: {2,}[\d.:a-f\[\]]+ - \"[A-Z]+ ")


def klog(line: bytes) -> Header | None:
    match = _KLOG.match(line, 0, LOOK)
    return match and Header("klog", BY_TOKEN[match[1]], match[2], match.end(), match[4])


def ruby(line: bytes) -> Header | None:
    match = _RUBY.match(line, 0, LOOK)
    return match and Header("ruby", level_of(match[3]) or BY_TOKEN.get(match[1]), match[2], match.end(), match[4].strip())


def jul(line: bytes) -> Header | None:
    match = _JUL.match(line, 0, LOOK)
    return match and Header("jul", None, match[1], match.start(2), match[2], is_first_of_two=True)


_JUL = re.compile(
    rb"([A-Z][a-z]{2}\.? \d\d?, \d{4},? \d\d?:\d\d:\d\d(?:[ \xe2\x80\xaf]*[AP]M)?(?: [A-Z]{3,4})?"
    rb"|\d\d?\.? [A-Za-z]{3,4}\.? \d{4},? \d\d?:\d\d:\d\d(?:[ \xe2\x80\xaf]*[AP]M)?)"
    rb" ((?:[\w$]+\.)+[\w$]+(?: [\w$<>]+)?|[\w$]+ [\w$<>]+)\s*$"
)


def dotnet(line: bytes) -> Header | None:
    match = _DOTNET.match(line, 0, LOOK)
    if match is not None:
        return Header("dotnet-console", BY_TOKEN[match[1]], b"", len(line), match[2])
    match = _DOTNET_LINE.match(line, 0, LOOK)
    return match and Header("dotnet-console", BY_TOKEN[match["lv"]], match["time"] or b"", match.end(), match["name"])


def python(line: bytes) -> Header | None:
    match = _UVICORN.match(line, 0, LOOK)
    if match is not None:
        is_access = _UVICORN_ACCESS.match(line, 0, LOOK) is not None
        return Header("access" if is_access else "uvicorn", BY_TOKEN[match[1]], b"", match.end())
    match = _PYTHON.match(line, 0, LOOK)
    return match and Header("python", BY_TOKEN[match[1]], b"", match.end(), match[2])


def logrus(line: bytes) -> Header | None:
    match = _LOGRUS.match(line, 0, LOOK)
    return match and Header("logrus", BY_TOKEN[match[1]], match[2] if b":" in match[2] else b"", match.end())


def php(line: bytes) -> Header | None:
    match = _PHP.match(line, 0, LOOK)
    if match is None:
        return None
    word = (match[2] or b"").decode("ascii", "replace").removeprefix("PHP ").lower()
    level = level_of(match[2] or b"") or next((level for part, level in _PHP_LEVELS if part in word), None)
    return Header("php", level or (Level.INFO if word else None), match[1], match.start(2) if match[2] else match.end())


def php_bare(line: bytes) -> Header | None:
    match = _PHP_BARE.match(line, 0, LOOK)
    if match is None:
        return None
    word = match[1].decode("ascii", "replace").lower()
    return Header("php", next((level for part, level in _PHP_LEVELS if part in word), Level.INFO), b"", 0)


def logcat(line: bytes) -> Header | None:
    match = _LOGCAT.match(line, 0, LOOK)
    return match and Header("logcat", BY_TOKEN[match[2]], match[1], match.end(), match[3].strip())


def tornado(line: bytes) -> Header | None:
    match = _TORNADO.match(line, 0, LOOK)
    return match and Header("tornado", BY_TOKEN[match[1]], match[2], match.end(), match[3])


def serilog(line: bytes) -> Header | None:
    match = _ENV_LOGGER.match(line, 0, LOOK)
    if match is not None:
        return Header("env_logger", BY_TOKEN[match[2]], match[1], match.end(), match[3])
    match = _SERILOG.match(line, 0, LOOK)
    return match and Header("serilog", level_of(match[2]), match[1], match.end(), match[3].strip())


def passed(line: bytes) -> Header | None:
    """A test's title says what it tries, not what failed: what passed, and any title in TAP."""
    match = _PASSED.match(line, 0, LOOK)
    return match and Header("test", Level.INFO, b"", match.end())


def debug(line: bytes) -> Header | None:
    """Node's own debugging, the npm package debug (`app:db text +3ms`), and the class loading that Java 8 prints."""
    if _NODE_DEBUG.match(line) or _VERBOSE_CLASS.match(line):
        return Header("debug", Level.DEBUG, b"", 0)
    is_package = line[-1:] in b"smh" and _SINCE.search(line, max(0, len(line) - 12)) and _DEBUG_MODULE.match(line)
    return Header("debug", Level.DEBUG, b"", 0) if is_package else None


def unified(line: bytes) -> Header | None:
    match = _UNIFIED.match(line, 0, LOOK)
    return match and Header("jvm-unified", BY_TOKEN[match[1]], b"", match.end())


def nest(line: bytes) -> Header | None:
    match = _NEST_JS.match(line, 0, LOOK)
    return match and Header("nest", level_of(match[2]), match[1], match.end(), match[3] or b"")


def erlang(line: bytes) -> Header | None:
    match = _ERLANG.match(line, 0, LOOK)
    return match and Header("erlang", level_of(match[1]), match[2].replace(b"::", b" "), len(line))
