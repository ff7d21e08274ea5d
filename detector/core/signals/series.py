"""One series: its samples wait until the step they lie in is closed, and are then walked in the order of their time."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from detector.records import Distribution, Labels, MetricPoint

if TYPE_CHECKING:
    from detector.core.signals.routing import Use

LONGEST_GAP_MS = 300_000  # what was added over a longer hole happened nobody knows when; Prometheus looks back as far
CARRIED_MS = 60_000  # a gauge holds so long, as long as other series of its signal go on
_in_time = attrgetter("time_ms")


class Target:
    """Who sends series, and how many of them are known. `since_ms` is from when, `last_ms` until when it told what was added: a
    series of it that says nothing in between added nothing."""

    __slots__ = ("first_ms", "last_ms", "series", "since_ms")

    def __init__(self, first_ms: int) -> None:
        self.first_ms = self.since_ms = first_ms
        self.last_ms = -1
        self.series = 0

    def tells(self, point: MetricPoint, step_ms: int) -> None:
        """What was added, perhaps since longer ago than anything before. One that does not say since when is of a step."""
        time_ms, start_ms = point.time_ms, point.start_ms
        if start_ms is None or not 0 < time_ms - start_ms <= LONGEST_GAP_MS:
            start_ms = time_ms // step_ms * step_ms
        if start_ms < self.since_ms:
            self.since_ms = start_ms

    def watched_ms(self, begin_ms: int, end_ms: int) -> int:
        return max(0, min(end_ms, self.last_ms) - max(begin_ms, self.since_ms))


class Series:
    """`at_ms` is how far a counter is counted, `last` what it had there, and `floor` what it had in the sample before: only what
    is lower than that began anew, not a late sample below the line. `born_ms` is when it was 0, if that is known."""

    __slots__ = (
        "at_ms",
        "born_ms",
        "bound",
        "floor",
        "floor_distribution",
        "has_deltas",
        "has_gauge",
        "has_increase",
        "is_histogram",
        "is_on_line",
        "labels",
        "last",
        "last_distribution",
        "level",
        "level_ms",
        "name",
        "number",
        "ordered",
        "samples",
        "seen_ms",
        "target",
        "uses",
    )

    def __init__(self, name: str, labels: Labels, seen_ms: int, target: Target) -> None:
        self.name = name
        self.target = target
        self.number = 0  # in the journal; 0: not in it
        self.labels = labels
        self.seen_ms = seen_ms
        self.samples: list[MetricPoint] = []
        self.ordered = 0
        self.uses: tuple[Use, ...] = ()
        self.bound = math.nan
        self.has_deltas = self.has_gauge = self.has_increase = self.is_histogram = self.is_on_line = False
        self.born_ms: int | None = None
        self.at_ms: int | None = None
        self.last = 0.0
        self.floor = 0.0
        self.last_distribution: Distribution | None = None
        self.floor_distribution: Distribution | None = None
        self.level: float | None = None
        self.level_ms = 0

    def order(self, closed_ms: int, step_ms: int, lateness_ms: int) -> None:
        """Puts in order what came since the last time; only that can be out of it. Steps before `closed_ms` are closed."""
        samples = self.samples
        at = self.ordered
        before_ms = samples[at - 1].time_ms if at else -1
        for point in samples[at:] if at else samples:
            if point.time_ms <= before_ms or point.is_delta:
                self._tidy(closed_ms, step_ms, lateness_ms)
                break
            before_ms = point.time_ms
        self.ordered = len(samples)
        if self.has_deltas:
            self.target.last_ms = max(self.target.last_ms, samples[-1].time_ms)

    def _tidy(self, closed_ms: int, step_ms: int, lateness_ms: int) -> None:
        """What was added since a moment and comes twice was added once. Where that moment lies in a step that is closed, or would
        be when such a point comes as it is made, all of it counts from the first open step on: nothing is lost, and none counts
        twice."""
        samples = self.samples
        for at in range(self.ordered, len(samples)):
            point = samples[at]
            if point.is_delta:
                self.has_deltas = True
                self.target.tells(point, step_ms)
                open_ms = max(closed_ms, (point.time_ms - lateness_ms) // step_ms * step_ms)
                if point.start_ms is not None and point.start_ms < open_ms <= point.time_ms:
                    samples[at] = replace(point, start_ms=open_ms)
        first_ms = min(point.time_ms for point in samples[self.ordered :])
        samples.sort(key=_in_time)
        begin = bisect_left(samples, first_ms, key=_in_time)
        same_time: set[float | Distribution | None] = set()
        kept: list[MetricPoint] = []
        for point in samples[begin:]:
            if not kept or kept[-1].time_ms != point.time_ms:
                same_time.clear()
            if point.is_delta and point.start_ms is not None and point.start_ms < point.time_ms:
                if point.value in same_time:
                    continue
                same_time.add(point.value)
            kept.append(point)
        samples[begin:] = kept

    def first_ms(self) -> int:
        """Since when the first sample that waits says something."""
        point = self.samples[0]
        start_ms = point.start_ms
        return start_ms if start_ms is not None and 0 < point.time_ms - start_ms <= LONGEST_GAP_MS else point.time_ms

    def drop_before(self, end_ms: int) -> None:
        """What lies in a closed step is done with."""
        samples = self.samples
        at, last = 0, len(samples)
        while at < last and samples[at].time_ms < end_ms:
            at += 1
        if at:
            self.seen_ms = samples[at - 1].time_ms
            del samples[:at]
            self.ordered -= at

    def gauge(self, end_ms: int) -> tuple[float | None, int, int]:
        """The last level before then, how many samples there were, and how many of them were 0. None: unknown. How far something
        moved is no level."""
        count = zeros = 0
        known_ms = -1
        for point in self.samples:
            if point.time_ms >= end_ms:
                break
            value = point.value
            if value is None:
                self.level = None
            elif isinstance(value, Distribution) or point.is_delta:
                continue
            elif value - value == 0 and point.time_ms != known_ms:
                self.level = value
                self.level_ms = known_ms = point.time_ms
                count += 1
                zeros += value == 0
        if not count and self.level is not None and end_ms - self.level_ms > CARRIED_MS:
            self.level = None
        return self.level, count, zeros

    def begin(self, point: MetricPoint) -> int | None:
        """When the counter was 0, if it is known and not long ago."""
        begin_ms = point.start_ms if point.start_ms is not None else self.born_ms
        return begin_ms if begin_ms is not None and 0 < point.time_ms - begin_ms <= LONGEST_GAP_MS else None


@dataclass(slots=True)
class Taken:
    """Samples that were taken in, in order, each with its series; `fresh` are the series that are new, with their first point."""

    series: list[Series] = field(default_factory=list)
    points: list[MetricPoint] = field(default_factory=list)
    fresh: list[tuple[Series, MetricPoint]] = field(default_factory=list)
