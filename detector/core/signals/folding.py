"""Metric points in, cells of golden signals out, in event time: a step closes when the watermark has passed its end.

A known series costs two look-ups and an append. Samples wait in their series until their step closes and are then walked in
order, so that the order in which they came, within the lateness, changes nothing.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from weakref import WeakValueDictionary

from detector.core.signals import buckets
from detector.core.signals.cells import FamilyCell, Side, Slot
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.increase import histograms, increase, increases
from detector.core.signals.routing import (
    PARTS,
    Group,
    Role,
    Routes,
    Use,
    Wanted,
    bound_of,
    bucket_group,
    plain_labels,
    service_of,
    target_of,
)
from detector.core.signals.selectors import BOUND
from detector.core.signals.series import LONGEST_GAP_MS, Series, Taken, Target
from detector.records import Distribution, Labels, MetricKind, MetricPoint

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
MOST_GONE = 20_000
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
        self.fallback = ""  # whose a series is that comes next and does not say so
        self.taken: Taken | None = None  # where to tell of what is taken, for whoever keeps a journal
        self.forgotten: list[int] = []  # numbers of series in the journal that came no more
        self._routes = Routes(self.signals)
        self._wanted: dict[tuple[str, str, MetricKind, bool], tuple[Wanted, ...]] = {}
        self._by_id: dict[str, dict[int, Series]] = {}
        self._by_labels: dict[str, dict[Labels, Series]] = {}
        self._series = self._unused = 0
        self._is_regrouped = True
        self._active: list[Series] = []
        self._alike: dict[tuple[Side, ...], list[Series]] = {}  # plain counters, by all that they go into
        self._others: list[Series] = []
        self._ranked: list[Slot] = []
        self._groups: WeakValueDictionary[Labels, Group] = WeakValueDictionary()
        self._pending = 0
        self._targets: dict[tuple[str, ...], Target] = {}
        self.gone: dict[int, None] = {}  # series that came no more, the latest last: they do not begin at 0 when they come again
        self._chosen: dict[tuple[str, str], str] = {}

    def take(self, points: Iterable[MetricPoint], observed_ms: int) -> None:
        """A point more than five minutes ahead of `observed_ms` is not believed, one in a closed step is late; both are
        counted."""
        by_name, closed_ms, newest_ms = self._by_id, self.closed_ms, self.newest_ms
        latest_ms = observed_ms + AHEAD_MS
        pending, taken = 0, self.taken
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
                if taken is not None:
                    taken.series.append(series)
                    taken.points.append(point)
                pending += 1
                if time_ms > newest_ms:
                    newest_ms = time_ms
        self.newest_ms = newest_ms
        self._pending += pending

    def find(self, name: str, labels: Labels) -> Series | None:
        """A series that is remembered."""
        return self._by_labels.get(name, {}).get(labels)

    @property
    def series(self) -> int:
        """How many are remembered."""
        return self._series

    def choice(self) -> list[tuple[str, str, str]]:
        """Service, signal and the family that it is made of."""
        return [(*key, family) for key, family in self._chosen.items()]

    def choose(self, choice: Iterable[tuple[str, str, str]]) -> None:
        """As `choice` gave it, before anything comes."""
        self._chosen = {(service, signal): family for service, signal, family in choice}

    def has_seen(self, name: str) -> bool:
        """Whether a metric of this name came, asked for or not."""
        return name in self._by_id

    def close(self, until_ms: int | None = None) -> Closed:
        """Closes every step that ends at or before the watermark, or before `until_ms` if that is later."""
        watermark_ms = max(self.newest_ms - self.lateness_ms, -1 if until_ms is None else until_ms)
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
        return Closed(tuple(cells), tuple(self._forget(edge_ms)))

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

    def _name(self, point: MetricPoint) -> dict[int, Series]:
        """A name that comes for the first time."""
        if len(self._by_id) >= MOST_NAMES:
            for name in [name for name, known in self._by_id.items() if known is _IGNORED]:
                del self._by_id[name]
            if len(self._by_id) >= MOST_NAMES:
                self._flood(point.name)
                return _IGNORED
        if not self._routes.may_want(point.name):
            self._by_id[point.name] = _IGNORED
            return _IGNORED
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
        if point.value is None:  # of nothing that we know the end
            return None
        if self._is_full(by_labels) and self._unused * 10 >= self._series:
            self._forget_unused(self._by_labels)
        if self._is_full(by_labels):
            self._flood(point.name)
            return None
        series = self._series_of(point)
        by_labels[point.labels] = known[id(point.labels)] = series
        self._series += 1
        if series.uses:
            self._active.append(series)
            self._sort_in(series)
            if self.taken is not None:
                self.taken.fresh.append((series, point))
            if series.is_histogram:
                self._replace_parts(series, plain_labels(series.labels))
        else:
            self._unused += 1
        return series

    def _is_full(self, by_labels: dict[Labels, Series]) -> bool:
        return self._series >= self.most_series or len(by_labels) >= self.most_of_a_name

    def _flood(self, name: str) -> None:
        self.counts.refused_series += 1
        if len(self.counts.flooded) < MOST_TOLD or name in self.counts.flooded:
            self.counts.flooded[name] += 1

    def _forget_unused(self, names: Iterable[str]) -> None:
        """Series of a name that is asked for, with labels that nobody asks for: they need not be remembered."""
        for name in names:
            by_labels = self._by_labels.get(name, {})
            for series in [series for series in by_labels.values() if not series.uses]:
                del by_labels[series.labels]
                self._by_id[name].pop(id(series.labels), None)
                self._remember_gone(series)
                self._series -= 1
                self._unused -= 1

    def _remember_gone(self, series: Series) -> None:
        self.gone[_mark_of(series.name, series.labels)] = None
        if len(self.gone) > MOST_GONE:
            del self.gone[next(iter(self.gone))]

    def _routes_of(self, point: MetricPoint) -> tuple[Wanted, ...]:
        key = point.name, point.unit, point.kind, isinstance(point.value, Distribution)
        wanted = self._wanted.get(key)
        if wanted is None:
            if len(self._wanted) >= MOST_NAMES:
                self._wanted.clear()
            wanted = self._wanted[key] = self._routes.for_series(*key)
            self.came.update(route.selector.name for route in wanted)
        return wanted

    def _comes_whole(self, point: MetricPoint) -> bool:
        """Whether this is a part of a histogram that comes whole as well, as native ones do beside classic ones: it must not
        count twice."""
        suffix = next((suffix for suffix in PARTS if point.name.endswith(suffix)), None)
        whole = self._by_labels.get(point.name.removesuffix(suffix)) if suffix else None
        if not whole:
            return False
        series = whole.get(tuple(pair for pair in point.labels if pair[0] != BOUND) if suffix == "_bucket" else point.labels)
        return series is not None and series.is_histogram

    def _replace_parts(self, whole: Series, labels: Mapping[str, str]) -> None:
        for suffix in PARTS:
            part = self._by_labels.get(f"{whole.name}{suffix}", {}).get(whole.labels)
            if part is not None and part.uses:
                self._drop(part)
                part.uses, part.samples = (), []
                self._unused += 1
                self._is_regrouped = False
        self._mark_buckets(whole, labels, True)

    def _drop(self, series: Series) -> None:
        series.target.series -= 1
        if series.number:
            self.forgotten.append(series.number)

    def _mark_buckets(self, whole: Series, labels: Mapping[str, str], is_whole: bool) -> None:
        for use in whole.uses:
            group = self._groups.get(bucket_group(use.selector, labels)) if use.role is Role.HISTOGRAM else None
            if group is not None:
                group.is_whole = is_whole

    def _group(self, labels: Labels) -> Group:
        group = self._groups.get(labels)
        if group is None:
            group = self._groups[labels] = Group(labels)
        return group

    def _regroup(self) -> None:
        """Series by what is done with them when a step closes."""
        self._active = [series for known in self._by_labels.values() for series in known.values() if series.uses]
        self._alike, self._others = {}, []
        for series in self._active:
            self._sort_in(series)
        self._is_regrouped = True

    def _sort_in(self, series: Series) -> None:
        if {use.role for use in series.uses} == {Role.INCREASE}:
            sides = tuple([use.side for use in series.uses])
            self._alike.setdefault(sides, []).append(series)
        else:
            self._others.append(series)

    def _series_of(self, point: MetricPoint) -> Series:
        labels = plain_labels(point.labels)
        target = self._target(labels, point)
        series = Series(point.name, point.labels, point.time_ms, target)
        is_histogram = isinstance(point.value, Distribution)
        uses = []
        for route in () if self._comes_whole(point) else self._routes_of(point):
            if not route.accepts(labels):
                continue
            slot = self._slot(service_of(route.family, labels) or self.fallback, route)
            if slot is None:
                continue
            above = float("-inf") if route.selector.above is None else route.selector.above
            uses.append(Use(slot, route.role, route.is_over, self._group(route.group_of(labels)), above, route.selector))
        series.uses = tuple(uses)
        roles = {use.role for use in uses}
        series.has_gauge = Role.LEVEL in roles
        series.has_increase = bool(roles & {Role.INCREASE, Role.BUCKET})
        series.is_histogram = is_histogram
        series.bound = bound_of(labels)
        target.series += bool(uses)
        mark = _mark_of(point.name, point.labels)
        if target.first_ms <= point.time_ms - self.step_ms and mark not in self.gone:
            series.born_ms = point.time_ms - self.step_ms
        self.gone.pop(mark, None)
        return series

    def _target(self, labels: Mapping[str, str], point: MetricPoint) -> Target:
        key = (self.fallback, *target_of(labels))
        target = self._targets.get(key)
        if target is None:
            if len(self._targets) >= self.most_series:  # of most of them no series is of use
                self._targets = {key: each for key, each in self._targets.items() if each.series}
            target = self._targets[key] = Target(point.time_ms)
        return target

    def _slot(self, service: str, route: Wanted) -> Slot | None:
        key = service, route.signal.id, route.family.name
        slot = self.slots.get(key)
        if slot is None:
            if len(self.slots) >= MOST_SLOTS:
                self.counts.refused_services += 1
                return None
            slot = self.slots[key] = Slot(service, route.signal, route.family, self.step_ms)
            self._ranked.append(slot)
        return slot

    def _forget(self, edge_ms: int) -> list[Vanished]:
        """Series that came no more for five minutes."""
        latest_ms = edge_ms - LONGEST_GAP_MS
        gone = [series for series in self._active if series.seen_ms < latest_ms and not series.samples]
        if not gone:
            return []
        for series in gone:
            del self._by_labels[series.name][series.labels]
            self._by_id[series.name].pop(id(series.labels), None)
            self._drop(series)
            self._remember_gone(series)
            if series.is_histogram:  # its parts, if they still come, are looked at anew
                self._mark_buckets(series, plain_labels(series.labels), False)
        self._targets = {key: target for key, target in self._targets.items() if target.series}
        self._series -= len(gone)
        self.counts.vanished += len(gone)
        self._forget_unused([f"{name}{suffix}" for name in {each.name for each in gone if each.is_histogram} for suffix in PARTS])
        self._regroup()
        if len(self.slots) > MOST_SLOTS // 2:
            used = {use.slot for series in self._active for use in series.uses}
            self.slots = {key: slot for key, slot in self.slots.items() if slot in used}
            self._ranked = list(self.slots.values())
            self._chosen = {key: name for key, name in self._chosen.items() if (*key, name) in self.slots}
        return [Vanished(series.name, series.labels, series.seen_ms) for series in gone[:MOST_TOLD]]


def _mark_of(name: str, labels: Labels) -> int:
    """The same after a restart, which a hash is not."""
    return zlib.crc32(repr((name, labels)).encode("utf-8", "surrogatepass"))
