"""What a line without a header is to the line before it: a beginning of its own, a part of a trace, or one that its neighbours
decide."""

from __future__ import annotations

import re
from enum import IntEnum


class Kind(IntEnum):
    """What a line may be. Only the first four always begin an event."""

    HEADER = 0  # a text line with a header of its own
    JSON = 1  # a whole JSON record
    JSON_OPEN = 2  # the first line of a JSON record that is written over several lines
    OWN = 3  # the runtime, the loader or a shell speaks: an event, whatever stands above it
    BARE = 4  # any other text at the left edge
    THROWN = 5  # `pkg.SomeException: text`
    TRACE = 6  # a line that only a stack trace has
    INDENTED = 7
    BLANK = 8
    LEVEL = 9  # `INFO: text`: begins an event, unless java.util.logging wrote the line above
    DETAIL = 10  # PostgreSQL's DETAIL line
    CALL = 11  # `main.main()`: a line of a Go trace, if one is open


BEGINS = frozenset((Kind.HEADER, Kind.JSON, Kind.JSON_OPEN, Kind.OWN))
LOOK = 1024
_CLASS = rb"(?:[A-Za-z_$][\w$]*[./])+[\w$]*"
_THROWN_END = (
    rb"(?:Exception|Error|Throwable|Failure|Fault|Death|Exit|Interrupt|Timeout|NotFound|Denied|Detected|Required"
    rb"|Refused|Cycle|Abort|Panic)"
    rb"[\w$]*+"
)
_THROWN = re.compile(
    rb"\*\* \(\w|(?:(?:Suppressed|Wrapped by|Causing): )?(?:"
    + _CLASS
    + _THROWN_END
    + rb"(?: \([^)]{1,200}\)| \[[^\]]{1,200}\])?(?::|\s*$)"
    rb"|(?:Uncaught )?(?:[A-Z]\w*)?(?:Error|Exception|Warning|Exit|Interrupt|NotFound|Iteration"
    rb"|Timeout)(?: \[[\w.-]+\]| \([\w.-]+\))?"
    rb"(?:: |:?\s*$))"
)
_OWN = re.compile(
    rb"(?:Exception in thread |Exception: |Unhandled exception[.:]|Unhandled Exception:|Process terminated\."
    rb"|Fatal error[. :]|FATAL |Uncaught "
    rb"|panic: |fatal error: |SIG[A-Z]+: |runtime: |thread '[^']*' (?:\(\d+\) )?panicked "
    rb"|thread '[^']*' has overflowed|fatal runtime error: "
    rb"|Error: (?:Could not|Unable to|LinkageError|Main method|A JNI|JavaFX|An unexpected|Invalid or corrupt|A fatal"
    rb"|No such file|The )"
    rb"|Error (?:occurred during init|opening|relocating|loading shared)|Error:? [Rr]elocation |Unrecognized VM option"
    rb"|Could not (?:create the Java|find or load)"
    rb"|Failed to load |OpenJDK |Java HotSpot|Picked up |Conflicting |Error\?"
    rb"|There is insufficient memory"
    rb"|[\w./+-]{1,200}(?<!Error|ption): (?:(?:line )?\d+: |error while loading shared|symbol lookup error|relocation error|(?:/"
    rb"|lib)\S+: |command not found|not found|cannot |can't |No such file"
    rb"|Permission denied|exec format error|/bin/|unable to |failed to |fatal|invalid |unrecognized |illegal |bad )"
    rb"|exec |Killed|Segmentation fault|Bus error|Aborted|Illegal instruction|Trace/breakpoint|Out of [Mm]emory"
    rb"|Terminated|Floating point"
    rb"|[\w./-]+ (?:Killed|Segmentation fault|Aborted)|\*\*\* |terminate called |terminating |libc\+\+abi"
    rb"|Inconsistency detected by ld\.so"
    rb"|==\d+==ERROR|node:[a-z_]+(?:/[\w/.]*)?:\d+$|node:internal|(?:file://)?/?[\w@./ -]{1,300}\.(?:[cm]?[jt]sx?"
    rb"|node):\d+$|\(node:\d+\) |Node\.js v|npm |<--- "
    rb"|Uncaught:|\[UnhandledPromise|[\w./<>() -]{1,200}:\d+:in [`'\"]|standard_init_linux|container_linux|OCI runtime"
    rb"|runc |docker: |locale: |FATAL: kernel"
    rb"|No usable version of|Couldn't find |It was not possible to |You must install or update |A fatal error "
    rb"|The application to execute |Unable to load |cannot execute)"
)
_TRACEBACK = re.compile(rb"(?:\s*\+ )?(?:Exception Group )?Traceback \(most recent call last\):")
_TRACE = re.compile(
    rb"\s*(?:at \S|Caused by: |Caused by:\s*$|Wrapped by: |\[stacktrace\]|\[previous exception\]"
    rb"|Suppressed: |\.\.\. \d+ (?:more|common frames|lines|elided)"
    rb"|nested exception is:|--- End of|---> )"
    rb"|\s+(?:\^+[~^]*|~+\^*)|\s+File \"|\s*\[Previous line repeated |\s+from .+:\d+:in |\s*#\d+ |  thrown in | +\| "
    rb"| *\+-|\s+\d+: +"
    rb"|During handling of the above|The above exception was|\s*goroutine \d+|created by |\[signal |\[recovered"
    rb"|exit status \d|\s*goroutine running"
    rb"|(?:/|[A-Z]:)\S++(?<=\d)(?: \+0x[0-9a-f]+)\s*$"
    rb"|(?:r[a-z\d]{1,2}|[cfg]s|e?flags|lr|sp|pc|fault) +0x[0-9a-f]+"
    rb"|runtime stack:|stack backtrace:|note: |\S+:\d+:in [`'\"][^'\"]+['\"]\s*$|Stack ?[Tt]race:|Backtrace:"
    rb"|Require stack:|- /\S+$|File name: '|Node\.js v\d"
    rb"|SUMMARY: "
    rb"|==\d+==(?!ERROR)|0x[0-9a-f]{8,} is "
    rb"|\s*Original error was: |Stack dump:|  +in \S+ \(|eval code|Location:\s*$"
)
_CALL = re.compile(rb"panic\(|(?:[\w.\-%@]++/)*+[\w\-%]++\.[^\s(]*+\(")
_CLOSER = re.compile(rb"[\]})]+[,;]?\s*$|\"")
_CAPTURE = re.compile(rb"[*=]{10,}\s*$")
_ENDS_OPEN = re.compile(rb"[\[{,]\s*$")


