"""`trimwatch replay --metrics k6`: which golden signals past metrics make."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from detector.analysis.quantities import level
from detector.edges.sources.k6.past import read_k6
from detector.edges.sources.past import past_inputs
from detector.edges.store.store import Store
from detector.interface import Json, json_line, rfc3339
from detector.metrics_replay import MetricsOutcome, SignalSeries, replay_metrics
from detector.plain_text import one_line
from detector.records import DeadLetter, Points, Stream
from detector.settings import SignalSettings
from detector.signal_loading import read_signals

NARROWEST = 110  # names of signals are worth more than lines that do not wrap


def run_metrics(files: Sequence[str], service: str | None, store: Store | None, *, as_json: bool) -> None:
    """Prints what was made, a line a signal and service, and what is missing and why. Raises NoSuchInput and OSError."""
    outcome = replay_metrics(_points(files, service), read_signals(SignalSettings()), store)
    if as_json:
        for (name, signal), series in sorted(outcome.series.items()):
            sys.stdout.buffer.write(json_line(_object(name, signal, series)))
        sys.stdout.buffer.write(json_line(_summary(outcome)))
        return
    console = Console()
    console.width = max(console.width, NARROWEST)
    _show(console, outcome)


def _points(files: Sequence[str], service: str | None) -> Iterator[Points]:
    for one in past_inputs(files):
        stream, now_ms = Stream(one.name, one.name, service), time.time_ns() // 1_000_000
        for offset, piece in enumerate(read_k6(one.name)):
            dead = [DeadLetter(one.name, str(offset), f"no line of k6: {error}", error.sample) for error in piece.errors]
            if piece.damage is not None:
                dead.append(DeadLetter(one.name, str(offset), piece.damage, b""))
            yield Points(stream, piece.points, offset, offset + 1, now_ms, tuple(dead))


def _show(console: Console, outcome: MetricsOutcome) -> None:
    table = Table(box=None, header_style="dim")
    for name in ("service", "signal", "values", "mean", "least", "most"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("service", "signal") else "right")
    for (service, signal), series in sorted(outcome.series.items()):
        levels = [level(value, series.unit) for value in (_mean(series), _finite(series.least), _finite(series.most))]
        table.add_row(one_line(service) or "?", signal, f"{series.values:,}", *levels)
    lines = [f"{outcome.points:,} points"]
    if outcome.series:
        console.print(table)
        first_ms = min(series.first_ms for series in outcome.series.values())
        last_ms = max(series.last_ms for series in outcome.series.values())
        lines[0] += f", steps from {rfc3339(first_ms)} to {rfc3339(last_ms)}"
    lines.append(f"found {len(outcome.found.found)} of {len(outcome.found.found) + len(outcome.found.missing)} signals")
    lines += [f"no {', '.join(signals)}: {reason}" for reason, signals in outcome.found.reasons().items()]
    if outcome.unreadable:
        lines.append(f"{outcome.unreadable:,} lines or files could not be read")
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _object(service: str, signal: str, series: SignalSeries) -> dict[str, Json]:
    return {
        "kind": "signal",
        "service": service,
        "signal": signal,
        "unit": series.unit,
        "from": rfc3339(series.first_ms),
        "to": rfc3339(series.last_ms),
        "values": series.values,
        "mean": _mean(series),
        "least": _finite(series.least),
        "most": _finite(series.most),
        "evidence": series.evidence,
    }


def _summary(outcome: MetricsOutcome) -> dict[str, Json]:
    return {
        "kind": "summary",
        "points": outcome.points,
        "unreadable": outcome.unreadable,
        "unused_points": dict(outcome.unused),
        "found": list(outcome.found.found),
        "missing": [{"signal": each.signal, "reason": each.reason} for each in outcome.found.missing],
    }


def _mean(series: SignalSeries) -> float | None:
    return series.total / series.values if series.values else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
