"""A signal that was zero all along before the change: nothing to replay, so the exact Poisson answer is given."""

from __future__ import annotations

import numpy as np

from models.evidence import PASS_ERROR
from models.layout import Layout
from models.rare_counts import Clean, clean
from models.series import Answer, Floats, Question, Series, State
from models.spending import PASSES, POOLED, share_of_window

_KINDS = ("rate", "share", "count")


def judge_zero_baseline(before: Series, after: Series, question: Question, laid: Layout) -> list[Answer] | None:
    """None if this is no such signal: another kind, another direction, or a baseline with something in it."""
    is_up = question.direction in ("up", "both") and not question.is_at_least
    past = before.values[np.isfinite(before.values)]
    if not is_up or question.kind not in _KINDS or (past != 0).any() or np.nanmin(after.values) < 0:
        return None
    load = after.load if question.kind == "share" and after.load is not None and np.nanmin(after.load) >= 0 else None
    requests = None if load is None else load * max(laid.step_s, 1e-9)
    window = np.floor((after.times_s - laid.start_after_s) / question.window_s + 1e-6).astype(np.int64)
    answers: list[Answer] = []
    looks: list[bool] = []
    for i in range(laid.windows):
        found = _clean(before, after, requests, window == i)
        answers.append(_answer(found, question, i + 1, question.alpha, found.samples < laid.least, laid.is_thin(i)))
        looks.append(_fails(found, question, question.alpha * share_of_window(i + 1, laid.windows)))
    found = _clean(before, after, requests, (window >= 0) & (window < laid.windows))
    if any(looks):
        first = looks.index(True)
        answers.append(_as_whole(answers[first], "fail", f"window {first + 1}: {answers[first].reason}"))
        return answers
    thin = any(laid.is_thin(i) for i in range(laid.windows))
    whole = _answer(found, question, None, question.alpha * POOLED, found.samples < laid.least, thin)
    if whole.state == "pass" and laid.windows < PASSES:
        reason = f"{laid.windows} of {PASSES} windows in a row passed"
        whole = _as_whole(whole, "inconclusive", reason, PASSES - laid.windows)
    return [*answers, whole]


def _clean(before: Series, after: Series, requests: Floats | None, chosen: np.ndarray) -> Clean:
    return clean(before.values, after.values[chosen], None if requests is None else requests[chosen])


def _amount(question: Question) -> float:
    """What is accepted over a baseline of none: a share of nothing is nothing."""
    amount = 0.0 if question.is_relative else abs(question.amount)
    return amount if question.limit is None else min(amount, max(question.limit, 0.0))


def _fails(found: Clean, question: Question, alpha: float) -> bool:
    return found.mean > _amount(question) and found.chance() < alpha


def _answer(found: Clean, question: Question, window: int | None, alpha: float, is_short: bool, is_thin: bool) -> Answer:
    amount, upper = _amount(question), found.upper(PASS_ERROR)
    state: State = "inconclusive"
    needed: int | None = None
    if _fails(found, question, alpha):
        state, reason = "fail", f"none in {found.baseline:.0f} samples before, {found.seen:.0f} of {found.samples:.0f} after"
    elif is_short or is_thin:
        reason = "too few samples in the window" if is_short else "more samples are missing than in the baseline"
    elif found.seen == 0 and (question.is_relative or upper < amount):
        state, reason = "pass", "none before and none after"
    elif upper < amount:
        state, reason = "pass", "its upper limit is within it"
    elif found.seen == 0:
        reason = f"none after, but {found.exposure:.0f} trials without any cannot exclude it"
        needed = max(int(np.ceil(upper / amount)) - 1, 1) if 0 < upper / max(amount, 1e-12) < 10_000 else None
    else:
        reason = (
            f"none in {found.baseline:.0f} samples before, {found.seen:.0f} of {found.samples:.0f} after: chance could do as much"
        )
        needed = 1
    mean = float(found.mean) if found.samples else None
    observed = None if mean is None or (question.is_relative and mean > 0) else mean
    low = None if observed is None else 0.0
    high = None if observed is None or question.is_relative else upper
    return Answer(window, 0.0, mean, observed, low, high, state, reason, needed)


def _as_whole(answer: Answer, state: State, reason: str, needed: int | None = None) -> Answer:
    return Answer(None, answer.baseline, answer.after, answer.observed, answer.low, answer.high, state, reason, needed)
