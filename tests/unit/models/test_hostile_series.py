"""Series that nobody would send on purpose: an answer in bounded time, never an exception, and never a pass out of nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from models.detectable import detectable
from models.judging import Question, Series, judge
from models.series import Floats

PAST, LATER = 2880, 180
KINDS = ("latency", "share", "rate", "gauge", "count", "trend")


def noise(n: int) -> Floats:
    return np.asarray(np.random.default_rng(n).normal(100, 5, n))


SHAPES: dict[str, Callable[[int], Floats]] = {
    "constant": lambda n: np.full(n, 5.0),
    "zeros": lambda n: np.zeros(n),
    "missing": lambda n: np.full(n, np.nan),
    "infinite": lambda n: np.full(n, np.inf),
    "huge": lambda n: noise(n) * 1e300,
    "the largest": lambda n: np.full(n, 1.7e308),
    "tiny": lambda n: noise(n) * 1e-300,
    "the smallest": lambda n: np.full(n, 5e-324),
    "negative": lambda n: -noise(n),
    "of both signs": lambda n: noise(n) - 100,
    "one sample": lambda n: np.where(np.arange(n) == 0, 1.0, np.nan),
    "one spike": lambda n: np.where(np.arange(n) == n // 2, 1e18, 1.0),
    "few samples": lambda n: np.where(np.arange(n) % 50 == 0, noise(n), np.nan),
}


@pytest.mark.parametrize("later", SHAPES)
@pytest.mark.parametrize("past", SHAPES)
def test_any_shape_before_and_after(past: str, later: str) -> None:
    before = Series(15.0 * np.arange(PAST, dtype=np.float64), SHAPES[past](PAST))
    after = Series(15.0 * np.arange(PAST + 120, PAST + 120 + LATER, dtype=np.float64), SHAPES[later](LATER))
    for kind in KINDS:
        for question in (Question(kind, "both", 0.1, is_relative=True), Question(kind, "up", 5.0, False, is_at_least=True)):
            whole = judge(before, after, question)[-1]
            if "missing" in (past, later) or "infinite" in (past, later):
                assert whole.state == "inconclusive"
        detectable(before, Question(kind, "up", 0.1, is_relative=True), [1, 24])


@pytest.mark.parametrize(
    ("before", "after", "window_s"),
    [
        (15.0 * np.arange(PAST), 15.0 * np.arange(PAST, PAST + LATER), 1.0),  # shorter than the time between samples
        (15.0 * np.arange(PAST), 15.0 * np.arange(PAST, 40_000), 15.0),  # a window a sample
        (np.append(np.arange(100) * 15.0, 1e12 + np.arange(PAST) / 1000), 1e12 + 15.0 * np.arange(50, 230), 900.0),
        (np.zeros(PAST), np.zeros(LATER), 900.0),
        (15.0 * np.arange(PAST)[::-1], 15.0 * np.arange(PAST + LATER, PAST, -1), 900.0),
        (np.full(PAST, np.nan), np.full(LATER, np.nan), 900.0),
        (15.0 * np.arange(PAST), -15.0 * np.arange(LATER), 900.0),
    ],
)
@pytest.mark.parametrize("kind", ["gauge", "latency", "trend"])
def test_any_times_in_bounded_time(before: Floats, after: Floats, window_s: float, kind: str) -> None:
    began = time.process_time()
    answers = judge(
        Series(np.asarray(before, float), noise(len(before))),
        Series(np.asarray(after, float), noise(len(after))),
        Question(kind, "up", 0.1, is_relative=True, window_s=window_s),
    )
    assert answers[-1].window is None
    assert time.process_time() - began < 12


def test_a_window_shorter_than_the_time_between_samples_says_so() -> None:
    before, after = (Series(15.0 * np.arange(n, dtype=np.float64), noise(n)) for n in (PAST, LATER))
    (whole,) = judge(before, after, Question("gauge", "up", 0.1, True, window_s=1.0))
    assert (whole.state, whole.reason) == ("inconclusive", "a window of 1 s is shorter than the 15 s between samples")
