"""Past logs through the one pipeline. It never pages anyone: there are no receivers, and incidents stay in memory unless a store
is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from detector.core.engine.engine import Pending
from detector.core.engine.novelty import Group, Novelty
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Clock, Pipeline
from detector.edges.store.store import Store
from detector.records import Batch, Counts, Incident
from detector.rule_loading import ReadyRules
from detector.settings import IncidentSettings

MOST_INCIDENTS = 10_000
CHECKPOINT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay found. `loud` is how many lines that are WARN or worse no rule explains,
    `unexplained` the most frequent of them; `pending` the
    expected lines that had not come when the logs ended. `span_ms`: the
    first and last time that a sample of all lines told."""

    incidents: list[Incident]
    counts: Counts
    rules: int
    unexplained: list[Group]
    loud: int
    pending: list[Pending]
    span_ms: tuple[int, int] | None = None


def replay(
    batches: Iterable[Batch],
    ready: ReadyRules,
    store: Store | None = None,
    seen: Callable[[Batch], None] = lambda batch: None,
    novelty: Novelty | None = None,
) -> Outcome:
    """Judges the batches in the order given. `seen` is called after each, for a progress bar; `novelty` takes the lines that no
    rule explains."""
    novelty = Novelty() if novelty is None else novelty
    incidents = Incidents(IncidentSettings(max_open=MOST_INCIDENTS))
    pipeline = Pipeline(ready.engine, incidents, novelty, Clock.EVENT)
    unwritten = 0
    for batch in batches:
        pipeline.take(batch)
        seen(batch)
        unwritten += batch.size
        if store is not None and unwritten >= CHECKPOINT_BYTES:
            store.write(pipeline.checkpoint(batch.observed_ms))
            unwritten = 0
    pipeline.end()
    if store is not None:
        store.write(pipeline.checkpoint(pipeline.now_ms))
    top, pending = novelty.top(5), ready.engine.pending()
    return Outcome(incidents.all(), pipeline.counts, len(ready.rules), top, novelty.seen, pending, pipeline.span_ms)
