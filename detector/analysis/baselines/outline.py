"""A long series drawn with few points."""

from __future__ import annotations

import numpy as np

from detector.analysis.baselines.table import Floats


@np.errstate(all="ignore")
def outline(times_s: Floats, values: Floats, points: int) -> tuple[float | None, ...]:
    """Means of at most `points` equal spans of time; None where a span has no sample. Shape of the inputs (n,), times rise."""
    if not times_s.size:
        return ()
    count = min(points, times_s.size)
    length = float(times_s[-1] - times_s[0]) or 1.0
    span = np.minimum(((times_s - times_s[0]) / length * count).astype(np.int64), count - 1)
    known = np.isfinite(values)
    samples = np.bincount(span[known], minlength=count)
    sums = np.bincount(span[known], weights=values[known], minlength=count)
    return tuple(float(total / n) if n and np.isfinite(total) else None for total, n in zip(sums, samples, strict=True))


@np.errstate(all="ignore")
def usual_range(values: Floats) -> tuple[float, float] | None:
    """Between which levels nine of ten samples lie; None without samples."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    low, high = np.percentile(known, (5, 95))
    return (float(low), float(high)) if np.isfinite(low) and np.isfinite(high) else None
