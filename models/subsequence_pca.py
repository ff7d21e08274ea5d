"""PCA of sub-sequences: how unlike the windows of the history the last window is, in level and in shape.

Windows of `window_s` in robust deviations; the principal axes of the history's windows; the score is the root mean square of the
projections, each in deviations of its own axis, in robust deviations from what that was over the
history. Leads the TSB-AD ranking (Liu and Paparrizos, 2024) of univariate methods.
A window with a missing value takes the value before; one with a quarter missing says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.decomposition import PCA

from models.ewma import CAP
from models.robust_scale import centre_and_scale
from models.streaming import FloatArray, Panel, TooShort

MAX_WINDOWS = 4000  # of the history are enough for 20 axes
MAX_MISSING = 0.25


@dataclass(frozen=True, slots=True)
class SubsequencePca:
    window_s: float = 1200.0
    max_rows: int = 20

    @property
    def lead_s(self) -> float:
        return self.window_s

    def rows(self, step_s: float) -> int:
        return int(min(self.max_rows, max(4, round(self.window_s / step_s))))

    def fit(self, history: Panel) -> FittedSubsequencePca:
        rows = self.rows(history.step_s)
        if history.times_s.size < 10 * rows:
            raise TooShort(f"{history.times_s.size} rows of history; windows of {rows} need {10 * rows}")
        centre, scale = centre_and_scale(history.values)
        every = max(1, history.times_s.size // MAX_WINDOWS)
        windows = windows_of((history.values - centre) / scale, rows)[::every]
        axes = [_axes(windows[:, signal]) for signal in range(windows.shape[1])]
        nothing, one = np.zeros_like(centre), np.ones_like(centre)
        first = FittedSubsequencePca(centre, scale, axes, nothing, one, rows)
        middle, width = centre_and_scale(first.score(history))
        return replace(first, middle=middle, width=width)


@dataclass(frozen=True, slots=True)
class FittedSubsequencePca:
    centre: FloatArray
    scale: FloatArray
    axes: list[PCA | None]
    middle: FloatArray  # of the history's own sizes
    width: FloatArray
    rows: int

    def score(self, new: Panel) -> FloatArray:
        windows = windows_of((new.values - self.centre) / self.scale, self.rows)
        scores = np.full(new.values.shape, np.nan)
        for signal, axes in enumerate(self.axes):
            if axes is not None:
                of_signal = windows[:, signal]
                known = ~np.isnan(of_signal).any(axis=1)
                if known.any():
                    projected = axes.transform(of_signal[known])
                    far = np.sqrt(np.mean(projected**2 / _spreads(axes), axis=1))
                    scores[np.flatnonzero(known) + self.rows - 1, signal] = far
        return np.asarray((scores - self.middle) / self.width)


def windows_of(z: FloatArray, rows: int) -> FloatArray:
    """(n - rows + 1, k, rows), values capped, small holes filled; (0, k, rows) of fewer rows than one window."""
    if z.shape[0] < rows:
        return np.empty((0, z.shape[1], rows))
    missing = np.isnan(z)
    last = np.maximum.accumulate(np.where(missing, 0, np.arange(z.shape[0])[:, None]), axis=0)
    filled = np.take_along_axis(z, last, axis=0)
    windows = np.clip(sliding_window_view(filled, rows, axis=0), -CAP, CAP)
    holes = sliding_window_view(missing, rows, axis=0).mean(axis=2) > MAX_MISSING
    return np.where(holes[:, :, None], np.nan, windows)


def _axes(windows: FloatArray) -> PCA | None:
    known = windows[~np.isnan(windows).any(axis=1)]
    if known.shape[0] < 2 * windows.shape[1]:
        return None
    with np.errstate(invalid="ignore"):  # the share of the variance of a constant, which nobody reads
        return PCA(svd_solver="covariance_eigh").fit(known)


def _spreads(axes: PCA) -> FloatArray:
    """Variances of the axes, none below a thousandth of the mean: a quantised signal has axes along which nothing ever moved."""
    variances = np.asarray(axes.explained_variance_, dtype=np.float64)
    return np.maximum(variances, max(1e-3 * float(variances.mean()), 1e-6))
