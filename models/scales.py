"""The scale on which the noise of a kind of signal is even: logarithm, square root, or as it is; and which way is worse."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.series import Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """`sign` is 1 where up is worse, else -1: on the scale, more is always worse. `floor`, in the unit of the series, is what
    values without a logarithm are raised to; `unit` is the size of usual values, so that no square is lost."""

    name: str
    sign: float
    floor: float = 0.0
    unit: float = 1.0

    def of(self, values: Floats) -> Floats:
        if self.name == "log":
            return self.sign * np.log(np.maximum(values, self.floor))
        if self.name == "sqrt":
            return self.sign * np.sqrt(np.maximum(values, 0.0) / self.unit)
        return self.sign * values / self.unit

    def back(self, scaled: float) -> float:
        """To the unit of the series."""
        x = self.sign * scaled
        if self.name == "log":
            return math.exp(min(x, 709.0))
        return self.unit * (max(x, 0.0) * max(x, 0.0) if self.name == "sqrt" else x)

    def margin(self, scaled: float, amount: float) -> float:
        """How far the scale moves when a level at `scaled` gets worse by `amount` (in the unit of the series); infinite where the
        level cannot get so much worse."""
        level = self.back(scaled)
        worse = level + self.sign * amount
        if self.name == "log":
            return math.inf if worse <= 0 else abs(math.log(worse / level)) if level > 0 else 0.0
        if self.name == "sqrt":
            return math.inf if worse < 0 else abs(math.sqrt(worse / self.unit) - math.sqrt(level / self.unit))
        return amount / self.unit


def scale_of(kind: str, sign: float, before: Floats, after: Floats) -> Scale:
    """Durations are judged by their logarithm, counts and shares by the square root, levels as they are. A kind that does not fit
    its values (durations below zero, a negative rate) is judged as a level."""
    known = before[np.isfinite(before)]
    later = after[np.isfinite(after)]
    least = float(known.min(initial=np.inf))
    lowest = min(least, float(later.min(initial=np.inf)))
    if kind == "latency":
        positive = known if least > 0 else known[known > 0]
        if positive.size * 2 > known.size and lowest >= 0:
            return Scale("log", sign, _floor(positive, later[later > 0], sign, has_zeros=least <= 0))
        return Scale("sqrt" if lowest >= 0 else "linear", sign, unit=_unit(known))
    if kind in ("rate", "share", "count") and lowest >= 0:
        return Scale("sqrt", sign, unit=_unit(known))
    return Scale("linear", sign, unit=_unit(known))


def _floor(positive: Floats, later: Floats, sign: float, *, has_zeros: bool) -> float:
    """Where a fall is no damage, no value counts for less than half the least of before: one odd value must not hide a rise.
    Where it is damage, a floor would hide how much."""
    usual = float(positive.min()) / 2
    if sign > 0:
        return usual
    least = min(usual, float(later.min(initial=np.inf)))
    return least if has_zeros else least * 1e-3


def _unit(known: Floats) -> float:
    """A power of two, which rounds nothing."""
    sizes = np.abs(known[known != 0])
    return math.ldexp(1.0, min(math.frexp(float(np.median(sizes)))[1], 1023)) if sizes.size else 1.0
