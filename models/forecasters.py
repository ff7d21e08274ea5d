"""What a window would have been, had nothing changed: every way of guessing that a judge tries.

Each guess is an average of the past (all of it, or exponentially weighted with a half-life of 1, 4 or 16 windows) of what is left
when a companion is taken off: nothing, the same window a day or a week ago, a control, or the load times its slope. The
companion's value in the target window is then put back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from models.series import Floats

DECAYS = (1.0, 0.5, 0.5**0.25, 0.5**0.0625)
NAMES = ("its mean", "its last windows", "its last hour or so", "its last hours")
_LEAST_FOR_SLOPE = 8
_ONE = np.ones(1)


@dataclass(frozen=True, slots=True)
class Companion:
    """`past` of shape (statistics or 1, windows). With a fitted slope it is a driver, else it is taken off as it is.
    Its squared errors count times `handicap` where forecasters are compared."""

    name: str
    past: Floats
    is_fitted: bool = False
    handicap: float = 1.0


def averages(x: Floats) -> Floats:
    """Weighted means of all up to each window, shape (decays, rows, windows); NaN counts for nothing."""
    known = np.isfinite(x)
    both = np.concatenate([np.where(known, x, 0.0), known])
    out = np.empty((len(DECAYS), *x.shape))
    for i, decay in enumerate(DECAYS):
        sums = np.cumsum(both, axis=-1) if decay == 1.0 else lfilter(_ONE, np.array([1.0, -decay]), both)
        with np.errstate(invalid="ignore", divide="ignore"):
            np.divide(sums[: len(x)], sums[len(x) :], out=out[i])
    return out


def span_means(x: Floats, span: int) -> Floats:
    """Means of `span` windows from each one on, shape (rows, windows - span + 1); NaN where less than half is known."""
    if span == 1:
        return x
    known = np.isfinite(x)
    zero = np.zeros((len(x), 1))
    sums = np.concatenate([zero, np.cumsum(np.where(known, x, 0.0), axis=1)], axis=1)
    counts = np.concatenate([zero, np.cumsum(known, axis=1)], axis=1)
    total, count = sums[:, span:] - sums[:, :-span], counts[:, span:] - counts[:, :-span]
    return np.where(count * 2 >= span, total / np.maximum(count, 1.0), np.nan)


def slopes(y: Floats, x: Floats) -> Floats:
    """Least-squares slope of y on x over all up to each window, shape of y; NaN while there are too few."""
    known = np.isfinite(y) & np.isfinite(x)
    origin = np.nanmean(x) if known.any() else 0.0
    xs, ys = np.where(known, x - origin, 0.0), np.where(known, y - np.nanmean(y) if known.any() else 0.0, 0.0)
    n = np.maximum(np.cumsum(known, axis=-1), 1)
    mean_x, mean_y = np.cumsum(xs, axis=-1) / n, np.cumsum(ys, axis=-1) / n
    var = np.cumsum(xs * xs, axis=-1) / n - mean_x**2
    cov = np.cumsum(xs * ys, axis=-1) / n - mean_x * mean_y
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((n >= _LEAST_FOR_SLOPE) & (var > 1e-12), cov / var, np.nan)


@dataclass(frozen=True, slots=True)
class Guess:
    """Of one companion: `base` of shape (decays, statistics, windows) is the average of what is left; `slope` (statistics,
    windows) is what the companion's target value is multiplied with."""

    companion: Companion | None
    base: Floats
    slope: Floats | None


def guesses(z: Floats, companions: list[Companion]) -> list[Guess]:
    rows = [z]
    for companion in companions:
        left = z - companion.past
        rows += [np.where(np.isfinite(left), x, np.nan) for x in (z, companion.past)] if companion.is_fitted else [left]
    means = np.split(averages(np.concatenate(rows)), len(rows), axis=1)
    made = [Guess(None, means.pop(0), None)]
    for companion in companions:
        if companion.is_fitted:
            slope = slopes(z, np.broadcast_to(companion.past, z.shape))
            made.append(Guess(companion, means.pop(0) - slope * means.pop(0), slope))
        else:
            made.append(Guess(companion, means.pop(0), np.ones_like(z)))
    return made
