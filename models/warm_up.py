"""How long after a change a signal takes to settle: caches fill, code is compiled, connections are made.

The start counts as a warm-up when its mean is further from what follows than ever happened between two such stretches of the
baseline, and twice as far as anything the rest of the after-period does. It ends where that is over, after a window at the
latest, and after a third of the period at the latest: what does not settle by then is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.layout import Layout
from models.scales import Scale, scale_of
from models.series import Floats, Question, Series, WarmUp

KINDS = frozenset({"latency", "gauge", "rate"})  # a start that fails requests is no warm-up
_BLOCKS = 15  # a window is looked at in so many steps
_STRETCHES = (1, 2, 4, 8, 15)  # steps
_FAR = 1.5  # times the furthest of the baseline
_ALONE = 2.0  # times the furthest of what follows: damage that comes back in each window is no warm-up
_OF_MARGIN = 0.5  # less than this part of what is accepted moves no verdict
_LEAST_BASELINE = 8  # times the length of what is compared


@dataclass(frozen=True, slots=True)
class _Course:
    """Means by block, shape (n,), and running sums to take means of stretches from; blocks without a sample do not count."""

    sums: Floats
    known: Floats

    @property
    def blocks(self) -> int:
        return len(self.sums) - 1

    @property
    def first(self) -> int:
        """The first block with a sample."""
        return int(np.argmax(self.known[1:] > 0))

    def means(self, first: NDArray[np.int64] | int, length: int) -> Floats:
        """Of the stretches of `length` blocks from each of `first` on; NaN for those without a sample."""
        total = self.sums[first + length] - self.sums[first]
        count = self.known[first + length] - self.known[first]
        return np.asarray(total / np.where(count > 0, count, np.nan))


def warm_up_of(before: Series, after: Series, question: Question, laid: Layout) -> WarmUp | None:
    """None where the after-period begins as it goes on."""
    if question.kind not in KINDS or len(after.values) < 3:
        return None
    scale = scale_of(question.kind, 1.0, before.values, after.values)
    block_s = max(question.window_s / _BLOCKS, laid.step_s, 1e-9)
    later = _course(after, scale, block_s)
    blocks = int((before.times_s[-1] - before.times_s[0]) / block_s)
    most = min(int(question.window_s / block_s + 1e-6), later.blocks // 3, blocks // (3 * _LEAST_BASELINE))
    first = later.first  # nothing is known of a version that was not up yet
    if first >= most:
        return None
    rest = min(2 * most, later.blocks - most)
    settled = float(later.means(most, rest))
    starts = _that_stand_out(later, first, most, settled, _OF_MARGIN * _margin(scale, settled, question))
    if not starts:
        return None
    past = _course(before, scale, block_s)
    begins = np.arange(past.blocks - most - rest + 1, dtype=np.int64)
    levels = past.means(begins + most, rest)
    usual = {n: float(np.nanmax(np.abs(past.means(begins + first, n) - levels), initial=0.0)) for n in starts}
    far = {n: max(usual[n], bound) for n, (distance, bound) in starts.items() if distance > max(_FAR * usual[n], bound) > 0}
    if not far:
        return None
    end = next((at for at in range(first + 1, most) if not _is_far(later, at, most, settled, far)), most)
    return _told(after, after.times_s < after.times_s[0] + end * block_s - 1e-6, end * block_s)


def _margin(scale: Scale, level: float, question: Question) -> float:
    if not np.isfinite(level):
        return np.inf
    return scale.margin(level, abs(question.amount) * (abs(scale.back(level)) if question.is_relative else 1.0))


def _that_stand_out(later: _Course, first: int, most: int, settled: float, bound: float) -> dict[int, tuple[float, float]]:
    """By the length of the start: how far it is from what follows, and what that is held against; where it is more than that,
    and far from any stretch of the rest."""
    found = {}
    for length in (length for length in _STRETCHES if first + length <= most):
        start = float(later.means(first, length))
        if not abs(start - settled) > bound:
            continue
        others = later.means(np.arange(most, later.blocks - length + 1, dtype=np.int64), length)
        if abs(start - settled) > _ALONE * float(np.nanmax(np.abs(others - settled), initial=0.0)):
            found[length] = (abs(start - settled), bound)
    return found


def _is_far(later: _Course, at: int, most: int, settled: float, bounds: dict[int, float]) -> bool:
    return any(abs(float(later.means(at, length)) - settled) > bound for length, bound in bounds.items() if at + length <= most)


def _told(after: Series, is_early: NDArray[np.bool_], seconds: float) -> WarmUp:
    left_out = after.values[is_early]
    return WarmUp(seconds, float(np.nanmean(left_out)) if np.isfinite(left_out).any() else None)


def _course(series: Series, scale: Scale, block_s: float) -> _Course:
    values = scale.of(series.values)
    known = np.isfinite(values)
    count = min(int((series.times_s[-1] - series.times_s[0]) / block_s + 1e-6) + 1, 200_000)
    block = np.clip(((series.times_s - series.times_s[0]) / block_s + 1e-6).astype(np.int64), 0, count - 1)
    sums = np.bincount(block[known], weights=values[known], minlength=count)
    counts = np.bincount(block[known], minlength=count)
    return _Course(np.concatenate([[0.0], np.cumsum(sums)]), np.concatenate([[0.0], np.cumsum(counts)]))


def without(after: Series, warm_up: WarmUp) -> Series:
    """What is left out is missing."""
    is_early = after.times_s < after.times_s[0] + warm_up.seconds - 1e-6
    return Series(after.times_s, np.where(is_early, np.nan, after.values), after.load, after.control, after.evidence)
