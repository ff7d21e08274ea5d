"""Start-up times: a number now and then, on either side of the change."""

from __future__ import annotations

import numpy as np
import pytest

from models.detectable import detectable
from models.judging import Answer, Question, Series, judge

DAY, WINDOWS = 5760, 3
SLOWER = Question("latency", "up", 0.5, is_relative=True, evidence=3, span_s=86_400.0)


def starts(level: float, count: int, samples: int, seed: int, begin: int = 0, deviation: float = 0.08) -> Series:
    rng = np.random.default_rng(seed)
    values = np.full(samples, np.nan)
    values[rng.choice(samples, count, replace=False)] = level * np.exp(rng.normal(0, deviation, count))
    return Series(15.0 * np.arange(begin, begin + samples, dtype=np.float64), values)


def judged(level: float, before: int = 6, after: int = 4, question: Question = SLOWER, seed: int = 1) -> list[Answer]:
    return judge(starts(20.0, before, DAY, seed), starts(level, after, WINDOWS * 60, seed + 1, DAY + 120), question)


@pytest.mark.parametrize(("level", "state"), [(20.0, "pass"), (40.0, "fail"), (10.0, "pass")])
def test_a_few_starts_are_compared(level: float, state: str) -> None:
    answers = judged(level)
    assert answers[-1].state == state
    assert {answer.state for answer in answers[:-1]} == {"inconclusive"}
    assert answers[-1].low is not None
    assert answers[-1].high is not None
    assert answers[-1].low < level / 20 - 1 < answers[-1].high


@pytest.mark.parametrize(("before", "after", "why"), [(6, 2, "2 of the 3"), (2, 4, "2 before the change; 3 are needed")])
def test_too_few_say_so(before: int, after: int, why: str) -> None:
    whole = judged(60.0, before, after)[-1]
    assert whole.state == "inconclusive"
    assert why in whole.reason


def test_both_ways_and_down() -> None:
    down = Question("latency", "down", 0.3, is_relative=True, evidence=3, span_s=86_400.0)
    both = Question("latency", "both", 0.3, is_relative=True, evidence=3, span_s=86_400.0)
    assert judged(10.0, question=down)[-1].state == "fail"
    assert judged(10.0, question=both)[-1].state == "fail"
    assert judged(40.0, question=down)[-1].state == "pass"


def test_no_change_seldom_fails() -> None:
    strict = Question("latency", "up", 0.0, is_relative=True, evidence=3, span_s=86_400.0)
    assert sum(judged(20.0, question=strict, seed=seed)[-1].state == "fail" for seed in range(300)) <= 6


def test_a_plan_knows_of_it() -> None:
    (found,) = detectable(starts(20.0, 6, DAY, 1), SLOWER, [3])
    assert found.size is not None
    assert 0.05 < found.size < 1.0
    (few,) = detectable(starts(20.0, 2, DAY, 1), SLOWER, [3])
    assert (few.size, few.why_not) == (None, "2 before the change; 3 are needed")
