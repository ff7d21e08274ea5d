"""A stream of records (a topic's partition, an index): their lines go through a LogStream, what comes out says which record.

Records that came packed and hold nothing to look at are put by unread, as far back as a later line may ask for, and read when
something is found near.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import orjson

from detector.core.decode.logs.joining import LINK
from detector.core.decode.logs.lines import begins_an_event
from detector.core.decode.logs.places import Places
from detector.core.decode.logs.stream import LogStream, Mark, Marked, Span
from detector.records import Batch, DeadLetter, LogEvent, Stream, TimeFrom

CONTEXT_BYTES = 128 << 10  # no line asks for one further back
CONTEXT_BATCHES = 64
_SILENT_MS = 2000


class Look(Protocol):
    """Chooses the marks that are worth decoding; for None the span is scanned first."""

    def __call__(self, span: Span, marks: Sequence[Mark] | None) -> Sequence[Mark]: ...


class RecordStream:
    """As LogStream, but batches have `records`, and offsets are those of records."""

    def __init__(self, stream: Stream) -> None:
        self._logs = LogStream(stream, is_numbered=False)
        self._places = Places()
        self._at = 0  # the virtual byte where the next run begins
        self._next = 0  # the record after those whose lines were looked at
        self._reached = 0  # the record after those that were taken
        self._resume = (0, 0)  # the record, and the byte in it, from which the LogStream wants to read again
        self._behind: deque[Batch] = deque()
        self._behind_bytes = 0
        self._given = (-1, 0)  # the last event that was given out
        self._done: tuple[int, int] | None = None  # the same, of before the restart, until its place is known
        self._silent_since: int | None = None

    # -- packed records -------------------------------------------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether an event that was hit may go on in the next batch, so that this must be looked at."""
        return self._logs.is_waiting or self._done is not None

    def skip(self, batch: Batch) -> None:
        """Puts a packed batch by in which nothing was found."""
        self._behind.append(batch)
        self._behind_bytes += batch.size
        while len(self._behind) > 1 and self._has_enough_behind():
            self._behind_bytes -= self._behind.popleft().size
        self._reached, self._silent_since = batch.next_offset, None

    def read(self, batch: Batch, run: Batch, marks: Sequence[Mark], has_parts: bool, look: Look) -> tuple[Span, list[Marked]]:
        """The events of a batch that are whole now and hold a mark. `run` are its records as lines (itself, unless it came
        packed), `marks` what a scan of them found. What was put by and may belong to them is read first."""
        is_apart = batch.packed is not None and _stand_apart(run, marks)
        if is_apart:
            self._behind.clear()
            self._behind_bytes = 0
        else:
            self._read_behind(has_parts)
        span = self._span(run, has_parts)
        chosen = look(span, _moved(marks, span, run))
        found = self._logs.whole_events(span, chosen) if is_apart else None
        if found is None:
            return span, self._of_records(self._logs.events(span, chosen))
        placed = self._of_records(found)
        self._next = -1
        self.skip(batch)  # nothing of it is open: cheaper to put it by than to find out what its last lines are
        return span, placed

    # -- as LogStream ---------------------------------------------------------------------------------------------------------

    def quiet(self, mono_ms: int) -> list[Marked]:
        """Called on ticks."""
        if self._silent_since is None:
            self._silent_since = mono_ms
        elif mono_ms - self._silent_since >= _SILENT_MS:
            self._drop_behind()
        return self._of_records(self._logs.quiet(mono_ms))

    def rest(self) -> None:
        """Somebody else may go on: what is kept for the sake of later lines is let go, so that they begin at what was hit and is
        not given out yet, or where we stopped. Only `snapshot` and `resume_offset` may be asked for after this."""
        self._drop_behind()
        if self._done is not None or self._logs.has_pieces:
            return
        hit_at = self._logs.first_hit
        if hit_at is None:
            self._next = -1
        elif (place := self._places.find(hit_at)) is not None:
            self._resume = (place.offset, 0)

    def finish(self) -> list[Marked]:
        return self._of_records(self._logs.finish())

    def dead_letters(self) -> list[DeadLetter]:
        return [replace(letter, position=self._position(letter.position)) for letter in self._logs.dead_letters()]

    @property
    def repaired(self) -> int:
        return self._logs.repaired

    @property
    def resume_offset(self) -> int:
        """The record from which reading must begin again after a restart."""
        return self._where()[0]

    def snapshot(self) -> bytes:
        record, byte = self._where()
        return orjson.dumps({"version": 2, "record": record, "byte": byte, "done": self._given})

    def restore(self, state: bytes) -> None:
        """Raises ValueError, KeyError or TypeError when the state is not ours."""
        known = orjson.loads(state)
        if not isinstance(known, dict) or known.get("version") != 2:
            raise ValueError("not the state of a stream of records")
        offset, byte = known["done"]
        self._next = self._reached = int(known["record"])
        self._resume = (self._next, int(known["byte"]))
        self._given = (int(offset), int(byte))
        self._done = self._given if self._given[0] >= self._next else None

    # -- how ------------------------------------------------------------------------------------------------------------------

    def _drop_behind(self) -> None:
        self._behind.clear()
        self._behind_bytes = 0

    def _read_behind(self, has_parts: bool) -> None:
        """So that the LogStream knows what stands before the next batch."""
        behind, self._behind, self._behind_bytes = list(self._behind), deque(), 0
        for earlier in behind:
            if earlier.packed is not None:
                span = self._span(earlier.packed.unpack(), has_parts)
                self._of_records(self._logs.events(span, ()))

    def _span(self, batch: Batch, has_parts: bool) -> Span:
        """Takes the lines of a batch with `records` in."""
        if batch.offset != self._next:
            self._at += 1  # what comes does not follow what the LogStream holds: it will see a gap
        begin = batch.begin + self._seen_of(batch)
        self._places.add(batch, self._at - (begin - batch.begin))
        self._next = self._reached = batch.next_offset
        self._silent_since = None
        cut_at = self._cut_lines(batch, begin) if batch.cut_at else ()
        lines = Batch(batch.stream, batch.buffer, begin, batch.end, self._at, _latest_ms(batch), cut_at=cut_at)
        span = self._logs.span(lines, has_parts, len(batch.records.begins) if batch.records is not None else 0)
        self._at += batch.end - begin
        self._find_done()
        return span

    def _has_enough_behind(self) -> bool:
        return self._behind_bytes - self._behind[0].size >= CONTEXT_BYTES or len(self._behind) > CONTEXT_BATCHES

    def _where(self) -> tuple[int, int]:
        """What is put by goes on where the LogStream stopped, unless its beginning was dropped since."""
        if self._behind and self._behind[0].offset != self._next:
            return self._behind[0].offset, 0
        if not self._behind and self._reached != self._next:
            return self._reached, 0
        return self._resume

    def _seen_of(self, batch: Batch) -> int:
        """How many bytes of the batch's first record were done with before the restart."""
        assert batch.records is not None
        offset, byte = self._resume
        is_first = self._at == 0 and byte and batch.size and batch.records.offsets[0] == offset
        return min(byte, batch.size) if is_first else 0

    def _cut_lines(self, batch: Batch, begin: int) -> tuple[int, ...]:
        """The virtual bytes at which the lines begin that were cut: the last ones of their records."""
        assert batch.records is not None
        ends = dict(zip(batch.records.offsets, [*batch.records.begins[1:], batch.end], strict=True))
        found = [batch.buffer.rfind(b"\n", begin, ends[offset] - 1) + 1 or begin for offset in batch.cut_at if offset in ends]
        return tuple(self._at + at - begin for at in found)

    def _find_done(self) -> None:
        """What was given out before the restart is not given out again, wherever it lies now."""
        if self._done is None:
            return
        at = self._places.reached(*self._done)
        self._logs.done_until(self._at if at is None else at)
        if at is not None:
            self._done = None

    def _of_records(self, found: list[Marked]) -> list[Marked]:
        placed = [Marked(self._placed(marked.event), marked.patterns) for marked in found]
        given, resume = self._places.find(self._logs.done), self._places.find(self._logs.resume_offset)
        if given is not None:
            self._given = (given.offset, given.byte)
        self._resume = (self._next, 0) if resume is None else (resume.offset, resume.byte)
        self._places.drop_before(min(self._logs.resume_offset, self._at))
        return placed

    def _placed(self, event: LogEvent) -> LogEvent:
        """Turns virtual bytes into records, and says what the record knows."""
        first, last = self._places.find(event.start), self._places.find(event.end - 1)
        assert first is not None
        time_ms, time_from = event.time_ms, event.time_from
        if time_ms is None and first.time_ms >= 0:
            time_ms, time_from = first.time_ms, TimeFrom.FRAME
        return replace(
            event,
            start=first.number,
            end=(last or first).number + 1,
            line=0,
            position=first.shown,
            labels=event.labels + first.labels,
            time_ms=time_ms,
            time_from=time_from,
        )

    def _position(self, at: str) -> str:
        place = self._places.find(int(at))
        return at if place is None else place.shown


def _stand_apart(run: Batch, marks: Sequence[Mark]) -> bool:
    """Whether no line before the run matters to what was hit in it, and no line after it: all so near the front begins an event
    of its own, and after the last so many lines follow that nothing joins over them."""
    end = run.end
    for _ in range(LINK + 1):
        end = run.buffer.rfind(b"\n", run.begin, end)
        if end < 0:
            return False
    near = [at for at, _ in marks if at - run.begin < CONTEXT_BYTES]
    return bool(marks) and marks[-1].at < end and all(begins_an_event(run.buffer, run.begin, at) for at in near)


def _moved(marks: Sequence[Mark], span: Span, run: Batch) -> Sequence[Mark] | None:
    """The marks of the run where its lines lie in the span; None where they lie there in another form."""
    if span.rebuilt is not None or span.end - span.scan_from != run.size:
        return None
    moved = span.scan_from - run.begin
    return [Mark(at + moved, pattern) for at, pattern in marks] if moved else marks


def _latest_ms(batch: Batch) -> int:
    """When the last record was written; where nobody knows, when it came."""
    assert batch.records is not None
    times = batch.records.times_ms
    return times[-1] if len(times) and times[-1] >= 0 else batch.observed_ms
