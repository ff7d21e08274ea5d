"""A store with a past, and a judge that is asked about it as the daemon asks: a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from numpy.random import default_rng

from detector.edges.judge.process import Limits, ask_judge
from detector.edges.judge.wire import Task
from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint, Judged, JudgeRequest, Judging
from detector.settings import Settings, load_settings

STEP_MS, HOUR_MS = 15_000, 3_600_000
CHANGE_MS = 1_795_600_020_000
WINDOW_MS = 900_000
MEMORY = 512 << 20


def settings(folder: Path, more: str = "") -> Settings:
    return load_settings("s", f"store: {{path: {folder}}}\nverdicts: {{enabled: true, own_history: true}}\n{more}", {})


def noisy(level: float, spread: float, seed: int) -> Callable[[int], float]:
    """A value for each time, independent of each other."""
    drawn = default_rng(seed).normal(level, spread, 100_000)
    return lambda time_ms: float(drawn[(time_ms - CHANGE_MS) // STEP_MS])


def cells(
    signal: str, unit: str, value: Callable[[int], float], begin_ms: int, end_ms: int, service: str = "shop"
) -> Iterable[Cell]:
    """One every step, with 400 requests behind each."""
    return (Cell(service, signal, unit, at, value(at), 400.0) for at in range(begin_ms, end_ms, STEP_MS))


def keep(folder: Path, made: Iterable[Cell]) -> None:
    store = Store.open(settings(folder).store, CHANGE_MS)
    try:
        store.write(Checkpoint(at_ms=CHANGE_MS, cells=tuple(made)))
    finally:
        store.close()


def verdict_request(window: int = 3, service: str = "shop") -> JudgeRequest:
    end_ms = CHANGE_MS + window * WINDOW_MS
    return JudgeRequest(
        f"shop-1/{window}", Judging.VERDICT, CHANGE_MS, end_ms, "shop-1", service, window, WINDOW_MS, CHANGE_MS, "shop-1"
    )


def ask(request: JudgeRequest, chosen: Settings, memory_bytes: int = MEMORY) -> Judged:
    """Raises NoAnswer."""
    return asyncio.run(ask_judge(Task(request, chosen, os.getpid(), memory_bytes), Limits(60, memory_bytes)))
