"""One case for each registered source: the real thing it reads from, and how to make that say something."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from detector.edges.sources import source_of
from detector.edges.sources.base import Source
from detector.edges.sources.kubernetes.patience import Patience
from detector.edges.sources.kubernetes.source import KubernetesSource
from detector.edges.sources.stdin import StdinSource
from detector.settings import (
    ElasticsearchSourceSettings,
    FileSourceSettings,
    KafkaSourceSettings,
    KubernetesSourceSettings,
    StdinSourceSettings,
)
from tests.services.documents import index_documents
from tests.services.fixtures import fresh
from tests.services.kafka_records import Sent, send
from tests.unit.edges.sources.cluster import Cluster


@dataclass(frozen=True)
class Case:
    """`source` makes a new one each time; `say` writes lines; `resumes`: what was not checkpointed can be read again."""

    source: Callable[[], Source]
    say: Callable[[list[str]], None]
    resumes: bool


@dataclass(frozen=True)
class Ground:
    """Where a case is laid out: an empty folder, and the real server of SERVERS."""

    folder: Path
    server: Any = None


@asynccontextmanager
async def file_case(ground: Ground) -> AsyncIterator[Case]:
    folder = ground.folder
    quick = timedelta(milliseconds=1)
    settings = FileSourceSettings("file", (str(folder / "*.log"),), poll=quick, look_for_files=quick)

    def say(lines: list[str]) -> None:
        with (folder / "app.log").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    yield Case(lambda: source_of(settings), say, resumes=True)


@asynccontextmanager
async def stdin_case(ground: Ground) -> AsyncIterator[Case]:
    start, end = os.pipe()
    try:

        def say(lines: list[str]) -> None:
            os.write(end, "".join(f"{line}\n" for line in lines).encode())

        yield Case(lambda: StdinSource(StdinSourceSettings("stdin"), start), say, resumes=False)
    finally:
        os.close(start)
        os.close(end)


@asynccontextmanager
async def kubernetes_case(ground: Ground) -> AsyncIterator[Case]:
    folder = ground.folder
    (folder / "token").write_text("token-1")
    async with Cluster().serving() as cluster:
        settings = KubernetesSourceSettings(
            "kubernetes", pod="api-0", namespace="shop", api=cluster.address, token_file=str(folder / "token")
        )
        app = cluster.container("app")
        app.start()
        patience = Patience(first_s=0.005, longest_s=0.02, look_s=0.02, overlap_s=0.2)
        yield Case(lambda: KubernetesSource(settings, {}, patience), lambda lines: app.write(*lines), resumes=True)


@asynccontextmanager
async def kafka_case(ground: Ground) -> AsyncIterator[Case]:
    topic, address = fresh("logs"), ground.server.address
    ground.server.create_topic(topic)
    settings = KafkaSourceSettings("kafka", (address,), (topic,), group=topic, commit_every=timedelta(milliseconds=50))
    yield Case(
        lambda: source_of(settings), lambda lines: send(address, topic, [Sent(line.encode()) for line in lines]), resumes=True
    )


@asynccontextmanager
async def elasticsearch_case(ground: Ground) -> AsyncIterator[Case]:
    node, index = ground.server, fresh("logs")
    node.ask("PUT", f"/{index}", {"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
    settings = ElasticsearchSourceSettings(
        "elasticsearch", (node.address,), index, start_at="earliest", poll=timedelta(milliseconds=100)
    )
    times = itertools.count(time.time_ns() // 1_000_000)

    def say(lines: list[str]) -> None:
        index_documents(node, index, [{"@timestamp": next(times), "message": line} for line in lines])

    yield Case(lambda: source_of(settings), say, resumes=True)


SERVERS = {"kafka": "kafka_broker", "elasticsearch": "elasticsearch_node"}  # by kind, the fixture
POINT_SOURCES = {"k6", "scrape", "statsd"}  # they give metric points, no lines: see test_point_sources.py
CASES: dict[str, Callable[[Ground], AbstractAsyncContextManager[Case]]] = {
    "file": file_case,
    "stdin": stdin_case,
    "kubernetes": kubernetes_case,
    "kafka": kafka_case,
    "elasticsearch": elasticsearch_case,
}
