"""One stream of log bytes: batches in, whole events that were hit out, the same ones however the bytes were cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from detector.records import Batch, DeadLetter, LogEvent, Stream, TimeFrom


@dataclass(frozen=True, slots=True)
class Mark:
    """What the scan saw: pattern number `pattern` somewhere in the line of `Span.buffer` that holds offset `at`."""

    at: int
    pattern: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A whole event and the distinct patterns whose marks fell into it, ascending."""

    event: LogEvent
    patterns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be scanned: `buffer[scan_from:end]` holds whole new lines, partial ones put together. `lines` counts the new
    lines of the stream. Valid until the next call of `LogStream.span`."""

    buffer: bytes | bytearray
    scan_from: int
    end: int
    lines: int
    offset: int
    observed_ms: int
    cut_at: tuple[int, ...] = ()


class LogStream:
    """Decodes one stream. Call `span`, then `events` with the marks of that span, then the next `span`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._line = 1
        self._resume = 0
        self._dead: list[DeadLetter] = []

    def span(self, batch: Batch) -> Span:
        """Takes a batch in. The batches of a stream come in order; a gap in `offset` ends what was open before it."""
        lines = batch.buffer.count(b"\n", batch.begin, batch.end)
        return Span(batch.buffer, batch.begin, batch.end, lines, batch.offset, batch.observed_ms, batch.cut_at)

    def events(self, span: Span, marks: Sequence[Mark]) -> list[Marked]:
        """The events that are whole now and hold a mark, in the order in which they start in the stream."""
        found: dict[int, tuple[int, set[int]]] = {}
        for mark in marks:
            start = span.buffer.rfind(b"\n", span.scan_from, mark.at) + 1 or span.scan_from
            end = span.buffer.find(b"\n", mark.at, span.end)
            found.setdefault(start, (span.end if end < 0 else end, set()))[1].add(mark.pattern)
        marked = [Marked(self._event(span, start, end), tuple(sorted(kinds))) for start, (end, kinds) in found.items()]
        self._line += span.lines
        self._resume = span.offset + span.end - span.scan_from
        return marked

    def quiet(self, mono_ms: int) -> list[Marked]:
        """Called on ticks: a stream that was silent for two seconds gives out what is open, as it is."""
        return []

    def finish(self) -> list[Marked]:
        """The stream ends for good: gives out what is open."""
        return []

    def dead_letters(self) -> list[DeadLetter]:
        """What could not be decoded since the last call. (Its line was judged as text all the same.)"""
        taken, self._dead = self._dead, []
        return taken

    @property
    def resume_offset(self) -> int:
        """The line start in the stream from which bytes must be read again after a restart."""
        return self._resume

    def snapshot(self) -> bytes:
        """What `restore` needs beside the bytes from `resume_offset` on; small JSON."""
        return orjson.dumps({"version": 1, "offset": self._resume, "line": self._line})

    def restore(self, state: bytes) -> None:
        """Goes on from a snapshot; the next batch starts at its `resume_offset`."""
        known = orjson.loads(state)
        self._resume, self._line = known["offset"], known["line"]

    def _event(self, span: Span, start: int, end: int) -> LogEvent:
        raw = bytes(span.buffer[start:end]).rstrip(b"\r")
        line = self._line + span.buffer.count(b"\n", span.scan_from, start)
        at = span.offset + start - span.scan_from
        return LogEvent(at, at + end - start, line, raw, None, None, TimeFrom.ARRIVAL, "bare", raw, self._stream.service)
