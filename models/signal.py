"""One signal, laid out to be looked at: its statistics by window, its forecasters, and what each window was against them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.evidence import DOUBTFUL, Evidence, evidence
from models.exceedance import chance_of_part
from models.forecasters import Companion, Guess, guesses, span_means
from models.layout import Layout
from models.rare_counts import Dispersion, chance_of_more, dispersion_of
from models.replay_errors import Forecast, forecasts
from models.scales import Scale, scale_of
from models.series import Against, Floats, Question, Series
from models.window_statistics import merged, names_of, shares_of, stacked, statistics

_DAY_S = 86_400.0
_INTERVAL = 0.025  # on either side
_MOST_MERGED = 4  # windows: sorting longer runs takes too long
_TRUSTED = 0.64  # a control knows of shocks that the baseline has not seen: it may be a quarter worse in the replay
_TOLD = 1e-9  # one that is told wins, whatever its replay
_SAME = 0.9  # of the samples: then it is no other series
_ROUNDING = 1e-9
_MOST_AT_ONCE = 16  # looks: their replays lie in memory together
_OF_SAMPLES = ("middle", "tail", "leap")  # quantiles: over several windows they are taken of the merged samples


@dataclass(frozen=True, slots=True)
class Beside:
    """A companion and its value in each window after the change, shape (statistics or 1, windows)."""

    companion: Companion
    later: Floats


@dataclass(frozen=True, slots=True)
class Signal:
    scale: Scale
    question: Question
    names: tuple[str, ...]
    shares: Floats
    z: Floats
    later: Floats
    made: list[Guess]
    beside: list[Beside]
    periods: tuple[int, ...]
    layout: Layout
    counts: tuple[Dispersion, ...]

    def look(self, first: int, span: int) -> Evidence:
        """At `span` windows after the change from `first` (0 is the first) on."""
        return self.looks([first], span)[0]

    def looks(self, firsts: list[int], span: int) -> list[Evidence]:
        """`look` at each of them. What they have in common is done once, for a bounded number at a time."""
        if len(firsts) > _MOST_AT_ONCE:
            parts = (firsts[at : at + _MOST_AT_ONCE] for at in range(0, len(firsts), _MOST_AT_ONCE))
            return [found for part in parts for found in self.looks(part, span)]
        horizons = [min(self.layout.horizon + first, max(self.z.shape[1] // 4, 1)) for first in firsts]
        came = [_mean(self.later, first, span) for first in firsts]
        spans = span_means(self.z, span)
        if 1 < span <= min(_MOST_MERGED, self.z.shape[1]) and (
            at := [i for i, name in enumerate(self.names) if name in _OF_SAMPLES]
        ):
            past, now = self._merged(span)
            spans[at] = past
            for first, one in zip(firsts, came, strict=True):
                one[at] = now[:, first]
        targets = [self._targets(first, horizon, span) for first, horizon in zip(firsts, horizons, strict=True)]
        expected = forecasts(self.z, spans, self.made, horizons, span, targets)
        return [self._evidence(*known, spans, span) for known in zip(firsts, came, expected, strict=True)]

    def _targets(self, first: int, horizon: int, span: int) -> list[Floats | None]:
        beside = [_mean(beside.later, first, span) for beside in self.beside]
        return [None, *beside, *(self._same_phase(period, horizon, span) for period in self.periods)]

    def _evidence(self, first: int, came: Floats, expected: Forecast, spans: Floats, span: int) -> Evidence:
        found = evidence(self.names, expected, came, self.shares, self.scale, self.question)
        if (found.error == 0.0).any() and not self.question.is_at_least:
            found = found.capped(np.where(found.error == 0.0, self._chance_of_leaving(found, first, span), 0.0))
        found = found.capped(self._chance_of_count(first, span)) if self.counts else found
        doubtful = () if self.question.is_at_least else np.flatnonzero((found.chance < DOUBTFUL) & (found.excess > found.margin))
        at = [int(i) for i in doubtful if self.names[i] in _OF_SAMPLES]
        return found.capped(self._chance_of_parts(found, expected, spans, first, span, at)) if at else found

    def _chance_of_parts(
        self, found: Evidence, expected: Forecast, spans: Floats, first: int, span: int, doubtful: list[int]
    ) -> Floats:
        """Where a quantile casts doubt on the signal: how rare so many samples beyond what is accepted are; else 0. It is
        there to contradict, so it is held against alpha and not against the quantile's share."""
        chance = np.zeros(len(self.names))
        for i in doubtful:
            past, now = (self.scale.of(w.values) for w in (self.layout.before, self.layout.after))
            now = now[first : first + span]
            if self.names[i] == "leap":
                past, now = np.diff(past, axis=1), np.diff(now, axis=1)
            guessed = spans[i, expected.target : expected.target + expected.errors.shape[1]] - expected.errors[i]
            limits, limit = guessed + found.margin[i], float(found.predicted[i] + found.margin[i])
            part = chance_of_part(past[expected.target :], now, limits, limit, span, float(found.freedom[i]))
            chance[i] = part * self.shares[i]
        return chance

    def _chance_of_leaving(self, found: Evidence, first: int, span: int) -> float:
        """Of so many worse samples after a constant baseline, if each were as likely on either side."""
        values = self.scale.of(self.layout.after.values[first : first + span])
        worse = float((values > found.predicted[0] + _ROUNDING * max(abs(found.predicted[0]), 1.0)).sum())
        return chance_of_more(0.0, worse, float(self.layout.before.known.sum()), float(np.isfinite(values).sum()))

    def _merged(self, span: int) -> tuple[Floats, Floats]:
        """Quantiles of all runs of `span` windows before and after the change."""
        names = tuple(name for name in self.names if name in _OF_SAMPLES)
        past, now = merged(self.layout.before, span), merged(self.layout.after, span)
        made = statistics(stacked(past, now), self.scale, names, self.layout.least * span)
        return made[:, : len(past.known)], made[:, len(past.known) :]

    def _same_phase(self, period: int, horizon: int, span: int) -> Floats:
        start = self.z.shape[1] - 1 + horizon - period
        if start < 0 or start + span > self.z.shape[1]:
            return np.full(len(self.z), np.nan)
        return span_means(self.z[:, start : start + span], span)[:, 0]

    def _chance_of_count(self, first: int, span: int) -> Floats:
        windows = self.layout.after
        values = windows.values[first : first + span]
        exposure = float(windows.known[first : first + span].sum())
        seen = (float(np.nansum(values)), float((values > 0).sum()))
        return np.array([count.chance(after, exposure) for count, after in zip(self.counts, seen, strict=False)])

    def longest_span(self, windows: int) -> int:
        """Over how many windows the replay still has independent errors."""
        return min(windows, max(int(self.z.shape[1]) // 8, 3))

    def in_units(self, found: Evidence, i: int) -> tuple[float | None, float | None, float | None, float | None, float | None]:
        """Baseline, after, observed and its interval, of statistic i."""
        if not (math.isfinite(found.predicted[i]) and math.isfinite(found.came[i])):
            shown = tuple(self.scale.back(float(x[0])) if math.isfinite(x[0]) else None for x in (found.predicted, found.came))
            return shown[0], shown[1], None, None, None
        if found.names[i] in ("leap", "spread", "any"):
            i = 0
        predicted, came = float(found.predicted[i]), float(found.came[i])
        came = predicted if found.excess[i] == 0.0 else came
        half = found.half_width(i, _INTERVAL) if math.isfinite(found.excess[i]) else math.nan
        ends = [self._change(predicted, came + side * half) if math.isfinite(half) else None for side in (-1.0, 1.0)]
        low, high = ends if self.scale.sign > 0 else ends[::-1]
        return self.scale.back(predicted), self.scale.back(came), self._change(predicted, came), low, high

    def against(self, found: Evidence, i: int) -> str:
        """What the forecast of statistic i leant on beside its own past: `the control`, `its load`; empty where nothing."""
        name = found.guessed[min(i, len(found.guessed) - 1)] if found.guessed else ""
        return name.partition(" after ")[2]

    def _change(self, predicted: float, came: float) -> float | None:
        baseline = self.scale.back(predicted)
        change = self.scale.back(came) - baseline
        if not self.question.is_relative:
            return change
        return change / abs(baseline) if baseline else 0.0 if change == 0.0 else None


def _mean(x: Floats, first: int, span: int) -> Floats:
    return span_means(x[:, first : first + span], span)[:, 0]


def signal_of(before: Series, after: Series, question: Question, layout: Layout, sign: float) -> Signal:
    scale = scale_of(question.kind, sign, before.values, after.values)
    names = ("level",) if question.is_at_least else names_of(question.kind if scale.name == "sqrt" else "", layout.usual)
    z = statistics(layout.before, scale, names, layout.least)
    later = statistics(layout.after, scale, names, layout.least)
    beside = [*_load(before, after, layout), *_control(before, after, layout, scale, names, question.against)]
    periods = tuple(p for days in (1, 7) if (p := round(days * _DAY_S / question.window_s)) and 4 * z.shape[1] >= 5 * p)
    lagged = [Companion(f"the same time {p} windows ago", _shifted(z, p)) for p in periods]
    counts: tuple[Dispersion, ...] = ()
    if question.kind == "count" and scale.name == "sqrt" and sign > 0 and not question.is_at_least:
        known = layout.before.known
        totals = (np.nansum(layout.before.values, axis=1), (layout.before.values > 0).sum(axis=1).astype(float))
        counts = tuple(dispersion_of(total, known) for total in totals)[: len(names)]
    made = guesses(z, [b.companion for b in beside] + lagged)
    return Signal(scale, question, names, shares_of(names, z), z, later, made, beside, periods, layout, counts)


def _shifted(z: Floats, windows: int) -> Floats:
    out = np.full_like(z, np.nan)
    out[:, windows:] = z[:, :-windows]
    return out


def _load(before: Series, after: Series, layout: Layout) -> list[Beside]:
    """By its logarithm; a load that goes below zero is one already."""
    if before.load is None or after.load is None:
        return []
    past, later = before.load, after.load
    if min(float(np.nanmin(x, initial=np.inf)) for x in (past, later)) > 0:
        past, later = np.log(past), np.log(later)
    by_window = layout.before_windows(before, past)[None]
    return [Beside(Companion("its load", by_window, is_fitted=True), layout.after_windows(after, later)[None])]


def _control(
    before: Series, after: Series, layout: Layout, scale: Scale, names: tuple[str, ...], against: Against
) -> list[Beside]:
    """None where the control is the signal itself, as when there was one version before the change: what the two have apart was
    never seen."""
    if before.control is None or after.control is None or against == "past" or _is_same(before.values, before.control):
        return []
    handicap = _TOLD if against == "control" else _TRUSTED
    windows = layout.control(before, after)
    past, later = (statistics(w, scale, names, layout.least) for w in windows)
    fitted = Companion("the control times its slope", past, is_fitted=True, handicap=handicap)
    return [Beside(Companion("the control", past, handicap=handicap), later), Beside(fitted, later)]


def _is_same(values: Floats, control: Floats) -> bool:
    both = np.isfinite(values) & np.isfinite(control)
    return bool(both.any()) and bool((values[both] == control[both]).mean() > _SAME) and float(np.ptp(values[both])) > 0
