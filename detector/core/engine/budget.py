"""What keeps one hostile rule or line from stopping everything: confirming that is slow is timed, and its rule set aside.

Honest confirming takes microseconds and is never limited, however many lines there are. Only a confirm of a millisecond and
more counts: 2 KiB at less than 2 MB/s, where RE2 has left its automaton.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass

SLOW_S = 0.001
# Half of the 100 ms that a slice may take: the search that runs over the limit cannot be interrupted and takes up to 28 ms.
SLICE_S = 0.05
MINUTE_S = 3.0
MINUTE_MS = 60_000
QUARANTINE_MS = 600_000


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A rule that is not run until `until_ms`, and why. `skipped` counts the candidates that were not looked at."""

    rule: str
    reason: str
    until_ms: int
    skipped: int


@dataclass(slots=True)
class SlowTime:
    """What one rule's slow confirms took in the minute that began at `since_ms`."""

    since_ms: int = 0
    seconds: float = 0.0

    def add(self, seconds: float, now_ms: int) -> float:
        if not self.since_ms <= now_ms < self.since_ms + MINUTE_MS:
            self.since_ms, self.seconds = now_ms, 0.0
        self.seconds += seconds
        return self.seconds


class NoBudget:
    """For replay and rule tests: what is found may not depend on how fast the machine is."""

    def begin(self) -> None:
        pass

    def start(self) -> None:
        pass

    def lap(self) -> float:
        return 0.0

    def spend(self) -> bool:
        return True

    def complaint(self, slow: SlowTime, seconds: float, now_ms: int) -> str | None:
        return None


class SliceBudget(NoBudget):
    """`clock` gives CPU seconds of this thread, so that a machine which is busy elsewhere puts no rule under suspicion; nor does
    a garbage collection that happens to fall into a confirm."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slow_s = 0.0
        self._last = clock()
        self._collecting_since: float | None = None
        _watch_collections(self)

    def begin(self) -> None:
        """A new slice of the event loop."""
        self._slow_s = 0.0

    def start(self) -> None:
        """A confirm begins now."""
        self._last = self._clock()

    def lap(self) -> float:
        """Seconds since the last lap or start."""
        now = self._clock()
        seconds, self._last = now - self._last, now
        return seconds

    def spend(self) -> bool:
        """Whether the confirm that runs has time for another search."""
        return self._slow_s + self._clock() - self._last < SLICE_S

    def complaint(self, slow: SlowTime, seconds: float, now_ms: int) -> str | None:
        """Why the rule whose confirm took `seconds` is to be set aside, if it is."""
        if seconds < SLOW_S:
            return None
        self._slow_s += seconds
        if self._slow_s >= SLICE_S:
            return f"slow on a hostile line: {seconds * 1000:.0f} ms, {self._slow_s * 1000:.0f} ms with others in one slice"
        minute_s = slow.add(seconds, now_ms)
        return f"slow confirms took {minute_s:.1f} s within a minute" if minute_s >= MINUTE_S else None

    def collecting(self, phase: str) -> None:
        """The collector starts or stops: what it takes is nobody's."""
        if phase == "start":
            self._collecting_since = self._clock()
        elif self._collecting_since is not None:
            self._last += self._clock() - self._collecting_since
            self._collecting_since = None


def _watch_collections(budget: SliceBudget) -> None:
    """Tells the budget of full collections for as long as it lives; the younger generations take microseconds."""
    known = weakref.ref(budget)

    def collecting(phase: str, info: dict[str, int]) -> None:
        watched = known()
        if watched is not None and info["generation"] == 2:
            watched.collecting(phase)

    gc.callbacks.append(collecting)
    weakref.finalize(budget, gc.callbacks.remove, collecting)
