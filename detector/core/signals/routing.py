"""Which series goes into which signals: looked up once for each series that is new."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from detector.core.signals.cells import Side, Slot
from detector.core.signals.definition import DERIVED, FROM_LOGS, Family, Make, SignalDefinition
from detector.core.signals.selectors import BOUND, Selector, all_names_of, label_name, names_of
from detector.records import Labels, MetricKind

# The labels of which the first that a series has says whose it is, where the family names none.
SERVICE_LABELS = (
    "service",
    "service_name",
    "application",
    "app",
    "exported_job",
    "job",
    "container",
    "kubernetes_container_name",
)
_OF_A_GAUGE = frozenset({Make.RATIO, Make.GAUGE, Make.ZEROS})
# What tells one target from another; a series of a target that was there before began at 0.
_TARGET_LABELS = ("instance", "pod", "container", "service_instance_id", "k8s_pod_name", "host_name", "job", "service_name")


class Group:
    """What several series have in common: the buckets of one histogram, or the two sides of a ratio. Two groups are the same only
    if they are one object. `is_whole`: the same histogram comes whole as well, and its buckets do not count."""

    __slots__ = ("__weakref__", "is_whole", "labels")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.is_whole = False


class Role(Enum):
    """What a series gives to its side."""

    INCREASE = "increase"
    LEVEL = "level"
    BUCKET = "bucket"  # one bucket of a histogram that comes as series with `le`
    HISTOGRAM = "histogram"
    COUNT = "count"  # how many values a histogram holds
    SUM = "sum"  # what they add up to
    EDGE = "edge"  # how many of them are at or below the bounds that are asked for


PARTS = {"_count": Role.COUNT, "_sum": Role.SUM, "_bucket": Role.EDGE}  # of a histogram that comes whole


@dataclass(frozen=True, slots=True)
class Use:
    slot: Slot
    role: Role
    is_over: bool
    group: Group
    above: float
    selector: Selector

    @property
    def side(self) -> Side:
        return self.slot.over if self.is_over else self.slot.of


@dataclass(frozen=True, slots=True)
class Wanted:
    """A selector of a family, and what its series are there for."""

    signal: SignalDefinition
    family: Family
    selector: Selector
    role: Role
    is_over: bool

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Of a histogram that comes whole the bound is looked for among its own."""
        if self.role is Role.EDGE:
            return all(match.label == BOUND or match.accepts(labels.get(match.label, "")) for match in self.selector.matches)
        return self.selector.accepts(labels)

    def group_of(self, labels: Mapping[str, str]) -> Labels:
        """What this series has in common with the one on the other side, or with the other buckets of its histogram."""
        if self.role not in (Role.BUCKET, Role.LEVEL):
            return ()
        if self.role is Role.BUCKET:
            return bucket_group(self.selector, labels)
        if self.family.make is not Make.RATIO:
            return tuple(labels.items())
        if self.family.on:
            return tuple((name, labels.get(name, "")) for name in self.family.on)
        asked = self.family.of.asked if self.family.of else frozenset()
        other = self.family.over.asked if self.family.over else frozenset()
        return tuple((name, value) for name, value in labels.items() if name not in asked ^ other)


class Routes:
    """By the names that a selector asks for. `named` are the names of series that came, for each family's reasons."""

    def __init__(self, signals: Iterable[SignalDefinition]) -> None:
        self.by_name: dict[str, list[Wanted]] = defaultdict(list)
        for signal in signals:
            for family in signal.families:
                if family.make not in DERIVED and family.make not in FROM_LOGS:
                    self._add(signal, family)

    def _add(self, signal: SignalDefinition, family: Family) -> None:
        for selector, is_over in ((family.of, False), (family.over, True)):
            if selector is None:
                continue
            is_level = family.make in _OF_A_GAUGE or (family.make is Make.DRAIN and not is_over)
            if family.make is Make.QUANTILE:
                self.by_name[selector.name].append(Wanted(signal, family, selector, Role.HISTOGRAM, is_over))
                self.by_name[f"{selector.name}_bucket"].append(Wanted(signal, family, selector, Role.BUCKET, is_over))
                continue
            role = Role.LEVEL if is_level else Role.INCREASE
            self.by_name[selector.name].append(Wanted(signal, family, selector, role, is_over))

    def may_want(self, name: str) -> bool:
        """Whether a series of this name, whatever its kind and unit, may be wanted for anything."""
        suffixes = ("", *PARTS)
        return any(f"{known}{suffix}" in self.by_name for known in all_names_of(name) for suffix in suffixes)

    def for_series(self, name: str, unit: str, kind: MetricKind, is_histogram: bool) -> tuple[Wanted, ...]:
        """All that such a series may be wanted for, by its name. A histogram that comes whole stands for the series in which it
        could have come as well."""
        wanted: list[Wanted] = []
        for known in names_of(name, unit, kind is MetricKind.COUNTER):
            wanted += [route for route in self.by_name.get(known, ()) if is_histogram == (route.role is Role.HISTOGRAM)]
            if is_histogram:
                for suffix, role in PARTS.items():
                    counting = [route for route in self.by_name.get(f"{known}{suffix}", ()) if route.role is Role.INCREASE]
                    wanted += [replace(route, role=role) for route in counting]
        return tuple(dict.fromkeys(wanted))


def plain_labels(labels: Labels) -> dict[str, str]:
    """With the names that Prometheus would give them."""
    return {label_name(name): value for name, value in labels}


def bucket_group(selector: Selector, labels: Mapping[str, str]) -> Labels:
    """What the buckets of one histogram have in common."""
    return (("__name__", selector.name), *((name, value) for name, value in labels.items() if name != BOUND))


def service_of(family: Family, labels: Mapping[str, str]) -> str:
    """Empty if nothing says whose it is."""
    return next((labels[name] for name in family.service or SERVICE_LABELS if labels.get(name)), "")


def target_of(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in _TARGET_LABELS)


def bound_of(labels: Mapping[str, str]) -> float:
    """NaN if it is no bucket."""
    try:
        return float(labels.get(BOUND, "nan"))
    except ValueError:
        return math.nan
