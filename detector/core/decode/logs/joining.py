"""Puts lines together to events, going forward through a run of lines of one stream.

Lines with the same key (a container's stderr, say) follow one another whatever stands between them, up to LINK lines. Below a
header line whose message names nothing that was thrown, a line of a trace belongs to the trace that the header interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from detector.core.decode.logs import kinds
from detector.core.decode.logs.event import Open, Placed, awaits_its_end, begun, join, joins, may_be_pythons, parts_at
from detector.core.decode.logs.kinds import Kind
from detector.core.decode.logs.line import Line
from detector.records import Level

LINK = 32  # lines; a trace is not continued over more of other keys
INTERRUPTIONS = 8  # lines with a header of their own between two lines of one trace
LINK_BYTES = 65_536
BLOCK = 65_536  # an event longer than this is cut at the next multiple of it, counted in the stream
_HEADED = (Kind.HEADER, Kind.LEVEL, Kind.DETAIL)


class Missing(Enum):
    """What a joiner would have to know of the lines before its run."""

    ANY = 0  # whether there is a line of this key
    TRACE = 1  # whether there is one of a trace
    HEIR = 2  # whether the line above is another thread's warning


@dataclass(frozen=True, slots=True)
class Miss:
    """`lines`: how far before the run such a line may stand."""

    key: str
    what: Missing
    lines: int


@dataclass(slots=True)
class _Key:
    """`current` is the event of the last line. `interrupted` is the last one with a trace before it. `heir` is a warning that
    another thread's line was written below, before what was thrown came."""

    index: int
    at: int
    current: Open | None = None
    interrupted: Open | None = None
    heir: Open | None = None
    interruptions: int = 0
    lines: int = 0


