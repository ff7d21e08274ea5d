"""How far a value lies beyond all that the history held, above or below: what nothing has ever done before.

In deviations of the history, or tenths of its range where that is more: a signal that leaps at times has seen leaps. It knows no
shape and no rhythm, and sees the first row of what is new; who scores first detections finds that hard to beat.
Parameters: `hold_s` as of `robust_z`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.robust_scale import centre_and_scale
from models.robust_z import MIN_ROWS, held
from models.streaming import FloatArray, Panel, TooShort

OF_RANGE = 0.1


@dataclass(frozen=True, slots=True)
class NewExtreme:
    hold_s: float = 120.0

    @property
    def lead_s(self) -> float:
        return self.hold_s

    def fit(self, history: Panel) -> FittedExtreme:
        if history.times_s.size < MIN_ROWS:
            raise TooShort(f"{history.times_s.size} rows of history; its extremes need {MIN_ROWS}")
        known = np.isfinite(history.values).any(axis=0)
        filled = np.where(known, history.values, 0.0)
        low, high = np.nanmin(filled, axis=0), np.nanmax(filled, axis=0)
        scale = np.maximum(centre_and_scale(history.values)[1], OF_RANGE * (high - low))
        return FittedExtreme(low, high, scale, self.hold_s)


@dataclass(frozen=True, slots=True)
class FittedExtreme:
    low: FloatArray
    high: FloatArray
    scale: FloatArray  # NaN for a signal without a past
    hold_s: float

    def score(self, new: Panel) -> FloatArray:
        beyond = np.maximum(new.values - self.high, 0.0) + np.minimum(new.values - self.low, 0.0)
        return held(beyond / self.scale, max(1, round(self.hold_s / new.step_s)))
