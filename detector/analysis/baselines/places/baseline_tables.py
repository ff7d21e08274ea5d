"""Baselines, wherever they lie, as the tables that are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from detector.analysis.baselines.places.base import Held, Wanted
from detector.analysis.baselines.table import Floats, Table
from detector.core.signals.baseline import Baseline, BaselineSignal
from detector.core.signals.definition import SignalDefinition
from detector.interface import rfc3339

LEAST_VALUES = 8  # of a signal: of fewer nothing can be said on how much it moves
_DAY_MS = 86_400_000


def chosen(baselines: Iterable[Baseline], wanted: Wanted) -> Baseline | None:
    """The one pinned to the change, else the newest of the service that begins before it."""
    own = [each for each in baselines if each.service == wanted.service]
    return max(own, key=lambda each: (_is_pinned(each, wanted), each.begin_ms < wanted.change_ms, each.end_ms), default=None)


def held(baseline: Baseline, place: str, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
    """What it has of the signals, up to the change."""
    known = {each.name: each for each in baseline.signals}
    tables, doubts, missing = {}, {}, {}
    for signal in signals:
        kept = known.get(signal.id)
        if kept is None:
            missing[signal.id] = f"{baseline.name} ({place}) does not hold it"
            continue
        table = _table(place, baseline, kept, wanted)
        count = int(np.isfinite(table.columns[signal.id]).sum())
        if count < LEAST_VALUES:
            missing[signal.id] = _too_few(baseline, place, wanted, count)
            continue
        tables[signal.id] = table
        if why := unit_changed(kept.unit, signal.unit):
            doubts[signal.id] = why
    return Held(place, tables, {}, doubts, missing, tuple(_notes(baseline, wanted)))


def unit_changed(then: str, now: str) -> str:
    """Empty where it did not, or nobody said which it was."""
    return (
        f"its unit changed: the baseline is in {then}, it is measured in {now or 'no unit'} now" if then and then != now else ""
    )


def _table(place: str, baseline: Baseline, kept: BaselineSignal, wanted: Wanted) -> Table:
    times = baseline.begin_ms + np.arange(len(kept.values), dtype=np.int64) * baseline.step_ms
    is_before = times < wanted.change_ms
    values: Floats = np.array([np.nan if value is None else value for value in kept.values], dtype=np.float64)
    evidence: Floats = np.array(kept.evidence, dtype=np.float64)
    return Table(place, times[is_before] / 1000.0, {kept.name: values[is_before]}, evidence={kept.name: evidence[is_before]})


def _too_few(baseline: Baseline, place: str, wanted: Wanted, count: int) -> str:
    if baseline.begin_ms >= wanted.change_ms:
        begins = (
            f"{baseline.name} ({place}) begins at {rfc3339(baseline.begin_ms)}, the change was at {rfc3339(wanted.change_ms)}"
        )
        return f"{begins}: it is of the time after, or a clock is wrong"
    return f"{baseline.name} ({place}) has {count} values of it before the change"


def _notes(baseline: Baseline, wanted: Wanted) -> Iterable[str]:
    if baseline.change and wanted.change and not _is_pinned(baseline, wanted):
        yield f"{baseline.name} is pinned to {baseline.change}, not to {wanted.change}"
    days = (wanted.change_ms - baseline.end_ms) / _DAY_MS
    if days > 1:
        yield f"{baseline.name} ends {days:.1f} days before the change"


def _is_pinned(baseline: Baseline, wanted: Wanted) -> bool:
    return bool(wanted.change) and baseline.change == wanted.change
