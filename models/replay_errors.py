"""How wrong would we have been, had nothing changed? Rolling-origin replay of a signal over its own past, at the same horizon and
span; the forecaster with the smallest error wins, and its errors are the scale of what chance does.

See Hyndman and Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), 5.10, for the replay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.forecasters import DECAYS, NAMES, Guess, span_means
from models.series import Floats

LEAST_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Forecast:
    """Each of shape (statistics,). `worst` is the largest error of the replay but for its top hundredth; `freedom` are the
    degrees of freedom of the scale: errors whose spans overlap are not counted twice. `rarity` is how rare the worst is, `skew`
    by how much the errors lean to the worse side. `errors`, of shape (statistics, replays), are of targets that start at window
    `target` and at each one after it. NaN where nothing can be said."""

    predicted: Floats
    scale: Floats
    worst: Floats
    freedom: Floats
    rarity: Floats
    skew: Floats
    names: tuple[str, ...]
    errors: Floats
    target: int

    def part(self, rows: slice, replays: int, target: int) -> Forecast:
        """Of some of the statistics, whose replays are fewer."""
        return Forecast(
            self.predicted[rows],
            self.scale[rows],
            self.worst[rows],
            self.freedom[rows],
            self.rarity[rows],
            self.skew[rows],
            self.names[rows],
            self.errors[rows, :replays],
            target,
        )


def forecasts(
    z: Floats, spans: Floats, made: list[Guess], horizons: list[int], span: int, targets: list[list[Floats | None]]
) -> list[Forecast]:
    """One for each horizon, all replayed at once. `z` of shape (statistics, windows), `spans` the same of all runs of `span`
    windows. The target starts `horizon` windows after the last known one (1 = the next) and is `span` windows long; `targets` has
    each companion's value there, by horizon."""
    count, windows = z.shape
    first = min(4, max(windows // 4, 1))
    lasts = [max(windows - horizon - span + 1, first) for horizon in horizons]  # origins are first <= o < last
    rows = [slice(i * count, (i + 1) * count) for i in range(len(horizons))]
    errors = np.full((len(made) * len(DECAYS), len(horizons) * count, max(lasts) - first), np.nan)
    predicted = np.full(errors.shape[:2], np.nan)
    if errors.shape[2] == 0:
        nothing = np.full(count, np.nan)
        return [Forecast(*(nothing,) * 6, ("nothing",) * count, np.empty((count, 0)), 0) for _ in horizons]
    for g, guess in enumerate(made):
        at = slice(g * len(DECAYS), (g + 1) * len(DECAYS))
        beside = None if guess.companion is None else span_means(np.broadcast_to(guess.companion.past, z.shape), span)
        for row, horizon, last, target in zip(rows, horizons, lasts, targets, strict=True):
            replayed, final = guess.base[:, :, first:last], guess.base[:, :, -1]
            towards = target[g]
            if beside is not None and guess.slope is not None and towards is not None:
                replayed = replayed + guess.slope[:, first:last] * beside[:, first + horizon : last + horizon]
                final = final + guess.slope[:, -1] * towards
            np.subtract(spans[:, first + horizon : last + horizon], replayed, out=errors[at, row, : last - first])
            predicted[at, row] = final
    names = [name if guess.companion is None else f"{name} after {guess.companion.name}" for guess in made for name in NAMES]
    handicaps = [1.0 if guess.companion is None else guess.companion.handicap for guess in made for _ in NAMES]
    overlaps = np.repeat([horizon + span - 1 for horizon in horizons], count)
    best = _best(errors, predicted, names, np.array(handicaps), overlaps)
    return [best.part(row, last - first, first + horizon) for row, last, horizon in zip(rows, lasts, horizons, strict=True)]


def _repeated(errors: Floats, overlaps: Floats) -> Floats:
    """How many neighbouring errors tell as much of the scale as one that stands alone: 1 + 2 times the sum of their squared
    autocorrelations (Bartlett 1946), to twice the overlap of their spans, and no
    less than half of that overlap: far ahead, errors share what they do not know. Shape (statistics,)."""
    known = np.isfinite(errors)
    e = np.where(known, errors, 0.0)
    square = np.maximum((e * e).sum(axis=1), 1e-300)
    rows, count = e.shape
    lags = min(2 * int(overlaps.max()), count - 1)
    longer = np.zeros((rows, count + lags))
    longer[:, :count] = e
    at = longer.strides[1]
    later = np.lib.stride_tricks.as_strided(longer[:, 1:], (rows, count, lags), (longer.strides[0], at, at), writeable=False)
    products = np.einsum("sn,snl->sl", e, later) / square[:, None]
    products[np.arange(1, lags + 1) > 2 * overlaps[:, None]] = 0.0
    return np.asarray(np.clip(1.0 + 2.0 * (products * products).sum(axis=1), overlaps / 2.0, overlaps * 2.0))


def skew_of(errors: Floats) -> Floats:
    known = np.isfinite(errors)
    n = known.sum(axis=1)
    mean = np.where(known, errors, 0.0).sum(axis=1) / n
    centred = np.where(known, errors - mean[:, None], 0.0)
    squares = centred * centred
    return np.asarray((squares * centred).sum(axis=1) / n / (squares.sum(axis=1) / n) ** 1.5)


def _best(errors: Floats, predicted: Floats, names: list[str], handicaps: Floats, overlaps: Floats) -> Forecast:
    """`errors` of shape (forecasters, statistics, origins). One that could be tried on less than half of the origins of the most
    tried one is not compared with it."""
    known = np.isfinite(errors)
    counts = known.sum(axis=2)
    filled = np.where(known, errors, 0.0)
    squares = (filled * filled).sum(axis=2) / np.maximum(counts, 1)
    usable = (counts * 2 >= counts.max(axis=0)) & (counts >= LEAST_ERRORS) & np.isfinite(predicted)
    best = np.where(usable, squares * handicaps[:, None], np.inf).argmin(axis=0)
    at = np.arange(errors.shape[1])
    ok = usable[best, at]
    chosen, count = errors[best, at], counts[best, at]
    top = np.sort(np.where(np.isfinite(chosen), chosen, -np.inf), axis=1)
    place = errors.shape[2] - 1 - count // 100
    return Forecast(
        predicted=np.where(ok, predicted[best, at], np.nan),
        scale=np.where(ok, np.sqrt(squares[best, at]), np.nan),
        worst=np.where(ok, top[at, place], np.nan),
        freedom=np.where(ok, count / _repeated(chosen, overlaps), np.nan),
        rarity=(1 + count // 100) / np.maximum(count, 1),
        skew=skew_of(chosen),
        names=tuple(names[i] for i in best),
        errors=chosen,
        target=0,
    )
