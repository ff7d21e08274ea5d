"""Kafka rows: a real broker, four partitions of lz4 JSON lines, read by us and by loops that only count."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from tests.bench.bench import Bench, told
from tests.bench.measure import Run, median, run_for_cpu
from tests.services.kafka import Kafka

RULES = 200
PARTITIONS = 4
BIG, SMALL = 1000, 10


@contextmanager
def broker() -> Iterator[Kafka]:
    """Alone on its folder; stopped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        made = Kafka(Path(folder) / "kafka")
        made.start()
        try:
            yield made
        finally:
            made.stop()


def kafka_row(bench: Bench) -> bool:
    """Batches of a thousand records, then of ten."""
    with broker() as made:
        lines = fill(made, "big", bench.log("zap"), BIG)
        kept = _compare(bench, made, "big", lines, BIG, 10.0, 2.0)
        few = fill(made, "small", bench.log("zap", lines=min(bench.lines, 500_000)), SMALL)
        return _compare(bench, made, "small", few, SMALL, 4.0, 1.2) and kept


def fill(made: Kafka, topic: str, log: Path, batch: int) -> int:
    """Writes a log's lines round robin, so many a batch; returns how many."""
    from confluent_kafka import Producer

    made.create_topic(topic, PARTITIONS)
    producer = Producer(
        {
            "bootstrap.servers": made.address,
            "compression.type": "lz4",
            "batch.num.messages": batch,
            "batch.size": 1 << 20,
            "linger.ms": 1000,
            "queue.buffering.max.messages": 200_000,
        }
    )
    count = 0
    with log.open("rb") as source:
        for count, line in enumerate(source, 1):
            producer.produce(topic, line.rstrip(), partition=count // batch % PARTITIONS)
            if count % 10_000 == 0:
                while len(producer) > 100_000:
                    producer.poll(0.05)
    producer.flush()
    return count


def _compare(bench: Bench, made: Kafka, topic: str, lines: int, batch: int, slow: float, fast: float) -> bool:
    """All ways in turn, so that each sees the same machine."""
    jobs = {
        "ours": ("whole", RULES, bench.cache, "whole"),
        "ours by records": ("whole", RULES, bench.cache, "records"),
        "async for": ("one_by_one",),
        "getmany(500)": ("many",),
        "confluent": ("confluent",),
    }
    rounds: dict[str, list[Run]] = {name: [] for name in jobs}
    for _ in range(bench.rounds):
        for name, (job, *more) in jobs.items():
            rounds[name].append(_run(job, made.address, topic, lines, *more))
    rates = {name: lines / median([run.told["cpu_s"] for run in runs]) for name, runs in rounds.items()}
    ours, last = rates["ours"], rounds["ours"][-1].told
    text = ", ".join(f"{name} {rate / 1e6:.2f} M/s" for name, rate in rates.items())
    is_kept = ours >= slow * rates["async for"] and ours >= fast * rates["getmany(500)"]
    ratios = f"{ours / rates['async for']:.1f}x async for, {ours / rates['getmany(500)']:.2f}x getmany(500)"
    what = f"{ratios} (lines a CPU second: {text}; hits {last['hits']}, {last['rss_mb']} MB)"
    return told(f"kafka, {batch} records a batch", f">= {slow:g}x, >= {fast:g}x", is_kept, what)


def _run(job: str, *arguments: object) -> Run:
    command = [sys.executable, "-P", "-m", "tests.bench.kafka_jobs", job, *map(str, arguments)]
    run = run_for_cpu(command)
    return Run(run.cpu_s, orjson.loads(run.told))
