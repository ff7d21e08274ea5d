"""How fast what waits in the store reaches Elasticsearch: `python -P -m tests.bench.mirror_jobs ADDRESS DOCUMENTS`.

Findings as a storm makes them, from the feed through the lane and the mirror into a data stream, in a process of its own. Prints
documents a second by the clock and by our own CPU seconds, and what is resident in the end.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from random import Random

import orjson

from detector.edges.mirror.elasticsearch import ElasticsearchMirror
from detector.edges.outbox.feed import FeedLane, FeedTools
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.store.store import Store
from detector.records import Checkpoint, Evidence
from detector.settings import ElasticsearchSettings, LogSettings, OutboxSettings, StoreSettings
from detector.telemetry import Health, Metrics, set_up_log
from tests.bench.jobs import resident_mb
from tests.unit.edges.records import finding, incident

A_CHECKPOINT = 100
LINE = (
    "2026-11-24T10:00:00.000Z ERROR 1 --- [http-nio-8080-exec-{}] shop.orders.CheckoutController : request {} failed:"
    " java.lang.ClassNotFoundException: com.shop.orders.generated.Mapper{}"
)


def fill(store: Store, count: int) -> None:
    """So many findings, each with a line of its own, and one incident that changes with each checkpoint."""
    for begin in range(0, count, A_CHECKPOINT):
        found = tuple(
            replace(
                finding(f"k{number % 10}", number),
                evidence=Evidence("orders.log", str(number), number, LINE.format(*(number,) * 3)),
            )
            for number in range(begin, min(begin + A_CHECKPOINT, count))
        )
        store.write(Checkpoint(begin, findings=found, incidents=(incident("k0", count=begin),)))


async def drain(store: Store, address: str, prefix: str) -> None:
    settings = ElasticsearchSettings(urls=(address,), prefix=prefix)
    mirror = ElasticsearchMirror(settings, store.instance, Random(1))
    tools = FeedTools(store.feed, RetryPlan(OutboxSettings(), Random(1)), Metrics(), Health(), lambda: 0)
    lane = FeedLane(mirror, tools)
    while (pause_s := await lane.send_due()) is not None:
        await asyncio.sleep(pause_s)
    await mirror.close()


def main(address: str, count: int) -> dict[str, float]:
    set_up_log(LogSettings(level="error"))
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(StoreSettings(path=f"{folder}/state"), 0)
        kinds = ElasticsearchMirror.kinds
        store.feed.use({ElasticsearchMirror.name: kinds}, count * 2, 0, [])
        fill(store, count)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        asyncio.run(drain(store, address, f"bench-{uuid.uuid4().hex[:8]}"))
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        left = len(store.feed.after(ElasticsearchMirror.name, 10, 1 << 20).rows)
        store.close()
    return {
        "documents": count,
        "left": left,
        "a_second": round(count / wall_s),
        "a_cpu_second": round(count / cpu_s),
        "resident_mb": resident_mb(),
    }


if __name__ == "__main__":
    print(orjson.dumps(main(sys.argv[1], int(sys.argv[2]))).decode())
