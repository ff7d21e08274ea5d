"""Fourth place: our own store, where it outlived the pod: the baseline pinned to the change, else what history holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.analysis.baselines.places.base import Held, Wanted
from detector.analysis.baselines.places.baseline_tables import LEAST_VALUES, held, unit_changed
from detector.analysis.baselines.table import Table
from detector.core.signals.definition import SignalDefinition
from detector.edges.store.baselines import Baselines
from detector.edges.store.signals import Past, Rows, SignalHistory
from detector.errors import StoreDamaged, StoreUnavailable
from detector.interface import rfc3339

PLACE = "own history"


class OwnHistory:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def look(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        try:
            return self._pinned(wanted, signals) or self._past(wanted, signals)
        except (StoreUnavailable, StoreDamaged) as error:
            return Held(PLACE, notes=(f"own history cannot be read: {error}",))

    def _pinned(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held | None:
        baselines = Baselines(self._rows)
        kept = [each for each in baselines.kept(wanted.service) if wanted.change and each.change == wanted.change]
        if not kept:
            return None
        baseline = baselines.read(kept[0].digest)
        return held(baseline, f"the pinned baseline {baseline.name}", wanted, signals)

    def _past(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held:
        history = SignalHistory(self._rows)
        ids = {signal.id for signal in signals}
        kept = [each for each in history.signals(wanted.service) if each.name in ids]
        by_name: dict[str, list[Past]] = {}
        for past in history.read_all(kept, wanted.begin_ms, wanted.change_ms):
            by_name.setdefault(past.signal.name, []).append(past)
        tables, doubts, missing, notes = {}, {}, {}, list[str]()
        for signal in signals:
            pasts = [each for each in by_name.get(signal.id, []) if len(each.cells)]
            notes += [f"{signal.id}: {words}" for past in pasts for words in past.refused]
            best = max(pasts, key=lambda each: (each.signal.unit == signal.unit, len(each.cells)), default=None)
            table = None if best is None else _table(best)
            count = 0 if table is None else int(np.isfinite(table.columns[signal.id]).sum())
            if best is None or table is None or count < LEAST_VALUES:
                missing[signal.id] = self._why(history, wanted, signal, count)
                continue
            tables[signal.id] = table
            if why := unit_changed(best.signal.unit, signal.unit):
                doubts[signal.id] = why
        return Held(PLACE, tables, {}, doubts, missing, tuple(notes[:5]), is_own=bool(tables))

    def _why(self, history: SignalHistory, wanted: Wanted, signal: SignalDefinition, count: int) -> str:
        span = f"from {rfc3339(wanted.begin_ms)} to {rfc3339(wanted.change_ms)}"
        if count:
            return f"own history has {count} values of it {span}"
        services = sorted({each.service for each in history.signals() if each.name == signal.id})
        if services and wanted.service not in services:
            return f"own history has it of {', '.join(services[:5])}, not of {wanted.service}"
        return f"own history has no value of it {span}"


def _table(past: Past) -> Table:
    name, cells = past.signal.name, past.cells
    return Table(
        PLACE,
        np.array(cells.times_ms, dtype=np.float64) / 1000.0,
        {name: np.array(cells.values, dtype=np.float64)},
        evidence={name: np.array(cells.evidence, dtype=np.float64)},
    )
