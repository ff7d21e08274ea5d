"""An anytime-valid watch between window ends: it alone may stop a rollout early, whenever one looks.

Every minute the deviation from the forecast is put into an e-process: a mixture of likelihood ratios over how much worse it got,
    E = 2 Phi(s / sqrt(v + r)) sqrt(r / (v + r)) exp(s^2 / (2 (v + r))),   s = sum of residuals, v = its variance
(one-sided normal mixture; Robbins 1970, Howard et al. 2021, Annals of Statistics 49, prop. 6). Under no change E exceeds 1/alpha
at any time with a chance below alpha. Residuals of neighbouring minutes depend on each other: the variance is that of whole
windows, which holds their dependence, plus that of the forecast itself, which all minutes share. That one is taken a standard
error higher: a baseline of a few turns of a slow signal says little of how far it goes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from models.scales import scale_of
from models.series import Floats, Question, Series
from models.window_statistics import cut, statistics

ALPHA = 0.001
_MINUTE_S = 60.0
_LEAST_WINDOWS = 8
_PRIOR_MINUTES = 15.0  # the mixture is widest for a shift that is as large as chance within a quarter of an hour


@dataclass(frozen=True, slots=True)
class Minute:
    """How many minutes after the change are over, the mean excess over them on the scale of the signal, and what is accepted."""

    count: int
    excess: float
    accepted: float


class Watch:
    """Of one signal, from its baseline."""

    def __init__(self, before: Series, question: Question) -> None:
        self._question = question
        self._before = before.in_order()
        self._scale = scale_of(
            question.kind, -1.0 if question.direction == "down" else 1.0, self._before.values, self._before.values
        )
        by_minute = self._levels(self._before, _MINUTE_S)
        by_window = self._levels(self._before, question.window_s)
        self._is_ready = len(by_window) >= _LEAST_WINDOWS
        per_window = max(question.window_s / _MINUTE_S, 1.0)
        self._variance = self._shared = math.inf
        if self._is_ready:
            self._center = float(by_window.mean())
            self._variance = max(float(by_window.var(ddof=1)) * per_window, float(by_minute.var(ddof=1)), 1e-24)
            hours = by_window[: len(by_window) // 4 * 4].reshape(-1, 4).mean(axis=1)
            slow = float(hours.var(ddof=1)) if len(hours) > 1 else math.inf
            slow *= 1 + math.sqrt(2 / _independent(hours))
            self._shared = max(slow - float(by_window.var(ddof=1)) / 4, float(by_window.var(ddof=1)) / len(by_window))

    def _levels(self, series: Series, width_s: float) -> Floats:
        span = float(series.times_s[-1] - series.times_s[0]) if len(series.times_s) else 0.0
        count = int(span // width_s)
        if count < 1:
            return np.empty(0)
        windows = cut(series.times_s, series.values, float(series.times_s[0]), width_s, count)
        levels = statistics(windows, self._scale, ("level",), 1.0)[0]
        return np.asarray(levels[np.isfinite(levels)])

    def minutes(self, after: Series) -> Iterator[Minute]:
        """One a minute that is over and holds a sample."""
        levels = self._levels(after.in_order(), _MINUTE_S)
        if not self._is_ready:
            return
        level = self._scale.back(self._center)
        amount = abs(self._question.amount) * (abs(level) if self._question.is_relative else 1.0)
        accepted = self._scale.margin(self._center, amount)
        sums = np.cumsum(levels - self._center)
        for i, total in enumerate(sums, start=1):
            yield Minute(i, float(total) / i, accepted)

    def log_evidence(self, minute: Minute) -> float:
        """The logarithm of E."""
        n, total = minute.count, minute.excess * minute.count
        v = n * self._variance + n * n * self._shared
        prior = _PRIOR_MINUTES * self._variance
        width = v + prior
        gain = total * total / (2.0 * width)
        return math.log(2.0) + float(log_ndtr(total / math.sqrt(width))) + 0.5 * math.log(prior / width) + gain

    def is_alarm(self, minute: Minute, alpha: float = ALPHA) -> bool:
        """Beyond what is accepted, and more than looking at any time explains."""
        return self._is_ready and minute.excess > minute.accepted and self.log_evidence(minute) > -math.log(alpha)


def _independent(hours: Floats) -> float:
    """How many independent ones they are worth, by the correlation of each with the next (Bartlett 1946)."""
    from_mean = hours - hours.mean()
    power = float(from_mean @ from_mean)
    follows = min(max(float(from_mean[1:] @ from_mean[:-1]) / power, 0.0), 0.95) if power > 0 else 0.0
    return max(len(hours) * (1 - follows) / (1 + follows), 1.0)
