"""Histograms merged, whatever their bounds, and quantiles of what was merged. Quantiles are never averaged.

Each bucket is taken as spread evenly between its bounds, as Prometheus does it; the distribution of several histograms is the sum
of theirs. With the same bounds everywhere the answer is that of `histogram_quantile`
(https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from detector.records import Distribution

Buckets = dict[tuple[float, float], float]  # (lower, upper] -> how many; lower is -inf for the first, upper inf for the last
MOST_BUCKETS = 4096


def increase(old: Distribution | None, new: Distribution, floor: Distribution | None) -> tuple[bool, Distribution]:
    """What was added from `old` (None: nothing) to `new`, and whether it began anew: all of it was added then. It did if it
    counts less than `floor`, the sample before; `old` may lie between the two. Buckets of `old` that lie within those of
    `new` are put together first, as an exponential histogram does when it lowers its scale."""
    if old is None:
        return floor is None, new
    if floor is not None and sum(new.counts) < sum(floor.counts):
        return True, new
    counts = old.counts if old.bounds == new.bounds else _rebinned(old, new.bounds)
    differences = [now - before for now, before in zip(new.counts, counts, strict=True)]
    if old is floor and min(differences) < 0:
        return True, new
    total = None if new.total is None or old.total is None else new.total - old.total
    return False, Distribution(new.bounds, tuple([max(0.0, difference) for difference in differences]), total)


def without(value: Distribution, added: Distribution, part: float) -> Distribution:
    """`value` less a part of what was added up to it; both have the same bounds."""
    counts = tuple([now - more * part for now, more in zip(value.counts, added.counts, strict=True)])
    total = None if value.total is None or added.total is None else value.total - added.total * part
    return Distribution(value.bounds, counts, total)


def sum_of(parts: Iterable[tuple[Distribution, float]]) -> float:
    """The sum of all values; of a histogram that keeps none, or one that is no number, nothing."""
    return sum([value.total * part for value, part in parts if value.total is not None and value.total - value.total == 0])


def below(parts: Iterable[tuple[Distribution, float]], accepts: Callable[[float], bool]) -> float:
    """How many values the buckets count whose bound is accepted: each counts all values up to its bound."""
    found = 0.0
    for value, part in parts:
        for bound, reached in zip((*value.bounds, math.inf), accumulate(value.counts), strict=True):
            if accepts(bound):
                found += reached * part
    return found


def add(merged: Buckets, bounds: Sequence[float], counts: Sequence[float], part: float = 1.0) -> bool:
    """Adds `part` of the counts. False when there are too many different buckets; what is known already is then still added."""
    lower, fits = -math.inf, True
    for upper, count in zip((*bounds, math.inf), counts, strict=False):
        if count > 0:
            key = (lower, upper)
            if key in merged or len(merged) < MOST_BUCKETS:
                merged[key] = merged.get(key, 0.0) + count * part
            else:
                fits = False
        lower = upper
    return fits


def merge(parts: Iterable[Buckets]) -> Buckets:
    merged: Buckets = {}
    for part in parts:
        for key, count in part.items():
            merged[key] = merged.get(key, 0.0) + count
    return merged


def quantile(merged: Buckets, share: float) -> float:
    """NaN of nothing. In the bucket without an upper bound nothing is known: the answer is its lower one."""
    total = math.fsum(merged.values())
    if not total > 0:
        return math.nan
    wanted = share * total
    open_above = math.fsum(count for (_, upper), count in merged.items() if upper == math.inf)
    finite = [(_floor(lower, upper), upper, count) for (lower, upper), count in merged.items() if upper != math.inf]
    edges = sorted({edge for lower, upper, _ in finite for edge in (lower, upper)})
    if not finite or wanted > total - open_above:
        above = [lower for lower, upper in merged if upper == math.inf]
        return max([lower for lower in above if lower > -math.inf] + edges, default=math.nan)
    slopes, steps = [0.0] * (len(edges) + 1), [0.0] * len(edges)
    for lower, upper, count in finite:
        first, last = bisect_left(edges, lower), bisect_left(edges, upper)
        if first == last:
            steps[last] += count  # a bucket without width
            continue
        slopes[first] += count / (upper - lower)
        slopes[last] -= count / (upper - lower)
    reached, slope = steps[0], slopes[0]
    for at in range(1, len(edges)):
        if reached >= wanted:
            return edges[at - 1]
        gained = max(0.0, slope) * (edges[at] - edges[at - 1])
        if reached + gained >= wanted and gained > 0:
            return edges[at - 1] + (edges[at] - edges[at - 1]) * (wanted - reached) / gained
        reached += gained + steps[at]
        slope += slopes[at]
    return edges[-1]


def _floor(lower: float, upper: float) -> float:
    """The first bucket begins at 0 if its bound is above it, else it is its bound."""
    if lower > -math.inf:
        return lower
    return 0.0 if upper > 0 else upper


def _rebinned(old: Distribution, bounds: tuple[float, ...]) -> list[float]:
    counts = [0.0] * (len(bounds) + 1)
    for upper, count in zip((*old.bounds, math.inf), old.counts, strict=True):
        counts[bisect_left(bounds, upper) if upper != math.inf else len(bounds)] += count
    return counts
