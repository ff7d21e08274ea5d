"""What is measured, each in a process of its own: `python -P -m tests.bench.jobs JOB ...` prints one JSON object."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from detector.core.engine.engine import Engine
from detector.core.engine.novelty import Novelty
from detector.core.engine.scan import SetScanner, pattern_table
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Clock, Pipeline
from detector.core.ruleset.spec import Rule
from detector.edges.scan_cache import open_scanner
from detector.edges.sources.past import PastSettings, past_inputs, read_past
from detector.edges.store.store import Store
from detector.records import Batch, Stream
from detector.settings import IncidentSettings, StoreSettings
from tests.bench.rulesets import rules

SLICE_BYTES = 256 << 10
CHECKPOINT_BYTES = 8 << 20


def scan(log: str, count: int, cache: str) -> dict[str, Any]:
    """Reads and scans, nothing else. `lines` are those with a mark of a rule: candidates, to be confirmed."""
    chosen = rules(count)
    table = pattern_table(chosen)
    scanner = open_scanner(table, Path(cache), wait=True).scanner
    buffer = bytearray(SLICE_BYTES + (1 << 20))
    began, lines, marks, left = time.process_time(), 0, 0, 0
    with open(log, "rb", buffering=0) as source, memoryview(buffer) as view:
        while size := source.readinto(view[left : left + SLICE_BYTES]):
            end = buffer.rfind(b"\n", 0, left + size) + 1
            last = -1
            for at, pattern in scanner.scan(buffer, 0, end):
                marks += 1
                if pattern < table.first_loud and at > last:
                    lines += 1
                    last = buffer.find(b"\n", at)
            left += size - end
            view[:left] = view[end : end + left]
    return {"cpu_s": time.process_time() - began, "lines": lines, "marks": marks, "patterns": len(table.patterns)}


def pipeline(log: str, count: int, cache: str, scanner: str = "hyperscan") -> dict[str, Any]:
    """The whole way: file, scan, decoding, confirming, incidents, store."""
    chosen = rules(count)
    engine = engine_for(chosen, cache, scanner)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(StoreSettings(path=folder), 0)
        gc.collect()
        began, wall = time.process_time(), time.monotonic()
        flow = Pipeline(engine, Incidents(IncidentSettings(max_open=10_000)), novelty := Novelty(), Clock.EVENT)
        unwritten = 0
        for batch in read_past(past_inputs([log]), PastSettings()):
            flow.take(batch)
            unwritten += batch.size
            if unwritten >= CHECKPOINT_BYTES:
                store.write(flow.checkpoint(0))
                unwritten = 0
        flow.end()
        store.write(flow.checkpoint(0))
        spent = {"cpu_s": time.process_time() - began, "wall_s": time.monotonic() - wall}
        store.close()
    counts = flow.counts
    numbers = {"lines": counts.lines, "events": counts.events, "hits": counts.hits, "loud": novelty.seen, "bytes": counts.bytes}
    return spent | numbers | {"rss_mb": resident_mb()}


def steady(log: str, count: int, cache: str, rate: int) -> dict[str, Any]:
    """As if `rate` lines a second came, a batch and a checkpoint each 100 ms, with nobody waiting in between."""
    engine = engine_for(rules(count), cache, "hyperscan")
    idle_mb = resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(StoreSettings(path=folder), 0)
        flow = Pipeline(engine, Incidents(IncidentSettings(max_open=10_000)), Novelty(), Clock.ARRIVAL)
        began, batches = time.process_time(), 0
        for batch in _small_batches(log, rate // 10):
            flow.take(batch)
            store.write(flow.checkpoint(batch.observed_ms))
            batches += 1
        cpu_s = time.process_time() - began
        store.close()
    return {"cpu_s": cpu_s, "stream_s": batches / 10, "idle_mb": idle_mb, "rss_mb": resident_mb(), "lines": flow.counts.lines}


def engine_for(chosen: list[Rule], cache: str, scanner: str = "hyperscan") -> Engine:
    """As the daemon makes it; the databases are cached in a folder."""
    table = pattern_table(chosen)
    made = open_scanner(table, Path(cache), wait=True).scanner if scanner == "hyperscan" else SetScanner(table)
    return Engine(chosen, made, table, time.thread_time)


def _small_batches(log: str, lines: int) -> Iterator[Batch]:
    stream, offset, tick = Stream("bench", log), 0, 0
    with open(log, "rb") as source:
        while run := b"".join(line for _, line in zip(range(lines), source, strict=False)):
            tick += 1
            yield Batch(stream, bytearray(run), 0, len(run), offset, tick * 100)
            offset += len(run)


def resident_mb() -> float:
    """What this process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


JOBS = {"scan": scan, "pipeline": pipeline, "steady": steady}

if __name__ == "__main__":
    job, log, count, *rest = sys.argv[1:]
    arguments: list[Any] = [int(word) if word.isdigit() else word for word in rest]
    print(orjson.dumps(JOBS[job](log, int(count), *arguments)).decode())
