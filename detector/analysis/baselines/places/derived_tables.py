"""Signals that are made of other signals, out of the tables of those: a number a window, one beginning with the change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from detector.analysis.baselines.places.grid import Grid
from detector.analysis.baselines.table import Floats, Table
from detector.core.signals.definition import DERIVED, Family, Make, SignalDefinition
from detector.core.signals.derived import LEAST_CELLS, deviation, spikes

_HOUR_MS = 3_600_000


def derived_tables(
    signal: SignalDefinition,
    before: Mapping[str, Table],
    after: Mapping[str, Table],
    grid: Grid,
    place: str,
    window_ms: int,
) -> tuple[Table, Table] | None:
    """Before and after; None where nothing that it is made of is there. Spikes of several signals are added."""
    family = next(each for each in signal.families if each.make in DERIVED)
    sources = [id_ for id_ in family.signals if id_ in before]
    if not sources:
        return None
    windows = (grid.change_ms - grid.begin_ms) // window_ms
    starts = grid.change_ms - np.arange(windows, 0, -1, dtype=np.int64) * window_ms
    old = _table(signal.id, family, [before[id_] for id_ in sources], sources, starts, window_ms, place)
    is_known = np.isfinite(old.columns[signal.id])
    if not is_known.any():
        return None
    later = np.arange(grid.change_ms, min(grid.until_ms, grid.known_ms) - window_ms + 1, window_ms, dtype=np.int64)
    new = _table(signal.id, family, [after[id_] for id_ in sources], sources, later, window_ms, place)
    since = int(np.flatnonzero(is_known)[0])
    cut = Table(
        place,
        old.times_s[since:],
        {signal.id: old.columns[signal.id][since:]},
        evidence={signal.id: old.evidence[signal.id][since:]},
    )
    return cut, new


def _table(
    name: str,
    family: Family,
    tables: Sequence[Table],
    sources: Sequence[str],
    starts: np.ndarray[tuple[int], np.dtype[np.int64]],
    window_ms: int,
    place: str,
) -> Table:
    values: Floats = np.full(starts.size, np.nan)
    evidence: Floats = np.zeros(starts.size)
    for source, table in zip(sources, tables, strict=True):
        edges = np.searchsorted(table.times_s, np.append(starts, starts[-1:] + window_ms) / 1000.0 - 1e-6)
        for at in range(starts.size):
            cells = table.columns[source][edges[at] : edges[at + 1]]
            known = [value for value in cells.tolist() if math.isfinite(value)]
            if len(known) < LEAST_CELLS:
                continue
            made = deviation(known) if family.make is Make.DEVIATION else spikes(known) * _HOUR_MS / window_ms
            values[at] = (0.0 if math.isnan(values[at]) else values[at]) + made * family.scale
            evidence[at] += len(known)
    return Table(place, starts / 1000.0, {name: values}, evidence={name: evidence})
