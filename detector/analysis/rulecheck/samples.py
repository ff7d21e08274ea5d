"""Sample logs beside a rule: what they hold, cut into stories, and where each line stands in the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from detector.core.decode.logs.stream import LogStream, Mark, Marked, Span
from detector.core.engine.engine import Engine
from detector.records import Batch, LogEvent, Stream

STORY_END = b"# ---"
NOTE = b"# "
STORY_MS = 1_700_000_000_000  # when a story whose lines bear no time is said to happen
_SUFFIXES = (".match.log", ".clean.log")


@dataclass(frozen=True, slots=True)
class Story:
    """Lines that belong together; `lines` holds the number in the file of each."""

    text: bytes
    lines: tuple[int, ...]

    def line_of(self, event: LogEvent) -> int:
        """The line in the file with which an event begins."""
        return self.lines[min(event.line, len(self.lines)) - 1]


def sample_paths(rule_path: str) -> tuple[Path, Path]:
    """Where a rule's match and clean logs belong."""
    path = Path(rule_path)
    match, clean = (path.with_name(path.stem + suffix) for suffix in _SUFFIXES)
    return match, clean


def stories(text: bytes) -> list[Story]:
    """A sample file without its notes. A line `# ---` ends a story; one without an event in it does not count."""
    found: list[Story] = []
    lines: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate([*text.split(b"\n"), STORY_END], start=1):
        if line.rstrip() == STORY_END:
            if any(part.strip() for part in lines):
                found.append(Story(b"\n".join(lines) + b"\n", tuple(numbers)))
            lines, numbers = [], []
        elif not line.startswith(NOTE):
            lines.append(line)
            numbers.append(number)
    return found


def decode(story: bytes, name: str, engine: Engine, loud: int) -> list[Marked]:
    """Every event of a story, with the patterns whose scan form hit its raw lines. `loud` is the pattern that stands for no
    rule: a mark of it on each line makes the decoder give out all events."""
    stream = Stream(key=f"sample:{name}", name=name)
    batch = Batch(stream, bytearray(story), 0, len(story), offset=0, observed_ms=STORY_MS, ends=True)
    logs = LogStream(stream)
    span = logs.span(batch)
    marks = [*engine.scan(span.buffer, span.scan_from, span.end), *_each_line(span, loud)]
    return [*logs.events(span, sorted(marks, key=lambda mark: (mark.at, mark.pattern))), *logs.finish()]


def _each_line(span: Span, loud: int) -> list[Mark]:
    marks = []
    begin = span.scan_from
    while begin < span.end:
        newline = span.buffer.find(b"\n", begin, span.end)
        end = newline if newline >= 0 else span.end
        if bytes(span.buffer[begin:end]).strip():
            marks.append(Mark(end - 1, loud))
        begin = end + 1
    return marks
