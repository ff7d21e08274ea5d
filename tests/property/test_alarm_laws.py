"""Laws of alarms and of pattern rates that no example shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from models.alarm_models import ALARM_MODELS, JOINT
from models.rate_change import discoveries, rate_changes
from models.streaming import Panel, watch
from models.tail import level_of

DAY, STEP_S = 96, 900.0
FAST = [name for name in ALARM_MODELS if name not in {"subsequence pca"}]
each_model = pytest.mark.parametrize("name", FAST)
few = settings(max_examples=8, deadline=None)


def drawn(seed: int, days: int = 8, signals: int = 3) -> tuple[Panel, Panel]:
    """Seven days of history; the last day carries a step at a random place, so that there is something to tell."""
    chance = default_rng(seed)
    values = chance.standard_normal((days * DAY, signals))
    values[-chance.integers(1, DAY) :, chance.integers(signals)] += chance.uniform(-20, 20)
    whole = Panel(np.arange(days * DAY, dtype=np.float64) * STEP_S, values)
    return whole.rows(0, (days - 1) * DAY), whole.rows((days - 1) * DAY, days * DAY)


@each_model
@few
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.floats(-1e6, 1e6))
def test_another_unit_tells_the_same(name: str, seed: int, factor: float, offset: float) -> None:
    """Seconds or milliseconds, Celsius or Kelvin. The floor of the scale is a share of the level, so it stays in bounds."""
    history, new = drawn(seed)
    offset = float(np.clip(offset, -100 * factor, 100 * factor))
    other = [Panel(panel.times_s, panel.values * factor + offset) for panel in (history, new)]
    told, told_other = watch(ALARM_MODELS[name], history, new), watch(ALARM_MODELS[name], other[0], other[1])
    assert [(alarm.signal, alarm.start_s) for alarm in told] == [(alarm.signal, alarm.start_s) for alarm in told_other]


@pytest.mark.parametrize("name", [name for name in FAST if name not in JOINT])
@few
@given(st.integers(0, 10_000))
def test_a_signal_is_judged_alone(name: str, seed: int) -> None:
    """What its neighbours do changes nothing."""
    history, new = drawn(seed)
    alone = watch(ALARM_MODELS[name], Panel(history.times_s, history.values[:, 1:2]), Panel(new.times_s, new.values[:, 1:2]))
    together = [alarm for alarm in watch(ALARM_MODELS[name], history, new) if alarm.signal == 1]
    assert [alarm.start_s for alarm in alone] == [alarm.start_s for alarm in together]


@each_model
@few
@given(st.integers(0, 10_000), st.integers(1, DAY - 1))
def test_no_alarm_knows_what_comes_later(name: str, seed: int, cut: int) -> None:
    history, new = drawn(seed)
    whole = watch(ALARM_MODELS[name], history, new)
    first = watch(ALARM_MODELS[name], history, new.rows(0, cut))
    assert {(alarm.signal, alarm.start_s) for alarm in first} == {
        (alarm.signal, alarm.start_s) for alarm in whole if alarm.start_s < new.times_s[cut]
    }


@few
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.floats(1e-6, 0.5))
def test_a_rarer_level_is_no_lower(peaks: list[float], share: float) -> None:
    known = np.array(peaks)
    assert level_of(known, share / 10) >= level_of(known, share) >= 0


def test_bursts_on_both_sides_are_hardly_ever_told_as_a_change() -> None:
    """Forty fault-free pairs of a hundred templates whose lines come in bursts of thirty: at most one in ten tells anything."""
    chance, told = default_rng(11), 0
    for _ in range(40):
        rates = np.exp(chance.normal(np.log(0.5), 1.5, 100))[:, None] / 30
        before, after = (
            np.floor(chance.poisson(rates, (100, windows)) * np.exp(chance.normal(np.log(30) - 0.5, 1.0, (100, windows))))
            for windows in (300, 60)
        )
        told += any(discoveries([change.p for change in rate_changes(before, after, np.ones(300), np.ones(60))], 0.05))
    assert told <= 4
