"""One number a window for each way in which a signal gets worse: its level, its middle, its tail, its leaps, its spread.

A window is judged, never a sample: samples of one window depend on each other. All are on the scale of the kind, where more is
worse: `level` is the mean, `middle` the mean of the middle tenth (no burst shorter than 45 % of the window moves it), `tail` the
95th percentile, `leap` that of the steps from one sample to the next (single slow samples among bursts that always were there:
in the tail they are lost, but a burst leaps once), `spread` the deviation of samples that are worse than the mean; of counts
there is `level` and `any`, the share of samples that are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.scales import Scale
from models.series import Floats

TAIL, TRIMMED = 0.95, 0.45
_LEAST_FOR_CORRELATION = 24
_SHARES = {"level": 0.5, "middle": 0.3, "tail": 0.08, "leap": 0.08, "spread": 0.04, "any": 0.5}


@dataclass(frozen=True, slots=True)
class Windows:
    """Values of shape (windows, most samples of one), padded with NaN, and how many samples of each window are known."""

    values: Floats
    known: Floats


def cut(times_s: Floats, values: Floats, start_s: float, window_s: float, count: int) -> Windows:
    """`count` windows from `start_s` on. `times_s` is in order."""
    edges = np.searchsorted(times_s, start_s + window_s * (np.arange(count + 1) - 1e-6))
    sizes, held = np.diff(edges), values[edges[0] : edges[-1]]
    if count and (sizes == sizes[0]).all() and sizes[0]:
        padded = held.reshape(count, -1)
    else:
        padded = np.full((count, max(int(sizes.max(initial=1)), 1)), np.nan)
        padded[np.arange(padded.shape[1]) < sizes[:, None]] = held
    return Windows(padded, np.isfinite(padded).sum(axis=1).astype(float))


def merged(windows: Windows, span: int) -> Windows:
    """All runs of `span` windows as one each: a quantile is taken of merged samples, never averaged."""
    count = len(windows.known) - span + 1
    values = np.concatenate([windows.values[i : i + count] for i in range(span)], axis=1)
    return Windows(values, np.sum([windows.known[i : i + count] for i in range(span)], axis=0))


def stacked(one: Windows, other: Windows) -> Windows:
    """The windows of both."""
    width = max(one.values.shape[1], other.values.shape[1])
    values = np.full((len(one.known) + len(other.known), width), np.nan)
    values[: len(one.known), : one.values.shape[1]] = one.values
    values[len(one.known) :, : other.values.shape[1]] = other.values
    return Windows(values, np.concatenate([one.known, other.known]))


def names_of(kind: str, samples: float) -> tuple[str, ...]:
    """Which statistics a window of so many samples holds."""
    if kind == "count":
        return ("level", "any") if samples >= 5 else ("level",)
    if samples >= 20:
        return ("level", "middle", "tail", "leap", "spread")
    return ("level", "middle") if samples >= 5 else ("level",)


def shares_of(names: tuple[str, ...], z: Floats) -> Floats:
    """How the error that one may make is divided among them, by their values in the baseline's windows. The level gets most: it
    is what is asked about. Statistics that rise and fall together are not so many tests: the shares sum to their number over the
    effective number of independent ones (Galwey 2009, Genetic Epidemiology 33, 559), which is 1 where they are independent."""
    shares = np.array([_SHARES[name] for name in names])
    shares = shares / shares.sum()
    known = z[:, np.isfinite(z).all(axis=0)]
    if len(names) == 1 or known.shape[1] < _LEAST_FOR_CORRELATION:
        return np.asarray(shares)
    centred = known - known.mean(axis=1)[:, None]
    sizes = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    if not (sizes > 0).all():
        return np.asarray(shares)
    centred /= sizes[:, None]
    roots = np.sqrt(np.clip(np.linalg.eigvalsh(centred @ centred.T), 0.0, None))
    effective = float(roots.sum() ** 2 / (roots**2).sum())
    return np.asarray(shares * (len(names) / max(effective, 1.0))) if np.isfinite(effective) else np.asarray(shares)


def statistics(windows: Windows, scale: Scale, names: tuple[str, ...], least: float) -> Floats:
    """Shape (names, windows); NaN for a window with fewer than `least` known samples."""
    n = np.maximum(windows.known, 1.0)
    in_time = scale.of(windows.values)
    ordered = np.sort(in_time, axis=1)
    made = {}
    if "level" in names or "spread" in names:
        is_known = np.arange(ordered.shape[1]) < windows.known[:, None]
        mean = np.where(is_known, ordered, 0.0).sum(axis=1) / n
        made["level"] = scale.of(np.nansum(windows.values, axis=1) / n) if scale.name == "sqrt" else mean
    if "middle" in names:
        made["middle"] = _middle(ordered, n)
    if "tail" in names:
        made["tail"] = _quantile(ordered, n)
    if "leap" in names:
        steps = np.sort(np.diff(in_time, axis=1), axis=1)
        made["leap"] = _quantile(steps, np.isfinite(steps).sum(axis=1).astype(float))
    if "spread" in names:
        worse = np.where(is_known, np.maximum(ordered - mean[:, None], 0.0), 0.0)
        made["spread"] = np.sqrt(np.einsum("ij,ij->i", worse, worse) / n)
    if "any" in names:
        made["any"] = scale.sign * np.sqrt((windows.values > 0).sum(axis=1) / n)
    return np.where(windows.known >= max(least, 1.0), np.stack([made[name] for name in names]), np.nan)


def _middle(ordered: Floats, known: Floats) -> Floats:
    """The mean of the middle tenth of rows in order, NaN last, of which so many are known."""
    low = np.floor(known * TRIMMED)
    high = known - low
    first, last = int(low.min()), int(high.max())
    place = np.arange(first, last)
    inner = (place >= low[:, None]) & (place < high[:, None])
    return np.asarray(np.where(inner, ordered[:, first:last], 0.0).sum(axis=1) / np.maximum(high - low, 1.0))


def _quantile(ordered: Floats, known: Floats) -> Floats:
    """Of rows in order, NaN last, of which so many are known; NaN for a row without one."""
    at = np.maximum(known - 1, 0.0) * TAIL
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(known - 1, 0.0).astype(np.int64))
    rows, part = np.arange(len(known)), at - below
    return np.asarray(ordered[rows, below] * (1 - part) + ordered[rows, above] * part)
