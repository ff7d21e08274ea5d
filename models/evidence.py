"""From a forecast and what came instead to one of three states: fail, pass, inconclusive."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincc, stdtr, stdtrit

from models.replay_errors import Forecast
from models.scales import Scale
from models.series import Floats, Question, State

PASS_ERROR = 0.05  # with which a level at the accepted deviation may pass
DOUBTFUL = 0.05  # a statistic beside the level that is this unlikely, and beyond what is accepted, keeps it from passing
_LEAST_FREEDOM = 1.0
_HEAVY = 0.1  # chance of a worst error so large, were errors like Student's; beyond that their tail is heavier
_MOST_SKEW = {"level": 1.5, "middle": 1.5}  # one incident in the baseline must not hide all that comes after it
_WILD = 4.0  # of a tail or a spread, which outliers make: their errors have the tail of a Student with few degrees of freedom
_WILD_FREEDOM = 5.0
_ROUNDING = 1e-9  # of a level: no change at all


@dataclass(frozen=True, slots=True)
class Evidence:
    """On the scale of the signal, each of shape (statistics,): by how much it is worse than forecast, how much worse is accepted,
    the scale of chance, its degrees of freedom, the probability of so much from
    chance alone, the share of alpha it is held against, and the name of the forecast."""

    names: tuple[str, ...]
    predicted: Floats
    came: Floats
    excess: Floats
    margin: Floats
    error: Floats
    worst: Floats
    freedom: Floats
    chance: Floats
    shares: Floats
    guessed: tuple[str, ...] = ()

    def upper(self, i: int, error: float) -> float:
        """One-sided upper limit of the excess of statistic i."""
        return float(self.excess[i]) + self.half_width(i, error)

    def half_width(self, i: int, error: float) -> float:
        if self.error[i] == 0.0:
            return 0.0
        return float(stdtrit(self.freedom[i], 1.0 - error) * self.error[i])

    def capped(self, chance: Floats) -> Evidence:
        """With a chance that another test on the same numbers does not let go below its own."""
        return replace(self, chance=np.maximum(self.chance, chance))


def evidence(
    names: tuple[str, ...], forecast: Forecast, came: Floats, shares: Floats, scale: Scale, question: Question
) -> Evidence:
    predicted, excess = forecast.predicted, came - forecast.predicted
    margin = np.array([_margin(name, p, predicted[0], scale, question) for name, p in zip(names, predicted, strict=True)])
    tiny = _ROUNDING * np.maximum(np.abs(predicted), np.abs(predicted[0]) if scale.name != "log" else 1.0)
    error = np.where(forecast.scale <= tiny, 0.0, forecast.scale)
    excess = np.where(np.abs(excess) <= tiny, 0.0, excess)
    known = np.isfinite(excess) & (forecast.freedom >= _LEAST_FREEDOM)
    beyond = excess - np.where(question.is_at_least, margin, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        most = np.array([_MOST_SKEW.get(name, _WILD) for name in names])
        wild = np.array([np.inf if name in _MOST_SKEW else _WILD_FREEDOM for name in names])
        skew = np.minimum(forecast.skew, most)
        chance = chance_of(beyond, error, forecast.worst, forecast.rarity, forecast.freedom, skew, wild)
    chance = np.where(error == 0.0, np.where(beyond > 0, 0.0, 1.0), chance)
    return Evidence(
        names=names,
        predicted=predicted,
        came=came,
        excess=np.where(known, excess, np.nan),
        margin=margin,
        error=error,
        worst=forecast.worst,
        freedom=forecast.freedom,
        chance=np.where(known, chance, np.nan),
        shares=shares,
        guessed=forecast.names,
    )


def chance_of(
    beyond: Floats, error: Floats, worst: Floats, rarity: Floats, freedom: Floats, skew: Floats, most: Floats | float = np.inf
) -> Floats:
    """Of so much from chance alone: Student's, on a scale that explains the worst error, with at most `most` degrees of freedom;
    or that of errors that lean, if it is larger."""
    heavy = worst / stdtrit(np.maximum(freedom, 3.0), 1.0 - _HEAVY * rarity)
    away = beyond / np.maximum(error, heavy)
    return np.asarray(np.fmax(stdtr(np.minimum(freedom, most), -away), _leaning(away, skew)))


def _leaning(away: Floats, skew: Floats) -> Floats:
    """The chance of so many deviations if errors lean to the worse side: the tail of a gamma distribution of their skew
    (Pearson's third type), which for bursts is many times Student's. NaN where they do not lean."""
    shape = 4.0 / np.where(skew > 0.05, skew, np.nan) ** 2
    return np.asarray(gammaincc(shape, np.maximum(shape + away * np.sqrt(shape), 0.0)))


def _margin(name: str, predicted: float, level: float, scale: Scale, question: Question) -> float:
    """A wanted change is a margin below zero: the signal must get better by so much."""
    if not (math.isfinite(predicted) and math.isfinite(level)):
        return math.nan
    at = predicted if name in ("level", "middle", "tail") else level
    amount = abs(question.amount)
    if question.is_relative:
        amount *= abs(scale.back(at))
    if question.is_at_least:
        return -replace(scale, sign=-scale.sign).margin(-at, amount)
    margin = scale.margin(at, amount)
    if question.limit is not None and name in ("level", "middle"):
        margin = min(margin, max(float(scale.of(np.array(question.limit))) - at, 0.0))
    return margin


def fails(found: Evidence, alpha: float, question: Question) -> int | None:
    """The statistic that fails, the least likely one; None if none does. Beyond chance, beyond what is accepted, and beyond all
    that the replay has seen: a scale alone says little about the tails of bursts."""
    bound = alpha * found.shares
    accepted = found.margin
    failing = (found.chance < bound) & (found.excess > accepted)
    if not question.is_at_least:
        failing &= found.excess > found.worst
    for name in ("leap", "spread"):
        if name in found.names:
            at = found.names.index(name)
            failing[at] &= found.excess[at] + found.excess[0] > accepted[at]
    if not failing.any():
        return None
    return int(np.where(failing, found.chance / bound, np.inf).argmin())


def passes(found: Evidence, error: float, question: Question) -> bool:
    """The level's upper limit is within what is accepted, and no other statistic casts doubt on it."""
    if not math.isfinite(found.excess[0]) or not _below(found.upper(0, error), float(found.margin[0])):
        return False
    doubt = (found.chance < DOUBTFUL) & (found.excess > found.margin)
    return question.is_at_least or not doubt[1:].any()


def _below(upper: float, margin: float) -> bool:
    return upper < margin or (upper == margin == 0.0) or (margin < 0.0 and upper <= margin)


def settle_after(found: Evidence, windows: int, alpha: float, state: State) -> int | None:
    """How many further windows would settle it if the deviation stays: chance shrinks with the root of their number."""
    if state != "inconclusive" or not math.isfinite(found.excess[0]):
        return None
    excess, margin = float(found.excess[0]), float(found.margin[0])
    if excess < margin:
        needed, width = margin - excess, found.half_width(0, PASS_ERROR)
    else:
        needed, width = excess, found.half_width(0, alpha * float(found.shares[0]))
    if not (needed > 0 and width < 1e6 * needed):
        return None
    more = math.ceil(windows * (width / needed) ** 2) - windows
    return max(more, 1) if more < 10_000 else None
