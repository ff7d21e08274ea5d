"""One stream of log bytes: batches in, whole events that were hit out, the same ones however the bytes were cut."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from detector.core.decode.logs import building, rebuilding
from detector.core.decode.logs.event import Open
from detector.core.decode.logs.json_text import How
from detector.core.decode.logs.lines import Lines
from detector.core.decode.logs.rebuilding import Rebuilt
from detector.core.decode.logs.runs import Hit, Runs
from detector.records import Batch, DeadLetter, LogEvent, Stream

_QUIET_MS = 2000
_HELD_MS = 3000  # other lines come, but none of the open event: it is not kept for them any longer
_MOST_ROUNDS = 8
_SAMPLE = 1024


class Mark(NamedTuple):
    """What the scan saw: pattern number `pattern` somewhere in the line of `Span.buffer` that holds offset `at`."""

    at: int
    pattern: int


class Marked(NamedTuple):
    """A whole event and the distinct patterns whose marks fell into it, ascending."""

    event: LogEvent
    patterns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be scanned: `buffer[scan_from:end]` holds whole new lines, partial ones put together. `lines` counts the new
    lines of the stream. Valid until the next call of `LogStream.span`.

    What stands before `scan_from` (from `begin` on, which is byte `offset` of the stream) was scanned before and is kept because
    new lines may belong to it.
    """

    buffer: bytes | bytearray
    scan_from: int
    end: int
    lines: int
    begin: int
    offset: int
    observed_ms: int
    rebuilt: Rebuilt | None = None


