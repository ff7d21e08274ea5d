"""What a judge is given and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
State = Literal["pass", "fail", "inconclusive"]
Against = Literal["auto", "past", "control"]  # what tells how it would have been; auto: whichever erred least


@dataclass(frozen=True, slots=True)
class Series:
    """One signal over one period. `times_s` of shape (n,), in seconds; `values` of shape (n,) in one unit, NaN where a sample is
    missing. `load` is what drives the signal (a request rate, or its logarithm); `control` is the same signal of a version that
    did not change, at the same times; `evidence` is how many requests or samples stand behind each value (one, if not told)."""

    times_s: Floats
    values: Floats
    load: Floats | None = None
    control: Floats | None = None
    evidence: Floats | None = None

    def in_order(self) -> Series:
        """Sorted by time, without rows whose time is unknown; what is not finite counts as missing."""
        times, values = np.asarray(self.times_s, float), np.asarray(self.values, float)
        known = np.isfinite(times)
        if not known.all() or (np.diff(times) < 0).any():
            order = np.argsort(times, kind="stable")[: int(known.sum())]
            picked = [None if x is None else np.asarray(x, float)[order] for x in (self.load, self.control, self.evidence)]
            return Series(times[order], _finite(values[order]), *(None if x is None else _finite(x) for x in picked))
        rest = (None if x is None else _finite(np.asarray(x, float)) for x in (self.load, self.control, self.evidence))
        return Series(times, _finite(values), *rest)


def _finite(x: Floats) -> Floats:
    known = np.isfinite(x)
    return x if known.all() else np.where(known, x, np.nan)


@dataclass(frozen=True, slots=True)
class Question:
    """How much worse is too much. `amount` is in the unit of the series, or a share of the baseline (0.15) if `is_relative`. With
    `is_at_least` the change is wanted: it must be at least so much. `limit` is a level that must not be crossed. A window with
    less than `evidence` is not judged; where no window has so much, up to `span_s` are pooled."""

    kind: str
    direction: str
    amount: float
    is_relative: bool
    is_at_least: bool = False
    limit: float | None = None
    window_s: float = 900.0
    alpha: float = 0.01
    evidence: float = 0.0
    span_s: float = 0.0
    against: Against = "auto"


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The start of the after-period, which is not judged, and its mean level in the unit of the series."""

    seconds: float
    level: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`window` counts from 1; None is all of them together, which is what a gate says. `baseline` and `after` are in the unit of
    the series; `observed` and its 95 % interval are the deviation, a share of the baseline if the question is relative. `chance`
    is the smallest level at which it would fail against no change, all looks and statistics paid for; None where it is not known.
    `against` names what the forecast leaned on beside the signal's own past. `warm_up` is what was left out."""

    window: int | None
    baseline: float | None
    after: float | None
    observed: float | None
    low: float | None
    high: float | None
    state: State
    reason: str
    windows_needed: int | None = None
    chance: float | None = None
    against: str = ""
    warm_up: WarmUp | None = None
