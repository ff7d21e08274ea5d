"""The series that are remembered: who asks for them, when they are new, when they are forgotten, and when there are too many."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from detector.core.signals.cells import Side, Slot
from detector.core.signals.definition import SignalDefinition
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

MOST_SERIES = 100_000
MOST_OF_A_NAME = 30_000
MOST_NAMES = 50_000
MOST_SLOTS = 10_000
MOST_TOLD = 100
MOST_GONE = 20_000
IGNORED: dict[int, Series] = {}  # of a name that nobody asks for


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


class Register:
    """`most_series` bounds what is remembered; beyond it new series are refused, counted and named, and known ones go on."""

    def __init__(self, signals: Sequence[SignalDefinition], step_ms: int, most_series: int, most_of_a_name: int) -> None:
        self.signals = tuple(signals)
        self.step_ms = step_ms
        self.most_series = most_series
        self.most_of_a_name = most_of_a_name
        self.counts = FoldingCounts()
        self.slots: dict[tuple[str, str, str], Slot] = {}
        self.came: set[str] = set()  # names that some family asks for
        self.fallback = ""  # whose a series is that comes next and does not say so
        self.taken: Taken | None = None  # where to tell of what is taken, for whoever keeps a journal
        self.forgotten: list[int] = []  # numbers of series in the journal that came no more
        self.gone: dict[int, None] = {}  # series that came no more, the latest last: they do not begin at 0 when they come again
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
        self._targets: dict[tuple[str, ...], Target] = {}

    def find(self, name: str, labels: Labels) -> Series | None:
        """A series that is remembered."""
        return self._by_labels.get(name, {}).get(labels)

    @property
    def series(self) -> int:
        """How many are remembered."""
        return self._series

    def has_seen(self, name: str) -> bool:
        """Whether a metric of this name came, asked for or not."""
        return name in self._by_id

    def _name(self, point: MetricPoint) -> dict[int, Series]:
        """A name that comes for the first time."""
        if len(self._by_id) >= MOST_NAMES:
            for name in [name for name, known in self._by_id.items() if known is IGNORED]:
                del self._by_id[name]
            if len(self._by_id) >= MOST_NAMES:
                self._flood(point.name)
                return IGNORED
        if not self._routes.may_want(point.name):
            self._by_id[point.name] = IGNORED
            return IGNORED
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
        return [Vanished(series.name, series.labels, series.seen_ms) for series in gone[:MOST_TOLD]]


def _mark_of(name: str, labels: Labels) -> int:
    """The same after a restart, which a hash is not."""
    return zlib.crc32(repr((name, labels)).encode("utf-8", "surrogatepass"))
