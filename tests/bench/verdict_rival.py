"""The rule of Kayenta's Mann-Whitney judge, written anew from its description, as a rival: samples of the window against the same
number of samples before the change, fail where the 98 % interval of the shift lies above the tolerance.

Source: spinnaker/kayenta, MannWhitneyClassifier (tolerance 0.25, confidence 0.98, no effect size) in its documentation.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from models.series import Floats

TOLERANCE, CONFIDENCE = 0.25, 0.98


def fails(before: Floats, after: Floats) -> bool:
    """As its `High`: the whole interval of the Hodges-Lehmann shift is above a quarter of its estimate."""
    differences = np.sort((after[:, None] - before[None, :]).ravel())
    m, n = len(after), len(before)
    quantile = ndtri(1 - (1 - CONFIDENCE) / 2) * math.sqrt(m * n * (m + n + 1) / 12)
    low = max(math.floor(m * n / 2 - quantile), 0)
    estimate = float(np.median(differences))
    return float(differences[low]) > TOLERANCE * abs(estimate)
