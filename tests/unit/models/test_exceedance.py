"""How unlikely so many samples above what is accepted are."""

from __future__ import annotations

import numpy as np
from numpy.random import default_rng

from models.exceedance import chance_of_part
from models.judging import Question, Series, judge

DAY = 5760
SLOWER = Question("latency", "up", 0.10, is_relative=True)
LIMITS = np.full(90, 1.0)


def part(share: float, now: float) -> float:
    past = np.where(default_rng(1).random((90, 60)) < share, 2.0, 0.0)
    after = np.where(np.arange(60) < round(now * 60), 2.0, 0.0)
    return chance_of_part(past, after, LIMITS, 1.0, 1, 60.0)


def test_more_samples_above_are_less_likely() -> None:
    chances = [part(0.07, now) for now in (0.0, 0.07, 0.15, 0.3, 0.6)]
    assert chances == sorted(chances, reverse=True)
    assert chances[1] > 0.1
    assert chances[-1] < 1e-6


def test_none_before_and_some_after() -> None:
    assert part(0.0, 0.1) == 0.0
    assert part(0.0, 0.0) == 1.0


def test_nothing_known_is_no_evidence() -> None:
    assert chance_of_part(np.full((90, 60), np.nan), np.ones(60), LIMITS, 0.5, 1, 60.0) == 1.0


def bursty(seed: int, n: int) -> tuple[np.random.Generator, np.ndarray]:
    chance = default_rng(seed)
    lengths = np.stack([chance.geometric(0.02, n), chance.geometric(0.25, n)], axis=1).ravel()
    is_slow = np.repeat(np.arange(2 * n) % 2, lengths)[:n]
    return chance, 200.0 * np.exp(0.08 * chance.standard_normal(n)) * np.where(is_slow, 1.8, 1.0)


def test_single_slow_samples_beside_bursts_are_found() -> None:
    chance, values = bursty(3, DAY + 180)
    values[DAY:] *= np.where(chance.random(180) < 0.1, 2.0, 1.0)
    times = np.arange(len(values), dtype=np.float64) * 15.0
    whole = judge(Series(times[:DAY], values[:DAY]), Series(times[DAY:], values[DAY:]), SLOWER)[-1]
    assert (whole.state, "leaps" in whole.reason) == ("fail", True)
