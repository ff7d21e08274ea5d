"""A leak that no window shows."""

from __future__ import annotations

import numpy as np
import pytest

from models.judging import Question, Series, judge

DAY = 5760
GROWTH = Question("trend", "up", 0.10, is_relative=True)


def series(start: int, growth: float, seed: int) -> Series:
    times = (start + np.arange(DAY, dtype=np.float64)) * 15.0
    values = 100.0 + growth * np.arange(DAY) / DAY + np.random.default_rng(seed).normal(0, 3.0, DAY)
    return Series(times, values)


@pytest.mark.parametrize(("growth", "state"), [(0.0, "pass"), (30.0, "fail"), (-30.0, "pass")])
def test_growth_a_day(growth: float, state: str) -> None:
    answer = judge(series(0, 0.0, 1), series(DAY, growth, 2), GROWTH)[-1]
    assert answer.state == state
    assert answer.observed == pytest.approx(growth / 100.0, abs=0.02)


def test_what_grew_before_grows_on() -> None:
    assert judge(series(0, 30.0, 1), series(DAY, 30.0, 2), GROWTH)[-1].state == "pass"


def test_noise_seldom_grows() -> None:
    failed = sum(
        judge(series(0, 0.0, i), series(DAY, 0.0, 100 + i), Question("trend", "up", 0.0, True))[-1].state == "fail"
        for i in range(60)
    )
    assert failed <= 3
