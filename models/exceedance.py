"""How many samples of a window lie above what is accepted, against how many did in each window of the replay.

A quantile leaps when the part of the window that is slow crosses its rank: bursts that fill a twentieth of most windows fill a
tenth of some, and the 95th percentile of those is as far out as a fault would be, though no window of the baseline showed it. The
part itself has no such step. So whatever a quantile says is held against the part of the samples above the forecast and what is
accepted, on the scale of the arcsine of its root, on which the noise of a part is even (Anscombe 1948).
"""

from __future__ import annotations

import numpy as np

from models.evidence import chance_of
from models.replay_errors import skew_of
from models.series import Floats

_MOST_SKEW = 1.5


def chance_of_part(past: Floats, now: Floats, limits: Floats, limit: float, span: int, freedom: float) -> float:
    """`past` of shape (windows, samples of one), from the first replayed target on; `limits` of each target of `span` windows;
    `now` the samples after the change, of any shape. NaN is no sample."""
    known = np.isfinite(past).astype(float).sum(axis=1)
    above, seen = np.zeros(len(limits)), np.zeros(len(limits))
    for i in range(span):
        above += (past[i : i + len(limits)] > limits[:, None]).sum(axis=1)
        seen += known[i : i + len(limits)]
    usable = (seen > 0) & np.isfinite(limits)
    parts = np.arcsin(np.sqrt(above[usable] / seen[usable]))
    came = float(np.isfinite(now).sum())
    if not parts.size or not came:
        return 1.0
    errors = parts - parts.mean()
    excess = float(np.arcsin(np.sqrt((now > limit).sum() / came)) - parts.mean())
    scale = float(np.sqrt((errors * errors).mean()))
    if scale == 0.0:
        return 0.0 if excess > 0 else 1.0
    worst = float(np.partition(errors, -1 - parts.size // 100)[-1 - parts.size // 100])
    skew = min(float(skew_of(errors[None])[0]), _MOST_SKEW)
    found = chance_of(*(np.array([x]) for x in (excess, scale, worst, (1 + parts.size // 100) / parts.size, freedom, skew)))
    return float(found[0])
