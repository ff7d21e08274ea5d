"""Signals that left their course while nothing was changed: what history holds, on one grid, before the models of alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.analysis.baselines import alarms as found_by
from detector.analysis.baselines.table import Floats
from detector.core.signals.chunks import Cells
from detector.core.signals.definition import DERIVED, SignalDefinition
from detector.core.signals.spec import Direction
from detector.edges.store.beside import Beside
from detector.edges.store.signals import Rows, SignalHistory
from detector.records import Judged, JudgeRequest, SignalAlarm
from detector.settings import Settings
from detector.signal_loading import read_signals

STEP_S = 60
MOST_VALUES = 12_000_000  # on the grid: 100 MB
MOST_ALARMS = 20  # of one run; the furthest from their course are told
TOGETHER = "together"  # stands for a signal where those of a service no longer move with each other


@dataclass(frozen=True, slots=True)
class Watched:
    """A column of the frame."""

    service: str
    definition: SignalDefinition


def judged_alarms(request: JudgeRequest, settings: Settings, now_ms: int) -> Judged:
    """Of every service. Raises TrimwatchError when history cannot be read."""
    signals = {each.id: each for each in read_signals(settings.signals) if not _is_derived(each)}
    opened = Beside.open(settings.store, now_ms, is_made=False)
    try:
        begin_ms = request.until_ms - round(settings.alarms.span.total_seconds() * 1000)
        columns, frame = _frame(opened, signals, min(begin_ms, request.begin_ms), request.until_ms)
    finally:
        opened.close()
    if not columns:
        return Judged(request, now_ms, before="there is no history to look at")
    services: dict[str, list[str]] = {}
    for name, column in columns.items():
        services.setdefault(column.service, []).append(name)
    since = pd.Timestamp(request.begin_ms, unit="ms", tz="UTC")
    groups = {service: members for service, members in services.items() if len(members) > 1}
    seen = found_by.watch_frame(frame, since, STEP_S, groups)
    told = [alarm for each in seen.alarms if (alarm := _told(each, columns)) is not None]
    return Judged(request, now_ms, alarms=tuple(told[:MOST_ALARMS]), before=_about(columns, seen.silent, len(told)))


def _is_derived(signal: SignalDefinition) -> bool:
    """It has one value a window, and tells of another signal, which is watched itself."""
    return any(family.make in DERIVED for family in signal.families)


def _frame(
    rows: Rows, signals: Mapping[str, SignalDefinition], begin_ms: int, until_ms: int
) -> tuple[Mapping[str, Watched], pd.DataFrame]:
    """One column a signal of a service, the mean of each minute, NaN where nothing came. Of more than fit none is left out: the
    past becomes shorter."""
    history = SignalHistory(rows)
    kept = [each for each in history.signals() if each.name in signals and signals[each.name].unit == each.unit]
    step_ms = STEP_S * 1000
    begin_ms = max(begin_ms, until_ms - step_ms * (MOST_VALUES // max(len(kept), 1))) // step_ms * step_ms
    size = math.ceil((until_ms - begin_ms) / step_ms)
    columns: dict[str, Watched] = {}
    values: list[Floats] = []
    for past in history.read_all(kept, begin_ms, until_ms):
        if len(past.cells):
            columns[f"{past.signal.service} {past.signal.name}"] = Watched(past.signal.service, signals[past.signal.name])
            values.append(_minutes(past.cells, begin_ms, size))
    index = pd.to_datetime(begin_ms + step_ms * np.arange(size), unit="ms", utc=True)
    held = np.column_stack(values) if values else np.empty((size, 0))
    return columns, pd.DataFrame(held, index=index, columns=list(columns))


def _minutes(cells: Cells, begin_ms: int, size: int) -> Floats:
    """(size,): means, NaN where there is none."""
    values = np.array(cells.values, dtype=np.float64)
    is_known = np.isfinite(values)
    at = (np.array(cells.times_ms, dtype=np.int64)[is_known] - begin_ms) // (STEP_S * 1000)
    count = np.bincount(at, minlength=size)
    sums = np.bincount(at, weights=values[is_known], minlength=size)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _told(alarm: found_by.SignalAlarm, columns: Mapping[str, Watched]) -> SignalAlarm | None:
    """None for what went the better way."""
    since_ms = round(alarm.since.timestamp() * 1000)
    size = round(abs(alarm.effect), 1) if math.isfinite(alarm.effect) else 0.0
    column = columns.get(alarm.signal)
    if column is None:  # signals of a service together
        suspects = [columns[name].definition for name in alarm.suspects]
        layer = suspects[0].layer.value if suspects else ""
        return SignalAlarm(alarm.signal, TOGETHER, layer, alarm.model, since_ms, None, "", size, _of_group(alarm, suspects))
    signal = column.definition
    if alarm.usual is not None and alarm.seen is not None and _is_better(signal.direction, alarm.seen - alarm.usual):
        return None
    value = alarm.seen if alarm.seen is not None and math.isfinite(alarm.seen) else None
    return SignalAlarm(
        column.service, signal.id, signal.layer.value, alarm.model, since_ms, value, signal.unit, size, alarm.words
    )


def _is_better(worse: Direction, change: float) -> bool:
    return (worse is Direction.UP and change < 0) or (worse is Direction.DOWN and change > 0)


def _of_group(alarm: found_by.SignalAlarm, suspects: Sequence[SignalDefinition]) -> str:
    names = ", ".join(each.id for each in suspects)
    return f"{alarm.signal}: {names} no longer move as usual with the rest, since {alarm.since:%Y-%m-%d %H:%M} UTC"


def _about(columns: Mapping[str, Watched], silent: Mapping[tuple[str, str], str], told: int) -> str:
    """What was looked at, for people."""
    services = len({column.service for column in columns.values()})
    about = f"{_counted(len(columns), 'signal')} of {_counted(services, 'service')}"
    reasons = dict.fromkeys(f"{model}: {words}" for (name, model), words in silent.items() if name in columns or model == "all")
    if reasons:
        about += f"; not looked at by {'; '.join(list(reasons)[:5])}"
    if told > MOST_ALARMS:
        about += f"; {told - MOST_ALARMS} further alarms with smaller effects are not told"
    return about


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
