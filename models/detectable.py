"""Before a change: the smallest worsening that would be found, from the errors that the replay of the baseline makes.

Found means failed in so many windows, four times out of five: beyond the bound of chance (or the worst error of the replay, if
that is further) by what chance takes away one time in five. A deviation that is accepted and smaller than this cannot be told
from none: the plan is refused. For rare events the exact Poisson answer, for a trend the error of its slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincinv, stdtrit

from models.evidence import Evidence
from models.isolated import LEAST, is_isolated
from models.layout import Layout, lay_out, weights
from models.pooled_counts import KINDS, clustering_of, counts_of
from models.rare_counts import chance_of_more
from models.scales import scale_of
from models.series import Floats, Question, Series
from models.signal import Signal, signal_of
from models.spending import share_of_long_look, share_of_pooled, share_of_window
from models.trend import LEAST_WINDOWS, slope_of

_MISSED = 0.2  # of worsenings of this size
_GAP = 2  # windows between the baseline and the first that is judged
_MOST_TIMES = 1e6  # longer than that nobody waits
_MOST_EVENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Detectable:
    """In so many windows: `size` in the unit of the question (a share of the baseline if it is relative), None where nothing can
    be found, and then why. `least_window_s` is the window that would hold the evidence, where one is too short for it."""

    windows: int
    size: float | None
    why_not: str = ""
    least_window_s: float = 0.0


def detectable(before: Series, question: Question, windows: Sequence[int]) -> list[Detectable]:
    """For each number of windows after the change. The load and the control are taken to go on as they were last."""
    with np.errstate(all="ignore"):
        past = before.in_order()
        return [_known(_in(past, question, count)) for count in windows]


def _known(found: Detectable) -> Detectable:
    if found.size is None or math.isfinite(found.size):
        return found
    return Detectable(found.windows, None, "its numbers are too large or too small to compare")


def _in(before: Series, question: Question, windows: int) -> Detectable:
    after = _as_it_was(before, question.window_s, windows)
    if after is not None and question.span_s > question.window_s:
        any_after = lay_out(before, replace(after, values=np.ones(len(after.values))), question.window_s)
        if any_after is not None and is_isolated(any_after, question):
            return _of_few(before, question, windows)
    laid = None if after is None else lay_out(before, after, question.window_s)
    if after is None or laid is None or laid.windows < windows:
        return Detectable(windows, None, f"no samples for {windows} windows before the change")
    if question.kind == "trend":
        return _of_trend(before, after, question, laid)
    have = float(np.median(laid.evidence))
    is_pooled = question.kind in KINDS and question.span_s > question.window_s and have < question.evidence
    if have < question.evidence and not is_pooled:
        times = question.evidence / have if have > 0 else math.inf
        least = question.window_s * math.ceil(times) if times < _MOST_TIMES else 0.0
        return Detectable(windows, None, f"a window has {have:,.0f} of the {question.evidence:,.0f} it needs", least)
    if is_pooled or _is_clean(before, question):
        return _of_counts(before, question, laid, is_pooled)
    sign = 1.0 if (question.direction != "down") != question.is_at_least else -1.0
    alpha = question.alpha / (2 if question.direction == "both" and not question.is_at_least else 1)
    signal = signal_of(before, after, question, laid, sign)
    one, pooled = signal.look(0, 1), signal.look(0, signal.longest_span(windows))
    sizes = [_size(signal, one, alpha * share_of_window(1, windows)), _size(signal, pooled, alpha * share_of_pooled(windows))]
    known = [size for size in sizes if size is not None]
    if not known:
        return Detectable(windows, None, "the baseline is too short to know what chance does")
    if question.kind == "count" and question.direction == "up" and not question.is_relative:
        rare = _of_counts(before, question, laid, is_pooled=False).size
        known = [max(min(known), rare or 0.0)]
    return Detectable(windows, min(known))


def _size(signal: Signal, found: Evidence, alpha: float) -> float | None:
    """Of the level, which is what is accepted."""
    error, freedom, predicted = float(found.error[0]), float(found.freedom[0]), float(found.predicted[0])
    if not (alpha > 0 and math.isfinite(error) and freedom >= 1.0 and math.isfinite(predicted)):
        return None
    bound = float(stdtrit(freedom, 1 - alpha * float(found.shares[0]))) * error
    if not signal.question.is_at_least:
        bound = max(bound, float(found.worst[0]))
    excess = bound + float(stdtrit(freedom, 1 - _MISSED)) * error
    level = signal.scale.back(predicted)
    if error == 0.0:
        return 0.0
    change = abs(signal.scale.back(predicted + excess) - level)
    if not signal.question.is_relative:
        return change
    return change / abs(level) if level else (0.0 if change == 0.0 else None)


def _is_clean(before: Series, question: Question) -> bool:
    known = before.values[np.isfinite(before.values)]
    return question.kind in ("rate", *KINDS) and question.direction != "down" and not (known != 0).any()


def _of_counts(before: Series, question: Question, laid: Layout, is_pooled: bool) -> Detectable:
    windows = laid.windows
    held = float(laid.evidence.sum())
    if is_pooled and held < question.evidence:
        times = question.evidence / held * windows if held > 0 else math.inf
        needed = math.ceil(times) if times < _MOST_TIMES else 0
        why = f"{windows} windows have {held:,.0f} of the {question.evidence:,.0f} it needs"
        return Detectable(windows, None, f"{why}; {needed:,} have them" if needed else why)
    events, exposures = counts_of(before, question, laid.start_before_s, len(laid.before.known))
    if not exposures.sum() > 0:
        return Detectable(windows, None, "no requests are known before the change")
    exposure = float(exposures.sum()) / len(exposures) * windows
    share = share_of_long_look(1) if is_pooled else share_of_window(1, windows)
    clustering = clustering_of(events, exposures)
    total = float(events.sum())
    least = _least_events(total / clustering, float(exposures.sum()), exposure, question.alpha * share)
    rate = max(float(gammaincinv(least, 1 - _MISSED)) * clustering / exposure - total / float(exposures.sum()), 0.0)
    if not question.is_relative:
        return Detectable(windows, rate)
    level = total / float(exposures.sum())
    return Detectable(windows, rate / level if level > 0 else 0.0)  # over nothing, anything is beyond a share of it


def _of_few(before: Series, question: Question, windows: int) -> Detectable:
    """By as few after the change as are enough."""
    past = before.values[np.isfinite(before.values)]
    if len(past) < LEAST:
        return Detectable(windows, None, f"{len(past)} before the change; {LEAST} are needed")
    scale = scale_of(question.kind, -1.0 if question.direction == "down" else 1.0, past, past)
    scaled = scale.of(past)
    count, freedom = max(int(question.evidence), LEAST), len(past) - 1
    error = float(scaled.std(ddof=1)) * math.sqrt(1 / len(past) + 1 / count)
    times = float(stdtrit(freedom, 1 - question.alpha * share_of_long_look(1)) + stdtrit(freedom, 1 - _MISSED))
    level = scale.back(float(scaled.mean()))
    change = abs(scale.back(float(scaled.mean()) + times * error) - level)
    return Detectable(windows, change if not question.is_relative else change / abs(level) if level else None)


def _least_events(before: float, exposure_before: float, exposure: float, alpha: float) -> int:
    """So many after are not by chance."""
    low, high = 0, 1
    while high < _MOST_EVENTS and chance_of_more(before, high, exposure_before, exposure) >= alpha:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if chance_of_more(before, middle, exposure_before, exposure) < alpha:
            high = middle
        else:
            low = middle
    return high


def _of_trend(before: Series, after: Series, question: Question, laid: Layout) -> Detectable:
    if laid.windows < LEAST_WINDOWS:
        return Detectable(laid.windows, None, f"a trend needs {LEAST_WINDOWS} windows after the change")
    past_load = None if before.load is None else laid.before_windows(before, before.load)
    later_load = None if after.load is None else laid.after_windows(after, after.load)
    past = slope_of(laid.before_windows(before, before.values), past_load, question.window_s)
    later = slope_of(laid.after_windows(after, after.values), later_load, question.window_s)
    if past is None or later is None or min(past.freedom, later.freedom) < 2:
        return Detectable(laid.windows, None, "the baseline is too short to tell a slope from noise")
    size = abs(past.level) if question.is_relative else 1.0
    if not size > 0:
        return Detectable(laid.windows, None, "its baseline is zero")
    freedom = min(past.freedom, later.freedom)
    alpha = question.alpha * share_of_long_look(laid.windows - LEAST_WINDOWS + 1)
    times = float(stdtrit(freedom, 1 - alpha) + stdtrit(freedom, 1 - _MISSED))
    return Detectable(laid.windows, times * math.hypot(past.error, later.error) / size)


def _as_it_was(before: Series, window_s: float, windows: int) -> Series | None:
    """The end of the baseline again, after as long as a change takes."""
    times = before.times_s
    if len(times) < 2 or not np.isfinite(before.values).any():
        return None
    step = float(np.median(np.diff(times)))
    count = min(max(round(windows * window_s / step), 1), len(times))
    picked = np.arange(windows * max(round(window_s / step), 1)) % count + (len(times) - count)
    start = float(times[-1]) + step + _GAP * window_s

    def again(x: Floats | None) -> Floats | None:
        return None if x is None else x[picked]

    when: Floats = start + step * np.arange(len(picked), dtype=np.float64)
    later = Series(when, before.values[picked], again(before.load), again(before.control), again(before.evidence))
    return replace(later, evidence=weights(later)) if before.evidence is None else later
