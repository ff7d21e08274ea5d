"""Page-Hinkley: the sum of what lies beyond an allowance, on each side, for drifts too slow to be seen in one value.

S+_t = max(0, fade S+_(t-1) + z_t - k), S-_t likewise with -z; the score is the larger, with its side, over the root mean square
of the history's own sums. `allowance` k in robust deviations; `fade_s`: a sum without a reason halves in so long.
Page, Continuous inspection schemes, 1954; Hinkley, Inference about the change-point from cumulative sum tests, 1971.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.ewma import CAP
from models.robust_scale import centre_and_scale
from models.robust_z import MIN_ROWS
from models.streaming import FloatArray, Panel, TooShort


@dataclass(frozen=True, slots=True)
class PageHinkley:
    allowance: float = 0.5
    fade_s: float = 3600.0

    @property
    def lead_s(self) -> float:
        return 4 * self.fade_s

    def fit(self, history: Panel) -> FittedPageHinkley:
        if history.times_s.size < MIN_ROWS:
            raise TooShort(f"{history.times_s.size} rows of history; a sum of deviations needs {MIN_ROWS}")
        centre, scale = centre_and_scale(history.values)
        fitted = FittedPageHinkley(centre, scale, np.ones_like(scale), self)
        usual = np.sqrt(np.mean(np.square(np.nan_to_num(fitted.score(history))), axis=0))
        return FittedPageHinkley(centre, scale, np.maximum(usual, 1.0), self)


@dataclass(frozen=True, slots=True)
class FittedPageHinkley:
    centre: FloatArray
    scale: FloatArray
    usual: FloatArray
    model: PageHinkley

    def score(self, new: Panel) -> FloatArray:
        z = np.clip((new.values - self.centre) / self.scale, -CAP, CAP)
        fade = 2 ** (-new.step_s / self.model.fade_s)
        high, low = np.zeros(z.shape[1]), np.zeros(z.shape[1])
        sums = np.empty_like(z)
        for row, value in enumerate(z):
            known = ~np.isnan(value)
            high = np.where(known, np.maximum(0.0, fade * high + value - self.model.allowance), high)
            low = np.where(known, np.maximum(0.0, fade * low - value - self.model.allowance), low)
            sums[row] = np.where(high >= low, high, -low)
        return np.where(np.isnan(z), np.nan, sums / self.usual)
