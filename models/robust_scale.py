"""Middle and spread that a tenth of wild values does not move, and that are never zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IQR_OF_NORMAL = 1.3489795
LEAST_SHARE = 0.001  # of the middle: a steadier signal than this is taken to be as steady as this
CONSTANT_SHARE = 0.01  # of the middle, for a signal that never moved


def centre_and_scale(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`values` (n, k) with NaN; median (k,) and scale (k,) in standard deviations of a normal. Zero quartile range (quantised,
    mostly idle): the root mean square about the median; a constant: 1 % of its value, and of a constant zero the unit 1. A column
    without a value gets NaN twice."""
    known = np.isfinite(values).any(axis=0)
    filled = np.where(known, values, 0.0)
    low, middle, high = np.nanquantile(filled, [0.25, 0.5, 0.75], axis=0)
    quartiles = (high - low) / IQR_OF_NORMAL
    moved = np.sqrt(np.nanmean(np.square(filled - middle), axis=0))
    still = np.where(middle != 0, CONSTANT_SHARE * np.abs(middle), 1.0)
    scale = np.where(quartiles > 0, quartiles, np.where(moved > 0, moved, still))
    scale = np.maximum(scale, LEAST_SHARE * np.abs(middle))
    return np.where(known, middle, np.nan), np.where(known, scale, np.nan)