class Joiner:
    """Take the lines in order; `events` then holds every event that began. `miss` is set when an answer hung on lines before the
    run; `knows` tells the joiner that there are none."""

    def __init__(self) -> None:
        self.events: list[Open] = []
        self.miss: Miss | None = None
        self._keys: dict[str, _Key] = {}
        self._known: set[tuple[str, Missing]] = set()
        self._index = 0

    def knows(self, miss: Miss) -> None:
        self._known.add((miss.key, miss.what))
        self.miss = None

    def take(self, placed: Placed) -> None:
        """The next line of the run."""
        self._index = placed.index
        key = self._keys.get(placed.line.key)
        if key is None:
            key = self._keys[placed.line.key] = _Key(placed.index, placed.at)
            if placed.line.kind not in kinds.BEGINS:
                self._miss(placed, Missing.ANY)
        elif placed.index - key.index > LINK or placed.at - key.at > LINK_BYTES:
            self._settle(key, None)
            key.current = key.interrupted = key.heir = None
        key.index, key.at = placed.index, placed.at
        key.lines += 1
        if placed.line.kind is Kind.BLANK:
            if key.current is not None and not key.current.is_done:
                join(key.current, placed)
            return
        if key.current is not None and key.current.doubt:
            self._settle(key, placed)
        if placed.line.kind <= Kind.OWN:
            self._begin(key, placed)
        else:
            self._place(key, placed)

    def open_events(self, at: int) -> list[Open]:
        """The events that a line which begins at this place in the stream may still join."""
        found: list[Open] = []
        for key in self._keys.values():
            if self._index - key.index < LINK and at - key.at <= LINK_BYTES:
                if key.current is not None and not key.current.is_done:
                    found.append(key.current)
                waiting = (event for event in (key.interrupted, key.heir) if event is not None)
                found += [event for event in waiting if self._is_near(event.last, self._index + 1, at)]
        return found

    def has_marked(self, at: int) -> bool:
        """Whether one of these was hit."""
        for key in self._keys.values():
            for event in (key.current, key.interrupted, key.heir):
                if event is not None and event.is_marked and not event.is_done:
                    return any(event.is_marked for event in self.open_events(at))
        return False

    def is_one_line(self) -> bool:
        """Whether all that is open is a line without a frame that has a header of its own and names nothing that was thrown
        above it."""
        key = self._keys.get("")
        if key is None or len(self._keys) > 1 or key.interrupted is not None or key.heir is not None or key.current is None:
            return False
        event = key.current
        root = event.root.line
        is_headed = root.kind is Kind.HEADER and root.header is not None and not root.header.is_first_of_two
        return is_headed and len(event.lines) == 1 and not event.has_trace and not event.doubt and event.captures_from < 0

    def _is_near(self, last: Placed, index: int, at: int) -> bool:
        return index - last.index <= LINK and at - last.at <= LINK_BYTES

    def settle(self) -> None:
        """No line follows: what was in doubt is decided."""
        for key in self._keys.values():
            self._settle(key, None)

    def _place(self, key: _Key, placed: Placed) -> None:
        current, kind = key.current, placed.line.kind
        if (kind is Kind.TRACE or may_be_pythons(placed.line)) and (current is None or _is_plain(current)):
            if key.interrupted is None:
                self._miss(placed, Missing.TRACE)
            elif self._is_near(key.interrupted.last, placed.index, placed.at) and (
                kind is Kind.TRACE or awaits_its_end(key.interrupted)
            ):
                self._resume(key, key.interrupted, placed)
                return
        if current is not None and joins(current, placed):
            if kind is Kind.THROWN and current.last is current.root:
                if key.lines == 2:
                    self._miss(placed, Missing.HEIR)
                if key.heir is not None and self._is_near(key.heir.last, placed.index, placed.at):
                    current = key.current = key.heir
            self._extend(key, current, placed)
            return
        self._begin(key, placed)

    def _resume(self, key: _Key, event: Open, placed: Placed) -> None:
        key.interruptions, key.current, key.interrupted = 0, event, None
        self._extend(key, event, placed)

    def _extend(self, key: _Key, event: Open, placed: Placed) -> None:
        """An event that grows too long is cut where its next line crosses a multiple of BLOCK; a rest has no header and is cut
        at the first one: so the cuts can be found from anywhere within the event."""
        block = placed.at // BLOCK * BLOCK
        grace = BLOCK if event.root.line.kind in kinds.BEGINS or event.root.line.kind is Kind.LEVEL else 1
        if block - event.root.at >= grace:
            event.is_done = event.is_cut = True
            key.current = begun(placed)
            self.events.append(key.current)
            return
        join(event, placed)

    def _begin(self, key: _Key, placed: Placed) -> None:
        old, event = key.current, begun(placed)
        key.heir = None
        if old is not None and old.has_trace and not old.is_done:
            key.interrupted, key.interruptions = old, 1
        elif key.interrupted is not None:
            key.interruptions += 1
            if key.interruptions > INTERRUPTIONS:
                key.interrupted = None
        if old is not None and old.last is old.root and not old.has_trace and is_heir(old.root.line, placed.line):
            key.heir = old
        key.current = event
        self.events.append(event)

    def _settle(self, key: _Key, placed: Placed | None) -> None:
        """Takes a doubtful event apart, now that its next line is known."""
        event = key.current
        if event is None or not event.doubt:
            return
        if parts_at(event, placed):
            lines = event.lines[event.doubt :]
            del event.lines[event.doubt :]
            event.has_trace = False
            event.last = event.lines[-1]
            event.is_marked = any(line.patterns for line in event.lines)
            own = begun(lines[0])
            for line in lines[1:]:
                join(own, line)
            own.doubt = 0
            self.events.append(own)
            key.current = own
        event.doubt = 0

    def _miss(self, placed: Placed, what: Missing) -> None:
        if self.miss is None and placed.index < LINK and (placed.line.key, what) not in self._known:
            self.miss = Miss(placed.line.key, what, LINK - placed.index)


def _is_plain(event: Open) -> bool:
    """A header line (or a JSON record) to which no trace can belong: it names nothing thrown, and nothing joined it yet."""
    if event.is_done:
        return True
    return (
        not event.has_trace
        and event.root.line.kind in _HEADED
        and event.last is event.root
        and event.captures_from < 0
        and not kinds.names_a_throwable(event.root.line.text)
    )


def is_heir(above: Line, below: Line) -> bool:
    """A warning of one thread, right above an INFO line of another one."""
    before, after = above.header, below.header
    if after is None or after.level is not Level.INFO or before is None or before.level is None or before.level < Level.WARN:
        return False
    return bool(before.thread) and bool(after.thread) and before.thread != after.thread
