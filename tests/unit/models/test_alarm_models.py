"""What every alarm model promises, run over the list."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from models.alarm_models import ALARM_MODELS, JOINT
from models.robust_scale import centre_and_scale
from models.streaming import AlarmRule, FloatArray, Model, Panel, TooShort, episodes, watch
from models.tail import level_of

STEP_S = 300.0
DAY = 288
ALL = pytest.mark.parametrize("model", ALARM_MODELS.values(), ids=ALARM_MODELS)
SINGLE = pytest.mark.parametrize("name", [name for name in ALARM_MODELS if name not in JOINT])


def times(days: int, start_day: int = 0) -> FloatArray:
    return np.arange(start_day * DAY, (start_day + days) * DAY, dtype=np.float64) * STEP_S


def panel(days: int, start_day: int = 0) -> Panel:
    values = 100 + 5 * default_rng([1, start_day]).standard_normal((days * DAY, 3))
    return Panel(times(days, start_day), values)


def moved(new: Panel, signal: int, row: int, by: float) -> Panel:
    values = new.values.copy()
    values[row:, signal] += by
    return Panel(new.times_s, values)


@ALL
def test_a_level_that_moves_far_is_an_alarm_after_it_moved(model: Model) -> None:
    """Ten deviations, for good: one alarm, not one a row."""
    history, new = panel(7), moved(panel(1, 7), signal=1, row=100, by=50)
    alarms = watch(model, history, new)
    assert len(alarms) == 1
    assert new.times_s[100] <= alarms[0].start_s <= new.times_s[130]
    assert abs(alarms[0].effect) >= alarms[0].threshold


@SINGLE
def test_the_moved_signal_is_named(name: str) -> None:
    alarms = watch(ALARM_MODELS[name], panel(7), moved(panel(1, 7), signal=2, row=50, by=-60))
    assert [alarm.signal for alarm in alarms] == [2]


@ALL
def test_what_did_not_change_is_quiet(model: Model) -> None:
    assert watch(model, panel(7), panel(1, 7)) == []


@ALL
def test_constant_signals_are_quiet(model: Model) -> None:
    """Zero quartile range, zero deviation: no division by nothing, no alarm."""
    history = Panel(panel(7).times_s, np.zeros((7 * DAY, 3)) + np.array([0.0, 7.0, -3.0]))
    new = Panel(panel(1, 7).times_s, np.zeros((DAY, 3)) + np.array([0.0, 7.0, -3.0]))
    assert watch(model, history, new) == []


@ALL
def test_the_unit_does_not_matter(model: Model) -> None:
    history, new = panel(7), moved(panel(1, 7), signal=0, row=100, by=40)
    in_ms = watch(model, Panel(history.times_s, history.values * 1000), Panel(new.times_s, new.values * 1000))
    assert [(a.signal, a.start_s) for a in in_ms] == [(a.signal, a.start_s) for a in watch(model, history, new)]


@ALL
def test_holes_are_no_alarm_and_hide_none(model: Model) -> None:
    """A tenth of the values is missing."""
    history, new = panel(7), moved(panel(1, 7), signal=1, row=100, by=50)
    chance = default_rng(3)
    for each in (history, new):
        each.values[chance.random(each.values.shape) < 0.1] = np.nan
    assert [alarm.start_s >= new.times_s[100] for alarm in watch(model, history, new)] == [True]


@ALL
def test_a_signal_without_a_value_is_silent(model: Model) -> None:
    history, new = panel(7), panel(1, 7)
    history.values[:, 1] = np.nan
    new.values[:, 1] = np.nan
    assert watch(model, history, new) == []


@ALL
def test_scoring_changes_nothing(model: Model) -> None:
    fitted, new = model.fit(panel(7)), panel(1, 7)
    np.testing.assert_array_equal(fitted.score(new), fitted.score(new))


@ALL
def test_a_score_knows_no_later_row(model: Model) -> None:
    fitted, new = model.fit(panel(7)), panel(1, 7)
    np.testing.assert_allclose(fitted.score(new.rows(0, 150)), fitted.score(new)[:150])


@ALL
def test_too_short_a_history_says_so(model: Model) -> None:
    with pytest.raises(TooShort, match="need"):
        model.fit(panel(7).rows(0, 20))


def test_infinite_values_are_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        Panel(np.arange(2.0), np.array([[1.0], [np.inf]]))


def test_times_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        Panel(np.array([1.0, 1.0]), np.zeros((2, 1)))


def test_load_that_lifts_all_signals_is_no_alarm_of_the_joint_model() -> None:
    def drawn(start_day: int, days: int, lift: float) -> Panel:
        chance = default_rng([9, start_day])
        load = 10 * chance.standard_normal((days * DAY, 1)) + lift
        own = chance.standard_normal((days * DAY, 4))
        return Panel(times(days, start_day), load * np.array([1.0, 2.0, 3.0, 4.0]) + own)

    history, lifted = drawn(0, 7, 0.0), drawn(7, 1, 20.0)
    assert watch(ALARM_MODELS["joint pca"], history, lifted) == []
    broken = moved(lifted, signal=2, row=150, by=30.0)
    alarms = watch(ALARM_MODELS["joint pca"], history, broken)
    assert [alarm.start_s >= lifted.times_s[150] for alarm in alarms] == [True]


def test_an_alarm_is_over_after_its_quiet_period_only() -> None:
    scores = np.zeros((100, 1))
    scores[[10, 15, 40], 0] = 9.0
    found = episodes(np.arange(0.0, 6000.0, 60.0), scores, np.array([5.0]), AlarmRule(quiet_s=600, rest_s=0))
    assert [(alarm.start_s, alarm.end_s) for alarm in found] == [(600.0, 900.0), (2400.0, 2400.0)]


def test_what_wanders_about_its_threshold_is_one_alarm_a_day() -> None:
    scores = np.zeros((100, 1))
    scores[[10, 40, 70], 0] = 9.0, 10.0, 14.0
    found = episodes(np.arange(0.0, 6000.0, 60.0), scores, np.array([5.0]), AlarmRule(quiet_s=600))
    assert [alarm.effect for alarm in found] == [9.0, 14.0]


def test_a_fall_is_no_alarm_where_only_a_rise_is_worse() -> None:
    scores = np.full((3, 1), -9.0)
    assert episodes(np.arange(3.0), scores, np.array([5.0]), AlarmRule(side=1)) == []
    assert len(episodes(np.arange(3.0), scores, np.array([5.0]), AlarmRule(side=-1))) == 1


def test_a_level_is_crossed_as_often_as_it_says() -> None:
    """Within a factor of three of one in a thousand, on the careful side, from 200 peaks of an exponential tail."""
    chance = default_rng(5)
    crossed = [np.exp(-level_of(chance.exponential(size=200), 0.001)) for _ in range(300)]
    assert 0.0001 < np.mean(crossed) < 0.002


def test_no_peak_gives_no_level() -> None:
    assert level_of(np.full(5, np.nan), 0.001) == 0.0
    assert level_of(np.zeros(50), 0.001) == 0.0


def test_the_spread_of_what_is_mostly_idle_is_not_zero() -> None:
    values = np.zeros((100, 1))
    values[::10] = 2.0
    centre, scale = centre_and_scale(values)
    assert (centre[0], scale[0]) == (0.0, pytest.approx(np.sqrt(0.4)))
