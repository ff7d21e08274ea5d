"""What one family says of one signal of one service in one step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detector.core.signals import buckets
from detector.core.signals.definition import Family, Fold, Make, SignalDefinition
from detector.core.signals.increase import Parts

if TYPE_CHECKING:
    from detector.core.signals.routing import Group

Edges = dict[float, float]  # upper bound -> how many at or below it


@dataclass(frozen=True, slots=True)
class FamilyCell:
    """`value` is in the signal's own unit, NaN where nothing happened of which it could be made. `evidence` is the requests
    behind a share or a quantile, the samples behind anything else; `exposure_s` how much of the step was watched. `merged` are
    the buckets of a quantile, in the histogram's unit: `pooled` makes one of many cells."""

    service: str
    signal: str
    family: str
    start_ms: int
    value: float
    evidence: float
    exposure_s: float
    merged: buckets.Buckets | None = None


def pooled(cells: list[FamilyCell], family: Family) -> float:
    """The quantile over all of them: merged, not averaged. NaN if there was nothing."""
    return family.scale * buckets.quantile(buckets.merge(cell.merged for cell in cells if cell.merged), family.quantile)


@dataclass(slots=True, eq=False)
class Side:
    """One side of a share or a ratio. `levels` by what the two sides have in common."""

    amount: float = 0.0
    rate: float = 0.0
    covered_ms: int = 0
    count: int = 0
    zeros: int = 0
    levels: dict[Group, float] = field(default_factory=dict)

    def add_increase(self, amount: float, rate: float, covered_ms: int, count: int) -> None:
        """`rate` is the amount a second, summed over series: each may cover another part of the step."""
        self.amount += amount
        self.rate += rate
        if covered_ms > self.covered_ms:
            self.covered_ms = covered_ms
        self.count += count

    def add_level(self, group: Group, level: float, count: int, zeros: int) -> None:
        known = self.levels.get(group)
        if known is None:
            self.levels[group] = level
        else:
            self.levels[group] = known + level
        self.count += count
        self.zeros += zeros

    def clear(self) -> None:
        self.amount = self.rate = 0.0
        self.covered_ms = self.count = self.zeros = 0
        self.levels.clear()


class Slot:
    """Gathers one step, gives its cell, and begins anew. `seen_ms` is when a cell last came of it."""

    __slots__ = ("edges", "family", "merged", "of", "over", "rank", "seen_ms", "service", "signal", "step_ms", "unmerged")

    def __init__(self, service: str, signal: SignalDefinition, family: Family, step_ms: int) -> None:
        self.service = service
        self.signal = signal
        self.family = family
        self.step_ms = step_ms
        self.rank = signal.families.index(family)
        self.of, self.over = Side(), Side()
        self.merged: buckets.Buckets = {}
        self.edges: dict[Group, Edges] = {}
        self.unmerged = 0
        self.seen_ms = -1

    def add_histogram(self, parts: Parts) -> None:
        for distribution, part in parts:
            self.unmerged += not buckets.add(self.merged, distribution.bounds, distribution.counts, part)

    def add_edge(self, group: Group, bound: float, amount: float) -> None:
        edges = self.edges.get(group)
        if edges is None:
            edges = self.edges[group] = {}
        edges[bound] = edges.get(bound, 0.0) + amount

    def close(self, start_ms: int) -> FamilyCell | None:
        made = self._made()
        self.of.clear()
        self.over.clear()
        self.merged, self.edges = {}, {}
        if made is None:
            return None
        self.seen_ms = start_ms
        value, evidence, exposure_s, merged = made
        value *= self.family.scale
        return FamilyCell(self.service, self.signal.id, self.family.name, start_ms, value, evidence, exposure_s, merged)

    def _made(self) -> tuple[float, float, float, buckets.Buckets | None] | None:
        of, over = self.of, self.over
        make = self.family.make
        if make is Make.SHARE:
            if not over.amount and not over.covered_ms:
                return None
            share = min(1.0, of.amount / over.amount) if over.amount > 0 else math.nan
            return share, over.amount, over.covered_ms / 1000, None
        if make is Make.QUANTILE:
            return self._quantile()
        if make is Make.RATE:
            if not of.covered_ms and not of.amount:
                return None
            return of.rate, of.count, (of.covered_ms or self.step_ms) / 1000, None
        if not of.count:
            return None
        watched_s = self.step_ms / 1000
        if make is Make.ZEROS:
            return of.zeros / of.count, of.count, watched_s, None
        if make is Make.RATIO:
            both = of.levels.keys() & over.levels.keys()
            whole = math.fsum(over.levels[group] for group in both)
            return (math.fsum(of.levels[group] for group in both) / whole, of.count, watched_s, None) if whole > 0 else None
        if make is Make.DRAIN:
            left = math.fsum(of.levels.values())
            if not over.covered_ms:
                return None
            return 0.0 if left == 0 else left / over.rate if over.rate > 0 else math.nan, of.count, watched_s, None
        return self._folded(), of.count, watched_s, None

    def _folded(self) -> float:
        levels = self.of.levels.values()
        if self.family.fold is Fold.MAX:
            return max(levels)
        return math.fsum(levels) / (len(levels) if self.family.fold is Fold.MEAN else 1)

    def _quantile(self) -> tuple[float, float, float, buckets.Buckets] | None:
        merged = self.merged
        for group, edges in self.edges.items():
            bounds = sorted(edges)
            if group.is_whole or bounds[-1] != math.inf:  # counted already, or the rest of it did not come
                continue
            below, counts = 0.0, []
            for bound in bounds:
                counts.append(max(0.0, edges[bound] - below))
                below = max(below, edges[bound])
            self.unmerged += not buckets.add(merged, bounds[:-1], counts)
        if not self.of.covered_ms and not merged:
            return None
        total = math.fsum(merged.values())
        return buckets.quantile(merged, self.family.quantile), total, self.of.covered_ms / 1000, merged
