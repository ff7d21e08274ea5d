"""At which moments a signal is asked for, and which of the answers belong before the change and which after it.

An answer for the moment t that looks back over a range is about the time from t minus the range: it is told as of then. Of those
that look over the change, none is kept. Asked is a millisecond before t: a sample of the very time of the change is of the time
after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.analysis.baselines.places.base import Wanted
from detector.analysis.baselines.table import Floats, Table

STEP_MS = 15_000
POINTS_A_WINDOW = 20  # at least, where the scrapes allow it: short windows are asked for in short steps
MOST_POINTS = 20_000  # before the change: 14 days go in steps of a minute
SCRAPES_A_RANGE = 3  # a rate needs two, and one may be missing
_SHORTEST_MS = 100


@dataclass(frozen=True, slots=True)
class Grid:
    """Every `step_ms` from `begin_ms` to `until_ms`, the change being one of these times. `range_ms` is what rates and quantiles
    look back over. Behind `known_ms` nothing is asked: a server would go on with its last value."""

    begin_ms: int
    change_ms: int
    until_ms: int
    step_ms: int
    range_ms: int
    known_ms: int

    def span(self, cover_ms: int) -> tuple[int, int]:
        """First and last moment to ask for, of answers that look back over `cover_ms`. Nothing where the last is before the
        first."""
        last = min(self.until_ms - self.step_ms + cover_ms - 1, self.known_ms)
        first = self.begin_ms + cover_ms - 1
        return first, first + (last - first) // self.step_ms * self.step_ms

    def tables(
        self, name: str, place: str, cover_ms: int, values: dict[int, float], evidence: dict[int, float]
    ) -> tuple[Table, Table]:
        """Before and after, of answers by moment. What has no evidence is missing: a server repeats what it saw minutes ago."""
        times = np.arange(self.begin_ms, self.until_ms, self.step_ms, dtype=np.int64)
        known: Floats = np.array([values.get(moment + cover_ms - 1, np.nan) for moment in times.tolist()], dtype=np.float64)
        behind: Floats = np.array([evidence.get(moment + cover_ms - 1, 0.0) for moment in times.tolist()], dtype=np.float64)
        is_across = (times < self.change_ms) & (times + cover_ms > self.change_ms)
        known[is_across | ~(behind > 0) | ~np.isfinite(known)] = np.nan
        is_before = times < self.change_ms
        seen = np.flatnonzero(np.isfinite(known) & is_before)
        since = is_before & (np.arange(times.size) >= (seen[0] if seen.size else times.size))
        return (
            Table(place, times[since] / 1000.0, {name: known[since]}, evidence={name: behind[since]}),
            Table(place, times[~is_before] / 1000.0, {name: known[~is_before]}, evidence={name: behind[~is_before]}),
        )


def grid_of(wanted: Wanted, interval_ms: int, known_ms: int) -> Grid:
    """For series that are scraped every `interval_ms`."""
    step = max(interval_ms, min(STEP_MS, wanted.window_ms // POINTS_A_WINDOW), -(-wanted.span_ms // MOST_POINTS), _SHORTEST_MS)
    begin = wanted.change_ms - wanted.span_ms // step * step
    return Grid(begin, wanted.change_ms, wanted.until_ms, step, max(SCRAPES_A_RANGE * interval_ms, step), known_ms)
