"""Reading a topic to its end, each way in a process of its own: `python -P -m tests.bench.kafka_jobs JOB ADDRESS TOPIC LINES`.

Every job prints the CPU seconds from the first request to the last record, start-up and imports left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import tempfile
import time
from typing import Any

import orjson

from detector.core.engine.novelty import Novelty
from detector.core.incidents.lifecycle import Incidents
from detector.core.pipeline import Pipeline
from detector.edges.store.store import Store
from detector.errors import StoreUnavailable
from detector.inbox import Clocks, Door, PipelineInbox
from detector.records import Checkpoint, Counts, Tick
from detector.settings import IncidentSettings, KafkaSourceSettings, LogSettings, StoreSettings
from detector.telemetry import Metrics, set_up_log
from tests.bench.jobs import engine_for, resident_mb
from tests.bench.rulesets import rules


class Tally(Metrics):
    """Counts what a source read, and says when it was all."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.lines = self.hits = self.events = 0
        self.wanted = wanted
        self.is_all = asyncio.Event()

    def counted(self, source: str, counts: Counts) -> None:
        super().counted(source, counts)
        self.lines += counts.lines
        self.hits += counts.hits
        self.events += counts.events
        if self.lines >= self.wanted:
            self.is_all.set()


class Deaf:
    """Nobody hears of checkpoints."""

    def written(self, checkpoint: Checkpoint) -> None:
        pass

    def cannot_write(self, problem: StoreUnavailable) -> None:
        raise problem

    def can_write_again(self) -> None:
        pass


async def whole(address: str, topic: str, lines: int, count: int, cache: str, way: str) -> dict[str, Any]:
    """Kafka to findings in the store, offsets committed. `way`: `whole` batches, or `records`, the public interface."""
    from detector.edges.sources.kafka.source import KafkaSource

    made = engine_for(rules(count), cache)
    settings = KafkaSourceSettings(
        "kafka", servers=(address,), topics=(topic,), group=f"bench-{time.time_ns()}", whole_batches=way == "whole"
    )
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(StoreSettings(path=folder), 0)
        flow = Pipeline(made, Incidents(IncidentSettings(max_open=10_000)), Novelty())
        clocks = Clocks(lambda: time.time_ns() // 1_000_000, lambda: time.monotonic_ns() // 1_000_000)
        flow.tick(Tick(clocks.wall_ms(), clocks.mono_ms()))
        inbox = PipelineInbox(flow, store, Deaf(), clocks, 100)
        tally = Tally(lines)
        gc.collect()
        began = time.process_time()
        reading = asyncio.ensure_future(KafkaSource(settings).read_into(Door(inbox, "kafka", tally), {}))
        ticking = asyncio.ensure_future(_tick(inbox))
        waiting = asyncio.ensure_future(tally.is_all.wait())
        await asyncio.wait([reading, waiting], return_when=asyncio.FIRST_COMPLETED)
        for task in (reading, ticking):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await inbox.tick()
        spent = time.process_time() - began
        store.close()
    return {"cpu_s": spent, "lines": tally.lines, "hits": tally.hits, "events": tally.events, "rss_mb": resident_mb()}


async def one_by_one(address: str, topic: str, lines: int) -> dict[str, Any]:
    """`async for`, which only counts."""
    async with _consumer(address, topic) as consumer:
        began, seen = time.process_time(), 0
        async for _ in consumer:
            seen += 1
            if seen >= lines:
                break
        return {"cpu_s": time.process_time() - began, "lines": seen, "rss_mb": resident_mb()}


async def many(address: str, topic: str, lines: int) -> dict[str, Any]:
    """`getmany(500)`, which only counts."""
    async with _consumer(address, topic) as consumer:
        began, seen = time.process_time(), 0
        while seen < lines:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=500)).values():
                seen += len(records)
        return {"cpu_s": time.process_time() - began, "lines": seen, "rss_mb": resident_mb()}


async def confluent(address: str, topic: str, lines: int) -> dict[str, Any]:
    """librdkafka's `consume(10000)`, which only counts."""
    from confluent_kafka import Consumer

    consumer = Consumer({"bootstrap.servers": address, "group.id": f"bench-{time.time_ns()}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    began, seen = time.process_time(), 0
    while seen < lines:
        seen += len(consumer.consume(10_000, timeout=1))
    spent = time.process_time() - began
    consumer.close()
    return {"cpu_s": spent, "lines": seen, "rss_mb": resident_mb()}


async def _tick(inbox: PipelineInbox) -> None:
    """As the daemon does."""
    while True:
        await asyncio.sleep(0.5)
        await inbox.tick()


def _consumer(address: str, topic: str) -> Any:
    from aiokafka import AIOKafkaConsumer

    return AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)


JOBS = {"whole": whole, "one_by_one": one_by_one, "many": many, "confluent": confluent}

if __name__ == "__main__":
    job, address, topic, *rest = sys.argv[1:]
    set_up_log(LogSettings(level="error", format="json"))
    arguments: list[Any] = [int(word) if word.isdigit() else word for word in rest]
    print(orjson.dumps(asyncio.run(JOBS[job](address, topic, *arguments))).decode())
