"""Metric points in, cells of golden signals out, in event time: a step closes when the watermark has passed its end.

A known series costs two look-ups and an append. Samples wait in their series until their step closes and are then walked in
order, so that the order in which they came, within the lateness, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from detector.core.signals import buckets
from detector.core.signals.cells import FamilyCell, Slot
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.followed import STEP_MS
from detector.core.signals.increase import histograms, increase, increases
from detector.core.signals.register import IGNORED, MOST_OF_A_NAME, MOST_SERIES, MOST_SLOTS, FoldingCounts, Register, Vanished
from detector.core.signals.routing import Role
from detector.core.signals.series import LONGEST_GAP_MS, Series
from detector.records import MetricPoint

__all__ = ["LATENESS_MS", "MOST_SERIES", "STEP_MS", "Closed", "Folding", "FoldingCounts", "Vanished"]

LATENESS_MS = 75_000  # a step waits for a scrape a minute apart, and a little
AHEAD_MS = 300_000  # a clock that is wrong by more must not close everybody's steps
MOST_PENDING = 2_000_000
_SKIPPED_MS = 3_600_000
_preference = attrgetter("rank")


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of the steps that closed: cells in time order, and the series that ended, the first of them named."""

    cells: tuple[FamilyCell, ...]
    vanished: tuple[Vanished, ...]


