"""Whether something happens more or less often after a change, for counts that come in bursts.

    x of N = x + y events fell on the after side, which has the share s of the exposure: without a change x is binomial (N, s).

That holds for independent events. Lines come in bursts, so x and y are first divided by the dispersion: the variance of the
counts of blocks over their mean (quasi-Poisson, McCullagh and Nelder 1989, section 6.2), the largest over blocks of 1, 2, 4, ...
windows, so that a burst of two hundred lines counts as the one event it is. Each side keeps its own rate while the dispersion
is taken; a side without an event tells nothing of it. The tail is Student's with as many degrees of freedom as there are
blocks. Last, the same is asked of stretches of the before, where nothing changed: see `_beside`.

    changes = rate_changes(before, after, exposure_before, exposure_after)     # (templates, windows), (windows,)
    found = discoveries([change.p for change in changes], 0.05)                # Benjamini and Hochberg 1995
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import norm, t

FloatArray = NDArray[np.float64]
MIN_BLOCKS = 6  # of the longer side, for a length of block to be tried
MIN_FREEDOM = 4
PLACEBOS = 8
PLACEBO_LEVELS = np.array([0.03, 0.01, 0.003, 0.001, 0.0003])
MIN_PLACEBO_TAIL = 3  # deviations expected beyond a level, for it to be looked at
HALF = 0.5  # added to both counts of a ratio, so that none is infinite (Haldane 1956)


@dataclass(frozen=True, slots=True)
class RateChange:
    """`ratio`: after over before by exposure; `p`: two-sided; `dispersion`: lines that come as one."""

    before: int
    after: int
    ratio: float
    dispersion: float
    p: float


def rate_changes(
    before: FloatArray, after: FloatArray, exposure_before: FloatArray, exposure_after: FloatArray
) -> list[RateChange]:
    """`before` (k, windows) and `after` (k, windows') are counts of k things in windows of one length; exposures (windows,) are
    seconds, requests or lines, above zero in sum. Raises ValueError for a side without exposure or a count below zero."""
    exposed = float(exposure_before.sum()), float(exposure_after.sum())
    if min(exposed) <= 0 or min(exposure_before.min(), exposure_after.min()) < 0:
        raise ValueError("a side without exposure has no rate")
    if before.size and after.size and min(before.min(), after.min()) < 0:
        raise ValueError("a count is below zero")
    sides = [(before, exposure_before), (after, exposure_after)]
    z, dispersion = _deviations(sides)
    p = _beside(z, _placebos(before, exposure_before, exposure_after.size))
    counts = before.sum(axis=1), after.sum(axis=1)
    ratio = (counts[1] + HALF) / exposed[1] / ((counts[0] + HALF) / exposed[0])
    return [
        RateChange(int(counts[0][k]), int(counts[1][k]), float(ratio[k]), float(dispersion[k]), float(p[k]))
        for k in range(p.size)
    ]


def discoveries(p_values: list[float], rate: float) -> list[bool]:
    """Which of them may be told when at most the share `rate` of what is told should be false."""
    p = np.asarray(p_values)
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= rate * np.arange(1, p.size + 1) / max(1, p.size))
    told = np.zeros(p.size, dtype=np.bool_)
    told[order[: passed[-1] + 1 if passed.size else 0]] = True
    return [bool(one) for one in told]


def _dispersions(sides: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """(k,) each: the largest dispersion, at least 1, and its degrees of freedom (Satterthwaite 1946). A side weighs as many lines
    as it has: one burst of four lines before says little of the bursts of a hundred after."""
    kinds = sides[0][0].shape[0]
    worst, freedom = np.ones(kinds), np.full(kinds, float(max(1, sum(e.size for _, e in sides) - 2)))
    length = 1
    while length == 1 or max(exposure.size for _, exposure in sides) // length >= MIN_BLOCKS:
        variance, lines, doubt = np.zeros(kinds), np.zeros(kinds), np.zeros(kinds)
        for counts, exposure in sides:
            squares, blocks = _pearson(counts, exposure, length)
            of_side = np.where(blocks >= MIN_FREEDOM, counts.sum(axis=1), 0.0)
            part = of_side * squares / np.maximum(1, blocks)
            variance, lines, doubt = variance + part, lines + of_side, doubt + part**2 / np.maximum(1, blocks)
        found = np.where(lines > 0, variance / np.maximum(1, lines), 1.0)
        freedom = np.where(found > worst, variance**2 / np.maximum(doubt, 1e-300), freedom)
        worst = np.maximum(worst, found)
        length *= 2
    return worst, freedom


def _pearson(counts: FloatArray, exposure: FloatArray, length: int) -> tuple[FloatArray, FloatArray]:
    """The sum of (count - expected)^2 / expected over blocks of `length` windows, and its degrees of freedom."""
    starts = np.arange(0, exposure.size, length)
    sums, exposed = np.add.reduceat(counts, starts, axis=1), np.add.reduceat(exposure, starts)
    expected = sums.sum(axis=1, keepdims=True) * exposed / exposed.sum()
    squares = np.divide((sums - expected) ** 2, expected, out=np.zeros_like(sums), where=expected > 0).sum(axis=1)
    return squares, np.where(sums.sum(axis=1) > 0, np.count_nonzero(exposed) - 1.0, 0.0)


def _deviations(sides: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """(k,) each: how far from no change in normal deviations, 0 or more, and the dispersion. The smaller binomial tail with
    x itself; x and y are no longer whole, and the incomplete beta goes between."""
    dispersion, freedom = _dispersions(sides)
    y, x = (counts.sum(axis=1) / dispersion for counts, _ in sides)
    exposed = [float(exposure.sum()) for _, exposure in sides]
    share = exposed[1] / sum(exposed)
    high = np.where(x > 0, betainc(np.where(x > 0, x, 1.0), y + 1, share), 1.0)
    low = np.where(y > 0, betainc(np.where(y > 0, y, 1.0), x + 1, 1 - share), 1.0)
    z = norm.isf(np.clip(np.minimum(high, low), 1e-300, 0.5))
    return norm.isf(np.clip(t.sf(z, freedom), 1e-300, 0.5)), dispersion


def _placebos(before: FloatArray, exposure: FloatArray, windows: int) -> FloatArray:
    """Deviations where nothing changed, in order: each of the last stretches of the before, as long as the after (at most a
    quarter), is taken for an after. As much beside it is left out: an episode that reaches over an edge were on both sides."""
    length = min(windows, exposure.size // 4)
    found = [np.zeros(0)]
    for number in range(min(PLACEBOS, exposure.size // length) if length else 0):
        start = exposure.size - (number + 1) * length
        is_after, is_before = np.zeros(exposure.size, dtype=np.bool_), np.ones(exposure.size, dtype=np.bool_)
        is_after[start : start + length] = True
        is_before[max(0, start - length) : start + 2 * length] = False
        if exposure[is_after].sum() > 0 and exposure[is_before].sum() > 0:
            sides = [(before[:, is_before], exposure[is_before]), (before[:, is_after], exposure[is_after])]
            found.append(_deviations(sides)[0])
    return np.sort(np.concatenate(found))


def _beside(z: FloatArray, placebos: FloatArray) -> FloatArray:
    """Two-sided p of the deviations. Where more placebos are far out than chance allows, they say how much wider all are
    (genomic control, Devlin and Roeder 1999, in the tail), and nothing is rarer than what they could show."""
    normal = norm.isf(PLACEBO_LEVELS / 2)
    expected = PLACEBO_LEVELS * placebos.size
    beyond = placebos.size - np.searchsorted(placebos, normal)
    if (beyond <= expected + 2 * np.sqrt(expected) + 0.5).all():
        return np.asarray(2 * norm.sf(z))
    looked_at = expected >= MIN_PLACEBO_TAIL
    seen = np.quantile(placebos, 1 - PLACEBO_LEVELS[looked_at])
    p = 2 * norm.sf(z / max(1.0, float((seen / normal[looked_at]).max(initial=1.0))))
    as_far = placebos.size - np.searchsorted(placebos, z)
    return np.maximum(p, (1 + as_far) / (1 + placebos.size))
