"""Alarms between changes: a frame of signals in, alarms with words out. Runs in a process that ends; holds no state.

Each signal is watched by three models (drift and shift, spike, what breaks the usual day), the signals of one service together
by a fourth. The three share the rate of false alarms, and what two of them say of one signal at one time is one alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.alarm_models import ALARM_MODELS
from models.joint_pca import JointPca
from models.streaming import Alarm, AlarmRule, Panel, TooShort, watch

SINGLE = ("page-hinkley", "robust z", "seasonal")
JOINT = "joint pca"
MOST_TOGETHER = 64  # signals of a service in one joint vector
MOST_SUSPECTS = 3


@dataclass(frozen=True, slots=True)
class SignalAlarm:
    """`signal` is a column, or the name of a group with its `suspects`, the furthest first. `usual` and `seen` are the medians of
    the history and of the alarm's rows, in the signal's own unit; None for a group. `effect`: the score, in deviations."""

    signal: str
    model: str
    since: pd.Timestamp
    until: pd.Timestamp
    effect: float
    threshold: float
    usual: float | None
    seen: float | None
    suspects: tuple[str, ...]

    @property
    def words(self) -> str:
        since = f"since {self.since:%Y-%m-%d %H:%M} UTC"
        if self.usual is None or self.seen is None:
            return f"{self.signal}: {', '.join(self.suspects)} no longer move as usual with the rest, {since}"
        moved = "rose" if self.seen > self.usual else "fell" if self.seen < self.usual else "does not move as usual"
        return f"{self.signal} {moved}: {self.seen:.4g}, usually {self.usual:.4g} ({abs(self.effect):.1f} deviations), {since}"


@dataclass(frozen=True, slots=True)
class Watched:
    """Alarms, the largest effect first, and why a model could not look at a signal or group: (name, model) -> words."""

    alarms: list[SignalAlarm]
    silent: dict[tuple[str, str], str]


def watch_frame(
    frame: pd.DataFrame,
    since: pd.Timestamp,
    step_s: int = 60,
    groups: Mapping[str, Sequence[str]] | None = None,
    a_day: float = 0.005,
) -> Watched:
    """`frame`: rows at UTC times, a float column a signal, NaN where a value is missing. What is before `since` teaches, the rest
    is watched. Rows are brought to a grid of `step_s` by their mean. `a_day`: false alarms a signal or group may give a day."""
    grid = frame.replace([np.inf, -np.inf], np.nan).sort_index().resample(f"{step_s}s").mean()
    history, new = grid[grid.index < since], grid[grid.index >= since]
    if history.empty or new.empty:
        which = "before" if history.empty else "after"
        return Watched([], {(str(column), "all"): f"no rows {which} {since:%Y-%m-%d %H:%M} UTC" for column in grid.columns})
    found = _Found(history, new, AlarmRule(a_day=a_day / len(SINGLE)))
    for model in SINGLE:
        found.look(model)
    for name, members in (groups or {}).items():
        found.look_together(
            name, [member for member in members if member in grid.columns][:MOST_TOGETHER], AlarmRule(a_day=a_day)
        )
    return Watched(sorted(_merged(found.alarms), key=lambda alarm: -abs(alarm.effect)), found.silent)


class _Found:
    def __init__(self, history: pd.DataFrame, new: pd.DataFrame, rule: AlarmRule) -> None:
        self._history, self._new, self._rule = history, new, rule
        self.alarms: list[SignalAlarm] = []
        self.silent: dict[tuple[str, str], str] = {}

    def look(self, model: str) -> None:
        columns = [str(column) for column in self._history.columns]
        try:
            alarms = watch(ALARM_MODELS[model], _panel(self._history), _panel(self._new), self._rule)
        except TooShort as short:
            self.silent |= {(column, model): str(short) for column in columns}
            return
        usual = self._history.median()
        for alarm in alarms:
            told = self._told(columns[alarm.signal], model, alarm, ())
            rows = self._new.iloc[:, alarm.signal].loc[told.since : told.until]
            self.alarms.append(replace(told, usual=float(usual.iloc[alarm.signal]), seen=float(rows.median())))

    def look_together(self, name: str, members: list[str], rule: AlarmRule) -> None:
        history, new = _panel(self._history[members]), _panel(self._new[members])
        model = JointPca()
        try:
            alarms = watch(model, history, new, rule)
            suspects = model.fit(history).suspects(new) if alarms else np.empty((0, 0))
        except TooShort as short:
            self.silent[name, JOINT] = str(short)
            return
        for alarm in alarms:
            at = int(np.searchsorted(new.times_s, alarm.peak_s))
            order = np.argsort(-np.abs(np.nan_to_num(suspects[at])))[:MOST_SUSPECTS]
            self.alarms.append(self._told(name, JOINT, alarm, tuple(members[k] for k in order)))

    def _told(self, signal: str, model: str, alarm: Alarm, suspects: tuple[str, ...]) -> SignalAlarm:
        since, until = (pd.Timestamp(time_s, unit="s", tz="UTC") for time_s in (alarm.start_s, alarm.end_s))
        return SignalAlarm(signal, model, since, until, alarm.effect, alarm.threshold, None, None, suspects)


def _panel(frame: pd.DataFrame) -> Panel:
    times_s = frame.index.to_numpy(dtype="datetime64[ms]").astype(np.float64) / 1000
    return Panel(times_s, frame.to_numpy(dtype=np.float64))


def _merged(alarms: list[SignalAlarm]) -> list[SignalAlarm]:
    """Of one signal, alarms that overlap or follow within the quiet period are one: the largest, over their whole time."""
    quiet = pd.Timedelta(seconds=AlarmRule().quiet_s)
    merged: list[SignalAlarm] = []
    for alarm in sorted(alarms, key=lambda each: (each.signal, each.since)):
        last = merged[-1] if merged else None
        if last is None or last.signal != alarm.signal or alarm.since > last.until + quiet:
            merged.append(alarm)
            continue
        larger = max(last, alarm, key=lambda each: abs(each.effect))
        merged[-1] = replace(larger, since=last.since, until=max(last.until, alarm.until))
    return merged
