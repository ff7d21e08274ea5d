"""A slope over hours to days: a leak passes every window of 15 minutes and fails here.

Least squares on the means of windows, with the load beside the time where there is one. Residuals depend on each other: the
variance is that of independent ones times (1 + r) / (1 - r), the number of them divided by as much (Bartlett 1946; r is their
lag-1 correlation). The slope of the baseline is taken off, so that what grew before grows on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from models.layout import Layout
from models.series import Answer, Floats, Question, Series, State
from models.spending import share_of_long_look

LEAST_WINDOWS = 24
_LARGEST = 1e150  # whose square is still a number
_MOST_WINDOWS = 512  # to draw a line through; of more, neighbours are put together
_DAY_S = 86_400.0
_PASS_ERROR, _INTERVAL = 0.05, 0.025


@dataclass(frozen=True, slots=True)
class Slope:
    """In units of the series a day, with its standard error, the windows that tell of it, and the mean level."""

    per_day: float
    error: float
    freedom: float
    level: float


def slope_of(levels: Floats, load: Floats | None, window_s: float) -> Slope | None:
    """`levels` by window, shape (windows,), NaN where missing. None where too few are known to tell a slope from noise."""
    if len(levels) > _MOST_WINDOWS:
        together = -(-len(levels) // _MOST_WINDOWS)
        return slope_of(_coarser(levels, together), None if load is None else _coarser(load, together), window_s * together)
    known = np.isfinite(levels) if load is None else np.isfinite(levels) & np.isfinite(load)
    n = int(known.sum())
    if n < LEAST_WINDOWS:
        return None
    days = np.flatnonzero(known) * (window_s / _DAY_S)
    columns = [np.ones(n), days - days.mean()]
    if load is not None and float(load[known].std()) > 0:
        columns.append(load[known] - load[known].mean())
    design, y = np.stack(columns, axis=1), levels[known]
    if not (float(np.abs(design).max()) < _LARGEST and float(np.abs(y).max()) < _LARGEST):
        return None
    solved = np.linalg.lstsq(design, y, rcond=None)[0]
    residuals = y - design @ solved
    square = float(residuals @ residuals)
    r = min(max(float(residuals[1:] @ residuals[:-1]) / square, 0.0), 0.98) if square > 0 else 0.0
    inflation = (1 + r) / (1 - r)
    freedom = n / inflation - design.shape[1]
    spread = float(np.linalg.pinv(design.T @ design)[1, 1])
    variance = square / (n - design.shape[1]) * spread * inflation
    if not (0 <= variance < math.inf and math.isfinite(solved[1])):
        return None  # numbers of such sizes that no line can be drawn through them
    return Slope(float(solved[1]), math.sqrt(variance), freedom, float(y.mean()))


def _coarser(x: Floats, together: int) -> Floats:
    """Means of so many neighbours each; the first few are left out where they do not fill one."""
    groups = x[len(x) % together :].reshape(-1, together)
    known = np.isfinite(groups).sum(axis=1)
    return np.asarray(np.nansum(groups, axis=1) / np.where(known > 0, known, np.nan))


def judge_trend(before: Series, after: Series, question: Question, laid: Layout) -> list[Answer]:
    """An answer after each window, on all up to it, then the one of a gate. The deviation is the growth a day, a share of the
    baseline's level if relative."""
    past_load = None if before.load is None else laid.before_windows(before, before.load)
    past = slope_of(laid.before_windows(before, before.values), past_load, question.window_s)
    if past is None:
        past = Slope(0.0, 0.0, math.inf, float(np.nanmean(before.values)))
    levels = laid.after_windows(after, after.values)
    load = None if after.load is None else laid.after_windows(after, after.load)
    held = np.cumsum(laid.evidence)
    answers = [
        _until(window, levels, load, past, question, float(held[window - 1]), question.alpha, window)
        for window in range(1, laid.windows + 1)
    ]
    share = share_of_long_look(laid.windows - LEAST_WINDOWS + 1)
    return [*answers, _until(laid.windows, levels, load, past, question, float(held[-1]), question.alpha * share, None)]


def _until(
    windows: int,
    levels: Floats,
    load: Floats | None,
    past: Slope,
    question: Question,
    held: float,
    alpha: float,
    window: int | None,
) -> Answer:
    later = slope_of(levels[:windows], None if load is None else load[:windows], question.window_s)
    if later is None:
        missing = LEAST_WINDOWS - int(np.isfinite(levels[:windows]).sum())
        if missing <= 0:
            return _unknown(window, "no line fits its numbers, or its load is missing", None)
        return _unknown(
            window, f"a trend needs {LEAST_WINDOWS} windows after the change, and there are {LEAST_WINDOWS - missing}", missing
        )
    if held < question.evidence:
        return _unknown(window, f"{held:,.0f} of the {question.evidence:,.0f} samples it needs", None)
    size = abs(past.level) if question.is_relative else 1.0
    freedom = min(later.freedom, past.freedom)
    if not size > 0:
        return _unknown(window, "its baseline is zero", None)
    if not freedom >= 2:
        return _unknown(window, "its windows depend on each other too much to tell a trend", None)
    growth, error = (later.per_day - past.per_day) / size, math.hypot(later.error, past.error) / size
    state, reason, chance = _state(growth, error, freedom, question, alpha)
    half = float(stdtrit(freedom, 1 - _INTERVAL)) * error
    chance = min(chance * question.alpha / alpha, 1.0)
    return Answer(window, past.level, later.level, growth, growth - half, growth + half, state, reason, None, chance)


def _state(growth: float, error: float, freedom: float, question: Question, alpha: float) -> tuple[State, str, float]:
    """With the chance of so much growth from none."""
    accepted = abs(question.amount)
    ways = {"up": (1.0,), "down": (-1.0,), "both": (1.0, -1.0)}[question.direction]
    if question.is_at_least:
        ways, accepted = (-ways[0],), -accepted
    tiny = 1e-12 * max(abs(growth), 1e-300)
    beyond_chance = accepted if question.is_at_least else 0.0
    worst: State = "pass"
    least = 1.0
    for way in ways:
        excess = way * growth
        away = (excess - beyond_chance) / error if error > tiny else math.copysign(math.inf, excess - beyond_chance)
        chance = float(stdtr(freedom, -away)) * len(ways)
        least = min(least, chance)
        if excess > accepted and chance < alpha:
            return "fail", "it grows a day by more than is accepted, and not by chance", chance
        if not excess + float(stdtrit(freedom, 1 - _PASS_ERROR)) * error < accepted:
            worst = "inconclusive"
    return worst, "its growth a day is within it" if worst == "pass" else "chance could make it grow or not grow as much", least


def _unknown(window: int | None, reason: str, needed: int | None) -> Answer:
    return Answer(window, None, None, None, None, None, "inconclusive", reason, needed)
