"""Histograms of OpenTelemetry made distributions: explicit bounds as they are, exponential buckets by their exact bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, HistogramDataPoint

from detector.records import Distribution

MOST_BUCKETS = 320  # a side; SDKs keep 160
_FINEST, _COARSEST = 20, -11  # beyond: bounds that no float tells apart; bounds that no float can hold
Buckets = ExponentialHistogramDataPoint.Buckets


def distribution(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> Distribution:
    """Raises ValueError when a point says of itself what cannot be."""
    return explicit(point) if isinstance(point, HistogramDataPoint) else exponential(point)


def explicit(point: HistogramDataPoint) -> Distribution:
    """Raises ValueError when counts and bounds do not belong together."""
    bounds, counts = tuple(point.explicit_bounds), tuple(map(float, point.bucket_counts))
    if not counts and not bounds:
        counts = (float(point.count),)
    if len(counts) != len(bounds) + 1:
        raise ValueError(f"a histogram of {len(counts)} counts and {len(bounds)} bounds")
    if not all(lower < upper for lower, upper in pairwise(bounds)) or any(map(math.isnan, bounds)):
        raise ValueError("a histogram whose bounds do not rise")
    if bounds and math.isinf(bounds[-1]):  # Prometheus' last bucket, said aloud
        bounds, counts = bounds[:-1], (*counts[:-2], counts[-2] + counts[-1])
    return Distribution(bounds, counts, point.sum if point.HasField("sum") else None)


def exponential(point: ExponentialHistogramDataPoint) -> Distribution:
    """Bucket i of scale s holds values in (b^i, b^(i + 1)], b = 2^(2^-s). More than MOST_BUCKETS on a side are merged two by two,
    which is exact: it makes a histogram of the next coarser scale. Below zero a bucket has its upper bound where its mirror image
    has the lower one."""
    offset, positive, scale = _trimmed(point.positive, point.scale)
    mirrored, negative, below = _trimmed(point.negative, point.scale)
    upper = [(-bound(mirrored + len(negative), below), 0.0)] if negative else []  # of each bucket its upper bound and count
    upper += [(-bound(mirrored + index, below), count) for index, count in reversed(list(enumerate(negative)))]
    zero = point.zero_threshold if point.zero_threshold > 0 else 0.0
    if point.zero_count or zero:
        upper += [(-zero, 0.0), (zero, float(point.zero_count))]
    if positive:
        upper.append((bound(offset, scale), 0.0))
    upper += [(bound(offset + index + 1, scale), count) for index, count in enumerate(positive)]
    bounds, counts = rising(upper)
    return Distribution(bounds, counts, point.sum if point.HasField("sum") else None)


def bound(index: int, scale: int) -> float:
    """2^(index * 2^-scale), as exact as a float can be: the same number for the same bound at every scale."""
    if scale <= 0:
        exponent, rest = index << -scale, 0.0
    else:
        exponent, rest = index >> scale, (index & ((1 << scale) - 1)) / (1 << scale)
    if exponent > 1100:
        return math.inf
    return 0.0 if exponent < -1100 else _power(2.0**rest, exponent)


def _power(fraction: float, exponent: int) -> float:
    try:
        return math.ldexp(fraction, exponent)
    except OverflowError:
        return math.inf


def _trimmed(buckets: Buckets, scale: int) -> tuple[int, list[float], int]:
    """The first bucket's index, the counts without empty ones at the ends, and the scale at which they are few enough."""
    counts: Sequence[float] = buckets.bucket_counts
    filled = [index for index, count in enumerate(counts) if count]
    if not filled:
        return 0, [], 0
    first = buckets.offset + filled[0]
    counts = counts[filled[0] : filled[-1] + 1]
    shift, last = max(0, scale - _FINEST), first + len(counts) - 1
    while (last >> shift) - (first >> shift) >= MOST_BUCKETS:
        shift += 1
    begin = first >> shift
    merged = [0.0] * ((last >> shift) - begin + 1)
    for index, count in enumerate(counts):
        merged[(first + index >> shift) - begin] += count
    return begin, merged, max(_COARSEST, scale - shift)


def rising(upper: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Bounds that rise, and are finite: buckets that no float tells apart are one. What lies above all bounds comes last."""
    bounds: list[float] = []
    counts: list[float] = []
    above = below = 0.0
    for end, count in upper:
        if end == math.inf:
            above += count
        elif end == -math.inf:
            below += count
        elif bounds and end <= bounds[-1]:
            counts[-1] += count
        else:
            bounds.append(end + 0.0)  # no -0.0
            counts.append(count + below)
            below = 0.0
    return tuple(bounds), (*counts, above + below)
