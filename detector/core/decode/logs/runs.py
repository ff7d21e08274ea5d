"""Which lines have to be read so that every event that was hit is put together as if all had been read.

A run of lines begins at a line that is known to begin an event. Where a line's place hangs on what stood before the run, the run
begins anew further up. So an answer depends on the stream's bytes alone, and a stretch without hits costs nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from detector.core.decode.logs import kinds
from detector.core.decode.logs.event import CAPTURE_BYTES, Open, Placed
from detector.core.decode.logs.joining import BLOCK, LINK, LINK_BYTES, Joiner, Miss, Missing, is_heir
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.lines import Lines

_FARTHEST = 2 * BLOCK
_MOST_RESTARTS = 16
Hit = tuple[int, int]  # offset in the buffer, pattern


@dataclass(slots=True)
class _Run:
    """The lines from `start` to `position` went through the joiner; `hit` is the next hit, `index` how many lines there were."""

    joiner: Joiner
    start: int
    position: int
    hit: int
    index: int = 0


class Runs:
    """Reads what `hits` (ascending) ask for. Call `read_hits`, then `read_tail`, then `events`."""

    def __init__(self, lines: Lines, hits: Sequence[Hit]) -> None:
        self._lines = lines
        self._hits = hits
        self._done: list[_Run] = []
        self._run = _Run(Joiner(), lines.begin, lines.begin, 0)

    def read_hits(self) -> None:
        """Reads around all hits."""
        while self._run.hit < len(self._hits):
            self._read(self._lines.begin_of(self._hits[self._run.hit][0]), self._lines.begin, is_fresh=False)

    def is_settled(self) -> bool:
        """Whether what was hit is whole, and so far from the end that no later line can join anything that stands before it."""
        begin = self._lines.end
        for _ in range(LINK):
            before = self._lines.before(begin)
            if before is None or before < self._run.position:
                return False
            begin = before
        return True

    def read_tail(self) -> tuple[int, int | None]:
        """Reads the last lines of the span, if events that were hit are among them or a glance cannot tell what they are.

        Returns where the next span has to begin so that what comes can be placed, and the place in the stream where the first
        event begins that may still grow (None: there is none).
        """
        begin, is_plain, keys = self._tail()
        if begin >= self._lines.end or (is_plain and not self._has_hits_behind(begin)):
            return begin, None
        if is_plain and len(keys) == 1:
            last = self._open_of_plain(begin)
            if last is not None:
                return begin, last[0]
        self._read(begin, self._lines.end, is_fresh=True)
        open_events = self._run.joiner.open_events(self._lines.end_at)
        return self._carried(begin), min((event.root.at for event in open_events), default=None)

    def _open_of_plain(self, begin: int) -> tuple[int | None] | None:
        """Among lines of one key that each begin an event, only the last one's may grow, and a warning above another thread's
        line. None: the last line is of another kind."""
        at = self._lines.before(self._lines.end)
        if at is None:
            return None
        line = self._lines.read(at)[0]
        if line.kind is Kind.JSON:
            return (None,)
        if line.kind is not Kind.HEADER or line.header is None or line.header.is_first_of_two:
            return None
        above = self._lines.before(at)
        if above is not None and above >= begin and is_heir(self._lines.read(above)[0], line):
            at = above
        return (self._lines.at(at),)

    def _has_hits_behind(self, begin: int) -> bool:
        runs = [run for run in (*self._done, self._run) if run.position > begin]
        return any(event.root.begin >= begin and event.is_marked for run in runs for event in run.joiner.events)

    def settle(self) -> None:
        """Nothing follows: what is in doubt is decided."""
        self._run.joiner.settle()

    def events(self) -> list[Open]:
        """All events that were read, by where they begin."""
        found = [event for run in (*self._done, self._run) for event in run.joiner.events]
        found.sort(key=lambda event: event.root.at)
        return found

    def _tail(self) -> tuple[int, bool, set[bytes]]:
        """Where the last lines begin that a later one may join, whether a glance says that each of them begins an event, and
        their keys as far as a glance tells."""
        begin, is_plain, keys = self._lines.end, True, set[bytes]()
        for _ in range(LINK):
            before = self._lines.before(begin)
            if before is None or self._lines.end_at - self._lines.at(before) > LINK_BYTES:
                break
            begin = before
            if is_plain:
                key = self._lines.plain_key(begin)
                is_plain = key is not None
                keys.add(key or b"")
        return begin, is_plain, keys

    def _carried(self, begin: int) -> int:
        """The last place before or at `begin` behind which no line belongs to an event from before it."""
        for event in sorted(self._run.joiner.events, key=lambda event: -event.root.at):
            if event.lines[-1].begin >= begin > event.root.begin:
                begin = event.root.begin
        return begin

    def _read(self, begin: int, until: int, *, is_fresh: bool) -> None:
        """Reads the event of the line at `begin`, on to `until` and until all hits that were met are settled: goes on with the
        last run where it can, else begins one. `is_fresh`: a run that began behind `begin` is read again from further up."""
        while is_fresh and self._run.start > begin:
            self._run = self._done.pop()
        until = max(until, begin + 1)
        start = self._start_of(begin)
        for _ in range(_MOST_RESTARTS):
            if start > self._run.position:
                self._begin(start)
            earlier = self._finish(until)
            if earlier is None:
                return
            self._run = self._done.pop()
            start = earlier
        while self._done:
            self._run = self._done.pop()
        self._finish(until, is_forced=True)

    def _begin(self, start: int) -> None:
        run = _Run(Joiner(), start, start, bisect_left(self._hits, (start, -1)))
        key = self._lines.read(start)[0].key
        run.joiner.knows(Miss(key, Missing.ANY, 0))
        if not self._begins(start):
            run.joiner.knows(Miss(key, Missing.TRACE, 0))
        self._done.append(self._run)
        self._run = run

    def _finish(self, until: int, *, is_forced: bool = False) -> int | None:
        """Takes lines in. Where the run would have to begin instead, if it lacks lines that stand before it."""
        run = self._run
        while self._wants_more(run, until):
            self._step(run)
            miss = run.joiner.miss
            if miss is not None:
                earlier = None if is_forced or not self._done else self._earlier(run.start, miss, self._done[-1].position)
                if earlier is not None:
                    return earlier
                run.joiner.knows(miss)
        return None

    def _wants_more(self, run: _Run, until: int) -> bool:
        if run.position >= self._lines.end:
            return False
        if run.position < until or run.index == 0:
            return True
        if run.hit < len(self._hits) and self._hits[run.hit][0] <= self._lines.end_of(run.position):
            return True
        return run.joiner.has_marked(self._lines.at(run.position)) and not self._is_alone(run)

    def _is_alone(self, run: _Run) -> bool:
        """Whether a glance at the next two lines says that nothing joins the one line that was hit: each begins an event, and
        below the second one not even what another thread's line kept apart is looked for."""
        if not run.joiner.is_one_line() or self._lines.plain_key(run.position) != b"":
            return False
        second = self._lines.end_of(run.position) + 1
        return second < self._lines.end and self._lines.plain_key(second) == b""

    def _step(self, run: _Run) -> None:
        line, end = self._lines.read(run.position)
        placed = Placed(line, run.position, end, self._lines.at(run.position), run.index)
        hit, hits = run.hit, self._hits
        if hit < len(hits) and hits[hit][0] <= end:
            while run.hit < len(hits) and hits[run.hit][0] <= end:
                run.hit += 1
            placed.patterns = tuple(pattern for _, pattern in hits[hit : run.hit])
        run.joiner.take(placed)
        run.position = min(end + 1, self._lines.end)
        run.index += 1

    def _earlier(self, start: int, miss: Miss, floor: int) -> int | None:
        """The beginning of the event of the line that a run lacks; None when there is no such line."""
        begin = start
        for _ in range(miss.lines):
            before = self._lines.before(begin)
            if before is None:
                return None
            begin = before
            if begin < floor:
                return floor
            line = self._lines.read(begin)[0]
            if line.key != miss.key:
                continue
            if miss.what is Missing.TRACE and line.kind in (Kind.HEADER, Kind.JSON, Kind.LEVEL, Kind.BLANK):
                continue
            if miss.what is Missing.HEIR and line.kind is not Kind.HEADER:
                return None
            return self._start_of(begin, floor)
        return None

    def _start_of(self, begin: int, floor: int | None = None) -> int:
        """A line at or before `begin`, of the same key, that surely begins an event; but not before the last run's end."""
        floor = self._run.position if floor is None else floor
        key = self._lines.read(begin)[0].key if begin < self._lines.end else ""
        at = self._lines.at(begin)
        while begin > floor:
            line = self._lines.read(begin)[0]
            if line.key == key and self._begins(begin):
                return begin
            before = self._lines.before(begin)
            if before is None:
                return begin
            if at - self._lines.at(before) > _FARTHEST:
                return self._block(at // BLOCK * BLOCK)
            begin = before
        return max(begin, floor)

    def _begins(self, begin: int) -> bool:
        line = self._lines.read(begin)[0]
        if line.kind in kinds.BEGINS:
            return True
        before = self._lines.before(begin)
        if line.kind not in (Kind.BARE, Kind.LEVEL) or before is None:
            return False
        above = self._lines.read(before)[0]
        if above.key != line.key:
            return False
        if line.kind is Kind.LEVEL:
            return above.kind is Kind.LEVEL or (above.kind is Kind.HEADER and not (above.header and above.header.is_first_of_two))
        if above.kind not in (Kind.BARE, Kind.HEADER, Kind.JSON) or kinds.is_rule(line.text) or kinds.is_rule(above.text):
            return False
        if kinds.is_crash_line(line.text) and kinds.is_crash_line(above.text):
            return False
        return not self._lines.may_capture(self._lines.begin_at(max(0, self._lines.at(begin) - CAPTURE_BYTES - BLOCK)), begin)

    def _block(self, at: int) -> int:
        """The first line that begins at this place in the stream or behind it."""
        begin = self._lines.begin_of(max(self._lines.begin, self._lines.begin_at(at)))
        return begin if self._lines.at(begin) >= at else self._lines.read(begin)[1] + 1
