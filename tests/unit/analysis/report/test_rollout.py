"""The line on the whole rollout: many signals, few of them by chance."""

from __future__ import annotations

import pytest

from detector.analysis.report.rollout import outcome, summary
from detector.analysis.report.verdict_rows import VerdictRow
from detector.records import Verdict, VerdictState
from models.holm import holm

STATES = {"p": VerdictState.PASS, "f": VerdictState.FAIL, "i": VerdictState.INCONCLUSIVE}


def row(name: str, state: str, chance: float | None, layer: str = "application", is_required: bool = True) -> VerdictRow:
    verdict = Verdict(name, layer, None, 1.0, 1.0, "+15%", 0.0, None, "ms", STATES[state], "why")
    return VerdictRow((verdict,), chance=chance, is_required=is_required)


def passing(count: int, layer: str = "application") -> list[VerdictRow]:
    return [row(f"{layer}{at}", "p", 0.5, layer) for at in range(count)]


def test_one_that_chance_brings_among_many_does_not_fail_the_rollout() -> None:
    """Its own verdict stays."""
    rows = [row("late", "f", 0.004), *passing(29)]
    assert outcome(rows).startswith("The rollout waits: late may be the one that fails by chance")
    assert outcome([row("late", "f", 0.004), *passing(1)]) == "The rollout fails: late."
    assert "1 failed" in summary(rows, False)


def test_a_layer_does_not_pay_for_another() -> None:
    assert outcome([row("late", "f", 0.004), *passing(1), *passing(40, "storage")]) == "The rollout fails: late."


def test_what_is_not_required_holds_nothing() -> None:
    rows = [row("late", "f", 1e-9, is_required=False), row("open", "i", None, is_required=False), *passing(2)]
    assert outcome(rows) == "The rollout passes: every required signal did."
    assert outcome(rows[:2]) == "The rollout waits: no signal is required."


def test_an_open_signal_holds_it() -> None:
    assert outcome([row("open", "i", None), *passing(2)]) == "The rollout waits: 1 of 3 required signals without a pass."


def test_false_fails_are_expected_of_those_that_were_judged() -> None:
    rows = [*passing(300), *(row(f"n{at}", "i", None) for at in range(500))]
    assert "without any change about 3 would fail by chance" in summary(rows, False)


@pytest.mark.parametrize(
    ("chances", "refused"),
    [([], []), ([0.01], [True]), ([0.006, 0.5], [False, False]), ([0.009, 0.004, 1.0], [False, False, False])],
)
def test_holm(chances: list[float], refused: list[bool]) -> None:
    assert holm(chances, 0.01) == refused


def test_holm_goes_on_with_the_rest() -> None:
    """0.0033 stands against a third of 0.01, then 0.005 against a half, then 0.01 against all."""
    assert holm([0.01, 0.0033, 0.005], 0.01) == [True, True, True]
