"""Laws of a verdict that hold for any series: of units, of damage, of what is missing, of odd input."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.comparison import Comparison
from detector.analysis.baselines.table import Table
from detector.core.signals.spec import SignalKind
from models.detectable import detectable
from models.judging import Question, Series, judge
from models.series import Against, Floats
from tests.bench import verdict_families as families

RANK = {"pass": 0, "inconclusive": 1, "fail": 2}
SEEDS = st.integers(0, 10_000)
FAMILY = st.sampled_from(sorted(families.FAMILIES))
SLOWER = Question("latency", "up", 0.10, is_relative=True)


def states(before: Series, after: Series, question: Question = SLOWER) -> list[str]:
    return [answer.state for answer in judge(before, after, question)]


def in_unit(series: Series, factor: float) -> Series:
    return Series(series.times_s, series.values * factor, series.load)


def with_values(series: Series, values: Floats) -> Series:
    return Series(series.times_s, values, series.load)


@given(seed=SEEDS, family=FAMILY, shift=st.floats(-0.3, 0.5), factor=st.sampled_from([1e-9, 1e-3, 60.0, 1e6]))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("kind", ["latency", "gauge", "rate"])
def test_the_unit_says_nothing(kind: str, seed: int, family: str, shift: float, factor: float) -> None:
    trial = families.trial(family, np.random.default_rng(seed), shift)
    question = Question(kind, "up", 0.10, is_relative=True)
    assert states(trial.before, trial.after, question) == states(
        in_unit(trial.before, factor), in_unit(trial.after, factor), question
    )


@given(seed=SEEDS, family=FAMILY, factor=st.sampled_from([2.0, 100.0]))
@settings(max_examples=8, deadline=None)
def test_more_damage_is_never_better(seed: int, family: str, factor: float) -> None:
    """What failed never passes, and all windows together go on to fail. A single window whose damage is in its first part alone
    may be taken for a warm-up: then it is left open."""
    trial = families.trial(family, np.random.default_rng(seed))
    worst = [0] * 4
    for n in range(0, 61, 4):
        damaged = trial.after.values.reshape(-1, 60).copy()
        damaged[:, :n] *= factor
        found = [RANK[state] for state in states(trial.before, with_values(trial.after, damaged.ravel()))]
        assert all(now > 0 or was < 2 for now, was in zip(found, worst, strict=True)), n
        assert found[-1] == 2 or worst[-1] < 2, n
        worst = found


@given(seed=SEEDS, family=FAMILY, share=st.floats(0.0, 1.0))
@settings(max_examples=25, deadline=None)
def test_what_is_missing_never_makes_a_pass(seed: int, family: str, share: float) -> None:
    rng = np.random.default_rng(seed)
    trial = families.trial(family, rng, 0.4)
    holes = np.where(rng.random(len(trial.after.values)) < share, np.nan, trial.after.values)
    for full, with_holes in zip(
        states(trial.before, trial.after), states(trial.before, with_values(trial.after, holes)), strict=False
    ):
        assert not (full == "fail" and with_holes == "pass")


ODD = st.lists(st.one_of(st.floats(), st.just(0.0), st.just(5.0)), max_size=40)


@given(
    before=ODD,
    after=ODD,
    repeat=st.integers(1, 8),
    kind=st.sampled_from(["latency", "share", "rate", "gauge", "count", "trend"]),
    direction=st.sampled_from(["up", "down", "both"]),
    amount=st.floats(-2.0, 2.0),
    is_relative=st.booleans(),
    is_at_least=st.booleans(),
    limit=st.one_of(st.none(), st.floats(-10, 10)),
)
@settings(max_examples=150, deadline=None)
def test_no_input_is_an_error(
    before: list[float],
    after: list[float],
    repeat: int,
    kind: str,
    direction: str,
    amount: float,
    is_relative: bool,
    is_at_least: bool,
    limit: float | None,
) -> None:
    question = Question(kind, direction, amount, is_relative, is_at_least, limit, window_s=75.0)
    past, later = (np.asarray(x * repeat, dtype=np.float64) for x in (before, after))
    times = np.arange(len(past) + len(later), dtype=np.float64) * 15.0
    answers = judge(Series(times[: len(past)], past), Series(times[len(past) :], later), question)
    assert answers[-1].window is None
    assert {answer.state for answer in answers} <= set(RANK)
    if not np.isfinite(later).any():
        assert all(answer.state == "inconclusive" for answer in answers)


@given(seed=SEEDS, family=FAMILY, shift=st.floats(-0.3, 0.5), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_columns_and_rows_says_nothing(seed: int, family: str, shift: float, order: random.Random) -> None:
    """Nor does what stands beside a signal."""
    rng = np.random.default_rng(seed)
    made = {f"s{i}": families.trial(family, rng, shift * i) for i in range(3)}
    names = list(made)
    shuffled = [order.sample(names, k=3) for _ in range(2)]
    straight = {one.whole.signal: one.verdicts for one in comparison(made, names, names).run()}
    assert {one.whole.signal: one.verdicts for one in comparison(made, *shuffled).run()} == straight
    alone = {name: next(comparison({name: made[name]}, [name], [name]).run()).verdicts for name in names}
    assert alone == straight
    rows = order.sample(range(len(made["s0"].after.times_s)), k=len(made["s0"].after.times_s))
    after = made["s0"].after
    mixed = Series(after.times_s[rows], after.values[rows], None if after.load is None else after.load[rows])
    assert states(made["s0"].before, mixed) == states(made["s0"].before, after)


def comparison(made: dict[str, families.Trial], before: list[str], after: list[str]) -> Comparison:
    first = next(iter(made.values()))
    return Comparison(
        Table("b", first.before.times_s, {name: made[name].before.values for name in before}),
        Table("a", first.after.times_s, {name: made[name].after.values for name in after}),
        Asked(SignalKind.LATENCY),
        {},
    )


@given(seed=SEEDS, family=FAMILY, share=st.floats(0.0, 1.0), kind=st.sampled_from(["latency", "gauge", "rate", "share", "count"]))
@settings(max_examples=25, deadline=None)
def test_holes_before_never_make_a_pass_either(seed: int, family: str, share: float, kind: str) -> None:
    """With holes on both sides, whatever the kind: of a change by half none passes that fails in full."""
    rng = np.random.default_rng(seed)
    trial = families.trial(family, rng, 0.5)
    before, after = (
        with_values(series, np.where(rng.random(len(series.values)) < share, np.nan, series.values))
        for series in (trial.before, trial.after)
    )
    question = Question(kind, "up", 0.10, is_relative=True)
    for full, with_holes in zip(states(trial.before, trial.after, question), states(before, after, question), strict=False):
        assert not (full == "fail" and with_holes == "pass")


@given(seed=SEEDS, family=FAMILY, requests=st.floats(0.0, 40.0), shift=st.floats(-0.5, 2.0))
@settings(max_examples=20, deadline=None)
def test_too_few_requests_are_never_an_answer(seed: int, family: str, requests: float, shift: float) -> None:
    """Sixty samples of a window, fewer than 2,400 requests: no window of it passes or fails, however bad."""
    trial = families.trial(family, np.random.default_rng(seed), shift)
    counted = Series(
        trial.after.times_s, trial.after.values, trial.after.load, evidence=np.full(len(trial.after.values), requests)
    )
    question = Question("latency", "up", 0.10, is_relative=True, evidence=2401.0)
    assert set(states(trial.before, counted, question)[:-1]) == {"inconclusive"}
    assert states(trial.before, counted, question)[-1] != "pass"


@given(seed=SEEDS, family=FAMILY, factor=st.sampled_from([1e-3, 60.0, 1e6]), accepted=st.floats(0.0, 0.5))
@settings(max_examples=15, deadline=None)
def test_what_can_be_detected_knows_no_unit(seed: int, family: str, factor: float, accepted: float) -> None:
    """And asks for no more of a signal that is accepted to get worse."""
    trial = families.trial(family, np.random.default_rng(seed))
    (one,) = detectable(trial.before, SLOWER, [3])
    (other,) = detectable(in_unit(trial.before, factor), SLOWER, [3])
    (wider,) = detectable(trial.before, Question("latency", "up", accepted, is_relative=True), [3])
    assert one.size is not None
    assert other.size == pytest.approx(one.size, rel=1e-6)
    assert wider.size == one.size


@given(
    before=ODD,
    after=ODD,
    beside=ODD,
    repeat=st.integers(1, 12),
    kind=st.sampled_from(["latency", "share", "rate", "gauge", "count", "trend"]),
    direction=st.sampled_from(["up", "down", "both"]),
    evidence=st.sampled_from([0.0, 3.0, 1e12]),
    span_s=st.sampled_from([0.0, 300.0, 86_400.0]),
    against=st.sampled_from(["auto", "past", "control"]),
)
@settings(max_examples=150, deadline=None)
def test_nor_is_what_stands_beside_it(
    before: list[float],
    after: list[float],
    beside: list[float],
    repeat: int,
    kind: str,
    direction: str,
    evidence: float,
    span_s: float,
    against: Against,
) -> None:
    """Odd loads, controls and counts of requests: an answer, a plan with a number or a reason, no exception."""
    question = Question(kind, direction, 0.1, True, window_s=75.0, evidence=evidence, span_s=span_s, against=against)
    past, later = (np.asarray(x * repeat, dtype=np.float64) for x in (before, after))
    times = np.arange(len(past) + len(later), dtype=np.float64) * 15.0
    more = np.resize(np.asarray(beside or [np.nan], dtype=np.float64), len(times))
    sides = [
        Series(times[part], values, more[part], more[::-1][part], np.abs(more[part]))
        for part, values in ((slice(0, len(past)), past), (slice(len(past), None), later))
    ]
    answers = judge(sides[0], sides[1], question)
    assert answers[-1].window is None
    assert {answer.state for answer in answers} <= set(RANK)
    assert all(answer.chance is None or 0 <= answer.chance <= 1 for answer in answers)
    for found in detectable(sides[0], question, [1, 3, 30]):
        assert found.size is not None or found.why_not
        assert found.size is None or found.size >= 0
