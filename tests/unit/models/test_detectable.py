"""What is called detectable is found, four times out of five."""

from __future__ import annotations

import numpy as np
import pytest

from models.detectable import detectable
from models.judging import Question, Series, judge
from tests.bench import verdict_families as families

DAY = 5760
ANY = Question("latency", "up", 0.0, is_relative=True)


@pytest.mark.parametrize("family", ["iid", "ar08", "diurnal", "heavy"])
def test_a_worsening_of_that_size_fails_and_half_of_it_seldom_does(family: str) -> None:
    found = half = 0
    for seed in range(60):
        trial = families.trial(family, np.random.default_rng([6, seed]))
        (least,) = detectable(trial.before, ANY, [3])
        assert least.size is not None
        for part in (1.0, 0.5):
            worse = Series(trial.after.times_s, trial.after.values * (1 + part * least.size), trial.after.load)
            is_found = judge(trial.before, worse, ANY)[-1].state == "fail"
            found, half = (found + is_found, half) if part == 1.0 else (found, half + is_found)
    assert found >= 40
    assert half <= 30


def test_more_windows_find_less() -> None:
    trial = families.trial("ar08", np.random.default_rng(1))
    one, three = detectable(trial.before, ANY, [1, 3])
    assert one.size is not None
    assert three.size is not None
    assert three.size < one.size


def series(values: object, requests: float = 1.0) -> Series:
    known = np.asarray(values, dtype=np.float64)
    return Series(np.arange(0.0, 15.0 * len(known), 15.0), known, evidence=np.full(len(known), requests))


def test_the_unit_is_that_of_the_question() -> None:
    values = np.random.default_rng(1).normal(400, 20, DAY)
    (share,), (own,) = (detectable(series(values), Question("gauge", "up", 0.1, relative), [3]) for relative in (True, False))
    assert share.size is not None
    assert own.size == pytest.approx(share.size * 400, rel=0.02)


def test_clean_requests_follow_the_rule_of_three() -> None:
    """About five events must be expected for some to be seen, and not by chance, four times out of five."""
    question = Question("share", "up", 0.001, is_relative=False)
    (few,), (many,) = (detectable(series(np.zeros(DAY), n), question, [3]) for n in (10.0, 100.0))
    assert few.size is not None
    assert many.size is not None
    assert many.size == pytest.approx(few.size / 10, rel=0.01)
    assert 1.6 / 18_000 < many.size < 6 / 18_000


def test_what_is_pooled_names_the_windows_it_needs() -> None:
    question = Question("share", "up", 0.00005, is_relative=False, evidence=60_000, span_s=86_400.0)
    short, enough = detectable(series(np.zeros(DAY), 40.0), question, [3, 30])
    assert (short.size, short.why_not) == (None, "3 windows have 7,200 of the 60,000 it needs; 25 have them")
    assert enough.size is not None


@pytest.mark.parametrize(
    ("values", "question", "why"),
    [
        ([], ANY, "no samples"),
        ([np.nan] * 300, ANY, "no samples"),
        ([5.0] * 50, ANY, "no samples for 3 windows"),
        (np.random.default_rng(1).normal(100, 5, 240), ANY, "too short"),
        ([5.0] * 500, Question("trend", "up", 0.0, is_relative=True), "a trend needs 24"),
        ([5.0] * 500, Question("latency", "up", 0.1, is_relative=True, evidence=100), "a window has 60 of the 100 it needs"),
    ],
)
def test_what_cannot_be_told_says_why(values: object, question: Question, why: str) -> None:
    (found,) = detectable(series(values), question, [3])
    assert found.size is None
    assert why in found.why_not


def test_a_trend_of_that_size_is_found() -> None:
    question = Question("trend", "up", 0.0, is_relative=True)
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        before = series(100 + rng.normal(0, 3, DAY))
        (least,) = detectable(before, question, [96])
        assert least.size is not None
        grown = 100 + rng.normal(0, 3, DAY) + 100 * least.size * np.arange(DAY) / DAY
        after = Series(before.times_s + DAY * 15.0, grown)
        found += judge(before, after, question)[-1].state == "fail"
    assert found >= 12
