"""What the judge says of series whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.judging import Answer, Question, Series, judge
from models.series import Against, Floats

UP_TENTH = Question("gauge", "up", 0.10, is_relative=True)
DAY, HOUR = 5760, 240


def series(values: object, start_s: float = 0.0, load: Floats | None = None, control: Floats | None = None) -> Series:
    known = np.asarray(values, dtype=np.float64)
    return Series(start_s + np.arange(len(known), dtype=np.float64) * 15.0, known, load, control)


def after(values: object, load: Floats | None = None, control: Floats | None = None) -> Series:
    return series(values, DAY * 15.0 + 1800, load, control)


def noise(seed: int, n: int, level: float = 100.0, deviation: float = 5.0) -> Floats:
    return np.asarray(np.random.default_rng(seed).normal(level, deviation, n))


def states(answers: list[Answer]) -> list[str]:
    return [answer.state for answer in answers]


def test_nothing_changed() -> None:
    answers = judge(series(noise(1, DAY)), after(noise(2, 180)), UP_TENTH)
    assert states(answers) == ["pass"] * 4
    assert [answer.window for answer in answers] == [1, 2, 3, None]


def test_a_shift_is_said_in_the_unit_asked_for() -> None:
    whole = judge(series(noise(1, DAY)), after(noise(2, 180, 120.0)), UP_TENTH)[-1]
    assert whole.state == "fail"
    assert whole.low is not None
    assert whole.high is not None
    assert whole.observed is not None
    assert whole.low < whole.observed < whole.high
    assert whole.observed == pytest.approx(0.20, abs=0.02)
    absolute = judge(series(noise(1, DAY)), after(noise(2, 180, 120.0)), Question("gauge", "up", 5.0, is_relative=False))[-1]
    assert absolute.observed == pytest.approx(20.0, abs=2.0)


@pytest.mark.parametrize(("direction", "state"), [("up", "pass"), ("down", "fail"), ("both", "fail")])
def test_which_way_is_worse(direction: str, state: str) -> None:
    fallen = after(noise(2, 180, 80.0))
    assert judge(series(noise(1, DAY)), fallen, Question("gauge", direction, 0.10, is_relative=True))[-1].state == state


def test_a_wanted_change() -> None:
    wanted = Question("gauge", "up", 10.0, is_relative=False, is_at_least=True)
    assert judge(series(noise(1, DAY)), after(noise(2, 180, 115.0)), wanted)[-1].state == "pass"
    assert judge(series(noise(1, DAY)), after(noise(2, 180, 102.0)), wanted)[-1].state == "fail"


def test_a_limit_lowers_what_is_accepted() -> None:
    higher = after(noise(2, 180, 104.0))
    assert judge(series(noise(1, DAY)), higher, UP_TENTH)[-1].state == "pass"
    assert judge(series(noise(1, DAY)), higher, Question("gauge", "up", 0.10, True, limit=102.0))[-1].state == "fail"


def test_what_load_explains_is_no_change() -> None:
    load = np.exp(0.5 * np.sin(np.arange(DAY + 300) * 2 * np.pi / DAY))
    values = 100.0 * load**0.8 * np.exp(noise(1, DAY + 300, 0.0, 0.05))
    before, later = series(values[:DAY], load=load[:DAY]), after(values[DAY + 120 :] * 1.0, load=load[DAY + 120 :])
    assert judge(before, later, Question("latency", "up", 0.10, True))[-1].state == "pass"
    worse = after(values[DAY + 120 :] * 1.2, load=load[DAY + 120 :])
    assert judge(before, worse, Question("latency", "up", 0.10, True))[-1].state == "fail"


def test_what_the_control_does_too_is_no_change() -> None:
    shared = noise(3, DAY + 180, 100.0, 5.0)
    shared[DAY:] += 40.0
    new, old = shared + noise(4, DAY + 180, 0.0, 1.0), shared + noise(5, DAY + 180, 0.0, 1.0)
    answers = judge(series(new[:DAY], control=old[:DAY]), after(new[DAY:], control=old[DAY:]), UP_TENTH)
    assert answers[-1].state == "pass"


def shocked(shift: float, is_shared: bool) -> tuple[Series, Series]:
    """Two versions at once; after the change both rise by 40, or the new one alone, and that by `shift` besides."""
    shared = noise(3, DAY + 180, 100.0, 5.0)
    old = shared + noise(5, DAY + 180, 0.0, 1.0)
    new = shared + noise(4, DAY + 180, 0.0, 1.0)
    new[DAY:] += 40.0 + shift
    old[DAY:] += 40.0 * is_shared
    return series(new[:DAY], control=old[:DAY]), after(new[DAY:], control=old[DAY:])


@pytest.mark.parametrize(("against", "state"), [("auto", "pass"), ("control", "pass"), ("past", "fail")])
def test_what_tells_how_it_would_have_been(against: Against, state: str) -> None:
    """A shock that both versions share is no change to one who looks at the control; it is to one who does not."""
    answers = judge(*shocked(0.0, is_shared=True), Question("gauge", "up", 0.10, True, against=against))
    assert answers[-1].state == state
    assert ("control" in answers[-1].against) == (against != "past")


@pytest.mark.parametrize("against", ["auto", "control"])
def test_what_the_new_version_alone_does_is_found(against: Against) -> None:
    assert judge(*shocked(0.0, is_shared=False), Question("gauge", "up", 0.10, True, against=against))[-1].state == "fail"
    assert judge(*shocked(40.0, is_shared=True), Question("gauge", "up", 0.10, True, against=against))[-1].state == "fail"


def test_a_control_that_is_the_signal_itself_tells_nothing() -> None:
    """Where there was one version before the change, what the two have apart was never seen."""
    past, later = noise(1, DAY), noise(2, 180)
    answers = judge(series(past, control=past), after(later, control=noise(3, 180)), UP_TENTH)
    assert answers[-1].against == ""
    assert states(answers) == ["pass"] * 4


def test_a_control_that_is_asked_for_and_not_there() -> None:
    answer = judge(series(noise(1, DAY)), after(noise(2, 180)), Question("gauge", "up", 0.1, True, against="control"))[-1]
    assert (answer.state, answer.reason) == ("inconclusive", "no control to compare with")


@pytest.mark.parametrize("kind", ["count", "rate", "share", "latency", "gauge"])
def test_twenty_errors_over_a_baseline_of_none(kind: str) -> None:
    errors = np.zeros(180)
    errors[::10] = 20.0
    assert judge(series(np.zeros(DAY)), after(errors), Question(kind, "up", 0.10, True))[-1].state == "fail"


def test_none_before_and_none_after() -> None:
    nothing = series(np.zeros(DAY)), after(np.zeros(180))
    assert judge(*nothing, Question("count", "up", 0.10, True))[-1].state == "pass"
    tiny = judge(*nothing, Question("share", "up", 0.00005, False))[-1]
    assert (tiny.state, tiny.windows_needed is not None) == ("inconclusive", True)


def test_clean_requests_are_the_evidence_of_a_share() -> None:
    requests = np.full(DAY, 400.0)
    before, later = series(np.zeros(DAY), load=requests), after(np.zeros(180), load=requests[:180])
    assert judge(before, later, Question("share", "up", 0.001, False))[-1].state == "pass"


@pytest.mark.parametrize(("value", "state"), [(5.0, "pass"), (5.2, "pass"), (6.0, "fail")])
def test_a_constant_has_an_exact_answer(value: float, state: str) -> None:
    answer = judge(series(np.full(DAY, 5.0)), after(np.full(180, value)), UP_TENTH)[-1]
    assert answer.state == state
    assert answer.observed == pytest.approx(value / 5.0 - 1.0)


def test_fewer_than_three_windows_do_not_promote() -> None:
    answers = judge(series(noise(1, DAY)), after(noise(2, 60)), UP_TENTH)
    assert states(answers) == ["pass", "inconclusive"]
    assert answers[-1].windows_needed == 2


def test_a_window_with_holes_never_passes() -> None:
    later = noise(2, 180)
    later[:20] = np.nan
    assert states(judge(series(noise(1, DAY)), after(later), UP_TENTH))[0] == "inconclusive"
    later[:60] = np.nan
    answers = judge(series(noise(1, DAY)), after(later), UP_TENTH)
    assert (answers[0].state, answers[0].reason) == ("inconclusive", "too few samples in the window")


def test_a_short_baseline_says_so() -> None:
    answer = judge(series(noise(1, HOUR)), after(noise(2, 180)), UP_TENTH)[-1]
    assert answer.state == "inconclusive"
    assert "too short" in answer.reason


def test_noise_says_how_many_windows_it_needs() -> None:
    answer = judge(series(noise(1, DAY, 100.0, 60.0)), after(noise(2, 60, 100.0, 60.0)), UP_TENTH)[0]
    assert answer.state == "inconclusive"
    assert answer.windows_needed is not None
    assert answer.windows_needed >= 1
