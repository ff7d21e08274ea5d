"""Before any change: which required signals could not be held to what is accepted of them, by what a Prometheus knows now."""

from __future__ import annotations

import time
from collections.abc import Iterator

from detector.analysis.baselines.places.base import Wanted
from detector.analysis.baselines.places.prometheus import PrometheusPlace
from detector.analysis.baselines.planning import out_of_reach
from detector.core.signals.definition import SignalDefinition
from detector.edges.http.client import Unanswered
from detector.edges.prometheus.answers import Refused
from detector.settings.judging import VerdictSettings

MOST_SERVICES = 3  # the richest ones: a day of each is read


def evidence_at_hand(settings: VerdictSettings, signals: tuple[SignalDefinition, ...]) -> Iterator[tuple[str, str]]:
    """(service, `application/latency-p99: +22 % is the least that would be found: ...`) pairs. None where it cannot be asked,
    which the inspection of the place tells."""
    now_ms = time.time_ns() // 1_000_000
    window_ms = round(settings.window.total_seconds() * 1000)
    wanted = Wanted("", "", now_ms, now_ms, window_ms, round(settings.span.total_seconds() * 1000), now_ms)
    try:
        found = PrometheusPlace(settings.prometheus).services(wanted, signals)
        for service in list(found)[:MOST_SERVICES]:
            about = Wanted(service, "", now_ms, now_ms, window_ms, wanted.span_ms, now_ms)
            held = PrometheusPlace(settings.prometheus).asked(about, signals)
            for planned in out_of_reach(held.tables, signals, window_ms / 1000, settings.windows):
                yield service, str(planned)
    except (Unanswered, Refused, ValueError):
        return
