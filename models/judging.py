"""Did this signal get worse than we accept, after the change?

Windows are judged, not samples; what chance does is read off the signal's own past (`replay_errors`). Three states: it fails when
it moved and is beyond what is accepted, it passes when it is shown to be within, else it is inconclusive. No input is an error:
too little to judge is inconclusive, and what is missing never makes a pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.evidence import PASS_ERROR, Evidence, fails, passes, settle_after
from models.isolated import judge_isolated
from models.layout import Layout, lay_out
from models.pooled_counts import judge_pooled
from models.series import Answer, Question, Series, State, WarmUp
from models.signal import Signal, signal_of
from models.spending import PASSES, POOLED, share_of_pooled, share_of_pooled_pass, share_of_window
from models.trend import judge_trend
from models.warm_up import warm_up_of, without
from models.zero_baseline import judge_zero_baseline

__all__ = ["Answer", "Question", "Series", "judge"]

_MOST_LEFT_OUT = 0.2  # of a window: the rest is still one to be compared with whole ones


def judge(before: Series, after: Series, question: Question) -> list[Answer]:
    """An answer for each window of the after-period that is over, then one for all of them together."""
    with np.errstate(all="ignore"):
        return _answers(before.in_order(), after.in_order(), _towards(question))


def _answers(before: Series, after: Series, question: Question) -> list[Answer]:
    laid = lay_out(before, after, question.window_s)
    if laid is None:
        return [_nothing(None, _why_not(before, after, question))]
    if question.against == "control" and (before.control is None or after.control is None):
        return [_nothing(None, "no control to compare with")]
    if question.kind == "trend":
        return judge_trend(before, after, question, laid)
    if (answers := judge_pooled(before, after, question, laid)) is not None:
        return answers
    if (answers := judge_isolated(before, after, question, laid)) is not None:
        return answers
    if (answers := judge_zero_baseline(before, after, question, laid)) is not None:
        return answers
    warm_up = warm_up_of(before, after, question, laid)
    if warm_up is not None:
        after = without(after, warm_up)
        laid = lay_out(before, after, question.window_s) or laid
    if question.direction == "both" and not question.is_at_least:
        halves = [_judge(before, after, question, laid, sign, question.alpha / 2, warm_up) for sign in (1.0, -1.0)]
        return [_worse(up, down) for up, down in zip(*halves, strict=True)]
    worse_is_up = (question.direction == "up") != question.is_at_least
    return _judge(before, after, question, laid, 1.0 if worse_is_up else -1.0, question.alpha, warm_up)


def _towards(question: Question) -> Question:
    """A deviation written with a minus is one downwards; a wanted one goes the way of its sign."""
    down = question.amount < 0 or (question.direction == "down" and not question.is_at_least)
    if question.direction == "both" and not question.is_at_least:
        return question
    return replace(question, direction="down" if down else "up", amount=abs(question.amount))


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why a window may not pass. `is_mute`: it may not fail either."""

    reason: str
    is_mute: bool = False


def _doubt(window: int, question: Question, laid: Layout, warm_up: WarmUp | None) -> _Doubt | None:
    if float(laid.evidence[window]) < question.evidence:
        return _Doubt(f"{laid.evidence[window]:,.0f} of the {question.evidence:,.0f} samples or requests it needs", is_mute=True)
    if warm_up is not None and window == 0:
        return _Doubt("a warm-up, left out", is_mute=warm_up.seconds > _MOST_LEFT_OUT * question.window_s)
    return _Doubt("more samples are missing than in the baseline") if laid.is_thin(window) else None


def _judge(
    before: Series, after: Series, question: Question, laid: Layout, sign: float, alpha: float, warm_up: WarmUp | None
) -> list[Answer]:
    signal = signal_of(before, after, question, laid, sign)
    doubts = [_doubt(window, question, laid, warm_up) for window in range(laid.windows)]
    answers, looks, chances = [], [], []
    for window, (doubt, found) in enumerate(zip(doubts, signal.looks([*range(laid.windows)], 1), strict=True)):
        share = share_of_window(window + 1, laid.windows)
        answers.append(_answer(signal, found, question, window + 1, alpha, doubt))
        is_mute = doubt is not None and doubt.is_mute
        looks.append(None if is_mute else fails(found, alpha * share, question))
        chances.append(1.0 if is_mute else _chance(found, alpha / question.alpha * share))
    whole = _together(signal, answers, looks, doubts, question, laid, alpha, chances, 0 if warm_up is None else 1)
    return [*answers, replace(whole, warm_up=warm_up)]


def _answer(signal: Signal, found: Evidence, question: Question, window: int, alpha: float, doubt: _Doubt | None) -> Answer:
    """Of one window, on its own."""
    failing = None if doubt is not None and doubt.is_mute else fails(found, alpha, question)
    if failing is not None:
        return _say(signal, found, failing, window, "fail", _beyond(found, failing))
    if doubt is not None and doubt.is_mute:
        return _say(signal, found, 0, window, "inconclusive", doubt.reason)
    if not np.isfinite(found.came[0]):
        return _say(signal, found, 0, window, "inconclusive", "too few samples in the window")
    if not np.isfinite(found.excess[0]):
        return _say(signal, found, 0, window, "inconclusive", "the baseline is too short to know what chance does")
    if passes(found, PASS_ERROR, question):
        if doubt is not None:
            return _say(signal, found, 0, window, "inconclusive", doubt.reason)
        return _say(signal, found, 0, window, "pass", "within it, with evidence")
    needed = settle_after(found, 1, alpha, "inconclusive")
    return _say(signal, found, 0, window, "inconclusive", _unsettled(found), needed)


