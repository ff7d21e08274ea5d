"""Cells of the store as the tables that are compared."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.analysis.baselines.table import Floats, Table
from detector.core.signals.baseline import step_of
from detector.core.signals.chunks import Cells
from detector.core.signals.definition import SignalDefinition
from detector.edges.store.signals import Past, Rows, SignalHistory
from detector.records import JudgeRequest

_FOREVER_MS = 1 << 52

PLACE = "the time since the change"


@dataclass(frozen=True, slots=True)
class Since:
    """By id of the signal, those that have a cell since the change: a table of one column in the unit of the signal's file, and
    when the last cell was, in whichever unit and however late it came."""

    tables: Mapping[str, Table]
    last_ms: Mapping[str, int]


def signals_of(rows: Rows, service: str, definitions: Sequence[SignalDefinition]) -> list[SignalDefinition]:
    """The definitions, and where a signal is made once for each of others (`application/spikes:container/cpu`) one for each that
    the service has a history of."""
    known = {definition.id: definition for definition in definitions}
    made: dict[str, list[SignalDefinition]] = {}
    for name in sorted({each.name for each in SignalHistory(rows).signals(service)}):
        id_, colon, _ = name.partition(":")
        if colon and id_ in known:
            made.setdefault(id_, []).append(replace(known[id_], id=name))
    return [each for definition in definitions for each in made.get(definition.id, [definition])]


def since_change(rows: Rows, request: JudgeRequest, signals: Sequence[SignalDefinition]) -> Since:
    """Cells in another unit than the signal's are left out: the place of the before says what changed."""
    history = SignalHistory(rows)
    units = {signal.id: signal.unit for signal in signals}
    kept = [each for each in history.signals(request.service) if each.name in units]
    tables: dict[str, Table] = {}
    last_ms: dict[str, int] = {}
    for past in history.read_all(kept, request.begin_ms, _FOREVER_MS):
        name = past.signal.name
        if len(past.cells):
            last_ms[name] = max(past.cells.times_ms[-1], last_ms.get(name, 0))
            if past.signal.unit == units[name]:
                tables[name] = _table(past, request.begin_ms, request.until_ms)
    return Since(tables, last_ms)


def _table(past: Past, begin_ms: int, until_ms: int) -> Table:
    count = bisect_left(past.cells.times_ms, until_ms)
    cells = Cells(past.cells.times_ms[:count], past.cells.values[:count], past.cells.evidence[:count])
    times, values, evidence = _with_holes(cells, begin_ms, until_ms)
    name = past.signal.name
    return Table(PLACE, times / 1000.0, {name: values}, evidence={name: evidence}, notes=past.refused)


def _with_holes(cells: Cells, begin_ms: int, until_ms: int) -> tuple[Floats, Floats, Floats]:
    """Windows begin where the change was and not at the first cell, and what did not come is missing: there is a row for the
    begin, and one for each step without a cell."""
    times = np.array(cells.times_ms, dtype=np.float64)
    step = float(min(step_of([cells]) or until_ms - begin_ms, until_ms - begin_ms))
    slots = begin_ms + step * np.arange(int(np.ceil((until_ms - begin_ms) / step)))
    is_filled = np.zeros(slots.size, dtype=bool)
    is_filled[np.clip(((times - begin_ms) // step).astype(np.int64), 0, slots.size - 1)] = True
    holes = slots[~is_filled]
    if times.size and times[0] > begin_ms and is_filled[0]:
        holes = np.concatenate([[float(begin_ms)], holes])
    every = np.concatenate([times, holes])
    order = np.argsort(every, kind="stable")
    missing = np.full(holes.size, np.nan)
    values = np.concatenate([np.array(cells.values, dtype=np.float64), missing])
    evidence = np.concatenate([np.array(cells.evidence, dtype=np.float64), np.zeros(holes.size)])
    return every[order], values[order], evidence[order]
