"""Metric points in, cells of golden signals out, in event time: a step closes when the watermark has passed its end.

A known series costs two look-ups and an append. Samples wait in their series until their step closes and are then walked in
order, so that the order in which they came, within the lateness, changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from detector.core.signals.cells import FamilyCell, Slot
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.increase import LONGEST_GAP_MS, Series
from detector.core.signals.routing import Role, Routes, Use, Wanted, bound_of, plain_labels, service_of, target_of
from detector.records import Labels, MetricPoint

_preference = attrgetter("rank")

STEP_MS = 15_000
LATENESS_MS = 75_000  # a step waits for a scrape a minute apart, and a little
AHEAD_MS = 300_000  # a clock that is wrong by more must not close everybody's steps
MOST_SERIES = 100_000
MOST_OF_A_NAME = 30_000
MOST_NAMES = 50_000
MOST_SLOTS = 10_000
MOST_PENDING = 2_000_000
MOST_TOLD = 100
_SKIPPED_MS = 3_600_000
_IGNORED: dict[int, Series] = {}


@dataclass(frozen=True, slots=True)
class Vanished:
    """A series that went on for a while and then came no more."""

    name: str
    labels: Labels
    last_ms: int


@dataclass(slots=True)
class FoldingCounts:
    """What was not used, and why. `flooded` names the metrics of which there were too many series."""

    late: int = 0
    ahead: int = 0
    hurried: int = 0
    unmerged: int = 0
    vanished: int = 0
    refused_series: int = 0
    refused_services: int = 0
    flooded: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of the steps that closed: cells in time order, and the series that ended, the first of them named."""

    cells: tuple[FamilyCell, ...]
    vanished: tuple[Vanished, ...]


