"""Fault-free signals of different kinds, and three faults to put on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

FloatArray = NDArray[np.float64]
STEP_S = 60.0
DAY_ROWS = 1440


def _ar(chance: Generator, rows: int, signals: int, weight: float) -> FloatArray:
    noise = chance.standard_normal((rows + 500, signals)) * np.sqrt(1 - weight**2)
    return np.asarray(lfilter([1.0], [1.0, -weight], noise, axis=0))[500:]


def _iid(chance: Generator, rows: int, signals: int) -> FloatArray:
    return 100 + 5 * chance.standard_normal((rows, signals))


def _ar80(chance: Generator, rows: int, signals: int) -> FloatArray:
    return 100 + 5 * _ar(chance, rows, signals, 0.8)


def _ar98(chance: Generator, rows: int, signals: int) -> FloatArray:
    """A walk that is pulled back in an hour."""
    return 100 + 5 * _ar(chance, rows, signals, 0.98)


def _bursty(chance: Generator, rows: int, signals: int) -> FloatArray:
    """Twice a day some 10 minutes at 4 to 8 deviations above."""
    values = _iid(chance, rows, signals)
    for signal in range(signals):
        for start in np.flatnonzero(chance.random(rows) < 2 / DAY_ROWS):
            values[start : start + int(chance.exponential(10)) + 1, signal] += 5 * chance.uniform(4, 8)
    return values


def _diurnal(chance: Generator, rows: int, signals: int) -> FloatArray:
    day = np.sin(2 * np.pi * (np.arange(rows)[:, None] / DAY_ROWS + chance.random(signals)))
    return 100 + 20 * day + 5 * _ar(chance, rows, signals, 0.5)


def _heavy(chance: Generator, rows: int, signals: int) -> FloatArray:
    return 100 + 5 * chance.standard_t(3, (rows, signals))


def _lognormal(chance: Generator, rows: int, signals: int) -> FloatArray:
    """A latency."""
    return 100 * np.exp(0.3 * _ar(chance, rows, signals, 0.6))


def _quantised(chance: Generator, rows: int, signals: int) -> FloatArray:
    """Mostly 0, now and then 1 or 2: the quartile range is 0."""
    return chance.poisson(0.1, (rows, signals)).astype(np.float64)


def _walk(chance: Generator, rows: int, signals: int) -> FloatArray:
    return 100 + 0.1 * np.cumsum(chance.standard_normal((rows, signals)), axis=0) + chance.standard_normal((rows, signals))


FAMILIES: dict[str, Callable[[Generator, int, int], FloatArray]] = {
    "iid": _iid,
    "ar 0.8": _ar80,
    "ar 0.98": _ar98,
    "bursty": _bursty,
    "diurnal": _diurnal,
    "student 3": _heavy,
    "lognormal": _lognormal,
    "quantised": _quantised,
    "walk": _walk,
}


def shift(rows: int) -> FloatArray:
    """3 deviations, at once and for good."""
    return np.full(rows, 3.0)


def drift(rows: int) -> FloatArray:
    """6 deviations in 6 hours, and there it stays."""
    return np.minimum(6.0, np.arange(rows) / 60)


def spike(rows: int) -> FloatArray:
    """10 deviations for 5 minutes."""
    return np.where(np.arange(rows) < 5, 10.0, 0.0)


FAULTS: dict[str, Callable[[int], FloatArray]] = {"shift": shift, "drift": drift, "spike": spike}
