"""Elasticsearch rows: a real node, findings into the mirror, and an index of log documents replayed beside a bare client."""

from __future__ import annotations

import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import orjson

from tests.bench.bench import Bench, told
from tests.bench.measure import Run, median, run_for_cpu
from tests.services.elasticsearch import Elasticsearch

FINDINGS = 20_000
DOCUMENTS = 200_000
A_BULK = 2000


@contextmanager
def node() -> Iterator[Elasticsearch]:
    """Alone on its folder; stopped at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Elasticsearch(Path(folder) / "node")
        made.start()
        try:
            yield made
        finally:
            made.stop()


def elasticsearch_row(bench: Bench) -> bool:
    """No bound is set: the rates are what a user plans with."""
    with node() as made:
        _run("tests.bench.mirror_jobs", made.address, 1000)  # templates, and a node that is warm
        runs = [_run("tests.bench.mirror_jobs", made.address, FINDINGS).told for _ in range(bench.rounds)]
        rates = (median([run["a_second"] for run in runs]), median([run["a_cpu_second"] for run in runs]))
        what = f"{rates[0]:,.0f} documents/s by the clock, {rates[1]:,.0f} a CPU second of ours; {runs[-1]['resident_mb']} MB"
        told("mirror, bulk", "-", all(run["left"] == 0 for run in runs), what)
        documents = min(DOCUMENTS, bench.lines)
        _index(made, bench.log("ecs", lines=documents))
        ours = [_run("tests.bench.index_jobs", "whole", made.address, "shop", bench.cache).told for _ in range(bench.rounds)]
        bare = [_run("tests.bench.index_jobs", "bare", made.address, "shop").told for _ in range(bench.rounds)]
    is_whole = all(run["documents"] == documents for run in (*ours, *bare))
    rates = [documents / median([run[name] for run in runs]) for runs in (ours, bare) for name in ("wall_s", "cpu_s")]
    what = f"{rates[0]:,.0f} documents/s by the clock, {rates[1]:,.0f} a CPU second (a client that only counts: {rates[2]:,.0f}, "
    what += f"{rates[3]:,.0f}); hits {ours[-1]['hits']}, {ours[-1]['rss_mb']} MB"
    return told("index, replay", "-", is_whole, what)


def _index(made: Elasticsearch, log: Path) -> None:
    mapping = {"properties": {"@timestamp": {"type": "date"}}, "dynamic": False}
    made.ask("PUT", "/shop", {"mappings": mapping, "settings": {"number_of_shards": 2, "number_of_replicas": 0}})
    with log.open("rb") as lines:
        while piece := list(islice(lines, A_BULK)):
            body = b"".join(b'{"create":{}}\n' + line for line in piece)
            request = urllib.request.Request(f"{made.address}/shop/_bulk", body, {"Content-Type": "application/x-ndjson"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert not orjson.loads(answer.read())["errors"]
    made.ask("POST", "/shop/_refresh")


def _run(module: str, *arguments: object) -> Run:
    run = run_for_cpu([sys.executable, "-P", "-m", module, *map(str, arguments)])
    return Run(run.cpu_s, orjson.loads(run.told))
