"""From the peaks that were seen to the level that is crossed once in so long: generalised Pareto over a high quantile.

Fitted by probability-weighted moments (Hosking and Wallis 1987). The shape of a few dozen excesses is too uncertain to be taken
as it is, so it is drawn towards a mild heavy tail. That the scale is known from few peaks only makes what comes next heavier by
one over their number: an exponential whose mean was taken from m values exceeds x with (1 + x / (m mean))^-m. Peaks that follow
one another (a walk) count for the fewer independent ones they are worth, and so nearly nothing is an alarm on a walk.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
QUANTILE = 0.75
MIN_EXCESSES = 10  # fewer over the quantile: the peaks move in steps, and all over the lowest have to serve
SHAPE_PRIOR = 0.1
PRIOR_WEIGHT = 30  # excesses; the prior counts as much as so many of them
MAX_SHAPE = 0.7
LEAST_SCALE = 0.17  # of the start: peaks that move in steps all lie at one, and the next step is not seen yet


def level_of(peaks: FloatArray, exceeded: float) -> float:
    """`peaks` (b,): block maxima in time order, NaN where a block has none. The level a block's peak passes with probability
    `exceeded`. The common peak where all are equal, 0 where all are missing: the caller's least effect has to hold then."""
    known = peaks[np.isfinite(peaks)]
    if known.size == 0:
        return 0.0
    start = float(np.quantile(known, QUANTILE))
    if np.count_nonzero(known > start) < MIN_EXCESSES:
        start = float(known.min())
    excess = np.sort(known[known > start] - start)
    if excess.size == 0:
        return start
    share = excess.size / known.size
    if exceeded >= share:
        return float(np.quantile(known, 1 - exceeded))
    independent = max(1.0, _independent(known) * share)
    shape, scale = _fit(excess)
    shape, scale = shape + 1 / independent, max(scale, LEAST_SCALE * start)
    odds = share / exceeded
    growth = math.log(odds) if abs(shape) < 1e-6 else (odds**shape - 1) / shape
    return start + scale * growth


def _fit(excess: FloatArray) -> tuple[float, float]:
    """Shape (above 0: heavy) and scale."""
    mean = float(excess.mean())
    weights = 1 - (np.arange(1, excess.size + 1) - 0.35) / excess.size
    below = mean - 2 * float((excess * weights).mean())
    raw = 2 - mean / below if below > 0 else MAX_SHAPE
    trust = excess.size / (excess.size + PRIOR_WEIGHT)
    shape = min(MAX_SHAPE, max(0.0, trust * raw + (1 - trust) * SHAPE_PRIOR))
    return shape, mean * (1 - shape)


def _independent(peaks: FloatArray) -> float:
    """How many independent peaks they are worth, by the correlation of each with the next."""
    from_mean = peaks - peaks.mean()
    power = float(from_mean @ from_mean)
    follows = float(from_mean[1:] @ from_mean[:-1]) / power if power > 0 else 0.0
    follows = min(0.999, max(0.0, follows))
    return peaks.size * (1 - follows) / (1 + follows)
