"""The rule of Kayenta's judge, written anew from its source, as a rival: samples of the window against as many before the change.

Source: spinnaker/kayenta, commit a69573b: NetflixACAJudge (tolerance 0.25, confidence 0.98, missing values removed, outliers
kept), MannWhitneyClassifier and MannWhitney. Asked with direction "increase" and its own effect sizes (mean ratio, at least 1).
It finds the ends of the interval by root search to an absolute 0.0001, whatever the unit; here they are exact.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from models.series import Floats

TOLERANCE, CONFIDENCE = 0.25, 0.98


def fails(before: Floats, after: Floats) -> bool:
    """Its `High`: the interval of the Hodges-Lehmann shift lies above a quarter of the estimate, and the mean did not fall."""
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if not before.size or not after.size or np.array_equal(np.sort(before), np.sort(after)):
        return False
    if np.unique(np.concatenate([before, after])).size == 1:
        return False
    low, estimate = shift(before, after, CONFIDENCE)
    means = float(before.mean()), float(after.mean())
    grew = 0.0 in means or means[1] / means[0] >= 1.0
    return low > TOLERANCE * abs(estimate) and grew


def shift(before: Floats, after: Floats, confidence: float) -> tuple[float, float]:
    """The lower end of the interval of `after - before`, and its estimate: where the rank sum of the shifted samples, corrected
    for continuity and for ties, crosses the normal quantile."""
    differences = np.sort((after[:, None] - before[None, :]).ravel())
    m, n = len(after), len(before)
    ties = sum(int((count**3 - count).sum()) for _, count in (np.unique(x, return_counts=True) for x in (before, after)))
    deviation = math.sqrt(m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1))))
    place = math.ceil(m * n / 2 + ndtri((1 - confidence) / 2) * deviation - 0.5)
    return float(differences[max(place - 1, 0)]), float(np.median(differences))
