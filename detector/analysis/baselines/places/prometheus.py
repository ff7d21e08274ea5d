"""First place: a Prometheus, or what speaks like one. It watched the pod before the change and the one after it alike.

What it has is found out (`edges/prometheus/survey.py`), then each signal is asked for over both times in one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detector.analysis.baselines.places.base import Held, Wanted
from detector.analysis.baselines.places.baseline_tables import LEAST_VALUES
from detector.analysis.baselines.places.derived_tables import derived_tables
from detector.analysis.baselines.places.grid import STEP_MS, Grid, grid_of
from detector.analysis.baselines.places.prometheus_reasons import Seen, why_missing
from detector.analysis.baselines.table import Table
from detector.core.signals import promql
from detector.core.signals.definition import DERIVED, Family, Make, SignalDefinition
from detector.core.signals.whose import labels_for, services
from detector.edges.http.client import Unanswered
from detector.edges.prometheus.answers import Found, Refused
from detector.edges.prometheus.client import PrometheusApi, api_of
from detector.edges.prometheus.survey import Survey, clock_ms, survey
from detector.settings.judging import PrometheusSettings

_LOOKS_BACK = frozenset({Make.SHARE, Make.RATE, Make.QUANTILE, Make.DRAIN})
_WHAT = "trimwatch"  # the label by which the two halves of an answer are told apart
_MOST_SKEW_MS = 30_000
_COUNTED_S = (60, 600, 3600)
_COUNTED = tuple(f"{seconds}s" for seconds in _COUNTED_S)
_LEAST_SCRAPES = 3  # of a span: fewer do not say how often there is one
_ALIKE = 0.3  # a longer span tells it better, unless there was no target for all of it
_USUAL_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
_NEAR = 0.12  # a span holds one scrape more or less


class PrometheusPlace:
    """Raises ValueError when the settings' address is none."""

    def __init__(self, settings: PrometheusSettings) -> None:
        self._settings = settings
        self._api = api_of(settings)
        self.name = f"Prometheus {self._api}"

    def look(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        try:
            return self.asked(wanted, signals)
        except (Unanswered, Refused) as error:
            return Held(self.name, notes=(f"{self.name} could not be asked: {error}",))

    def asked(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        """As `look`. Raises Unanswered and Refused where the server is of no use."""
        return asyncio.run(self._asked(wanted, signals))

    def services(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> dict[str, set[str]]:
        """By service the ids of signals it has series for, before the change or after it. Raises Unanswered and Refused."""

        async def within() -> dict[str, set[str]]:
            try:
                _, before, after = await self._surveyed(wanted, signals)
                return services([*before.rows, *after.rows], signals)
            finally:
                self._api.close()

        return asyncio.run(within())

    async def _surveyed(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> tuple[int, Survey, Survey]:
        only = dict(self._settings.labels)
        now_ms = await clock_ms(self._api)
        before = await survey(self._api, signals, only, wanted.change_ms - 1, wanted.span_ms / 1000)
        until_ms = min(wanted.until_ms, now_ms)
        since_ms = until_ms - wanted.change_ms
        after = await survey(self._api, signals, only, until_ms, since_ms / 1000) if since_ms > 0 else Survey(())
        return now_ms, before, after

    async def _asked(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        try:
            now_ms, before, after = await self._surveyed(wanted, signals)
            seen = Seen(before, after, wanted.service, {})
            choices = {signal.id: _choices(signal, seen, dict(self._settings.labels)) for signal in signals}
            interval_ms = await self._interval_ms([each[0] for each in choices.values() if each], wanted)
            asking = _Asking(self._api, self.name, grid_of(wanted, interval_ms, now_ms), seen)
            for signal in signals:
                await asking.measure(signal, choices[signal.id])
            return asking.held(wanted, signals, _skew(now_ms - wanted.now_ms, wanted))
        finally:
            self._api.close()

    async def _interval_ms(self, choices: Sequence[_Choice], wanted: Wanted) -> int:
        """How often these series are scraped: the median of them, as it was shortly before the change."""
        counts = [promql.scrapes(choice.family, choice.only, window) for choice in choices for window in _COUNTED]
        named = [f'label_replace({count}, "{_WHAT}", "{at}", "", "")' for at, count in enumerate(counts)]
        if not named:
            return STEP_MS
        try:
            found = await self._api.query(" or ".join(named), wanted.change_ms - 1)
        except Refused:
            return STEP_MS
        scrapes = {int(dict(each.labels)[_WHAT]): each.values[0] for each in found.series if each.values}
        spans = len(_COUNTED)
        told = ([scrapes.get(at + span, 0.0) for span in range(spans)] for at in range(0, len(counts), spans))
        intervals = [_interval_s(each) for each in told]
        known = [interval for interval in intervals if interval]
        return max(1, round(float(np.median(known)) * 1000)) if known else STEP_MS


def _interval_s(counts: Sequence[float]) -> float:
    """Of the counts in each span; 0 where they do not tell. Most people scrape at a round interval."""
    interval_s = 0.0
    for span_s, count in zip(_COUNTED_S, counts, strict=True):
        if count >= _LEAST_SCRAPES and (not interval_s or abs(span_s / count / interval_s - 1) <= _ALIKE):
            interval_s = span_s / count
    return next((float(usual) for usual in _USUAL_S if abs(interval_s / usual - 1) <= _NEAR), interval_s)


@dataclass(frozen=True, slots=True)
class _Choice:
    family: Family
    only: Mapping[str, str]


def _choices(signal: SignalDefinition, seen: Seen, labels: Mapping[str, str]) -> list[_Choice]:
    """Families of which the service has series before the change, the preferred one first."""
    made = []
    for family in signal.families:
        only = labels_for(family, seen.service, seen.rows)
        if family.of is not None and only is not None and seen.is_before(family, only):
            made.append(_Choice(family, {**labels, **only}))
    return made


class _Asking:
    """Signal after signal, on one grid."""

    def __init__(self, api: PrometheusApi, place: str, grid: Grid, seen: Seen) -> None:
        self._api = api
        self._place = place
        self._grid = grid
        self._seen = seen
        self._before: dict[str, Table] = {}
        self._after: dict[str, Table] = {}
        self._asked: dict[str, Family] = {}
        self._warnings: dict[str, None] = dict.fromkeys((*seen.before.warnings, *seen.after.warnings))

    async def measure(self, signal: SignalDefinition, choices: Sequence[_Choice]) -> None:
        """By the first family that gives a number before the change."""
        for choice in choices:
            try:
                before, after = await self._tables(signal, choice)
            except Refused as error:
                self._seen.refused[signal.id] = f"{self._place} refused the question: {error}"
                return
            if np.isfinite(before.columns[signal.id]).any():
                self._before[signal.id], self._after[signal.id] = before, after
                self._asked[signal.id] = choice.family
                return

    async def _tables(self, signal: SignalDefinition, choice: _Choice) -> tuple[Table, Table]:
        grid, family = self._grid, choice.family
        window = f"{grid.range_ms}ms"
        value = promql.query(family, choice.only, window, is_fresh=True)
        behind = promql.evidence(family, choice.only, window, grid.step_ms / grid.range_ms)
        halves = ((value, "value"), (behind, "evidence"))
        question = " or ".join(f'label_replace({half}, "{_WHAT}", "{name}", "", "")' for half, name in halves)
        cover_ms = grid.range_ms if family.make in _LOOKS_BACK else grid.step_ms
        first, last = grid.span(cover_ms)
        found = await self._api.query_range(question, first, last, grid.step_ms) if last >= first else Found()
        self._warnings |= dict.fromkeys(found.warnings)
        parts = {dict(each.labels).get(_WHAT): dict(zip(each.times_ms, each.values, strict=True)) for each in found.series}
        return grid.tables(signal.id, self._place, cover_ms, parts.get("value", {}), parts.get("evidence", {}))

    def held(self, wanted: Wanted, signals: Sequence[SignalDefinition], skew: str) -> Held:
        for signal in signals:
            if any(family.make in DERIVED for family in signal.families):
                made = derived_tables(signal, self._before, self._after, self._grid, self._place, wanted.window_ms)
                if made is not None:
                    self._before[signal.id], self._after[signal.id] = made
        doubts = {id_: why for id_ in self._before if (why := skew or self._doubt(id_))}
        missing = {signal.id: why_missing(signal, self._seen) for signal in signals if signal.id not in self._before}
        return Held(self._place, self._before, self._after, doubts, missing, tuple(self._warnings)[:5])

    def _doubt(self, id_: str) -> str:
        before = int(np.isfinite(self._before[id_].columns[id_]).sum())
        family = self._asked.get(id_)
        if family is not None and before < LEAST_VALUES:
            return f"too few scrapes: {before} values before the change"
        after, surely_ms = self._after[id_], self._grid.change_ms + self._grid.range_ms  # then the old pod is out of sight
        is_there = bool(np.isfinite(after.columns[id_][after.times_s * 1000 >= surely_ms]).any())
        if is_there or self._grid.known_ms < surely_ms + self._grid.range_ms + self._grid.step_ms:
            return ""
        return self._seen.why_vanished(family)


def _skew(ahead_ms: int, wanted: Wanted) -> str:
    """Empty where both clocks agree well enough to say which samples are of the time after the change."""
    if abs(ahead_ms) <= max(_MOST_SKEW_MS, wanted.window_ms // 10):
        return ""
    way = "ahead of" if ahead_ms > 0 else "behind"
    return f"clock skew: the server's clock is {abs(ahead_ms) / 1000:,.0f} s {way} ours, and the change is of our clock"