class Folding:
    """`take` as points come, then `close`. For one thread. `most_series` bounds what is remembered; beyond it new series are
    refused, counted and named, and known ones go on."""

    def __init__(
        self,
        signals: Sequence[SignalDefinition],
        step_ms: int = STEP_MS,
        lateness_ms: int = LATENESS_MS,
        most_series: int = MOST_SERIES,
        most_of_a_name: int = MOST_OF_A_NAME,
    ) -> None:
        self.signals = tuple(signals)
        self.step_ms = step_ms
        self.lateness_ms = lateness_ms
        self.most_series = most_series
        self.most_of_a_name = most_of_a_name
        self.counts = FoldingCounts()
        self.newest_ms = -1
        self.closed_ms = -1  # every step before it is closed
        self.slots: dict[tuple[str, str, str], Slot] = {}
        self.came: set[str] = set()  # names that some family asks for
        self._routes = Routes(self.signals)
        self._wanted: dict[str, tuple[Wanted, ...]] = {}
        self._by_id: dict[str, dict[int, Series]] = {}
        self._by_labels: dict[str, dict[Labels, Series]] = {}
        self._series = self._unused = 0
        self._pending = 0
        self._targets: dict[tuple[str, ...], int] = {}
        self._chosen: dict[tuple[str, str], str] = {}

    def take(self, points: Iterable[MetricPoint], observed_ms: int) -> None:
        """A point more than five minutes ahead of `observed_ms` is not believed, one in a closed step is late; both are
        counted."""
        by_name, closed_ms, newest_ms = self._by_id, self.closed_ms, self.newest_ms
        latest_ms = observed_ms + AHEAD_MS
        pending = 0
        for point in points:
            known = by_name.get(point.name)
            if known is None:
                known = self._name(point)
            if known is _IGNORED:
                continue
            time_ms = point.time_ms
            if time_ms < closed_ms:
                self.counts.late += 1
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
                pending += 1
                if time_ms > newest_ms:
                    newest_ms = time_ms
        self.newest_ms = newest_ms
        self._pending += pending

    def has_seen(self, name: str) -> bool:
        """Whether a metric of this name came, asked for or not."""
        return name in self._by_id

    def close(self, until_ms: int | None = None) -> Closed:
        """Closes every step that ends at or before the watermark, or before `until_ms` if that is later."""
        watermark_ms = max(self.newest_ms - self.lateness_ms, -1 if until_ms is None else until_ms)
        if self._pending > MOST_PENDING:
            self.counts.hurried += 1
            watermark_ms = max(watermark_ms, self.newest_ms)
        edge_ms = watermark_ms // self.step_ms * self.step_ms
        if edge_ms <= self.closed_ms or self.newest_ms < 0:
            return Closed((), ())
        active = [series for known in self._by_labels.values() for series in known.values() if series.uses]
        for series in active:
            series.order()
        slots = sorted({use.slot for series in active for use in series.uses}, key=_preference)
        cells: list[FamilyCell] = []
        start_ms = self._first(active, edge_ms)
        while start_ms < edge_ms:
            cells.extend(self._close_step(active, slots, start_ms))
            start_ms += self.step_ms
            if start_ms + _SKIPPED_MS < edge_ms:
                self.closed_ms = start_ms
                start_ms = self._first(active, edge_ms)
        self.closed_ms = edge_ms
        self._pending = sum(len(series.samples) for series in active)
        return Closed(tuple(cells), tuple(self._forget(active, edge_ms)))

    def _first(self, active: list[Series], edge_ms: int) -> int:
        """The next step, or after a long hole the one in which something waits."""
        first_ms = min((series.samples[0].time_ms for series in active if series.samples), default=edge_ms)
        begin_ms = first_ms // self.step_ms * self.step_ms
        return begin_ms if self.closed_ms < 0 or begin_ms - self.closed_ms > _SKIPPED_MS else self.closed_ms

    def _close_step(self, active: list[Series], slots: list[Slot], start_ms: int) -> list[FamilyCell]:
        end_ms = start_ms + self.step_ms
        for series in active:
            if series.has_increase:
                self._increase(series, end_ms)
            elif series.is_histogram:
                self._histogram(series, end_ms)
            if series.has_gauge:
                self._level(series, end_ms)
            if series.samples:
                series.drop_before(end_ms)
        cells = []
        for slot in slots:
            cell = slot.close(start_ms)
            self.counts.unmerged += slot.unmerged
            slot.unmerged = 0
            if cell is not None and self._is_chosen(slot, start_ms):
                cells.append(cell)
        return cells

    def _increase(self, series: Series, end_ms: int) -> None:
        amount, covered_ms, count = series.increase(end_ms)
        if not count and not covered_ms:
            return
        for use in series.uses:
            if use.role is Role.INCREASE:
                side = use.slot.over if use.is_over else use.slot.of
                side.add_increase(amount, covered_ms, count, self.step_ms)
            elif use.role is Role.BUCKET:
                use.slot.add_edge(use.group, series.bound, amount)
                use.slot.of.add_increase(0.0, covered_ms, count, self.step_ms)

    def _histogram(self, series: Series, end_ms: int) -> None:
        parts, covered_ms, count = series.histograms(end_ms)
        if not count and not covered_ms:
            return
        amount = sum(sum(distribution.counts) * part for distribution, part in parts)
        for use in series.uses:
            side = use.slot.over if use.is_over else use.slot.of
            side.add_increase(amount, covered_ms, count, self.step_ms)
            if use.role is Role.HISTOGRAM:
                use.slot.add_histogram(parts)

    def _level(self, series: Series, end_ms: int) -> None:
        level, count, zeros = series.gauge(end_ms)
        if level is None:
            return
        for use in series.uses:
            if use.role is Role.LEVEL and level > use.above:
                side = use.slot.over if use.is_over else use.slot.of
                side.add_level(use.group, level, count, zeros)

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

    def _name(self, point: MetricPoint) -> dict[int, Series]:
        """A name that comes for the first time."""
        if len(self._by_id) >= MOST_NAMES:
            for name in [name for name, known in self._by_id.items() if known is _IGNORED]:
                del self._by_id[name]
            if len(self._by_id) >= MOST_NAMES:
                self._flood(point.name)
                return _IGNORED
        wanted = self._routes.for_name(point) if point.value is not None else ()
        if not wanted:
            if point.value is not None:
                self._by_id[point.name] = _IGNORED
            return _IGNORED
        self._wanted[point.name] = wanted
        self.came.update(route.selector.name for route in wanted)
        self._by_labels[point.name] = {}
        known: dict[int, Series] = {}
        self._by_id[point.name] = known
        return known

    def _find(self, point: MetricPoint, known: dict[int, Series]) -> Series | None:
        """The series of these labels, which came in a tuple of their own, or are new. None: there is no room for it."""
        by_labels = self._by_labels[point.name]
        series = by_labels.get(point.labels)
        if series is not None:
            known.pop(id(series.labels), None)
            series.labels = point.labels
            known[id(point.labels)] = series
            return series
        if self._is_full(by_labels) and self._unused * 10 >= self._series:
            self._forget_unused()
        if self._is_full(by_labels):
            self._flood(point.name)
            return None
        series = self._series_of(point)
        by_labels[point.labels] = known[id(point.labels)] = series
        self._series += 1
        self._unused += not series.uses
        return series

    def _is_full(self, by_labels: dict[Labels, Series]) -> bool:
        return self._series >= self.most_series or len(by_labels) >= self.most_of_a_name

    def _flood(self, name: str) -> None:
        self.counts.refused_series += 1
        if len(self.counts.flooded) < MOST_TOLD or name in self.counts.flooded:
            self.counts.flooded[name] += 1

    def _forget_unused(self) -> None:
        """Series of a name that is asked for, with labels that nobody asks for: they need not be remembered."""
        for name, by_labels in self._by_labels.items():
            for series in [series for series in by_labels.values() if not series.uses]:
                del by_labels[series.labels]
                self._by_id[name].pop(id(series.labels), None)
                self._series -= 1
        self._unused = 0

    def _series_of(self, point: MetricPoint) -> Series:
        series = Series(point.name, point.labels, point.time_ms)
        labels = plain_labels(point.labels)
        uses = []
        for route in self._wanted[point.name]:
            if not route.selector.accepts(labels):
                continue
            slot = self._slot(service_of(route.family, labels), route)
            if slot is None:
                continue
            above = float("-inf") if route.selector.above is None else route.selector.above
            uses.append(Use(slot, route.role, route.is_over, route.group_of(labels), above))
        series.uses = tuple(uses)
        roles = {use.role for use in uses}
        series.has_gauge = Role.LEVEL in roles
        series.has_increase = bool(roles & {Role.INCREASE, Role.BUCKET})
        series.is_histogram = bool(roles & {Role.HISTOGRAM, Role.COUNT})
        series.bound = bound_of(labels)
        if len(self._targets) > self.most_series:
            self._targets.clear()
        first_ms = self._targets.setdefault(target_of(labels), point.time_ms)
        if first_ms <= point.time_ms - self.step_ms:
            series.born_ms = point.time_ms - self.step_ms
        return series

    def _slot(self, service: str, route: Wanted) -> Slot | None:
        key = service, route.signal.id, route.family.name
        slot = self.slots.get(key)
        if slot is None:
            if len(self.slots) >= MOST_SLOTS:
                self.counts.refused_services += 1
                return None
            slot = self.slots[key] = Slot(service, route.signal, route.family, self.step_ms)
        return slot

    def _forget(self, active: list[Series], edge_ms: int) -> list[Vanished]:
        """Series that came no more for five minutes."""
        gone = [series for series in active if not series.samples and edge_ms - series.seen_ms > LONGEST_GAP_MS]
        for series in gone:
            del self._by_labels[series.name][series.labels]
            self._by_id[series.name].pop(id(series.labels), None)
        self._series -= len(gone)
        self.counts.vanished += len(gone)
        if gone and len(self.slots) > MOST_SLOTS // 2:
            ended = set(map(id, gone))
            used = {use.slot for series in active if id(series) not in ended for use in series.uses}
            self.slots = {key: slot for key, slot in self.slots.items() if slot in used}
            self._chosen = {key: name for key, name in self._chosen.items() if (*key, name) in self.slots}
        return [Vanished(series.name, series.labels, series.seen_ms) for series in gone[:MOST_TOLD]]
