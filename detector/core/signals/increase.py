"""One series: its samples wait until the step they lie in is closed, and are then walked in the order of their time.

A counter is known at the edges of steps by a straight line between the samples around them, so that every step has its share of
an increase however scrapes fall. A value that is lower than before began anew: all of it was added. The marker of a series that
ended (None) does not stop a counter: a scrape that failed leaves one, and the increase over it is real.
"""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING

from detector.core.signals import buckets
from detector.records import Distribution, Labels, MetricPoint

LONGEST_GAP_MS = 300_000  # what was added over a longer hole happened nobody knows when; Prometheus looks back as far
CARRIED_MS = 60_000  # a gauge holds so long, as long as other series of its signal go on
_in_time = attrgetter("time_ms")

if TYPE_CHECKING:
    from detector.core.signals.routing import Use

Parts = list[tuple[Distribution, float]]  # a distribution and how much of it counts


class Series:
    """`at_ms` is how far it is counted, `last` what it had there, and `floor` what it had in the sample before: only what is
    lower than that began anew, not a late sample below the line. `born_ms` is when it was 0, if that is known."""

    __slots__ = (
        "at_ms",
        "born_ms",
        "bound",
        "floor",
        "floor_distribution",
        "group",
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
        "ordered",
        "samples",
        "seen_ms",
        "uses",
    )

    def __init__(self, name: str, labels: Labels, seen_ms: int) -> None:
        self.name = name
        self.labels = labels
        self.seen_ms = seen_ms
        self.samples: list[MetricPoint] = []
        self.ordered = 0
        self.uses: tuple[Use, ...] = ()
        self.group: Labels = ()
        self.bound = math.nan
        self.has_gauge = self.has_increase = self.is_histogram = self.is_on_line = False
        self.born_ms: int | None = None
        self.at_ms: int | None = None
        self.last = 0.0
        self.floor = 0.0
        self.last_distribution: Distribution | None = None
        self.floor_distribution: Distribution | None = None
        self.level: float | None = None
        self.level_ms = 0

    def order(self) -> None:
        """Only what came since the last time can be out of order."""
        samples = self.samples
        for at in range(max(1, self.ordered), len(samples)):
            if samples[at].time_ms < samples[at - 1].time_ms:
                samples.sort(key=_in_time)
                break
        self.ordered = len(samples)

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

    def increase(self, end_ms: int) -> tuple[float, int, int]:
        """What was added until then, over how many ms, and by how many samples that is known. Samples are in order."""
        amount, covered_ms, count = 0.0, 0, 0
        at_ms, last, floor = self.at_ms, self.last, self.floor
        for point in self.samples:
            value, time_ms = point.value, point.time_ms
            if value is None or isinstance(value, Distribution) or value - value != 0:  # ended, NaN, infinite, a histogram
                continue
            if point.is_delta:
                if time_ms < end_ms:
                    amount += value
                    covered_ms += time_ms - point.start_ms if point.start_ms is not None and point.start_ms < time_ms else 0
                    count += 1
                    continue
                break
            if at_ms is None:
                at_ms, last, floor = self._begin(point), 0.0, 0.0
                if at_ms is None:
                    if time_ms >= end_ms:
                        break
                    at_ms, last, floor = time_ms, value, value
                    count += 1
                    continue
            gap_ms = time_ms - at_ms
            if gap_ms <= 0:  # repeated, or the end of a line, at the edge of a step
                if gap_ms == 0 and self.is_on_line and time_ms < end_ms:
                    self.is_on_line = False
                    floor = min(value, last)
                    count += 1
                continue
            is_anew = value < floor
            reached = value if is_anew or value > last else last
            added = reached if is_anew else reached - last
            if time_ms < end_ms:
                if gap_ms <= LONGEST_GAP_MS:
                    amount += added
                    covered_ms += gap_ms
                at_ms, last, floor, self.is_on_line = time_ms, reached, value, False
                count += 1
                continue
            if gap_ms <= LONGEST_GAP_MS and at_ms < end_ms:
                part = (end_ms - at_ms) / gap_ms
                amount += added * part
                covered_ms += end_ms - at_ms
                last = reached - added * (1.0 - part)
                at_ms, self.is_on_line = end_ms, True
                if is_anew:
                    floor = 0.0
            break
        self.at_ms, self.last, self.floor = at_ms, last, floor
        return amount, covered_ms, count

    def histograms(self, end_ms: int) -> tuple[Parts, int, int]:
        """The same of a histogram: distributions that were added, and how much of each counts."""
        parts: Parts = []
        covered_ms, count = 0, 0
        for point in self.samples:
            value, time_ms = point.value, point.time_ms
            if not isinstance(value, Distribution):
                continue
            if point.is_delta:
                if time_ms >= end_ms:
                    break
                parts.append((value, 1.0))
                covered_ms += time_ms - point.start_ms if point.start_ms is not None and point.start_ms < time_ms else 0
                count += 1
                continue
            if self.at_ms is None:
                self.at_ms = self._begin(point)
                if self.at_ms is None:
                    if time_ms >= end_ms:
                        break
                    self.at_ms, self.last_distribution, self.floor_distribution = time_ms, value, value
                    count += 1
                    continue
            gap_ms = time_ms - self.at_ms
            if gap_ms <= 0:
                if gap_ms == 0 and self.is_on_line and time_ms < end_ms:
                    self.is_on_line = False
                    self.last_distribution = self.floor_distribution = value
                    count += 1
                continue
            is_anew, added = buckets.increase(self.last_distribution, value, self.floor_distribution)
            if time_ms < end_ms:
                if gap_ms <= LONGEST_GAP_MS:
                    parts.append((added, 1.0))
                    covered_ms += gap_ms
                self.at_ms, self.last_distribution, self.floor_distribution = time_ms, value, value
                self.is_on_line = False
                count += 1
                continue
            if gap_ms <= LONGEST_GAP_MS and self.at_ms < end_ms:
                part = (end_ms - self.at_ms) / gap_ms
                parts.append((added, part))
                covered_ms += end_ms - self.at_ms
                self.last_distribution = buckets.without(value, added, 1.0 - part)
                if is_anew:
                    self.floor_distribution = None
                self.at_ms, self.is_on_line = end_ms, True
            break
        return parts, covered_ms, count

    def gauge(self, end_ms: int) -> tuple[float | None, int, int]:
        """The last level before then, how many samples there were, and how many of them were 0. None: unknown."""
        count = zeros = 0
        known_ms = -1
        for point in self.samples:
            if point.time_ms >= end_ms:
                break
            value = point.value
            if value is None:
                self.level = None
            elif not isinstance(value, Distribution) and value - value == 0 and point.time_ms != known_ms:
                self.level = value
                self.level_ms = known_ms = point.time_ms
                count += 1
                zeros += value == 0
        if not count and self.level is not None and end_ms - self.level_ms > CARRIED_MS:
            self.level = None
        return self.level, count, zeros

    def _begin(self, point: MetricPoint) -> int | None:
        """When the counter was 0, if it is known and not long ago."""
        begin_ms = point.start_ms if point.start_ms is not None else self.born_ms
        return begin_ms if begin_ms is not None and 0 < point.time_ms - begin_ms <= LONGEST_GAP_MS else None