class Folding(Register):
    """`take` as points come, then `close`. For one thread."""

    def __init__(
        self,
        signals: Sequence[SignalDefinition],
        step_ms: int = STEP_MS,
        lateness_ms: int = LATENESS_MS,
        most_series: int = MOST_SERIES,
        most_of_a_name: int = MOST_OF_A_NAME,
    ) -> None:
        super().__init__(signals, step_ms, most_series, most_of_a_name)
        self.lateness_ms = lateness_ms
        self.newest_ms = -1
        self.closed_ms = -1  # every step before it is closed
        self._pending = 0
        self._chosen: dict[tuple[str, str], str] = {}

    def take(self, points: Iterable[MetricPoint], observed_ms: int) -> int:
        """A point more than five minutes ahead of `observed_ms` is not believed, one in a closed step is late; both are
        counted. Gives the newest time among those that are believed, late or not; -1 where there is none."""
        by_name, closed_ms, newest_ms, late_ms = self._by_id, self.closed_ms, -1, -1
        latest_ms = observed_ms + AHEAD_MS
        pending, taken = 0, self.taken
        for point in points:
            known = by_name.get(point.name)
            if known is None:
                known = self._name(point)
            if known is IGNORED:
                continue
            time_ms = point.time_ms
            if time_ms < closed_ms:
                self.counts.late += 1
                if time_ms > late_ms:
                    late_ms = time_ms
                continue
            if time_ms > latest_ms:
                self.counts.ahead += 1
                continue
            series = known.get(id(point.labels))
            if series is None or series.labels is not point.labels:
                found = self._find(point, known)
                if found is None:
                    continue
                series = found
            if series.uses:
                series.samples.append(point)
                if taken is not None:
                    taken.series.append(series)
                    taken.points.append(point)
                pending += 1
                if time_ms > newest_ms:
                    newest_ms = time_ms
        self.newest_ms = max(self.newest_ms, newest_ms)
        self._pending += pending
        return max(newest_ms, late_ms)

    @property
    def is_crowded(self) -> bool:
        """Whether so much may wait that steps must close early."""
        return self._pending > MOST_PENDING

    def choice(self) -> list[tuple[str, str, str]]:
        """Service, signal and the family that it is made of."""
        return [(*key, family) for key, family in self._chosen.items()]

    def choose(self, choice: Iterable[tuple[str, str, str]]) -> None:
        """As `choice` gave it, before anything comes."""
        self._chosen = {(service, signal): family for service, signal, family in choice}

    def close(self, until_ms: int | None = None) -> Closed:
        """Closes every step that ends at or before `until_ms`; without it, at or before the watermark of all that came."""
        watermark_ms = self.newest_ms - self.lateness_ms if until_ms is None else until_ms
        if self._pending > MOST_PENDING:  # at most so many: looked at only when it may be too much
            self._pending = sum([len(series.samples) for series in self._active])
        if self._pending > MOST_PENDING:
            self.counts.hurried += 1
            watermark_ms = max(watermark_ms, self.newest_ms)
        edge_ms = watermark_ms // self.step_ms * self.step_ms
        if edge_ms <= self.closed_ms or self.newest_ms < 0:
            return Closed((), ())
        if not self._is_regrouped:
            self._regroup()
        for series in self._active:
            samples, ordered = series.samples, series.ordered
            if len(samples) > ordered:
                latest = samples[-1]
                if len(samples) == ordered + 1 > 1 and not latest.is_delta and latest.time_ms > samples[-2].time_ms:
                    series.ordered += 1
                else:
                    series.order(self.closed_ms, self.step_ms, self.lateness_ms)
        self._ranked.sort(key=_preference)
        cells: list[FamilyCell] = []
        start_ms = self._first(edge_ms)
        while start_ms < edge_ms:
            cells.extend(self._close_step(start_ms))
            start_ms += self.step_ms
            if start_ms + _SKIPPED_MS < edge_ms:
                self.closed_ms = start_ms
                start_ms = self._first(edge_ms)
        self.closed_ms = edge_ms
        vanished = self._forget(edge_ms)
        if vanished and len(self._chosen) > MOST_SLOTS // 2:
            self._chosen = {key: name for key, name in self._chosen.items() if (*key, name) in self.slots}
        return Closed(tuple(cells), tuple(vanished))

    def _first(self, edge_ms: int) -> int:
        """The next step, or after a long hole the one in which something waits."""
        if self.closed_ms >= 0 and edge_ms - self.closed_ms <= _SKIPPED_MS:
            return self.closed_ms
        first_ms = min((series.first_ms() for series in self._active if series.samples), default=edge_ms)
        begin_ms = max(0, first_ms) // self.step_ms * self.step_ms
        return begin_ms if self.closed_ms < 0 or begin_ms - self.closed_ms > _SKIPPED_MS else self.closed_ms

    def _close_step(self, start_ms: int) -> list[FamilyCell]:
        end_ms = start_ms + self.step_ms
        for sides, alike in self._alike.items():
            gained = increases(alike, start_ms, end_ms, end_ms + self.lateness_ms)
            if gained is not None:
                for side in sides:
                    side.add_increase(*gained)
        for series in self._others:
            if series.has_increase:
                self._increase(series, start_ms)
            elif series.is_histogram:
                self._histogram(series, start_ms)
            if series.has_gauge:
                self._level(series, end_ms)
            if series.samples:
                series.drop_before(end_ms)
        cells = []
        for slot in self._ranked:
            cell = slot.close(start_ms)
            self.counts.unmerged += slot.unmerged
            slot.unmerged = 0
            if cell is not None and self._is_chosen(slot, start_ms):
                cells.append(cell)
        return cells

    def _increase(self, series: Series, start_ms: int) -> None:
        end_ms = start_ms + self.step_ms
        amount, covered_ms, count = increase(series, start_ms, end_ms, end_ms + self.lateness_ms)
        if not count and not covered_ms:
            return
        for use in series.uses:
            if use.role is Role.BUCKET:
                use.slot.add_edge(use.group, series.bound, amount)
                use.side.add_increase(0.0, 0.0, covered_ms, count)
            elif use.role is Role.INCREASE:
                use.side.add_increase(amount, amount * 1000 / (covered_ms or self.step_ms), covered_ms, count)

    def _histogram(self, series: Series, start_ms: int) -> None:
        end_ms = start_ms + self.step_ms
        parts, covered_ms, count = histograms(series, start_ms, end_ms, end_ms + self.lateness_ms)
        if not count and not covered_ms:
            return
        for use in series.uses:
            if use.role is Role.HISTOGRAM:
                use.slot.add_histogram(parts)
                amount = 0.0
            elif use.role is Role.SUM:
                amount = buckets.sum_of(parts)
            elif use.role is Role.EDGE:
                amount = buckets.below(parts, use.selector.accepts_bound)
            else:
                amount = sum([sum(distribution.counts) * part for distribution, part in parts])
            use.side.add_increase(amount, amount * 1000 / (covered_ms or self.step_ms), covered_ms, count)

    def _level(self, series: Series, end_ms: int) -> None:
        level, count, zeros = series.gauge(end_ms)
        if level is None:
            return
        for use in series.uses:
            if use.role is Role.LEVEL and level > use.above:
                use.side.add_level(use.group, level, count, zeros)

    def _is_chosen(self, slot: Slot, start_ms: int) -> bool:
        """Where two families give the same signal, the preferred one that gives anything is taken, never their sum; it is kept
        until it has given nothing for a while."""
        key = slot.service, slot.signal.id
        chosen = self._chosen.get(key)
        if chosen is None or chosen == slot.family.name:
            self._chosen[key] = slot.family.name
            return True
        other = self.slots.get((*key, chosen))
        if other is not None and start_ms - other.seen_ms <= LONGEST_GAP_MS:
            return False
        self._chosen[key] = slot.family.name
        return True
