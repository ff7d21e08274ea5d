"""Reading an index to its end, each way in a process of its own: `python -P -m tests.bench.index_jobs JOB ADDRESS INDEX ...`."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from detector.replay import replay
from detector.rule_loading import ready_rules
from detector.settings import ElasticsearchSourceSettings, LogSettings, RuleSettings
from detector.telemetry import set_up_log
from tests.bench.jobs import resident_mb


def whole(address: str, index: str, cache: str) -> dict[str, Any]:
    """`trimwatch replay --elasticsearch` with the built-in rules, start-up left out."""
    from detector.edges.sources.elasticsearch.past import PastIndex, Span  # loads the client by halves: not in `bare`

    ready = ready_rules(RuleSettings(), Path(cache))
    past = PastIndex(ElasticsearchSourceSettings("elasticsearch", urls=(address,), index=index), Span())
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    outcome = replay(past.batches(), ready)
    return _told(outcome.counts.lines, wall_s, cpu_s) | {"hits": outcome.counts.hits}


def bare(address: str, index: str) -> dict[str, Any]:
    """A point in time and `search_after` by elasticsearch-py, which only counts."""
    return asyncio.run(_count(address, index))


async def _count(address: str, index: str) -> dict[str, Any]:
    from elasticsearch import AsyncElasticsearch

    async with AsyncElasticsearch(address) as client:
        wall_s, cpu_s, seen = time.perf_counter(), time.process_time(), 0
        pit = (await client.open_point_in_time(index=index, keep_alive="1m"))["id"]
        after: list[Any] | None = None
        while True:
            asked = {"id": pit, "keep_alive": "1m"}
            found = await client.search(pit=asked, size=1000, sort=["@timestamp"], search_after=after, track_total_hits=False)
            hits = found["hits"]["hits"]
            if not hits:
                return _told(seen, wall_s, cpu_s)
            seen, after, pit = seen + len(hits), hits[-1]["sort"], found["pit_id"]


def _told(documents: int, wall_s: float, cpu_s: float) -> dict[str, Any]:
    spent = {"wall_s": time.perf_counter() - wall_s, "cpu_s": time.process_time() - cpu_s}
    return spent | {"documents": documents, "rss_mb": resident_mb()}


JOBS = {"whole": whole, "bare": bare}

if __name__ == "__main__":
    set_up_log(LogSettings(level="error", format="json"))
    job, *rest = sys.argv[1:]
    print(orjson.dumps(JOBS[job](*rest)).decode())
