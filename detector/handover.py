"""How far a stream may be handed to somebody else: not past a record whose alert is still owed.

The store's position says what was judged; whoever takes a stream over on another machine knows nothing of our outbox. So the
offset that others see stays behind every checkpoint whose alerts are neither delivered nor given up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector.errors import StoreUnavailable
from detector.records import Position

MOST_STEPS = 1000


@dataclass(slots=True)
class _Step:
    """`offset` was reached when the alerts with these ids, and those of all steps before, were queued."""

    alerts: range
    offset: int


class Handover:
    """`owed` gives the ids of alerts that are neither delivered nor given up, ascending; it may raise StoreUnavailable. What was
    owed before the start holds every stream back, since nobody remembers which of them it came from."""

    def __init__(self, owed: Callable[[], Sequence[int]]) -> None:
        self._owed = owed
        self._inherited = frozenset(owed())
        self._settled: dict[str, int] = {}
        self._steps: dict[str, deque[_Step]] = {}

    def written(self, positions: Iterable[Position], alerts: range) -> None:
        """A checkpoint with these positions queued these alerts."""
        for position in positions:
            key, offset = position.stream_key, position.offset
            steps = self._steps.get(key)
            if len(alerts):
                steps = self._steps.setdefault(key, deque())
                first = steps.pop().alerts.start if len(steps) >= MOST_STEPS else alerts.start
                steps.append(_Step(range(first, alerts.stop), offset))
            elif steps:
                steps[-1].offset = offset
            else:
                self._settled[key] = offset

    def forget(self, keys: Iterable[str]) -> None:
        """Streams that were handed over: what comes of them later is counted anew."""
        for key in keys:
            self._settled.pop(key, None)
            self._steps.pop(key, None)

    def settled(self) -> Mapping[str, int]:
        """By stream key, the offset up to which everything was told."""
        try:
            owed = self._owed()
        except StoreUnavailable:
            return {}
        self._inherited = self._inherited.intersection(owed)
        if self._inherited:
            return {}
        for key, steps in list(self._steps.items()):
            while steps and not _holds(steps[0].alerts, owed):
                self._settled[key] = steps.popleft().offset
            if not steps:
                del self._steps[key]
        return dict(self._settled)


def _holds(alerts: range, owed: Sequence[int]) -> bool:
    """Whether one of these alerts is owed; `owed` is ascending."""
    at = bisect_left(owed, alerts.start)
    return at < len(owed) and owed[at] < alerts.stop
