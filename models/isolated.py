"""A signal of few numbers, each of which stands alone: the start-up times of pods, once a deployment.

Most windows are empty, so there is nothing to replay; numbers are pooled over up to the span and compared by Welch's test (1947,
Biometrika 34, 28) on the scale of the kind. Where all are equal on either side, by the chance that just those come last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from models.evidence import PASS_ERROR
from models.layout import Layout
from models.scales import Scale, scale_of
from models.series import Answer, Floats, Question, Series, State
from models.spending import share_of_long_look

_KINDS = ("latency", "gauge")
LEAST = 3  # numbers on either side
_INTERVAL = 0.025


def is_isolated(laid: Layout, question: Question) -> bool:
    """Whether most windows before the change are empty, and more than one may be pooled."""
    is_asked = question.kind in _KINDS and question.span_s > question.window_s and not question.is_at_least
    return is_asked and float((laid.before.known > 0).mean()) < 0.5


@dataclass(frozen=True, slots=True)
class Shift:
    """Of the mean, on a scale where more is worse."""

    level: float
    excess: float
    error: float
    freedom: float
    equal: float  # the chance that just the later ones are the worse, were all in any order

    def chance(self) -> float:
        if self.error == 0.0:
            return self.equal if self.excess > 0 else 1.0
        return float(stdtr(self.freedom, -self.excess / self.error))

    def upper(self, error: float) -> float:
        return self.excess + self.half(error)

    def half(self, error: float) -> float:
        return 0.0 if self.error == 0.0 else float(stdtrit(self.freedom, 1 - error)) * self.error


def shift_of(past: Floats, later: Floats) -> Shift:
    """Both on the scale, at least `LEAST` numbers each."""
    squares = [float(x.var(ddof=1)) / len(x) for x in (past, later)]
    total = sum(squares)
    parts = sum(square**2 / (len(x) - 1) for square, x in zip(squares, (past, later), strict=True))
    level, excess = float(past.mean()), float(later.mean() - past.mean())
    is_tiny = math.sqrt(total) <= 1e-9 * max(abs(level), 1e-300)
    equal = 1.0 / math.comb(len(past) + len(later), len(later)) if len(past) + len(later) < 1000 else 0.0
    return Shift(level, excess, 0.0 if is_tiny else math.sqrt(total), total**2 / parts if parts > 0 else math.inf, equal)


def judge_isolated(before: Series, after: Series, question: Question, laid: Layout) -> list[Answer] | None:
    """None if this is no such signal."""
    if not is_isolated(laid, question):
        return None
    windows = min(laid.windows, max(int(question.span_s / question.window_s + 1e-6), 1))
    least = max(int(question.evidence), LEAST)
    past = before.values[np.isfinite(before.values)]
    counts = laid.after.known
    rows = [
        Answer(
            i + 1, *_levels(past, laid.after.values[i]), None, None, None, "inconclusive", _few(int(counts[i]), least, question)
        )
        for i in range(laid.windows)
    ]
    later = laid.after.values[-windows:]
    later = later[np.isfinite(later)]
    if len(past) < LEAST or len(later) < least:
        few = f"{len(past)} before the change; {LEAST} are needed" if len(past) < LEAST else _few(len(later), least, question)
        return [*rows, Answer(None, *_levels(past, later), None, None, None, "inconclusive", few)]
    look = laid.windows - int(np.searchsorted(np.cumsum(counts), least))
    return [*rows, _together(past, later, question, share_of_long_look(look))]


def _together(past: Floats, later: Floats, question: Question, share: float) -> Answer:
    signs = {"up": (1.0,), "down": (-1.0,)}.get(question.direction, (1.0, -1.0))
    answers = [_one_way(past, later, question, share, sign, len(signs)) for sign in signs]
    order = {"fail": 0, "inconclusive": 1, "pass": 2}
    return min(answers, key=lambda answer: order[answer.state])


def _one_way(past: Floats, later: Floats, question: Question, share: float, sign: float, ways: int) -> Answer:
    scale = scale_of(question.kind, sign, past, later)
    shift = shift_of(scale.of(past), scale.of(later))
    level = scale.back(shift.level)
    amount = abs(question.amount) * (abs(level) if question.is_relative else 1.0)
    margin = scale.margin(shift.level, amount)
    if question.limit is not None:
        margin = min(margin, max(float(scale.of(np.array(question.limit))) - shift.level, 0.0))
    chance = min(shift.chance() * ways / share, 1.0)
    state: State = "inconclusive"
    reason = f"chance could make it more or less than that, by {len(later)} after and {len(past)} before"
    if shift.excess > margin and chance < question.alpha:
        state, reason = "fail", f"it is beyond it and not by chance, by {len(later)} after and {len(past)} before"
    elif shift.upper(PASS_ERROR) < margin:
        state, reason = "pass", f"within it, by {len(later)} after and {len(past)} before"
    half = shift.half(_INTERVAL)
    ends = sorted(_change(scale, shift.level, shift.excess + side * half, question) for side in (-1.0, 1.0))
    observed = _change(scale, shift.level, shift.excess, question)
    return Answer(None, level, scale.back(shift.level + shift.excess), observed, ends[0], ends[1], state, reason, None, chance)


def _change(scale: Scale, level: float, excess: float, question: Question) -> float:
    was = scale.back(level)
    change = scale.back(level + excess) - was
    return change if not question.is_relative else change / abs(was) if was else 0.0


def _levels(past: Floats, later: Floats) -> tuple[float | None, float | None]:
    known = later[np.isfinite(later)]
    return float(past.mean()) if past.size else None, float(known.mean()) if known.size else None


def _few(have: int, least: int, question: Question) -> str:
    return f"{have} of the {least} samples it needs; windows are pooled over up to {question.span_s / 3600:g} h"
