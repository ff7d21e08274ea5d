"""Alarms between changes: a model scores a panel of signals, the score's own past says from where on it is an alarm.

    fitted = RobustZ().fit(history)          # history, new: Panel
    effects = fitted.score(new)              # (n, k) in robust units
    alarms = watch(RobustZ(), history, new)  # calibrated, one an episode

All state is in the arguments: scoring the same panel twice gives the same, and whoever cuts a
stream hands over a lead of old rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.tail import level_of

FloatArray = NDArray[np.float64]
BLOCK_S = 3600.0
MIN_BLOCKS = 24


class TooShort(ValueError):
    """The history holds too little to learn from; the words say how much is needed."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Signals on one grid of times. `times_s` (n,) rises; `values` (n, k), NaN where one is missing.
    Infinite values are refused."""

    times_s: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times_s.shape != (self.values.shape[0],):
            raise ValueError(f"values {self.values.shape} do not stand on {self.times_s.shape} times")
        if np.isinf(self.values).any() or not np.isfinite(self.times_s).all():
            raise ValueError("a value or a time is infinite")
        if (np.diff(self.times_s) <= 0).any():
            raise ValueError("the times do not rise")

    @property
    def step_s(self) -> float:
        """The usual distance of two rows; 1 where there are not two."""
        return float(np.median(np.diff(self.times_s))) if self.times_s.size > 1 else 1.0

    def rows(self, start: int, end: int) -> Panel:
        return Panel(self.times_s[start:end], self.values[start:end])

    def then(self, later: Panel) -> Panel:
        return Panel(np.concatenate([self.times_s, later.times_s]), np.vstack([self.values, later.values]))


class Fitted(Protocol):
    """What was learnt."""

    def score(self, new: Panel) -> FloatArray:
        """(n, k) effects in robust units, or (n, 1) of a model that joins the signals. Signed where the model knows a side,
        NaN where nothing can be said."""


class Model(Protocol):
    """`lead_s`: so much of older rows should come before the first row that counts."""

    @property
    def lead_s(self) -> float: ...

    def fit(self, history: Panel) -> Fitted:
        """Raises TooShort."""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """`a_day`: alarms a fault-free signal may give a day (0.005: five of a thousand signals). `quiet_s`: an alarm ends when its
    score was below the threshold for so long, and only then can the next one begin. One that begins within `rest_s` of the last
    of its signal is told only if it is `again` times as far: what wanders about its threshold is one alarm a day. `least`: no
    smaller effect is ever an alarm. `side`: +1 only a rise, -1 only a fall, 0 both."""

    a_day: float = 0.005
    quiet_s: float = 3600.0
    least: float = 4.0
    side: int = 0
    rest_s: float = 86_400.0
    again: float = 1.5


@dataclass(frozen=True, slots=True)
class Alarm:
    """One episode of column `signal`: first and last row over the threshold, and the row of the largest effect."""

    signal: int
    start_s: float
    end_s: float
    peak_s: float
    effect: float
    threshold: float

    @property
    def rank(self) -> float:
        """Suspects are told by effect, never by p-value."""
        return abs(self.effect)


def watch(model: Model, history: Panel, new: Panel, rule: AlarmRule | None = None) -> list[Alarm]:
    """The alarms that begin in `new`, largest effect first. Raises TooShort."""
    rule = rule if rule is not None else AlarmRule()
    limits = thresholds(model, history, rule)
    lead = max(0, history.times_s.size - int(np.ceil(max(model.lead_s, rule.quiet_s) / history.step_s)))
    led = history.rows(lead, history.times_s.size).then(new)
    scores = model.fit(history).score(led)
    alarms = episodes(led.times_s, scores, limits, rule)
    return sorted((alarm for alarm in alarms if alarm.start_s >= new.times_s[0]), key=lambda alarm: -alarm.rank)


def thresholds(model: Model, history: Panel, rule: AlarmRule) -> FloatArray:
    """(k,): each half of the history is scored by what the other half taught, so that an error of the estimate counts as well;
    the tail of the hourly peaks is carried on to the wanted rate (models/tail.py)."""
    middle, size = history.times_s.size // 2, history.times_s.size
    halves = history.rows(0, middle), history.rows(middle, size)
    peaks = np.vstack([_peaks(model, halves[1], halves[0], rule), _peaks(model, halves[0], halves[1], rule)])
    if peaks.shape[0] < MIN_BLOCKS:
        raise TooShort(f"{peaks.shape[0]} hours of scores; a threshold needs {MIN_BLOCKS}")
    a_block = rule.a_day * BLOCK_S / 86_400
    return np.array([max(rule.least, level_of(column, a_block)) for column in peaks.T])


def episodes(times_s: FloatArray, scores: FloatArray, limits: FloatArray, rule: AlarmRule) -> list[Alarm]:
    """Rows over the limit, joined across gaps up to `quiet_s`."""
    sided = _sided(scores, rule)
    found: list[Alarm] = []
    for signal in np.flatnonzero((np.nan_to_num(sided) >= limits).any(axis=0)):
        told: Alarm | None = None
        over = np.flatnonzero(np.nan_to_num(sided[:, signal]) >= limits[signal])
        for run in np.split(over, np.flatnonzero(np.diff(times_s[over]) > rule.quiet_s) + 1):
            peak = run[np.argmax(sided[run, signal])]
            ends = float(times_s[run[0]]), float(times_s[run[-1]]), float(times_s[peak])
            alarm = Alarm(int(signal), *ends, float(scores[peak, signal]), float(limits[signal]))
            if told is None or alarm.start_s - told.end_s > rule.rest_s or alarm.rank >= rule.again * told.rank:
                found.append(alarm)
                told = alarm
    return found


def _peaks(model: Model, taught: Panel, scored: Panel, rule: AlarmRule) -> FloatArray:
    """(blocks, k): the largest score of each hour; NaN for an hour without one."""
    scores = _sided(model.fit(taught).score(scored), rule)
    skip = int(model.lead_s / scored.step_s)
    a_block = max(1, round(BLOCK_S / scored.step_s))
    blocks = max(0, (scores.shape[0] - skip) // a_block)
    shaped = scores[skip : skip + blocks * a_block].reshape(blocks, a_block, -1)
    return np.where(np.isnan(shaped).all(axis=1), np.nan, np.nanmax(np.nan_to_num(shaped, nan=-np.inf), axis=1))


def _sided(scores: FloatArray, rule: AlarmRule) -> FloatArray:
    return np.abs(scores) if rule.side == 0 else np.asarray(scores * rule.side)
