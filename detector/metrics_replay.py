"""Past metrics through the flow that the daemon uses: the same cells as live, in memory or in a store of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from detector.core.signals.definition import SignalDefinition
from detector.core.signals.flow import SignalFlow
from detector.core.signals.folding import MOST_SERIES
from detector.core.signals.found import Found
from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint, Points

POINTS_A_CHECKPOINT = 200_000


@dataclass(slots=True)
class SignalSeries:
    """All cells of one signal of one service; `values` counts those that are numbers."""

    unit: str
    cells: int = 0
    values: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    evidence: float = 0.0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, cell: Cell) -> None:
        self.first_ms = cell.time_ms if not self.cells else min(self.first_ms, cell.time_ms)
        self.last_ms = max(self.last_ms, cell.time_ms)
        self.cells += 1
        self.evidence += cell.evidence
        if math.isfinite(cell.value):
            self.values += 1
            self.total += cell.value
            self.least, self.most = min(self.least, cell.value), max(self.most, cell.value)


@dataclass(slots=True)
class MetricsOutcome:
    """`series` by service and signal. `unreadable` records held no points, `unused` points had no place, by the reason."""

    found: Found
    points: int = 0
    unreadable: int = 0
    series: dict[tuple[str, str], SignalSeries] = field(default_factory=dict)
    unused: dict[str, int] = field(default_factory=dict)


def replay_metrics(
    batches: Iterable[Points], signals: Sequence[SignalDefinition], store: Store | None = None, max_series: int = MOST_SERIES
) -> MetricsOutcome:
    """Takes them in the order given. What they make is kept in the store, if one is given."""
    flow = SignalFlow(signals, max_series, is_live=False)
    outcome = MetricsOutcome(flow.found())
    unwritten = observed_ms = 0
    for batch in batches:
        flow.points(batch.points, batch.observed_ms, service=batch.stream.service or "")
        outcome.points += len(batch.points)
        outcome.unreadable += len(batch.dead)
        unwritten, observed_ms = unwritten + len(batch.points), batch.observed_ms
        if unwritten >= POINTS_A_CHECKPOINT:
            _keep(flow, outcome, store, observed_ms)
            unwritten = 0
    flow.finish()
    _keep(flow, outcome, store, observed_ms)
    outcome.found = flow.found()
    outcome.unused = dict(flow.figures().unused_points)
    return outcome


def _keep(flow: SignalFlow, outcome: MetricsOutcome, store: Store | None, at_ms: int) -> None:
    changes = flow.drain()
    for cell in changes.cells:
        outcome.series.setdefault((cell.service, cell.signal), SignalSeries(cell.unit)).add(cell)
    if store is not None and (changes.cells or changes.changes):
        store.write(Checkpoint(at_ms, cells=changes.cells, changes=changes.changes))
