"""A start that settles is left out and told; one that goes on is judged."""

from __future__ import annotations

import numpy as np
import pytest

from models.judging import Answer, Question, Series, judge
from models.series import Floats
from tests.bench import verdict_families as families

SLOWER = Question("latency", "up", 0.15, is_relative=True)
WINDOW = families.WINDOW


def judged(factors: Floats, question: Question = SLOWER, family: str = "ar05", seed: int = 3) -> list[Answer]:
    """`factors` of the samples after the change, of shape (n,)."""
    trial = families.trial(family, np.random.default_rng(seed), windows=len(factors) // WINDOW)
    return judge(trial.before, Series(trial.after.times_s, trial.after.values * factors), question)


def settling(windows: int, by: float = 4.0, tau: float = 8.0) -> Floats:
    """`by` times as slow at first, an e-th of it after `tau` samples."""
    return np.asarray(1.0 + (by - 1.0) * np.exp(-np.arange(windows * WINDOW) / tau))


def test_a_start_that_settles_is_left_out() -> None:
    """The window it lies in does not pass; three after it promote."""
    answers = judged(settling(4))
    assert [answer.state for answer in answers] == ["inconclusive", "pass", "pass", "pass", "pass"]
    whole = answers[-1]
    assert whole.warm_up is not None
    assert 240 <= whole.warm_up.seconds <= 900
    assert whole.warm_up.level is not None
    assert whole.warm_up.level > 300
    assert "warm-up" in answers[0].reason


def test_a_version_that_comes_up_late_settles_all_the_same() -> None:
    """Two minutes without a sample, then a start that settles."""
    factors = np.concatenate([np.full(8, np.nan), settling(4)])[: 4 * WINDOW]
    whole = judged(factors)[-1]
    assert whole.state == "pass"
    assert whole.warm_up is not None
    assert 360 <= whole.warm_up.seconds <= 900


@pytest.mark.parametrize("windows", [1, 2, 3, 12])
def test_at_most_a_window_and_a_third_of_what_there_is(windows: int) -> None:
    for tau in (8.0, 20.0, 60.0):
        whole = judged(settling(windows, by=20.0, tau=tau))[-1]
        assert whole.warm_up is None or whole.warm_up.seconds <= min(900, windows * 300)
        assert whole.state != "pass" or tau == 8.0


@pytest.mark.parametrize("family", ["iid", "ar08", "heavy", "bursty"])
def test_what_goes_on_is_no_warm_up(family: str) -> None:
    """A step that stays, and damage that comes back in each window."""
    damaged = np.where(np.arange(3 * WINDOW) % WINDOW < 15, 100.0, 1.0)
    for factors in (np.full(3 * WINDOW, 1.5), damaged):
        whole = judged(factors, family=family)[-1]
        assert (whole.warm_up, whole.state) == (None, "fail")


def test_requests_that_fail_at_the_start_are_judged() -> None:
    trial = families.trial("iid", np.random.default_rng(1))
    share = np.full(3 * WINDOW, 0.001)
    share[:10] = 0.2
    before = Series(trial.before.times_s, np.abs(np.random.default_rng(2).normal(0.001, 0.0002, len(trial.before.times_s))))
    whole = judge(before, Series(trial.after.times_s, share), Question("share", "up", 0.001, is_relative=False))[-1]
    assert whole.warm_up is None
    assert whole.state != "pass"


def test_a_start_that_is_better_does_not_help() -> None:
    """A cache that fills: the first minutes are left out, what it is like then fails."""
    factors = np.full(4 * WINDOW, 1.5)
    factors[:20] = 0.2
    assert judged(factors)[-1].state == "fail"


def test_one_window_of_it_never_passes() -> None:
    """However many of the first samples are bad, from none to all: nothing goes back from fail to pass."""
    rank = {"pass": 0, "inconclusive": 1, "fail": 2}
    seen = 0
    for n in range(0, WINDOW + 1, 3):
        factors = np.ones(WINDOW)
        factors[:n] = 100.0
        state = rank[judged(factors)[0].state]
        assert not (seen == 2 and state == 0)
        seen = max(seen, state)
    assert seen == 2


def test_nothing_is_left_out_where_nothing_happens() -> None:
    for family in families.FAMILIES:
        for seed in range(12):
            assert judged(np.ones(3 * WINDOW), family=family, seed=seed)[-1].warm_up is None
