"""Too few requests are no evidence, and what no window can hold is pooled."""

from __future__ import annotations

import numpy as np
import pytest

from models.judging import Answer, Question, Series, judge
from models.series import Floats

DAY = 5760
CLEAN = Question("share", "up", 0.00005, is_relative=False, evidence=60_000, span_s=86_400.0)


def noise(seed: int, n: int, level: float = 100.0) -> Floats:
    return np.asarray(np.random.default_rng(seed).normal(level, level / 20, n))


def judged(values: Floats, requests: float, question: Question, past: Floats | None = None) -> list[Answer]:
    """After a day before; `requests` behind each sample."""
    before = noise(1, DAY) if past is None else past
    times = np.arange(DAY + len(values), dtype=np.float64) * 15.0
    return judge(
        Series(times[:DAY], before, evidence=np.full(DAY, requests)),
        Series(times[DAY:], values, evidence=np.full(len(values), requests)),
        question,
    )


@pytest.mark.parametrize("level", [100.0, 300.0])
def test_too_few_requests_neither_pass_nor_fail(level: float) -> None:
    question = Question("latency", "up", 0.15, is_relative=True, evidence=1000)
    answers = judged(noise(2, 180, level), 1.0, question)
    assert {answer.state for answer in answers} == {"inconclusive"}
    assert "60 of the 1,000" in answers[0].reason
    assert judged(noise(2, 180, level), 20.0, question)[-1].state == ("pass" if level == 100.0 else "fail")


def test_too_few_requests_over_a_baseline_of_none() -> None:
    question = Question("share", "up", 0.001, is_relative=False, evidence=1000)
    errors = np.zeros(180)
    errors[::10] = 0.5
    for values in (np.zeros(180), errors):
        assert judged(values, 2.0, question, np.zeros(DAY))[-1].state == "inconclusive"
    assert judged(np.zeros(180), 100.0, question, np.zeros(DAY))[-1].state == "pass"
    assert judged(errors, 100.0, question, np.zeros(DAY))[-1].state == "fail"


@pytest.mark.parametrize(
    ("failing", "samples", "state"), [(0.0, 180, "inconclusive"), (0.0, 1500, "pass"), (0.001, 1500, "fail")]
)
def test_scrape_failures_are_pooled(failing: float, samples: int, state: str) -> None:
    """Forty targets: 60,000 clean scrapes exclude 0.005 points, fewer do not."""
    failed = np.random.default_rng(3).binomial(40, failing, samples) / 40
    answers = judged(failed, 40.0, CLEAN, np.zeros(DAY))
    assert answers[-1].state == state
    assert {answer.state for answer in answers[:-1]} == {"inconclusive"}
    assert "pooled" in answers[0].reason
    if samples == 180:
        assert answers[-1].windows_needed == 22


def test_pooling_seldom_fails_what_did_not_change() -> None:
    """Failures that come one by one, and in outages of half of the targets."""
    for is_burst in (False, True):
        failed = 0
        for seed in range(150):
            rng = np.random.default_rng(seed)
            both = np.where(rng.random(DAY * 2) < 0.0006, 0.5, 0.0) if is_burst else rng.binomial(40, 0.0003, DAY * 2) / 40
            failed += judged(both[DAY : DAY + 3000], 40.0, CLEAN, both[:DAY])[-1].state == "fail"
        assert failed <= 4
