"""How both periods are laid out in windows: the baseline's end at its last sample, the after-period's start at its first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.series import Floats, Series
from models.window_statistics import Windows, cut

_MOST_WINDOWS = 20_000  # a wrong unit of time must not fill the memory
_MOST_CELLS = 8_000_000  # windows times the samples of the fullest: it is laid out as a rectangle
_MOST_LOOKS = 4_000_000  # windows after times windows before; of a longer baseline, what is nearest counts
_LEAST_PAST = 96
_FEW = 0.9  # of the samples a window of the baseline has


@dataclass(frozen=True, slots=True)
class Layout:
    """`horizon` is where the first window of the after-period starts, in windows after the baseline's last (1 = at once).
    `evidence` is what stands behind each of its windows, shape (windows,)."""

    before: Windows
    after: Windows
    start_before_s: float
    start_after_s: float
    window_s: float
    step_s: float
    horizon: int
    usual: float
    evidence: Floats

    @property
    def windows(self) -> int:
        return len(self.after.known)

    @property
    def least(self) -> float:
        """Samples that a window needs to be judged."""
        return max(0.5 * self.usual, 1.0)

    def is_thin(self, window: int) -> bool:
        """Fewer samples than any window of the baseline, by more than a hole now and then: the worst may be missing."""
        known = float(self.after.known[window])
        return known < _FEW * self.usual and known < float(self.before.known.min())

    def before_windows(self, series: Series, x: Floats) -> Floats:
        return _means(cut(series.times_s, x, self.start_before_s, self.window_s, len(self.before.known)))

    def after_windows(self, series: Series, x: Floats) -> Floats:
        return _means(cut(series.times_s, x, self.start_after_s, self.window_s, self.windows))

    def control(self, before: Series, after: Series) -> tuple[Windows, Windows]:
        """The control's windows of both periods; all missing where there is none."""
        cuts = []
        for series, start_s, count in (
            (before, self.start_before_s, len(self.before.known)),
            (after, self.start_after_s, self.windows),
        ):
            values = np.full(len(series.times_s), np.nan) if series.control is None else series.control
            cuts.append(cut(series.times_s, values, start_s, self.window_s, count))
        return cuts[0], cuts[1]


def _means(windows: Windows) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(windows.values, axis=1) / np.where(windows.known > 0, windows.known, np.nan))


def lay_out(before: Series, after: Series, window_s: float) -> Layout | None:
    """None if either period holds no whole window or no sample at all, or windows are shorter than the time between samples."""
    if not (np.isfinite(before.values).any() and np.isfinite(after.values).any()) or not window_s > 0:
        return None
    step_s = _step(before.times_s)
    end_s = float(before.times_s[-1]) + step_s
    past = _whole((end_s - float(before.times_s[0])) / window_s)
    start_s = float(after.times_s[0])
    later = _whole((float(after.times_s[-1]) + _step(after.times_s, step_s) - start_s) / window_s)
    if past < 1 or later < 1 or window_s < _FEW * step_s:
        return None
    later = min(later, _that_fit(after.times_s, window_s, later))
    past = min(past, _that_fit(before.times_s, window_s, past), max(_MOST_LOOKS // later, _LEAST_PAST))
    start_before_s = end_s - past * window_s
    known = cut(before.times_s, before.values, start_before_s, window_s, past)
    gap = (start_s - end_s) / window_s
    return Layout(
        before=known,
        after=cut(after.times_s, after.values, start_s, window_s, later),
        start_before_s=start_before_s,
        start_after_s=start_s,
        window_s=window_s,
        step_s=step_s,
        horizon=1 + max(math.ceil(min(gap, 1e6) - 0.01), 0),
        usual=float(np.median(known.known[known.known > 0])) if known.known.any() else 1.0,
        evidence=sums(after.times_s, weights(after), start_s, window_s, later),
    )


def weights(series: Series) -> Floats:
    """How much evidence each value is, shape (n,): a sample where nobody counts, and nothing where the count is missing."""
    known = np.isfinite(series.values)
    told = np.ones(len(series.values)) if series.evidence is None else np.nan_to_num(series.evidence)
    return np.where(known, np.maximum(told, 0.0), 0.0)


def sums(times_s: Floats, x: Floats, start_s: float, window_s: float, count: int) -> Floats:
    """Of what lies in each of `count` windows from `start_s` on; NaN counts for nothing."""
    return np.asarray(np.nansum(cut(times_s, x, start_s, window_s, count).values, axis=1))


def _step(times_s: Floats, otherwise: float = 0.0) -> float:
    if len(times_s) < 2:
        return otherwise
    steps = np.diff(times_s)
    return float(steps[0] if (steps == steps[0]).all() else np.median(steps))


def _that_fit(times_s: Floats, window_s: float, windows: int) -> int:
    """How many windows fit into the memory, where samples crowd in some of them and others lie empty for years."""
    if windows * len(times_s) <= _MOST_CELLS:
        return windows
    fullest = int((np.searchsorted(times_s, times_s + window_s) - np.arange(len(times_s))).max())
    return max(_MOST_CELLS // max(fullest, 1), 1)


def _whole(windows: float) -> int:
    return min(math.floor(windows + 1e-6), _MOST_WINDOWS)
