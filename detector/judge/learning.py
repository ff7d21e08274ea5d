"""How a service was before a change, kept: own history goes after some days, and a baseline that is pinned does not."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace

from detector.analysis.baselines.places import Before, share
from detector.analysis.baselines.table import Table
from detector.core.signals.baseline import MOST_CELLS, Baseline, on_grid, step_of
from detector.core.signals.chunks import Cells
from detector.core.signals.definition import SignalDefinition
from detector.edges.store.baselines import Baselines
from detector.edges.store.signals import Rows
from detector.errors import TrimwatchError
from detector.records import JudgeRequest
from detector.settings import ElasticsearchSettings

MADE_BY = "trimwatch, when it judged the change"


def keep_before(
    request: JudgeRequest, found: Before, signals: Sequence[SignalDefinition], opened: Rows, now_ms: int
) -> Baseline | None:
    """Pins what was found to the change of the request, unless something is pinned to it already. What stands in the way is told
    on standard error: the verdict does not wait for it."""
    baselines = Baselines(opened)
    try:
        draft = _draft(request, found, signals, now_ms)
        if draft is None or any(each.change == draft.change for each in baselines.kept(request.service)):
            return None
        try:
            return baselines.learn(lambda version: replace(draft, version=version), request.service)
        except ValueError:  # too many are kept
            if not _make_room(baselines, request.service):
                raise
            return baselines.learn(lambda version: replace(draft, version=version), request.service)
    except (TrimwatchError, ValueError) as problem:
        print(f"the before of {request.change} is not kept: {problem}", file=sys.stderr)
        return None


def share_before(made: Baseline, settings: ElasticsearchSettings) -> None:
    """For the daemon that judges the next window, which may be another one. The verdict does not wait for this either."""
    if settings.urls:
        try:
            share(made, settings)
        except (TrimwatchError, ValueError) as problem:
            print(f"{made.name} is not shared: {problem}", file=sys.stderr)


def _draft(request: JudgeRequest, found: Before, signals: Sequence[SignalDefinition], now_ms: int) -> Baseline | None:
    """None where there are no two values of anything. Of too much the newest part is kept."""
    units = {signal.id: signal.unit for signal in signals}
    rows = {id_: _cells(id_, table) for id_, table in found.tables.items() if table.times_s.size}
    step_ms = step_of(list(rows.values()))
    if step_ms is None:
        return None
    end_ms = max(cells.times_ms[-1] for cells in rows.values()) + step_ms
    begin_ms = max(min(cells.times_ms[0] for cells in rows.values()), end_ms - step_ms * (MOST_CELLS // len(rows)))
    kept = [on_grid(id_, units[id_], found.places[id_], cells, begin_ms, end_ms, step_ms) for id_, cells in sorted(rows.items())]
    return Baseline(
        request.service,
        0,
        request.before_change or request.change,
        MADE_BY,
        now_ms,
        begin_ms,
        end_ms,
        step_ms,
        tuple(signal for signal in kept if signal.present),
    )


def _cells(name: str, table: Table) -> Cells:
    values = table.columns[name]
    evidence = table.evidence.get(name)
    stands_behind = [1.0] * values.size if evidence is None else evidence.tolist()
    times = array("q", [round(time_s * 1000) for time_s in table.times_s.tolist()])
    return Cells(times, array("d", values.tolist()), array("d", stands_behind))


def _make_room(baselines: Baselines, service: str) -> bool:
    """The oldest one of the service that we made goes; what people made stays."""
    for each in reversed(baselines.kept(service)):
        if baselines.read(each.digest).made_by == MADE_BY:
            baselines.remove(each.digest)
            return True
    return False
