"""From frames of signals to alarms with words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import default_rng

from detector.analysis.baselines.alarms import watch_frame

SINCE = pd.Timestamp("2026-11-20", tz="UTC")


def frame(days: int = 9) -> pd.DataFrame:
    """Three signals of one load, five minutes apart; the last day is the one to be watched."""
    chance, rows = default_rng(3), days * 288
    index = pd.date_range(end=SINCE + pd.Timedelta(days=1), periods=rows, freq="300s", inclusive="left", tz="UTC")[-rows:]
    load = chance.standard_normal(len(index))
    columns = {name: 100 + 20 * load + chance.standard_normal(len(index)) for name in ("p99", "requests", "cpu")}
    return pd.DataFrame(columns | {"errors": 5 + chance.standard_normal(len(index))}, index=index)


def test_a_signal_that_rises_is_one_alarm_with_words() -> None:
    """Three models see it; a person is told once."""
    signals = frame()
    signals.loc[SINCE + pd.Timedelta(hours=12) :, "errors"] += 12
    watched = watch_frame(signals, SINCE, step_s=300)
    assert [alarm.signal for alarm in watched.alarms] == ["errors"]
    alarm = watched.alarms[0]
    assert SINCE + pd.Timedelta(hours=12) <= alarm.since <= SINCE + pd.Timedelta(hours=13)
    assert alarm.words.startswith("errors rose: 1")
    assert "usually 5" in alarm.words
    assert watched.silent == {}


def test_quiet_days_are_quiet() -> None:
    assert watch_frame(frame(), SINCE, step_s=300, groups={"shop": ["p99", "requests", "cpu"]}).alarms == []


def test_a_signal_that_leaves_its_fellows_is_named_first() -> None:
    """Half a deviation of its own, eight of what it has apart from the load."""
    signals = frame()
    signals.loc[SINCE + pd.Timedelta(hours=12) :, "cpu"] += 8
    watched = watch_frame(signals, SINCE, step_s=300, groups={"shop": ["p99", "requests", "cpu"]})
    together = [alarm for alarm in watched.alarms if alarm.signal == "shop"]
    assert [alarm.suspects[0] for alarm in together] == ["cpu"]
    assert "cpu" in together[0].words


def test_too_short_a_history_is_said_and_not_passed_over() -> None:
    watched = watch_frame(frame(days=2), SINCE, step_s=300)
    assert watched.alarms == []
    assert "a season needs 3" in watched.silent["p99", "seasonal"]


def test_no_history_is_said() -> None:
    watched = watch_frame(frame(days=1), SINCE, step_s=300)
    assert watched.silent["p99", "all"] == "no rows before 2026-11-20 00:00 UTC"


def test_infinite_values_are_holes() -> None:
    signals = frame()
    signals.loc[SINCE + pd.Timedelta(hours=1), "errors"] = np.inf
    assert watch_frame(signals, SINCE, step_s=300).alarms == []
