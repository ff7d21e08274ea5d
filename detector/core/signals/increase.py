"""What a counter or a histogram gained within a step.

A counter is known at the edges of steps by a straight line between the samples around them, so that every step has its share of
an increase however scrapes fall; what a sample says was added since a moment is spread over that time in the same way. A value
that is lower than before began anew: all of it was added. The marker of a series that ended (None) does not stop a counter: a
scrape that failed leaves one, and the increase over it is real.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from detector.core.signals import buckets
from detector.core.signals.series import LONGEST_GAP_MS, Series
from detector.records import Distribution, MetricPoint

_INFINITE = math.inf
Parts = list[tuple[Distribution, float]]  # a distribution and how much of it counts


def increase(series: Series, begin_ms: int, end_ms: int, horizon_ms: int) -> tuple[float, int, int]:
    """What was added between `begin_ms` and `end_ms`, over how many ms, and by how many samples that is known. Samples are in
    order, and none lies before the step. Those from `horizon_ms` on count as not there: where points come as they are made, they
    come after the step was closed."""
    amount, covered_ms, count = 0.0, 0, 0
    at_ms, last, floor = series.at_ms, series.last, series.floor
    for point in series.samples:
        value, time_ms = point.value, point.time_ms
        if value is None or isinstance(value, Distribution) or value - value != 0 or point.is_delta:
            continue  # ended, a histogram, NaN or infinite, or said otherwise
        if time_ms >= horizon_ms:
            break
        if at_ms is None:
            at_ms, last, floor = series.begin(point), 0.0, 0.0
            if at_ms is None:
                if time_ms >= end_ms:
                    break
                at_ms, last, floor = time_ms, value, value
                count += 1
                continue
        gap_ms = time_ms - at_ms
        if gap_ms <= 0:  # repeated, or the end of a line, at the edge of a step
            if gap_ms == 0 and series.is_on_line and time_ms < end_ms:
                series.is_on_line = False
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
            at_ms, last, floor, series.is_on_line = time_ms, reached, value, False
            count += 1
            continue
        if gap_ms <= LONGEST_GAP_MS and at_ms < end_ms:
            part = (end_ms - at_ms) / gap_ms
            amount += added * part
            covered_ms += end_ms - at_ms
            last = reached - added * (1.0 - part)
            at_ms, series.is_on_line = end_ms, True
            if is_anew:
                floor = 0.0
        break
    series.at_ms, series.last, series.floor = at_ms, last, floor
    if series.has_deltas:
        covered_ms += series.target.watched_ms(begin_ms, end_ms)
        for point, part, is_counted in _deltas(series, begin_ms, end_ms):
            value = point.value
            if value is not None and not isinstance(value, Distribution) and value - value == 0:
                amount += value * part
                count += is_counted
    return amount, covered_ms, count


def increases(alike: Sequence[Series], begin_ms: int, end_ms: int, horizon_ms: int) -> tuple[float, float, int, int] | None:
    """The same of many that go into one: all that was added, how much of it a second, over how many ms at most, and the samples.
    None: nothing is known. What lies in the step is done with afterwards.

    Nearly always no sample is lower than the one before, and one lies behind the step: that case is walked here, with the same
    result."""
    amount = rate = 0.0
    longest_ms = count = 0
    for series in alike:
        samples, at_ms = series.samples, series.at_ms
        if samples and series.is_on_line and at_ms is not None and not series.has_deltas:
            inside, reached, reached_ms = 0, series.last, at_ms
            for point in samples:
                value, time_ms = point.value, point.time_ms
                if not (isinstance(value, float) and reached <= value < _INFINITE and time_ms - reached_ms <= LONGEST_GAP_MS):
                    break
                if time_ms <= reached_ms and (inside or time_ms < reached_ms or value != reached):
                    break
                if time_ms < end_ms:
                    reached, reached_ms = value, time_ms
                    inside += 1
                    continue
                if time_ms >= horizon_ms:
                    break
                more = value - reached
                part = (end_ms - reached_ms) / (time_ms - reached_ms)
                added = reached - series.last + more * part
                series.last, series.at_ms = value - more * (1.0 - part), end_ms
                if inside:
                    series.floor, series.seen_ms = reached, reached_ms
                    del samples[:inside]
                    series.ordered -= inside
                    count += inside
                amount += added
                rate += added * 1000 / (end_ms - at_ms)
                if end_ms - at_ms > longest_ms:
                    longest_ms = end_ms - at_ms
                reached_ms = -1
                break
            if reached_ms < 0:
                continue
        if samples or series.has_deltas:
            added, covered_ms, found = increase(series, begin_ms, end_ms, horizon_ms)
            if found or covered_ms:
                amount += added
                rate += added * 1000 / (covered_ms or end_ms - begin_ms)
                longest_ms = max(longest_ms, covered_ms)
                count += found
            series.drop_before(end_ms)
    return (amount, rate, longest_ms, count) if count or longest_ms else None


def histograms(series: Series, begin_ms: int, end_ms: int, horizon_ms: int) -> tuple[Parts, int, int]:
    """The same of a histogram: distributions that were added, and how much of each counts."""
    parts: Parts = []
    covered_ms, count = 0, 0
    for point in series.samples:
        value, time_ms = point.value, point.time_ms
        if not isinstance(value, Distribution) or point.is_delta:
            continue
        if time_ms >= horizon_ms:
            break
        if series.at_ms is None:
            series.at_ms = series.begin(point)
            if series.at_ms is None:
                if time_ms >= end_ms:
                    break
                series.at_ms, series.last_distribution, series.floor_distribution = time_ms, value, value
                count += 1
                continue
        gap_ms = time_ms - series.at_ms
        if gap_ms <= 0:
            if gap_ms == 0 and series.is_on_line and time_ms < end_ms:
                series.is_on_line = False
                series.last_distribution = series.floor_distribution = value
                count += 1
            continue
        is_anew, added = buckets.increase(series.last_distribution, value, series.floor_distribution)
        if time_ms < end_ms:
            if gap_ms <= LONGEST_GAP_MS:
                parts.append((added, 1.0))
                covered_ms += gap_ms
            series.at_ms, series.last_distribution, series.floor_distribution = time_ms, value, value
            series.is_on_line = False
            count += 1
            continue
        if gap_ms <= LONGEST_GAP_MS and series.at_ms < end_ms:
            part = (end_ms - series.at_ms) / gap_ms
            parts.append((added, part))
            covered_ms += end_ms - series.at_ms
            series.last_distribution = buckets.without(value, added, 1.0 - part)
            if is_anew:
                series.floor_distribution = None
            series.at_ms, series.is_on_line = end_ms, True
        break
    if series.has_deltas:
        covered_ms += series.target.watched_ms(begin_ms, end_ms)
        for point, part, is_counted in _deltas(series, begin_ms, end_ms):
            if isinstance(point.value, Distribution):
                parts.append((point.value, part))
                count += is_counted
    return parts, covered_ms, count


def _deltas(series: Series, begin_ms: int, end_ms: int) -> Iterator[tuple[MetricPoint, float, bool]]:
    """Samples that say what was added since a moment: how much of each lies in the step, and whether it counts as one of this
    step. One that does not say since when lies where its time is."""
    for point in series.samples:
        if not point.is_delta:
            continue
        time_ms, start_ms = point.time_ms, point.start_ms
        if start_ms is None or start_ms >= time_ms:
            if time_ms < end_ms:
                yield point, 1.0, True
        elif time_ms - start_ms <= LONGEST_GAP_MS:
            part_ms = min(time_ms, end_ms) - max(start_ms, begin_ms)
            if part_ms > 0:
                yield point, part_ms / (time_ms - start_ms), time_ms <= end_ms