class LogStream:
    """Decodes one stream. Call `span`, then `events` with the marks of that span, then the next `span`.

    `repaired` and `broken` count JSON lines of events that were given out: read after a repair, and judged as text.
    """

    def __init__(self, stream: Stream, *, is_numbered: bool = True) -> None:
        """`is_numbered`: whether anybody asks for the numbers of lines, which cost more than to find them."""
        self._stream = stream
        self._is_numbered = is_numbered
        self._carry = b""
        self._carry_lines = 0
        self._begin = 0  # the stream offset of the first carried byte
        self._clean = (
            0  # from this place on no line belongs to an event that begins before it; behind _begin only where parts lie between
        )
        self._line = 1  # the line number at _begin
        self._next: int | None = None  # the stream offset that the next batch should begin at
        self._hits: list[Hit] = []  # marks of carried lines whose events are not given out yet; by place in the stream
        self._part_hits: list[Hit] = []  # marks of lines whose rest has not come; by where they begin
        self._has_parts = False  # whether lines that are carried were cut
        self._done = -1  # the place of the last event that was given out: all up to it are
        self._cut: list[int] = []
        self._cut_bytes = 0
        self._observed_ms = 0
        self._early: list[Marked] = []
        self._dead: list[DeadLetter] = []
        self._silent_since: int | None = None
        self._held = (-1, 0)  # where what is kept begins, and since which tick
        self.repaired = 0
        self.broken = 0

    def span(self, batch: Batch, has_parts: bool | None = None, lines: int | None = None) -> Span:
        """Takes a batch in. The batches of a stream come in order; a gap in `offset` ends what was open before it. `has_parts`
        says whether there may be lines to put together, `lines` how many there are, where that is known."""
        if self._next is not None and batch.offset != self._next:
            self._early += self._close()
            if batch.offset < self._next:
                self._done, self._clean, self._line = -1, 0, 1 if batch.offset == 0 else self._line
        if not self._carry:
            self._begin = batch.offset
            self._clean = max(self._clean, batch.offset)
        self._next = batch.offset + batch.size + batch.cut_bytes
        self._cut += batch.cut_at
        self._cut_bytes = batch.cut_bytes
        self._observed_ms, self._silent_since = batch.observed_ms, None
        if lines is None:
            lines = _line_count(batch.buffer, batch.begin, batch.end)
        return self._span(batch, lines, has_parts)

    def events(self, span: Span, marks: Sequence[Mark]) -> list[Marked]:
        """The events that are whole now and hold a mark, in the order in which they stand in the stream."""
        hits: list[Hit] = list(marks)
        if span.rebuilt is not None:
            hits = self._without_parts(span.rebuilt, hits)
        found = self._events(span, hits, is_last=self._cut_bytes > 0)
        if self._early:
            found, self._early = self._early + found, []
        return found

    def whole_events(self, span: Span, marks: Sequence[Mark]) -> list[Marked] | None:
        """As `events`, where all that was hit is whole within the span; what comes next is then taken as if nothing stood before
        it. None where something may go on: then `events` must be called."""
        if span.rebuilt is not None or self._hits or self._early or self._cut_bytes:
            return None
        lines = self._lines(span)
        runs = Runs(lines, list(marks))
        runs.read_hits()
        if not runs.is_settled():
            return None
        found = self._built([event for event in runs.events() if event.is_marked and event.root.at > self._done], lines, span)
        self._keep(span, lines, span.end, is_last=True)
        return found

    def quiet(self, mono_ms: int) -> list[Marked]:
        """Called on ticks: gives out what is open, as it is, when the stream was silent for two seconds, or when the same line
        was kept for three although others came."""
        if self._silent_since is None:
            self._silent_since = mono_ms
        if self._held[0] != self._begin:
            self._held = (self._begin, mono_ms)
        is_over = mono_ms - self._silent_since >= _QUIET_MS or mono_ms - self._held[1] >= _HELD_MS
        if not self._carry or not is_over:
            return []
        return self._close()

    def finish(self) -> list[Marked]:
        """The stream ends for good: gives out what is open."""
        return self._close()

    def dead_letters(self) -> list[DeadLetter]:
        """What could not be decoded since the last call. (Its line was judged as text all the same.)"""
        taken, self._dead = self._dead, []
        return taken

    @property
    def is_waiting(self) -> bool:
        """Whether an event that was hit, or a line that was cut, may go on in the next batch."""
        return bool(self._hits) or self.has_pieces

    @property
    def has_pieces(self) -> bool:
        """Whether a line that was cut may go on in the next batch, or an event waits to be given out with it."""
        return bool(self._part_hits or self._early or self._has_parts)

    @property
    def first_hit(self) -> int | None:
        """The place of the first line that was hit and whose event was not given out; None when there is none."""
        return min(self._hits)[0] if self._hits else None

    @property
    def done(self) -> int:
        """The place of the last event that was given out; -1 when there was none."""
        return self._done

    def done_until(self, place: int) -> None:
        """Events up to this place were given out before."""
        self._done = place

    @property
    def resume_offset(self) -> int:
        """The line start in the stream from which bytes must be read again after a restart."""
        return self._begin

    def snapshot(self) -> bytes:
        """What `restore` needs beside the bytes from `resume_offset` on; small JSON."""
        return orjson.dumps({"version": 1, "offset": self._begin, "clean": self._clean, "line": self._line, "done": self._done})

    def restore(self, state: bytes) -> None:
        """Goes on from a snapshot; the next batch starts at its `resume_offset`. Its lines are scanned again, and events that
        were given out before are not given out again. Raises ValueError when the state is not ours."""
        known = orjson.loads(state)
        if not isinstance(known, dict) or known.get("version") != 1:
            raise ValueError("not a stream's state")
        self._begin, self._clean, self._line, self._done = known["offset"], known["clean"], known["line"], known["done"]
        self._carry, self._carry_lines, self._next = b"", 0, self._begin

    def _span(self, batch: Batch, lines: int, has_parts: bool | None) -> Span:
        carry = len(self._carry)
        buffer, begin = batch.buffer, batch.begin - carry
        if carry and isinstance(buffer, bytearray) and begin >= 0:
            buffer[begin : batch.begin] = self._carry
            end = batch.end
        elif carry:
            buffer = self._carry + bytes(buffer[batch.begin : batch.end])
            begin, end = 0, len(buffer)
        else:
            end = batch.end
        if has_parts is None:
            has_parts = rebuilding.is_needed(buffer, begin, end, lines + self._carry_lines)
        if self._stream.layout == "plain" or not (has_parts or self._has_parts):
            return Span(buffer, begin + carry, end, lines, begin, self._begin, self._observed_ms)
        return self._rebuilt(buffer, begin, end, carry, lines, is_last=False)

    def _rebuilt(self, buffer: bytes | bytearray, begin: int, end: int, carry: int, lines: int, *, is_last: bool) -> Span:
        rebuilt = rebuilding.rebuild(buffer, begin, end, self._begin, is_last=is_last)
        scanned = self._begin + carry
        table = Lines(rebuilt.buffer, 0, rebuilt.end, self._begin, 0, rebuilt, is_plain=True)
        scan_from = table.begin_at(scanned)
        self._carry = bytes(buffer[begin:end])
        return Span(rebuilt.buffer, scan_from, len(rebuilt.buffer), lines, 0, self._begin, self._observed_ms, rebuilt)

    def _close(self) -> list[Marked]:
        """Gives out everything that is open and forgets what came before."""
        found = self._early
        self._early = []
        if self._carry:
            span = Span(self._carry, len(self._carry), len(self._carry), 0, 0, self._begin, self._observed_ms)
            if self._part_hits or rebuilding.is_needed(span.buffer, 0, span.end, self._carry_lines):
                span = self._rebuilt(self._carry, 0, len(self._carry), len(self._carry), 0, is_last=True)
            found = found + self._events(span, [], is_last=True)
        return found

    def _events(self, span: Span, hits: list[Hit], *, is_last: bool) -> list[Marked]:
        lines = self._lines(span)
        known = [(lines.begin_at(at), pattern) for at, pattern in self._hits]
        if is_last and span.rebuilt is not None:
            rows = dict(zip(span.rebuilt.firsts, span.rebuilt.begins, strict=True))
            known += [(rows[first], pattern) for first, pattern in self._part_hits if first in rows]
        runs = Runs(lines, sorted(known) + hits if known else hits)
        runs.read_hits()
        carried, horizon = (lines.end, None) if is_last else runs.read_tail()
        if is_last:
            runs.settle()
        ready: list[Open] = []
        self._hits = []
        for event in runs.events():
            if not event.is_marked or event.root.at <= self._done:
                continue
            if horizon is not None and event.root.at >= horizon:
                self._hits += [(placed.at, pattern) for placed in event.lines for pattern in placed.patterns]
            else:
                ready.append(event)
        found = self._built(ready, lines, span)
        self._keep(span, lines, carried, is_last=is_last)
        return found

    def _lines(self, span: Span) -> Lines:
        end = span.end if span.rebuilt is None else span.rebuilt.end
        lines = Lines(
            span.buffer, span.begin, end, span.offset, span.observed_ms, span.rebuilt, is_plain=self._stream.layout == "plain"
        )
        lines.begin = max(lines.begin, min(lines.begin_at(self._clean), end))
        return lines

    def _built(self, ready: list[Open], lines: Lines, span: Span) -> list[Marked]:
        found: list[Marked] = []
        known, total = (span.begin, 0), self._carry_lines + span.lines
        for event in ready:
            root = event.root
            if self._is_numbered:
                known = (root.begin, lines.number(root.begin, known, total))
            patterns = root.patterns
            if len(event.lines) > 1 or len(patterns) > 1:
                patterns = tuple(sorted({hit for placed in event.lines for hit in placed.patterns}))
            is_cut = (span.rebuilt is not None or bool(self._cut)) and self._is_cut(event, lines)
            built = building.build(event, lines, self._line + known[1], span.observed_ms, self._stream, is_cut=is_cut)
            found.append(Marked(built, patterns))
            self._done = root.at
            if root.line.how is not How.CLEAN:
                self._count(root.line.how, built)
        return found

    def _is_cut(self, event: Open, lines: Lines) -> bool:
        if not lines.is_whole(lines.first(event.root.begin)):
            return True
        return bool(self._cut) and any(placed.at in self._cut for placed in event.lines)

    def _count(self, how: How, event: LogEvent) -> None:
        if how is How.REPAIRED:
            self.repaired += 1
        elif how is How.BROKEN and not event.layout.endswith("bare"):
            self.broken += 1
            self._dead.append(DeadLetter(self._stream.name, str(event.start), "broken JSON, judged as text", event.raw[:_SAMPLE]))

    def _keep(self, span: Span, lines: Lines, carried: int, *, is_last: bool) -> None:
        """Puts by the bytes from which the next span begins."""
        rebuilt = span.rebuilt
        physical, begin = (span.buffer, span.begin) if rebuilt is None else (self._carry, 0)
        end = span.end if rebuilt is None else len(self._carry)
        if is_last:
            gone = end - begin
        elif rebuilt is None:
            gone = carried - begin
        else:
            gone = self._first_needed(rebuilt, carried) - self._begin
        self._clean = lines.at(carried) if carried < lines.end and not is_last else lines.end_at
        before = self._carry_lines + span.lines
        self._carry = bytes(physical[begin + gone : end])
        self._carry_lines = _line_count(self._carry, 0, len(self._carry))
        self._has_parts = rebuilt is not None and rebuilding.is_needed(self._carry, 0, len(self._carry), self._carry_lines)
        self._line += before - self._carry_lines
        self._begin += gone
        if is_last:
            self._begin, self._hits, self._part_hits = self._next if self._next is not None else self._begin, [], []
        if self._cut:
            self._cut = [at for at in self._cut if at >= self._begin]

    def _first_needed(self, rebuilt: Rebuilt, carried: int) -> int:
        """The place in the stream from which the lines at and behind `carried` can be put together again."""
        row = bisect_left(rebuilt.begins, carried)
        end = self._begin + len(self._carry)
        begin = min(rebuilt.firsts[row:], default=end)
        if rebuilt.open_from is not None:
            begin = min(begin, rebuilt.open_from)
        for _ in range(_MOST_ROUNDS):
            first = min((first for first, at in zip(rebuilt.firsts, rebuilt.at, strict=True) if at >= begin), default=begin)
            if first >= begin:
                break
            begin = first
        return begin

    def _without_parts(self, rebuilt: Rebuilt, hits: list[Hit]) -> list[Hit]:
        """Keeps apart what was hit in lines whose rest has not come: it counts if it never comes."""
        begins = [begin for begin, _ in rebuilt.open_firsts]
        self._part_hits = [
            (rebuilt.open_firsts[bisect_right(begins, at) - 1][1], pattern) for at, pattern in hits if at >= rebuilt.end
        ]
        return [hit for hit in hits if hit[0] < rebuilt.end]


def _line_count(buffer: bytes | bytearray, begin: int, end: int) -> int:
    """Lines in a range, the last one with or without its newline."""
    return buffer.count(b"\n", begin, end) + (end > begin and buffer[end - 1] != 0x0A)
