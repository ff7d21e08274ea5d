"""Signals, baselines and stores for tests of the places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from detector.analysis.baselines.places.base import Wanted
from detector.core.signals.baseline import Baseline, BaselineSignal
from detector.core.signals.catalogue import load_signals
from detector.core.signals.definition import SignalDefinition
from detector.edges.signal_files import builtin_signal_files
from detector.edges.store.beside import Beside
from detector.edges.store.signals import SignalHistory
from detector.records import Cell
from detector.settings import StoreSettings

CHANGE_MS = 1_795_000_000_000
STEP_MS = 15_000
HOUR_MS = 3_600_000


def definitions(*ids: str) -> tuple[SignalDefinition, ...]:
    """Of the built-in signals; all of them where none is named."""
    known = load_signals(builtin_signal_files())
    return tuple(signal for signal in known if not ids or signal.id in ids)


def wanted(service: str = "shop", change: str = "shop-1", span_ms: int = 24 * HOUR_MS) -> Wanted:
    return Wanted(service, change, CHANGE_MS, CHANGE_MS + HOUR_MS, 900_000, span_ms, CHANGE_MS + HOUR_MS)


def baseline(
    signals: Iterable[tuple[str, str, Sequence[float | None]]],
    service: str = "shop",
    change: str = "",
    version: int = 1,
    end_ms: int = CHANGE_MS,
) -> Baseline:
    """Signals are (name, unit, values), all as long, a value every 15 s, the last one before `end_ms`."""
    made = tuple(
        BaselineSignal(name, unit, "history", tuple(values), tuple(1.0 for _ in values)) for name, unit, values in signals
    )
    begin_ms = end_ms - len(made[0].values) * STEP_MS
    return Baseline(service, version, change, "a test", end_ms, begin_ms, end_ms, STEP_MS, made)


def store_with(folder: Path, cells: Iterable[Cell]) -> Beside:
    opened = Beside.open(StoreSettings(path=str(folder)), CHANGE_MS, is_made=True)
    with opened.transaction() as connection:
        SignalHistory(opened).put(connection, cells)
    return opened


def cells(signal: str, unit: str, values: Sequence[float], service: str = "shop", end_ms: int = CHANGE_MS) -> list[Cell]:
    begin_ms = end_ms - len(values) * STEP_MS
    return [Cell(service, signal, unit, begin_ms + at * STEP_MS, value, 3.0) for at, value in enumerate(values)]