def _together(
    signal: Signal,
    answers: list[Answer],
    looks: list[int | None],
    doubts: list[_Doubt | None],
    question: Question,
    laid: Layout,
    alpha: float,
    chances: list[float],
    begin: int,
) -> Answer:
    """What a gate says after these windows: one failure stops; three passes in a row promote, or evidence from all. `begin` is
    the first window without a warm-up, `chances` those of the windows, their looks paid for."""
    if begin >= laid.windows:
        found = signal.look(0, 1)
        if looks[0] is None:
            return _say(signal, found, 0, None, "inconclusive", answers[0].reason, PASSES)
        return replace(_say(signal, found, looks[0], None, "fail", f"window 1: {_beyond(found, looks[0])}"), chance=chances[0])
    span = signal.longest_span(laid.windows - begin)
    found = signal.look(begin, span)
    share = share_of_pooled(laid.windows)
    is_held = float(laid.evidence[begin : begin + span].sum()) >= question.evidence
    chance = min((*chances, _chance(found, alpha / question.alpha * share) if is_held else 1.0))
    failing = fails(found, alpha * share, question) if is_held else None
    if failing is not None:
        return replace(_say(signal, found, failing, None, "fail", _beyond(found, failing)), chance=chance)
    for window, look in enumerate(looks):
        if look is not None:
            one = signal.look(window, 1)
            return replace(_say(signal, one, look, None, "fail", f"window {window + 1}: {_beyond(one, look)}"), chance=chance)
    if not np.isfinite(found.excess[0]):
        why = "too few samples" if not np.isfinite(found.came[0]) else "the baseline is too short to know what chance does"
        return _say(signal, found, 0, None, "inconclusive", why)
    return replace(_promoted(signal, found, answers, doubts, question, laid, alpha, span), chance=chance)


def _promoted(
    signal: Signal,
    found: Evidence,
    answers: list[Answer],
    doubts: list[_Doubt | None],
    question: Question,
    laid: Layout,
    alpha: float,
    span: int,
) -> Answer:
    """Of windows none of which failed."""
    states = [answer.state for answer in answers]
    in_a_row = len(states) >= PASSES and all(state == "pass" for state in states[-PASSES:])
    share = share_of_pooled_pass(laid.windows)
    pooled = share > 0 and not any(doubts) and "fail" not in states[-PASSES:] and passes(found, PASS_ERROR * share, question)
    if in_a_row or pooled:
        return _say(
            signal, found, 0, None, "pass", "within it, with evidence" + (f", {PASSES} windows in a row" if in_a_row else "")
        )
    if states and states[-1] == "pass":
        run = next((i for i, state in enumerate(reversed(states)) if state != "pass"), len(states))
        return _say(signal, found, 0, None, "inconclusive", f"{run} of {PASSES} windows in a row passed", max(PASSES - run, 1))
    if (last := doubts[-1]) is not None and last.is_mute:
        return _say(signal, found, 0, None, "inconclusive", f"the last window has {last.reason}")
    needed = settle_after(found, span, alpha * POOLED, "inconclusive")
    return _say(signal, found, 0, None, "inconclusive", _unsettled(found), needed)


def _chance(found: Evidence, share: float) -> float:
    """The level at which it would just fail, if of that level it gets `share`, divided among its statistics."""
    if share <= 0:
        return 1.0
    least = float(np.nanmin(found.chance / found.shares, initial=np.inf)) / share
    return min(least, 1.0)


def _beyond(found: Evidence, i: int) -> str:
    chance = float(found.chance[i])
    told = f"p {'< 1e-6' if chance < 1e-6 else f'= {chance:.2g}'}"
    if found.margin[i] < 0:
        return f"less than it, and not by chance ({told})"
    what = {
        "level": "it",
        "middle": "its middle",
        "tail": "its tail",
        "leap": "how far it leaps",
        "spread": "its spread",
        "any": "how often it happens",
    }
    return f"{what[found.names[i]]} is beyond it and not by chance ({told})"


def _unsettled(found: Evidence) -> str:
    if found.margin[0] < 0:
        return "it may be as wanted, and may be less"
    if found.excess[0] > found.margin[0]:
        return "beyond it, but chance could do as much"
    return "within it, but the signal is too noisy to be sure of it"


def _say(
    signal: Signal, found: Evidence, i: int, window: int | None, state: State, reason: str, needed: int | None = None
) -> Answer:
    baseline, after, observed, low, high = signal.in_units(found, i)
    return Answer(window, baseline, after, observed, low, high, state, reason, needed, against=signal.against(found, i))


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
    steps = [float(np.median(np.diff(series.times_s))) for series in (before,) if len(series.times_s) > 1]
    if steps and question.window_s < steps[0]:
        return f"a window of {question.window_s:g} s is shorter than the {steps[0]:g} s between samples"
    return f"shorter than one window of {question.window_s:g} s, before or after"
