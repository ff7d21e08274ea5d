"""What signals over time cost in the store: bytes a cell, and CPU to write, pack and read them.

`python -m tests.bench.signal_history [STEPS]`: 1,000 signals of eight kinds, a cell each every 15 s, one in a hundred missing.
One thread, process time; the file system is whatever holds the temporary folder.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from dataclasses import dataclass

from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint
from detector.settings import StoreSettings
from tests.bench.bench import Bench, told

SIGNALS, STEP_MS, BEGIN_MS = 1_000, 15_000, 20_000 * 86_400_000
KINDS = ("latency", "share", "memory", "rate", "percent", "rare", "constant", "constant")
PAGE_BYTES = 4096
STEPS = 480  # two hours
DISK_BYTES, CPU_US = 3.0, 20.0


def value(kind: str, level: float, day: float, chance: random.Random) -> tuple[float, float]:
    """Value and evidence: `level` is a slow noise around 0, `day` the time of day from -1 to 1."""
    requests = float(int(chance.gauss(300 * (1 + day / 2), 20)))
    if kind != "constant" and chance.random() < 0.01:
        return math.nan, 0.0
    if kind == "latency":
        return 0.42 * math.exp(0.3 * day + 0.05 * level), requests
    if kind == "share":
        return (chance.random() < 0.3) * chance.randrange(1, 3) / requests, requests
    if kind == "memory":
        return float(int((512e6 + 3e6 * level) / 4096) * 4096), 1.0
    if kind == "rate":
        return requests / 15, requests
    if kind == "percent":
        return round(55 + 5 * day + level, 2), 1.0
    if kind == "rare":
        return float(chance.random() < 0.02), 1.0
    return 75.0, 1.0


def cells_at(step: int, levels: list[float], chance: random.Random) -> tuple[Cell, ...]:
    cells = []
    for at, level in enumerate(levels):
        levels[at] = 0.95 * level + chance.gauss(0, 1)
        got, evidence = value(KINDS[at % len(KINDS)], levels[at], math.sin(2 * math.pi * step / 5760), chance)
        cells.append(Cell("shop", f"s{at}", "ms", BEGIN_MS + step * STEP_MS, got, evidence))
    return tuple(cells)


@dataclass(frozen=True, slots=True)
class Measured:
    """`packed_bytes` and `disk_bytes` are of a cell, CPU times too."""

    cells: int
    packed_bytes: float
    disk_bytes: float
    written_us: float
    packed_us: float
    read_s: float


def measured(steps: int) -> Measured:
    chance, levels, cells = random.Random(1), [0.0] * SIGNALS, SIGNALS * steps
    written_s = packed_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(StoreSettings(path=folder), 1)
        for step in range(steps):
            checkpoint = Checkpoint(BEGIN_MS + step * STEP_MS, cells=cells_at(step, levels, chance))
            begun = time.process_time()
            store.write(checkpoint)
            between = time.process_time()
            store.signals.pack()
            written_s, packed_s = written_s + between - begun, packed_s + time.process_time() - between
        begun = time.process_time()
        while store.signals.pack(at_least=1):
            pass
        packed_s += time.process_time() - begun
        ((pages, free),) = store._database.rows(
            "SELECT p.page_count, f.freelist_count FROM pragma_page_count p, pragma_freelist_count f"
        )
        disk_bytes = (pages - free) * PAGE_BYTES
        begun = time.process_time()
        read = sum(len(past.cells) for past in store.signals.read_all(store.signals.signals(), 0, 1 << 60))
        read_s = time.process_time() - begun
        assert read == cells
        packed_bytes = store.signals.size_bytes() / cells
        store.close()
    return Measured(cells, packed_bytes, disk_bytes / cells, written_s / cells * 1e6, packed_s / cells * 1e6, read_s)


def signal_history_row(bench: Bench) -> bool:
    """Two hours of 1,000 signals: a sample is a cell, one number of one signal in 15 s."""
    found = measured(STEPS)
    told_of = f"{found.disk_bytes:.2f} ({found.packed_bytes:.2f} packed; {found.cells:,} cells)"
    kept = told("history, on disk", f"< {DISK_BYTES} bytes a sample", found.disk_bytes < DISK_BYTES, told_of)
    us = found.written_us + found.packed_us
    return told("history, CPU", f"< {CPU_US} us a sample", us < CPU_US, f"{us:.1f} to write and pack") and kept


def main(steps: int) -> None:
    found = measured(steps)
    print(f"{found.cells:,} cells: {found.packed_bytes:.2f} bytes each packed, {found.disk_bytes:.2f} on disk")
    print(f"CPU a cell: {found.written_us:.1f} us to write, {found.packed_us:.1f} us to pack")
    print(f"{found.cells / found.read_s / 1e6:.1f} M cells/s read back")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS)
