"""A share or a count of which no window holds the evidence it needs: events are pooled over up to a day.

Both periods are counts with an exposure. Events that come in bursts are fewer than they look: counts are divided by how much
they cluster, the largest variance over mean of their sums by 1, 2, 4, ... windows. Fail: the exact test of two Poisson counts
given their sum (Przyborowski and Wilenski 1940). Pass: the upper limit of the difference of the rates is below what is accepted,
out of the limits of each (Zou and Donner 2008, Statistics in Medicine 27, 1693). Failing pays for each look, passing does not:
60,000 clean scrapes are what the rule of three asks for 0.005 points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from models.evidence import PASS_ERROR
from models.layout import Layout, sums, weights
from models.rare_counts import chance_of_more
from models.series import Answer, Floats, Question, Series, State
from models.spending import share_of_long_look

KINDS = ("share", "count")
_LEAST_BLOCKS = 6  # to tell how much sums of so many windows vary
_INTERVAL = 0.025


@dataclass(frozen=True, slots=True)
class Rate:
    """`events` of `exposure`, `clustering` of which are one."""

    events: float
    exposure: float
    clustering: float

    @property
    def value(self) -> float:
        return self.events / self.exposure if self.exposure > 0 else math.nan

    def lower(self, error: float) -> float:
        n = self.events / self.clustering
        return float(gammaincinv(n, error)) * self.clustering / self.exposure if n > 0 else 0.0

    def upper(self, error: float) -> float:
        return float(gammaincinv(self.events / self.clustering + 1.0, 1.0 - error)) * self.clustering / self.exposure


def judge_pooled(before: Series, after: Series, question: Question, laid: Layout) -> list[Answer] | None:
    """None if this is no such signal: another kind or direction, nothing to pool, or windows that hold the evidence."""
    is_up = question.direction == "up" and not question.is_at_least
    if not is_up or question.kind not in KINDS or question.span_s <= question.window_s or question.evidence <= 0:
        return None
    if min(np.nanmin(before.values), np.nanmin(after.values)) < 0 or np.median(laid.evidence) >= question.evidence:
        return None
    windows = min(laid.windows, max(int(question.span_s / question.window_s + 1e-6), 1))
    past = counts_of(before, question, laid.start_before_s, len(laid.before.known))
    later = counts_of(after, question, laid.start_after_s, laid.windows)
    answers = [
        _row(i + 1, past, Rate(float(later[0][i]), float(later[1][i]), 1.0), question, float(laid.evidence[i]))
        for i in range(laid.windows)
    ]
    clustering = max(clustering_of(*past), clustering_of(*(x[-windows:] for x in later)))
    old = Rate(float(past[0].sum()), float(past[1].sum()), clustering)
    new = Rate(float(later[0][-windows:].sum()), float(later[1][-windows:].sum()), clustering)
    held = np.cumsum(laid.evidence)
    looks = laid.windows - int(np.searchsorted(held, question.evidence))
    have = float(laid.evidence[-windows:].sum())
    return [*answers, _together(old, new, question, have, looks, windows)]


def counts_of(series: Series, question: Question, start_s: float, count: int) -> tuple[Floats, Floats]:
    """Events and exposure by window: of a share the requests that failed of all, else the values and how many there are."""
    exposure = weights(series) if question.kind == "share" else np.isfinite(series.values).astype(float)
    window_s = question.window_s
    return sums(series.times_s, series.values * exposure, start_s, window_s, count), sums(
        series.times_s, exposure, start_s, window_s, count
    )


def clustering_of(events: Floats, exposure: Floats) -> float:
    """At least 1, which is Poisson; of runs of windows as long as there are some of them to compare."""
    most = 1.0
    span = 1
    while len(events) // span >= _LEAST_BLOCKS:
        whole = len(events) // span * span
        counts, n = (x[-whole:].reshape(-1, span).sum(axis=1) for x in (events, exposure))
        if counts.sum() > 0:
            expected = n * counts.sum() / n.sum()
            known = expected > 0
            most = max(most, float(((counts - expected)[known] ** 2 / expected[known]).sum() / max(int(known.sum()) - 1, 1)))
        span *= 2
    return most


def _together(old: Rate, new: Rate, question: Question, have: float, looks: int, windows: int) -> Answer:
    observed, low, high = _deviation(old, new, question)
    shown = (old.value if old.exposure else None, new.value if new.exposure else None, observed, low, high)
    if have < question.evidence:
        more = (question.evidence - have) / (have / windows) if have > 0 else math.inf
        needed = math.ceil(more) if windows + more <= question.span_s / question.window_s else None
        why = f"{_shortage(have, question)}, pooled over up to {question.span_s / 3600:g} h"
        return Answer(None, *shown, "inconclusive", why, needed)
    if not old.exposure > 0:
        return Answer(None, *shown, "inconclusive", "no samples before")
    share = share_of_long_look(looks)
    events = (old.events / old.clustering, new.events / new.clustering)
    chance = min(chance_of_more(*events, old.exposure, new.exposure) / share, 1.0)
    over = f"over {windows} windows, {have:,.0f} samples or requests"
    state: State = "inconclusive"
    if new.value - old.value > _amount(old, question) and chance < question.alpha:
        state, reason = "fail", f"it is beyond it and not by chance, {over}"
    elif _upper(old, new, PASS_ERROR) < _amount(old, question):
        state, reason = "pass", f"within it, with evidence {over}"
    else:
        reason = f"chance could make it more or less than that, {over}"
    has_more = state == "inconclusive" and 2 * windows * question.window_s <= question.span_s
    return Answer(None, *shown, state, reason, windows if has_more else None, chance)


def _row(window: int, past: tuple[Floats, Floats], new: Rate, question: Question, have: float) -> Answer:
    old = Rate(float(past[0].sum()), float(past[1].sum()), 1.0)
    shown = (old.value if old.exposure else None, new.value if new.exposure else None)
    observed = _deviation(old, new, question)[0] if None not in shown else None
    why = f"{_shortage(have, question)}; windows are pooled over up to {question.span_s / 3600:g} h"
    return Answer(window, *shown, observed, None, None, "inconclusive", why)


def _shortage(have: float, question: Question) -> str:
    return f"{have:,.0f} of the {question.evidence:,.0f} samples or requests it needs"


def _amount(old: Rate, question: Question) -> float:
    amount = abs(question.amount) * (old.value if question.is_relative else 1.0)
    return amount if question.limit is None else min(amount, max(question.limit - old.value, 0.0))


def _upper(old: Rate, new: Rate, error: float) -> float:
    """One-sided upper limit of the difference of the rates."""
    return (new.value - old.value) + math.hypot(new.upper(error) - new.value, old.value - old.lower(error))


def _deviation(old: Rate, new: Rate, question: Question) -> tuple[float | None, float | None, float | None]:
    """Observed and its interval, in the unit of the question."""
    if not (old.exposure > 0 and new.exposure > 0):
        return None, None, None
    size = old.value if question.is_relative else 1.0
    change = new.value - old.value
    if size == 0.0:
        return (0.0, None, None) if change == 0.0 else (None, None, None)
    low = change - math.hypot(new.value - new.lower(_INTERVAL), old.upper(_INTERVAL) - old.value)
    return change / size, low / size, _upper(old, new, _INTERVAL) / size
