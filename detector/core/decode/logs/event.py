"""An event that is being put together: its first line and the lines that joined it, and which lines may join next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import orjson

from detector.core.decode.logs import kinds
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.line import Line
from detector.records import Level

CAPTURE_BYTES = 65_536
_GO = re.compile(rb"(?:panic: |fatal error: |SIG[A-Z]+: |runtime: |\s*goroutine \d+ \[|\[signal )")
_RUST = re.compile(rb"thread '[^']*' (?:\(\d+\) )?panicked .*:\s*$")
_NODE = re.compile(rb"(?:node:[\w/.]+|(?:file://)?/?[\w@./ -]{1,300}\.(?:[cm]?[jt]sx?|node)):\d+$")
_INIT = re.compile(
    rb"Error occurred during initialization|Exception in thread |Error: |Uncaught:|Unhandled Exception:|\(node:\d+\)|="
    rb"|Exception: "
)
_LAST_OF_PYTHON = re.compile(rb"[A-Za-z_][\w.]*(?:: |:?\s*$)")
_FIRST_FRAME = re.compile(rb"\s*File \"([^\"]*)\", line \d+, in <module>")
_LIBRARY = re.compile(rb"(?:site|dist)-packages/|/lib/python\d[\d.]*/(?!runpy)")
_OTHERS = re.compile(rb"(?:javax?|jakarta|org|com|net|io|kotlinx?|scala|akka|sun|jdk|System|Microsoft|Npgsql)\.|Error: ")
_DOTTED = re.compile(rb"[\w$]+[./]")
_OF_THE_VM = b"java.lang.OutOfMemoryError: "  # the VM prints it by itself when it dumps the heap
_MOST_TRIES = 16


class Family(Enum):
    """Whose trace it is; each has lines that only it has."""

    NONE = 0
    PYTHON = 1
    GO = 2
    RUST = 3
    NODE = 4


@dataclass(slots=True)
class Placed:
    """A line and where it stands: `begin`/`end` in the span's buffer (end without the newline), `at` in the stream; `index`
    lines after the first one of the run."""

    line: Line
    begin: int
    end: int
    at: int
    index: int
    patterns: tuple[int, ...] = ()


@dataclass(slots=True)
class Open:
    """`doubt` is the index of the line from which on the event may have to be taken apart again (0: none). `captures_from` is
    the stream offset from which on it takes any text (-1: it does not)."""

    lines: list[Placed]
    root: Placed  # the first line
    last: Placed  # the last line that is not blank
    family: Family = Family.NONE
    has_trace: bool = False
    doubt: int = 0
    captures_from: int = -1
    report: int = 0
    tries: int = 0
    is_done: bool = False
    is_marked: bool = False  # something was hit in one of its lines
    is_cut: bool = False  # it had grown too long: the rest is an event of its own


def begun(placed: Placed) -> Open:
    """An event that begins with this line."""
    event, line = Open([placed], placed, placed), placed.line
    if placed.patterns:
        event.is_marked = True
    if line.kind is Kind.HEADER:
        event.has_trace = b"\n" in line.text and kinds.names_a_throwable(line.text)
    elif line.kind is Kind.JSON:
        event.is_done = True
    elif line.kind is Kind.JSON_OPEN or (line.kind is Kind.BARE and line.text[:1] == b"*" and kinds.is_rule(line.text)):
        event.captures_from = placed.at
    elif line.kind in (Kind.THROWN, Kind.TRACE, Kind.OWN, Kind.CALL):
        _follow(event, line)
        event.has_trace = line.kind is not Kind.OWN or kinds.names_a_throwable(line.text)
        if line.kind is Kind.OWN and b"Sanitizer" in line.text:
            event.captures_from = placed.at
    return event


def level_of(event: Open) -> Level | None:
    """The level that its header names, on the first line or (java.util.logging) the second."""
    header = event.root.line.header
    if header is not None and header.is_first_of_two and len(event.lines) > 1:
        header = event.lines[1].line.header
    return None if header is None else header.level


def joins(event: Open, placed: Placed) -> bool:
    """Whether the line right below the event's last one belongs to it. A blank line joins whatever stands above."""
    line = placed.line
    if event.is_done:
        return False
    root = event.root.line
    if root.header is not None and root.header.is_first_of_two and len(event.lines) == 1:
        return line.kind is Kind.LEVEL
    if line.kind in kinds.BEGINS or line.kind is Kind.LEVEL:
        return False
    if line.kind is Kind.DETAIL:
        return root.header is not None and root.kind in (Kind.HEADER, Kind.DETAIL)
    if event.captures_from >= 0:
        return placed.at - event.captures_from < CAPTURE_BYTES and _captured(event, line)
    if line.kind is Kind.TRACE or line.kind is Kind.INDENTED:
        return True
    if line.kind is Kind.CALL:
        return event.family is Family.GO
    if line.kind is Kind.THROWN:
        return _thrown_joins(event, line)
    return _bare_joins(event, line)


def join(event: Open, placed: Placed) -> None:
    """Adds a line that joins."""
    line, before = placed.line, event.last.line
    event.lines.append(placed)
    if placed.patterns:
        event.is_marked = True
    if line.kind is not Kind.BLANK:
        event.last = placed
    if event.captures_from >= 0:
        _after_capture(event, line)
        return
    if line.kind is Kind.BARE and kinds.is_rule(line.text):
        event.captures_from = placed.at
    if line.kind is Kind.THROWN and before.kind is not Kind.INDENTED and not event.has_trace and _is_doubtful(event, line):
        event.doubt = len(event.lines) - 1
    if line.kind in (Kind.TRACE, Kind.THROWN):
        event.has_trace = True
    _follow(event, line)


