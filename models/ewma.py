"""Exponentially weighted mean of robust z, in deviations of its own past: for shifts that last minutes.

m_t = m_(t-1) + w (z_t - m_(t-1)), w = 1 - 2^(-step / half_life). The spread of m is taken from m over the history and not from
sqrt(w / (2 - w)), which holds for independent values only. Roberts, Control chart tests based on geometric moving averages, 1959.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.robust_scale import centre_and_scale
from models.robust_z import MIN_ROWS
from models.streaming import FloatArray, Panel, TooShort

CAP = 8.0  # deviations a single value may count for: one wild value does not make a shift


@dataclass(frozen=True, slots=True)
class Ewma:
    half_life_s: float = 600.0

    @property
    def lead_s(self) -> float:
        return 8 * self.half_life_s

    def fit(self, history: Panel) -> FittedEwma:
        if history.times_s.size < MIN_ROWS:
            raise TooShort(f"{history.times_s.size} rows of history; a moving mean needs {MIN_ROWS}")
        centre, scale = centre_and_scale(history.values)
        means = smoothed(np.clip((history.values - centre) / scale, -CAP, CAP), weight_of(self.half_life_s, history.step_s))
        middle, spread = centre_and_scale(means)
        return FittedEwma(centre, scale, middle, np.maximum(spread, 1e-3), self.half_life_s)


@dataclass(frozen=True, slots=True)
class FittedEwma:
    centre: FloatArray
    scale: FloatArray
    middle: FloatArray
    spread: FloatArray
    half_life_s: float

    def score(self, new: Panel) -> FloatArray:
        z = np.clip((new.values - self.centre) / self.scale, -CAP, CAP)
        means = (smoothed(z, weight_of(self.half_life_s, new.step_s)) - self.middle) / self.spread
        return np.where(np.isnan(z), np.nan, means)


def weight_of(half_life_s: float, step_s: float) -> float:
    return float(1 - 2 ** (-step_s / half_life_s))


def smoothed(z: FloatArray, weight: float) -> FloatArray:
    """(n, k), beginning at 0; a missing value leaves the mean where it was."""
    means = np.empty_like(z)
    mean = np.zeros(z.shape[1])
    for row, value in enumerate(z):
        mean = mean + weight * np.where(np.isnan(value), 0.0, value - mean)
        means[row] = mean
    return means
