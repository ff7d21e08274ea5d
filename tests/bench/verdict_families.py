"""Series with a known truth, by the families of a scraped signal's noise: what a judge's honesty is measured on.

A trial is a day at 15 s, a gap of half an hour, and the windows after the change; a family returns the logarithm of the values,
and the logarithm of the load where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from models.judging import Series
from models.series import Floats

STEP_S, WINDOW, DAY, GAP = 15.0, 60, 5760, 120
_BASE = math.log(200.0)
Made = tuple[Floats, Floats | None]


def correlated(rng: np.random.Generator, n: int, rho: float, deviation: float) -> Floats:
    """Gaussian noise whose neighbours correlate by `rho`, in its stationary state."""
    noise = rng.standard_normal(n + 300) * deviation * math.sqrt(1.0 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], noise)[300:])


def _even(rho: float) -> Callable[[np.random.Generator, int], Made]:
    return lambda rng, n: (_BASE + correlated(rng, n, rho, 0.15), None)


def _bursty(rng: np.random.Generator, n: int) -> Made:
    """Pauses of a minute on average, a fourteenth of the time, in which all takes 1.8 times as long."""
    quiet, busy = rng.geometric(0.02, n), rng.geometric(0.25, n)
    lengths = np.stack([quiet, busy], axis=1).ravel()
    state = np.repeat(np.arange(2 * n) % 2, lengths)[:n] if lengths.sum() >= n else np.zeros(n)
    return _BASE + correlated(rng, n, 0.3, 0.08) + math.log(1.8) * state, None


def _daily(rng: np.random.Generator, n: int) -> Made:
    turn = (np.arange(n) + rng.integers(DAY)) * (2 * math.pi / DAY)
    load = 0.6 * np.sin(turn) + correlated(rng, n, 0.9, 0.08)
    return _BASE + 0.35 * load + correlated(rng, n, 0.5, 0.12), load + 0.03 * rng.standard_normal(n)


def _heavy(rng: np.random.Generator, n: int) -> Made:
    """Student's t with three degrees of freedom, and a slow level underneath."""
    return _BASE + 0.08 * rng.standard_t(3, n) + correlated(rng, n, 0.99, 0.03), None


def _drifting(rng: np.random.Generator, n: int) -> Made:
    return _BASE + correlated(rng, n, 0.9995, 0.2) + correlated(rng, n, 0.3, 0.1), None


def _job(rng: np.random.Generator, n: int) -> Made:
    """A job every hour slows all for five minutes."""
    at = (np.arange(n) + rng.integers(240)) % 240
    return _BASE + 0.3 * (at < 20) + correlated(rng, n, 0.4, 0.1), None


def _quantised(rng: np.random.Generator, n: int) -> Made:
    """A gauge that knows few values."""
    return np.log(np.round(20 * np.exp(correlated(rng, n, 0.6, 0.1)))), None


FAMILIES: dict[str, Callable[[np.random.Generator, int], Made]] = {
    "iid": _even(0.0),
    "ar05": _even(0.5),
    "ar08": _even(0.8),
    "bursty": _bursty,
    "diurnal": _daily,
    "heavy": _heavy,
    "drifting": _drifting,
    "job": _job,
    "quantised": _quantised,
}
GIVEN = ("iid", "ar05", "ar08", "bursty", "diurnal")


@dataclass(frozen=True, slots=True)
class Trial:
    before: Series
    after: Series

    def first(self, windows: int) -> Series:
        """Of the after-period, what is known when so many windows are over."""
        n = windows * WINDOW
        load, control = (None if x is None else x[:n] for x in (self.after.load, self.after.control))
        return Series(self.after.times_s[:n], self.after.values[:n], load, control)


def _trial(values: Floats, load: Floats | None, control: Floats | None) -> Trial:
    times: Floats = np.arange(len(values), dtype=np.float64) * STEP_S
    parts = []
    for part in (slice(0, DAY), slice(DAY + GAP, None)):
        beside = (None if x is None else x[part] for x in (load, control))
        parts.append(Series(times[part], values[part], *beside))
    return Trial(parts[0], parts[1])


def trial(family: str, rng: np.random.Generator, shift: float = 0.0, windows: int = 3) -> Trial:
    """`shift` is the relative change of what comes after."""
    logs, load = FAMILIES[family](rng, DAY + GAP + windows * WINDOW)
    logs[DAY + GAP :] += math.log1p(shift)
    return _trial(np.exp(logs), load, None)


def controlled(rng: np.random.Generator, shift: float = 0.0, windows: int = 3) -> Trial:
    """Two versions at once that share what happens to both; only the new one changes."""
    n = DAY + GAP + windows * WINDOW
    shared = _BASE + correlated(rng, n, 0.95, 0.15)
    new, old = (shared + correlated(rng, n, 0.8, 0.10) for _ in range(2))
    new[DAY + GAP :] += math.log1p(shift)
    return _trial(np.exp(new), None, np.exp(old))