def parts_at(event: Open, placed: Placed | None) -> bool:
    """Whether the doubtful lines are an event of their own after all, now that the next line is known (None: there is none).

    A traceback below a DEBUG line was logged, unless it begins in the main module: then nobody caught it. `Error: text` below a
    line that is no warning was logged if frames follow, and so was the VM's own error.
    """
    first = event.lines[event.doubt].line
    if placed is None:
        return True
    if kinds.is_traceback(first.text):
        frame = _FIRST_FRAME.match(placed.line.text)
        return frame is not None and _LIBRARY.search(frame[1]) is None
    return placed.line.kind is not Kind.TRACE


def may_be_pythons(line: Line) -> bool:
    """Whether an interrupted Python traceback may go on with this line, which alone could be anyone's: source code, or the last
    line."""
    if line.kind is Kind.THROWN:
        return not kinds.is_traceback(line.text) and _OTHERS.match(line.text) is None
    return line.kind is Kind.INDENTED and line.text[:4] == b"    " and line.text[4:5] not in (b" ", b"")


def awaits_its_end(event: Open) -> bool:
    """Whether a Python traceback has not come to its last line, the one that names what was raised."""
    return event.family is Family.PYTHON and event.last.line.kind in (Kind.TRACE, Kind.INDENTED)


def _is_doubtful(event: Open, line: Line) -> bool:
    level = level_of(event)
    if level is None or level >= Level.WARN:
        return False
    return kinds.is_traceback(line.text) or not _DOTTED.match(line.text) or line.text.startswith(_OF_THE_VM)


def _thrown_joins(event: Open, line: Line) -> bool:
    root = event.root.line
    if event.family is Family.PYTHON:
        return event.last.line.kind in (Kind.TRACE, Kind.INDENTED) or (kinds.is_traceback(line.text) and _is_chained(event))
    if event.family is Family.NODE:
        return not any(placed.line.kind is Kind.THROWN for placed in event.lines)
    if root.kind is Kind.OWN:
        return event.last is event.root and _INIT.match(root.text) is not None
    if event.has_trace:
        return False
    if kinds.is_traceback(line.text):
        return (root.kind is Kind.HEADER and level_of(event) is not Level.INFO) or (
            root.kind in (Kind.LEVEL, Kind.BARE) and level_of(event) is not Level.INFO
        )
    if line.text.startswith(b"** (") and level_of(event) in (Level.INFO, Level.DEBUG):
        return False  # Elixir logs a crash as an error: below any other line it is the runtime's own last word
    if root.kind in (Kind.HEADER, Kind.LEVEL):
        return len(event.lines) <= 4
    return root.kind is Kind.BARE and len(event.lines) == 1 and _DOTTED.match(line.text) is not None


def _bare_joins(event: Open, line: Line) -> bool:
    last = event.last.line
    if event.family is Family.PYTHON:
        if last.kind in (Kind.TRACE, Kind.INDENTED):
            return _LAST_OF_PYTHON.match(line.text) is not None and len(event.lines) > 1
        return b"validation error" in last.text and b" " not in line.text.strip()
    if event.family is Family.RUST:
        return event.last is event.root
    if kinds.is_crash_line(line.text):
        return kinds.is_crash_line(last.text)
    header = event.root.line.header
    is_empty = header is not None and event.root.line.kind is Kind.HEADER and not event.root.line.text[header.message :].strip()
    return is_empty and event.last is event.root and kinds.is_rule(line.text)


def _is_chained(event: Open) -> bool:
    return any(b"exception" in placed.line.text for placed in event.lines[-3:] if placed.line.text[:3] in (b"Dur", b"The"))


def _follow(event: Open, line: Line) -> None:
    if event.family is not Family.NONE:
        return
    if (line.kind is Kind.THROWN and kinds.is_traceback(line.text)) or (
        line.kind is Kind.TRACE and line.text.lstrip()[:6] == b'File "'
    ):
        event.family = Family.PYTHON
    elif _GO.match(line.text):
        event.family = Family.GO
    elif _RUST.match(line.text):
        event.family = Family.RUST
    elif line.kind is Kind.OWN and _NODE.match(line.text):
        event.family = Family.NODE


def _captured(event: Open, line: Line) -> bool:
    """Spring's failure report ends with the blank line below the text under `Action:`."""
    return not (event.report == 3 and line.kind is not Kind.INDENTED)


def _after_capture(event: Open, line: Line) -> None:
    text = line.text.strip()
    if event.root.line.kind is Kind.JSON_OPEN:
        if text[-1:] == b"}" and event.tries < _MOST_TRIES:
            event.tries += 1
            event.is_done = is_whole(event)
    elif text == b"Action:":
        event.report = 1
    elif line.kind is Kind.BLANK:
        event.report = 3 if event.report == 2 else event.report
    elif event.report == 1 or event.report == 3:
        event.report = 2
    elif text.endswith(b"ABORTING"):
        event.is_done = True


def is_whole(event: Open) -> bool:
    """Whether the lines of a JSON record that was written over several lines are all there."""
    try:
        return isinstance(orjson.loads(b"\n".join(placed.line.text for placed in event.lines)), dict)
    except orjson.JSONDecodeError:
        return False
