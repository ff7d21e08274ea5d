"""Signals that the judge was not made on: nothing of it may be chosen by them, and the same level must hold on them.

Each behaves like something real systems have, and is asked the question such a signal is asked. A family gives values, not
logarithms, NaN where a scrape is missing; `hurt` is what "worse" means in its power column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.signal import lfilter

from models.series import Floats, Question, Series
from tests.bench.verdict_families import DAY, GAP, STEP_S, WINDOW, Trial, correlated

SLOWER = Question("latency", "up", 0.10, is_relative=True)
HIGHER = Question("gauge", "up", 0.10, is_relative=True)
FEWER = Question("rate", "down", 0.10, is_relative=True)
OFTENER = Question("count", "up", 0.20, is_relative=True)
MORE_ERRORS = Question("share", "up", 0.005, is_relative=False)


@dataclass(frozen=True, slots=True)
class Other:
    make: Callable[[Generator, int], Floats]
    question: Question
    hurt: float = 1.3
    days: int = 1


def _pareto(rng: Generator, n: int) -> Floats:
    """Latency whose samples have a tail without a variance."""
    return np.asarray(100.0 + 40.0 * rng.pareto(1.8, n))


def _lone_spikes(rng: Generator, n: int) -> Floats:
    """One scrape in 400 takes ten times as long: a cold cache, a full collection."""
    return np.asarray(120.0 * np.exp(correlated(rng, n, 0.4, 0.1)) * np.where(rng.random(n) < 1 / 400, 10.0, 1.0))


def _shifted(rng: Generator, n: int) -> Floats:
    """The level moved by a third at some time of the day before, for good."""
    at = rng.integers(n // 8, DAY - DAY // 8)
    return np.asarray(80.0 * np.where(np.arange(n) < at, 1.0, rng.choice([0.75, 1.33])) * np.exp(correlated(rng, n, 0.5, 0.1)))


def _modes(rng: Generator, n: int) -> Floats:
    """Two levels, 20 % apart, an hour and a half each on average: a batch, a neighbour on the host."""
    state = np.repeat(np.arange(400) % 2, rng.geometric(1 / 360, 400))[:n] ^ int(rng.integers(2))
    return np.asarray(150.0 * 1.2**state * np.exp(correlated(rng, n, 0.5, 0.08)))


def _weekly(rng: Generator, n: int) -> Floats:
    """Rate of requests: the day, weaker on two days of seven, a level that wanders, two weeks of it."""
    at = np.arange(n) + rng.integers(7 * DAY)
    weekend = (at // DAY) % 7 >= 5
    turn = 2 * np.pi * at / DAY
    logs = (0.5 - 0.2 * weekend) * np.sin(turn) + 0.15 * np.sin(2 * turn + 1) - 0.3 * weekend + correlated(rng, n, 0.999, 0.05)
    return np.asarray(rng.poisson(6000.0 * np.exp(logs + correlated(rng, n, 0.5, 0.03))) / 15.0)


def _weekly_latency(rng: Generator, n: int) -> Floats:
    at = np.arange(n) + rng.integers(7 * DAY)
    logs = 0.2 * np.sin(2 * np.pi * at / DAY) * np.where((at // DAY) % 7 >= 5, 0.4, 1.0)
    return np.asarray(90.0 * np.exp(logs + correlated(rng, n, 0.7, 0.1) + correlated(rng, n, 0.9995, 0.03)))


def _deploys(rng: Generator, n: int) -> Floats:
    """Every few hours two to six minutes without scrapes, then ten minutes that begin a third slower."""
    values = 60.0 * np.exp(correlated(rng, n, 0.5, 0.1))
    for start in np.cumsum(rng.integers(600, 1800, 20)):
        if start < n - 80 and not DAY - 80 < start < DAY + GAP + 4:
            end = start + int(rng.integers(8, 24))
            warm = slice(end, min(end + 40, n))
            values[warm] *= 1 + 0.33 * np.exp(-np.arange(warm.stop - warm.start) / 15)
            values[start:end] = np.nan
    return np.asarray(values)


def _holes(rng: Generator, n: int) -> Floats:
    """Blocks of a minute to twenty are missing, a tenth of the time, and single scrapes."""
    values = 60.0 * np.exp(correlated(rng, n, 0.7, 0.15))
    for start in np.flatnonzero(rng.random(n) < 1 / 420):
        values[start : start + int(rng.integers(4, 80))] = np.nan
    values[rng.random(n) < 0.02] = np.nan
    return np.asarray(values)


def _overlapping(rng: Generator, n: int) -> Floats:
    """`rate[5m]` read every 15 s: each sample shares 19 of 20 parts with the next."""
    raw = rng.poisson(rng.gamma(4.0, 30.0, n + 19))
    return np.asarray(np.convolve(raw, np.ones(20) / 300.0, "valid"))


def _repeated(rng: Generator, n: int) -> Floats:
    """A gauge that is made once a minute and read every 15 s."""
    return np.asarray(np.repeat(50.0 + 4.0 * correlated(rng, n // 4 + 1, 0.5, 1.0), 4)[:n])


def _sawtooth(rng: Generator, n: int) -> Floats:
    """Heap: climbs for 5 to 15 minutes, falls to its floor; the floor differs a little each time."""
    values, at = np.empty(n), 0
    while at < n:
        length = int(rng.integers(20, 60))
        rise = 300.0 + 20.0 * rng.standard_normal() + 8.0 * np.arange(length)
        values[at : at + length] = rise[: n - at]
        at += length
    return np.asarray(values + 5.0 * rng.standard_normal(n))


def _connections(rng: Generator, n: int) -> Floats:
    """A small whole number: threads or connections in use."""
    return np.asarray(np.maximum(np.round(6.0 + correlated(rng, n, 0.9, 1.2)), 0.0))


def _bursty_counts(rng: Generator, n: int) -> Floats:
    """Errors a scrape: a few all day, and some times an hour a burst of tens."""
    counts = rng.poisson(0.2, n).astype(float)
    for start in np.flatnonzero(rng.random(n) < 1 / 120):
        counts[start : start + int(rng.geometric(0.4))] += rng.poisson(15.0)
    return np.asarray(counts)


def _clustered_counts(rng: Generator, n: int) -> Floats:
    """Counts whose rate is drawn anew every few minutes (negative binomial, correlated)."""
    rate = np.repeat(rng.gamma(2.0, 1.5, n // 12 + 1), 12)[:n]
    return np.asarray(rng.poisson(rate).astype(float))


def _rare_counts(rng: Generator, n: int) -> Floats:
    """One event an hour."""
    return np.asarray(rng.poisson(1 / 240, n).astype(float))


def _error_share(rng: Generator, n: int) -> Floats:
    """Of 150 requests a scrape, one in 200 fails; now and then a minute in which one in ten does."""
    chance = np.full(n, 0.005)
    for start in np.flatnonzero(rng.random(n) < 1 / 900):
        chance[start : start + 4] = 0.1
    requests = rng.poisson(150.0, n) + 1
    return np.asarray(rng.binomial(requests, chance) / requests)


def _pulled_walk(rng: Generator, n: int) -> Floats:
    """A queue or a lag: a walk that is pulled back within hours, never below zero."""
    return np.asarray(np.abs(200.0 + 25.0 * lfilter([1.0], [1.0, -0.998], rng.standard_normal(n + 3000))[3000:]) + 1.0)


OTHERS: dict[str, Other] = {
    "pareto": Other(_pareto, SLOWER),
    "lone spikes": Other(_lone_spikes, SLOWER),
    "level shift before": Other(_shifted, SLOWER),
    "two levels": Other(_modes, SLOWER, 1.5),
    "weekly rate, 14 d": Other(_weekly, FEWER, 0.7, days=14),
    "weekly latency, 8 d": Other(_weekly_latency, SLOWER, days=8),
    "deploy gaps": Other(_deploys, SLOWER),
    "missing blocks": Other(_holes, SLOWER),
    "overlapping rate": Other(_overlapping, FEWER, 0.7),
    "repeated gauge": Other(_repeated, HIGHER),
    "sawtooth": Other(_sawtooth, HIGHER),
    "whole numbers": Other(_connections, HIGHER, 1.5),
    "bursty counts": Other(_bursty_counts, OFTENER, 3.0),
    "clustered counts": Other(_clustered_counts, OFTENER, 2.0),
    "rare counts": Other(_rare_counts, OFTENER, 20.0),
    "error share": Other(_error_share, MORE_ERRORS, 4.0),
    "pulled walk": Other(_pulled_walk, HIGHER, 1.5),
}


def trial(name: str, rng: Generator, windows: int = 3, is_hurt: bool = False) -> Trial:
    """Counts and shares are hurt in expectation: the odd event is drawn, so that whole numbers stay whole."""
    other = OTHERS[name]
    past = other.days * DAY
    values = other.make(rng, past + GAP + windows * WINDOW)
    if is_hurt:
        values[past + GAP :] = _hurt(rng, values[past + GAP :], other)
    times: Floats = np.arange(len(values), dtype=np.float64) * STEP_S
    return Trial(Series(times[:past], values[:past]), Series(times[past + GAP :], values[past + GAP :]))


def _hurt(rng: Generator, values: Floats, other: Other) -> Floats:
    if other.question.kind != "count":
        return values * other.hurt
    more = rng.poisson(max(float(values.mean()), 1 / 240) * (other.hurt - 1.0), len(values))
    return np.asarray(values + more)
