"""Distance from the median of the history in robust deviations: z = (x - median) / scale. The plainest of all, for spikes.

Parameters: `hold_s`, a value counts as far as the least far of the last so many seconds, so that one bad scrape is no alarm.
Rousseeuw and Croux, Alternatives to the median absolute deviation, 1993.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.robust_scale import centre_and_scale
from models.streaming import FloatArray, Panel, TooShort

MIN_ROWS = 60


@dataclass(frozen=True, slots=True)
class RobustZ:
    hold_s: float = 120.0

    @property
    def lead_s(self) -> float:
        return self.hold_s

    def fit(self, history: Panel) -> FittedZ:
        if history.times_s.size < MIN_ROWS:
            raise TooShort(f"{history.times_s.size} rows of history; a middle and a spread need {MIN_ROWS}")
        return FittedZ(*centre_and_scale(history.values), self.hold_s)


@dataclass(frozen=True, slots=True)
class FittedZ:
    centre: FloatArray
    scale: FloatArray
    hold_s: float

    def score(self, new: Panel) -> FloatArray:
        z = (new.values - self.centre) / self.scale
        return held(z, max(1, round(self.hold_s / new.step_s)))


def held(z: FloatArray, rows: int) -> FloatArray:
    """(n, k): the value nearest to 0 of the last `rows`, 0 if they do not agree on a side; the first rows know fewer.
    A missing value says nothing either way, and stays missing."""
    highest, lowest = z.copy(), z.copy()
    for back in range(1, rows):
        before = np.full_like(z, np.nan)
        before[back:] = z[: max(0, z.shape[0] - back)]
        highest, lowest = np.fmax(highest, before), np.fmin(lowest, before)
    nearest = np.where(lowest > 0, lowest, np.where(highest < 0, highest, 0.0))
    return np.where(np.isnan(z), np.nan, nearest)
