"""A signal that was zero all along before the change: nothing to replay, so the exact Poisson answer is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.evidence import PASS_ERROR
from models.layout import Layout, weights
from models.rare_counts import Clean, clean
from models.series import Answer, Floats, Question, Series, State
from models.spending import PASSES, POOLED, share_of_window

_KINDS = ("rate", "share", "count")


def judge_zero_baseline(before: Series, after: Series, question: Question, laid: Layout) -> list[Answer] | None:
    """None if this is no such signal: another kind, another direction, or a baseline with something in it."""
    is_up = question.direction in ("up", "both") and not question.is_at_least
    if not is_up or question.kind not in _KINDS or np.nanmax(np.abs(before.values)) > 0 or np.nanmin(after.values) < 0:
        return None
    requests = _requests(after, laid) if question.kind == "share" else None
    window = np.floor((after.times_s - laid.start_after_s) / question.window_s + 1e-6).astype(np.int64)
    answers: list[Answer] = []
    looks: list[bool] = []
    chances: list[float] = []
    for i in range(laid.windows):
        found = _clean(before, after, requests, window == i)
        lacks = _lacks(found.samples < laid.least, float(laid.evidence[i]), question)
        share = share_of_window(i + 1, laid.windows)
        answers.append(_answer(found, question, i + 1, question.alpha, lacks, laid.is_thin(i)))
        looks.append(not lacks and _fails(found, question, question.alpha * share))
        chances.append(min(found.chance() / share, 1.0) if not lacks else 1.0)
    found = _clean(before, after, requests, (window >= 0) & (window < laid.windows))
    if any(looks):
        first = looks.index(True)
        whole = _as_whole(answers[first], "fail", f"window {first + 1}: {answers[first].reason}")
        return [*answers, replace(whole, chance=min(chances))]
    thin = any(laid.is_thin(i) for i in range(laid.windows))
    lacks = _lacks(found.samples < laid.least, float(laid.evidence.min()), question)
    whole = _answer(found, question, None, question.alpha * POOLED, lacks, thin)
    if whole.state == "pass" and laid.windows < PASSES:
        reason = f"{laid.windows} of {PASSES} windows in a row passed"
        whole = _as_whole(whole, "inconclusive", reason, PASSES - laid.windows)
    pooled = found.chance() / POOLED if not lacks else 1.0
    return [*answers, replace(whole, chance=min((pooled, 1.0, *chances)))]


def _requests(after: Series, laid: Layout) -> Floats | None:
    """Behind each sample, as they were counted or else out of the load; None where nothing tells."""
    if after.evidence is not None:
        return weights(after)
    if after.load is None or not np.nanmin(after.load, initial=np.inf) >= 0:
        return None
    return after.load * max(laid.step_s, 1e-9)


def _lacks(is_short: bool, evidence: float, question: Question) -> str:
    if is_short:
        return "too few samples in the window"
    return f"{evidence:,.0f} of the {question.evidence:,.0f} samples or requests it needs" if evidence < question.evidence else ""


def _clean(before: Series, after: Series, requests: Floats | None, chosen: np.ndarray) -> Clean:
    return clean(before.values, after.values[chosen], None if requests is None else requests[chosen])


def _amount(question: Question) -> float:
    """What is accepted over a baseline of none: a share of nothing is nothing."""
    amount = 0.0 if question.is_relative else abs(question.amount)
    return amount if question.limit is None else min(amount, max(question.limit, 0.0))


def _fails(found: Clean, question: Question, alpha: float) -> bool:
    return found.mean > _amount(question) and found.chance() < alpha


def _answer(found: Clean, question: Question, window: int | None, alpha: float, lacks: str, is_thin: bool) -> Answer:
    amount, upper = _amount(question), found.upper(PASS_ERROR)
    state: State = "inconclusive"
    needed: int | None = None
    if not lacks and _fails(found, question, alpha):
        state, reason = "fail", f"none in {found.baseline:.0f} samples before, {found.seen:.0f} of {found.samples:.0f} after"
    elif lacks or is_thin:
        reason = lacks or "more samples are missing than in the baseline"
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
