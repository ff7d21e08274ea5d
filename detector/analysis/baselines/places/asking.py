"""Asks the places for the before, in the order of the settings, each for what those ahead of it did not have.

A trim replaces the pod, so a sidecar's own disk is the last place to look, and the first is one that watched both pods.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from detector.analysis.baselines.places.base import Before, Held, Place, Wanted, gathered
from detector.analysis.baselines.places.mounted_files import MountedFiles
from detector.analysis.baselines.places.own_history import OwnHistory
from detector.analysis.baselines.places.prometheus import PrometheusPlace
from detector.analysis.baselines.places.shared import SharedPlace
from detector.analysis.baselines.table import Table
from detector.core.signals.definition import SignalDefinition
from detector.edges.store.signals import Rows
from detector.records import JudgeRequest
from detector.settings import Settings


def before(request: JudgeRequest, signals: Sequence[SignalDefinition], settings: Settings, opened: Rows | None) -> Before:
    """What is known of the service before the change of the request. It ends where the request says, which after a rollback is
    before the change that is rolled back; what a place knows of the time since begins with the change itself. Raises nothing for
    a place that cannot be asked: `notes` say so. `opened` is our own store, None where there is none. Blocks for as long as the
    timeouts of the places allow."""
    wanted = Wanted(
        request.service,
        request.before_change or request.change,
        request.before_ms or request.begin_ms,
        request.until_ms,
        request.window_ms,
        round(settings.verdicts.span.total_seconds() * 1000),
        time.time_ns() // 1_000_000,
    )
    found = ask(places_of(settings, opened), wanted, signals)
    if wanted.change_ms == request.begin_ms:
        return found
    return replace(found, after={id_: _from(table, request.begin_ms / 1000) for id_, table in found.after.items()})


def ask(places: Sequence[Place], wanted: Wanted, signals: Sequence[SignalDefinition]) -> Before:
    return gathered(list(_asked(places, wanted, signals)), signals)


def places_of(settings: Settings, opened: Rows | None) -> list[Place]:
    """Those that the settings name, in their order."""
    verdicts = settings.verdicts
    places: list[Place] = []
    if verdicts.prometheus.url is not None:
        places.append(PrometheusPlace(verdicts.prometheus))
    if settings.elasticsearch.urls:
        places.append(SharedPlace(settings.elasticsearch))
    if verdicts.baseline_files:
        places.append(MountedFiles(verdicts.baseline_files))
    if verdicts.own_history and opened is not None:
        places.append(OwnHistory(opened))
    return places


def _asked(places: Sequence[Place], wanted: Wanted, signals: Sequence[SignalDefinition]) -> Iterator[Held]:
    left = list(signals)
    for place in places:
        if not left:
            return
        held = place.look(wanted, left)
        left = [signal for signal in left if signal.id not in held.tables or signal.id in held.doubts]
        yield held


def _from(table: Table, begin_s: float) -> Table:
    is_since = table.times_s >= begin_s
    columns, evidence = ({name: each[is_since] for name, each in held.items()} for held in (table.columns, table.evidence))
    return replace(table, times_s=table.times_s[is_since], columns=columns, evidence=evidence)
