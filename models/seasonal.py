"""What is left of a signal when its usual hour of the day is taken away, smoothed: for shifts in signals that follow the day.

r_t = x_t - (median of the history at this time of day, over slots of `slot_s`, smoothed over three), then the weighted mean of
models/ewma.py over r. Needs three whole periods. Cleveland et al., STL, 1990, without its trend: a trend is what is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ewma import Ewma, FittedEwma
from models.streaming import FloatArray, Panel, TooShort

MIN_PERIODS = 3


@dataclass(frozen=True, slots=True)
class Seasonal:
    period_s: float = 86_400.0
    slot_s: float = 1800.0
    half_life_s: float = 600.0

    @property
    def lead_s(self) -> float:
        return 8 * self.half_life_s

    def fit(self, history: Panel) -> FittedSeasonal:
        length = history.times_s[-1] - history.times_s[0] + history.step_s if history.times_s.size else 0.0
        if length < MIN_PERIODS * self.period_s:
            raise TooShort(f"{length:.0f} s of history; a season needs {MIN_PERIODS} of {self.period_s:.0f} s")
        usual = self._usual(history)
        residual = Panel(history.times_s, history.values - usual_at(history.times_s, usual, self))
        return FittedSeasonal(usual, self, Ewma(self.half_life_s).fit(residual))

    def _usual(self, history: Panel) -> FloatArray:
        """(slots, k); a slot without a value takes the median of all."""
        slots = max(1, round(self.period_s / self.slot_s))
        of_row = (history.times_s % self.period_s // self.slot_s).astype(np.intp) % slots
        overall = np.nanmedian(np.where(np.isfinite(history.values).any(axis=0), history.values, 0.0), axis=0)
        usual = np.tile(overall, (slots, 1))
        for slot in range(slots):
            rows = history.values[of_row == slot]
            known = np.isfinite(rows).any(axis=0)
            usual[slot, known] = np.nanmedian(rows[:, known], axis=0)
        return np.asarray((np.roll(usual, 1, axis=0) + 2 * usual + np.roll(usual, -1, axis=0)) / 4)


@dataclass(frozen=True, slots=True)
class FittedSeasonal:
    usual: FloatArray
    model: Seasonal
    residual: FittedEwma

    def score(self, new: Panel) -> FloatArray:
        return self.residual.score(Panel(new.times_s, new.values - usual_at(new.times_s, self.usual, self.model)))


def usual_at(times_s: NDArray[np.float64], usual: FloatArray, model: Seasonal) -> FloatArray:
    """(n, k), a straight line from the middle of one slot to the middle of the next."""
    slots = usual.shape[0]
    place = times_s % model.period_s / model.slot_s - 0.5
    before = np.floor(place).astype(np.intp)
    share = (place - before)[:, None]
    return np.asarray(usual[before % slots] * (1 - share) + usual[(before + 1) % slots] * share)
