"""PCA residual over the joint vector of golden signals: a row that breaks how the signals usually move together.

    z = (x - median) / scale;  e = z - P P' z, smoothed over `half_life_s`;  score = root mean square of e_j / its spread,
in robust deviations from what that was over the history.

P holds the fewest axes that carry `share` of the variance, of those that carry more than a signal
on its own does. What moves along P (load, that lifts all alike) is no residual; a level
that moves with its fellows is left to the univariate models. Jackson and Mudholkar, Control procedures for residuals
associated with principal component analysis, 1979. Their limit takes normal rows; ours comes from models/streaming.py.

A row's missing values are filled with what the axes say of the known ones, and are no part of its residual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from models.ewma import CAP, smoothed, weight_of
from models.robust_scale import centre_and_scale
from models.streaming import FloatArray, Panel, TooShort

MAX_MISSING = 0.5
RIDGE = 1e-6
KAISER = 1.2  # times the mean variance; independent signals have no axis over it (Kaiser 1960, with room for chance)


@dataclass(frozen=True, slots=True)
class JointPca:
    share: float = 0.8
    half_life_s: float = 300.0

    @property
    def lead_s(self) -> float:
        return 8 * self.half_life_s

    def fit(self, history: Panel) -> FittedJointPca:
        rows, signals = history.values.shape
        if signals < 2 or rows < 10 * signals:
            raise TooShort(f"{rows} rows of {signals} signals; a joint vector needs 2 signals and 10 rows a signal")
        centre, scale = centre_and_scale(history.values)
        z = np.clip((history.values - centre) / scale, -CAP, CAP)
        full = ~np.isnan(z).any(axis=1)
        taught = z[full] if full.sum() >= 5 * signals else np.nan_to_num(z)
        axes = self._axes(taught)
        first = FittedJointPca(centre, scale, axes, np.ones(signals), self.half_life_s)
        _, spread = centre_and_scale(first.residuals(history))
        second = FittedJointPca(centre, scale, axes, np.maximum(np.nan_to_num(spread, nan=1.0), 1e-3), self.half_life_s)
        middle, width = centre_and_scale(second.sizes(history)[:, None])
        return replace(second, middle=float(np.nan_to_num(middle)[0]), width=max(1e-3, float(np.nan_to_num(width)[0])))

    def _axes(self, taught: FloatArray) -> FloatArray:
        """(rank, k). Signals that never moved have no axis: rank 0."""
        if not (taught.var(axis=0) > 0).any():
            return np.empty((0, taught.shape[1]))
        pca = PCA().fit(taught)
        carried = np.cumsum(pca.explained_variance_ratio_)
        shared = np.count_nonzero(pca.explained_variance_ > KAISER * pca.explained_variance_.mean())
        return np.asarray(pca.components_[: min(shared, int(np.searchsorted(carried, self.share)) + 1)])


@dataclass(frozen=True, slots=True)
class FittedJointPca:
    centre: FloatArray
    scale: FloatArray
    axes: FloatArray  # (rank, k)
    spread: FloatArray
    half_life_s: float
    middle: float = 0.0
    width: float = 1.0

    def score(self, new: Panel) -> FloatArray:
        """(n, 1); NaN for a row with more than half of its values missing."""
        return np.asarray((self.sizes(new)[:, None] - self.middle) / self.width)

    def sizes(self, new: Panel) -> FloatArray:
        """(n,), the root mean square of the known residuals, each over its spread."""
        effects = self.suspects(new)
        known = ~np.isnan(effects)
        counted = known.sum(axis=1)
        size = np.sqrt(np.square(np.nan_to_num(effects)).sum(axis=1) / np.maximum(1, counted))
        return np.where((counted > 0) & (counted >= (1 - MAX_MISSING) * effects.shape[1]), size, np.nan)

    def suspects(self, new: Panel) -> FloatArray:
        """(n, k): each signal's part in robust units, with its side; the largest is told first."""
        return np.asarray(self.residuals(new) / self.spread)

    def residuals(self, new: Panel) -> FloatArray:
        z = np.clip((new.values - self.centre) / self.scale, -CAP, CAP)
        missing = np.isnan(z)
        left = z - self._explained(np.where(missing, 0.0, z), missing)
        return np.where(missing, np.nan, smoothed(left, weight_of(self.half_life_s, new.step_s)))

    def _explained(self, z: FloatArray, missing: NDArray[np.bool_]) -> FloatArray:
        """(n, k). Rows that miss the same signals are solved together."""
        explained = z @ self.axes.T @ self.axes
        patterns, of_row = np.unique(missing, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            if pattern.any():
                rows, seen = of_row.ravel() == number, self.axes[:, ~pattern]
                inner = seen @ seen.T + RIDGE * np.eye(len(seen))
                explained[rows] = np.linalg.solve(inner, seen @ z[rows][:, ~pattern].T).T @ self.axes
        return np.asarray(explained)