def bare(text: bytes) -> Kind:
    """The kind of a line that has no header and is no JSON."""
    if not text.strip():
        return Kind.BLANK
    if text[0] in b" \t":
        return Kind.TRACE if _TRACE.match(text, 0, LOOK) else Kind.INDENTED
    if _TRACEBACK.match(text):
        return Kind.THROWN
    if _TRACE.match(text, 0, LOOK):
        return Kind.TRACE
    if _OWN.match(text, 0, LOOK):
        return Kind.OWN
    if text.rstrip()[-1:] == b")" and _CALL.match(text, 0, LOOK):
        return Kind.CALL
    if _THROWN.match(text, 0, LOOK):
        return Kind.THROWN
    return Kind.INDENTED if _CLOSER.match(text, 0, LOOK) else Kind.BARE


def opens_json(text: bytes) -> bool:
    """Whether a line that begins with `{` and is no JSON goes on in the next lines."""
    return _ENDS_OPEN.search(text, max(0, len(text) - 64)) is not None


def is_rule(text: bytes) -> bool:
    """A line of stars or of equals signs, as Spring puts around its reports."""
    return _CAPTURE.match(text) is not None


def is_crash_line(text: bytes) -> bool:
    """A line of the JVM's crash report."""
    return text[:2] in (b"#", b"# ")


def is_traceback(text: bytes) -> bool:
    return _TRACEBACK.match(text) is not None


def names_a_throwable(text: bytes) -> bool:
    """Whether a message itself says what was thrown, so that frames may follow it."""
    return _NAMES.search(text, 0, 2048) is not None


_NAMES = re.compile(rb"(?:Exception|Error|Throwable|panic|[Tt]raceback)\b")
