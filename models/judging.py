"""Did this signal get worse than we accept, after the change?

Windows are judged, not samples; what chance does is read off the signal's own past (`replay_errors`). Three states: it fails when
it moved and is beyond what is accepted, it passes when it is shown to be within, else it is inconclusive. No input is an error:
too little to judge is inconclusive, and what is missing never makes a pass.
"""

from __future__ import annotations

import numpy as np

from models.evidence import PASS_ERROR, Evidence, fails, passes, settle_after
from models.layout import Layout, lay_out
from models.series import Answer, Question, Series, State
from models.signal import Signal, signal_of
from models.spending import PASSES, POOLED, share_of_pooled, share_of_pooled_pass, share_of_window
from models.trend import judge_trend
from models.zero_baseline import judge_zero_baseline

__all__ = ["Answer", "Question", "Series", "judge"]


def judge(before: Series, after: Series, question: Question) -> list[Answer]:
    """An answer for each window of the after-period that is over, then one for all of them together."""
    with np.errstate(all="ignore"):
        return _answers(before.in_order(), after.in_order(), _towards(question))


def _answers(before: Series, after: Series, question: Question) -> list[Answer]:
    laid = lay_out(before, after, question.window_s)
    if laid is None:
        return [_nothing(None, _why_not(before, after, question))]
    if question.kind == "trend":
        return judge_trend(before, after, question, laid)
    if (answers := judge_zero_baseline(before, after, question, laid)) is not None:
        return answers
    if question.direction == "both" and not question.is_at_least:
        halves = [_judge(before, after, question, laid, sign, question.alpha / 2) for sign in (1.0, -1.0)]
        return [_worse(up, down) for up, down in zip(*halves, strict=True)]
    worse_is_up = (question.direction == "up") != question.is_at_least
    return _judge(before, after, question, laid, 1.0 if worse_is_up else -1.0, question.alpha)


def _towards(question: Question) -> Question:
    """A deviation written with a minus is one downwards; a wanted one goes the way of its sign."""
    down = question.amount < 0 or (question.direction == "down" and not question.is_at_least)
    if question.direction == "both" and not question.is_at_least:
        return question
    return Question(
        question.kind,
        "down" if down else "up",
        abs(question.amount),
        question.is_relative,
        question.is_at_least,
        question.limit,
        question.window_s,
        question.alpha,
    )


def _judge(before: Series, after: Series, question: Question, laid: Layout, sign: float, alpha: float) -> list[Answer]:
    signal = signal_of(before, after, question, laid, sign)
    answers, looks = [], []
    for window in range(laid.windows):
        found = signal.look(window, 1)
        answers.append(_answer(signal, found, question, window + 1, alpha, laid.is_thin(window)))
        looks.append(fails(found, alpha * share_of_window(window + 1, laid.windows), question))
    answers.append(_together(signal, answers, looks, question, laid, alpha))
    return answers


def _answer(signal: Signal, found: Evidence, question: Question, window: int, alpha: float, is_thin: bool) -> Answer:
    """Of one window, on its own."""
    failing = fails(found, alpha, question)
    if failing is not None:
        return _say(signal, found, failing, window, "fail", _beyond(found, failing))
    if not np.isfinite(found.came[0]):
        return _say(signal, found, 0, window, "inconclusive", "too few samples in the window")
    if not np.isfinite(found.excess[0]):
        return _say(signal, found, 0, window, "inconclusive", "the baseline is too short to know what chance does")
    if passes(found, PASS_ERROR, question):
        if is_thin:
            return _say(signal, found, 0, window, "inconclusive", "more samples are missing than in the baseline")
        return _say(signal, found, 0, window, "pass", "within it, with evidence")
    needed = settle_after(found, 1, alpha, "inconclusive")
    return _say(signal, found, 0, window, "inconclusive", _unsettled(found), needed)


def _together(
    signal: Signal, answers: list[Answer], looks: list[int | None], question: Question, laid: Layout, alpha: float
) -> Answer:
    """What a gate says after these windows: one failure stops; three passes in a row promote, or evidence from all."""
    span = signal.longest_span(laid.windows)
    found = signal.look(0, span)
    failing = fails(found, alpha * share_of_pooled(laid.windows), question)
    if failing is not None:
        return _say(signal, found, failing, None, "fail", _beyond(found, failing))
    for window, look in enumerate(looks):
        if look is not None:
            one = signal.look(window, 1)
            return _say(signal, one, look, None, "fail", f"window {window + 1}: {_beyond(one, look)}")
    if not np.isfinite(found.excess[0]):
        why = "too few samples" if not np.isfinite(found.came[0]) else "the baseline is too short to know what chance does"
        return _say(signal, found, 0, None, "inconclusive", why)
    states = [answer.state for answer in answers]
    in_a_row = len(states) >= PASSES and all(state == "pass" for state in states[-PASSES:])
    is_whole = not any(laid.is_thin(window) for window in range(laid.windows))
    share = share_of_pooled_pass(laid.windows)
    pooled = share > 0 and is_whole and "fail" not in states[-PASSES:] and passes(found, PASS_ERROR * share, question)
    if in_a_row or pooled:
        return _say(
            signal, found, 0, None, "pass", "within it, with evidence" + (f", {PASSES} windows in a row" if in_a_row else "")
        )
    if states and states[-1] == "pass":
        run = next((i for i, state in enumerate(reversed(states)) if state != "pass"), len(states))
        return _say(signal, found, 0, None, "inconclusive", f"{run} of {PASSES} windows in a row passed", max(PASSES - run, 1))
    needed = settle_after(found, span, alpha * POOLED, "inconclusive")
    return _say(signal, found, 0, None, "inconclusive", _unsettled(found), needed)


def _beyond(found: Evidence, i: int) -> str:
    what = {
        "level": "it",
        "middle": "its middle",
        "tail": "its tail",
        "leap": "how far it leaps",
        "spread": "its spread",
        "any": "how often it happens",
    }
    chance = float(found.chance[i])
    return f"{what[found.names[i]]} is beyond it and not by chance (p {'< 1e-6' if chance < 1e-6 else f'= {chance:.2g}'})"


def _unsettled(found: Evidence) -> str:
    if found.excess[0] > found.margin[0]:
        return "beyond it, but chance could do as much"
    return "within it, but the signal is too noisy to be sure of it"


def _say(
    signal: Signal, found: Evidence, i: int, window: int | None, state: State, reason: str, needed: int | None = None
) -> Answer:
    baseline, after, observed, low, high = signal.in_units(found, i)
    return Answer(window, baseline, after, observed, low, high, state, reason, needed)


def _worse(one: Answer, other: Answer) -> Answer:
    """Of the two ways in which a signal may be worse, the one that says more."""
    order = {"fail": 0, "inconclusive": 1, "pass": 2}
    return one if order[one.state] <= order[other.state] else other


def _nothing(window: int | None, reason: str) -> Answer:
    return Answer(window, None, None, None, None, None, "inconclusive", reason)


def _why_not(before: Series, after: Series, question: Question) -> str:
    if not np.isfinite(after.values).any():
        return "no data after the change"
    if not np.isfinite(before.values).any():
        return "no data before the change"
    return f"shorter than one window of {question.window_s:g} s, before or after"
