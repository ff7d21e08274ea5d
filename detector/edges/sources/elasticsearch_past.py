"""An index as it is now, for `replay --elasticsearch`: every document once, in the order of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from detector.edges.sources.elasticsearch_batches import batches_of, last_batch, stream_of
from detector.edges.sources.elasticsearch_cluster import Cluster, Patience, View
from detector.edges.sources.elasticsearch_pages import Pages
from detector.edges.sources.elasticsearch_query import Query, between, query_of
from detector.errors import NoSuchInput, SinkError
from detector.records import Batch
from detector.settings import ElasticsearchSourceSettings

PATIENT = Patience(give_up_s=180.0)  # in the middle: a node that is restarted comes back
HASTY = Patience(give_up_s=0.0)  # at the beginning: it is the address that is wrong


@dataclass(frozen=True, slots=True)
class Span:
    """Which documents: from `since_ms` on, before `until_ms`; None: no bound. Documents without a time are read at the end, where
    there is no bound."""

    since_ms: int | None = None
    until_ms: int | None = None


class PastIndex:
    """One index, read once. `slices`: so many readers at once."""

    def __init__(self, settings: ElasticsearchSourceSettings, span: Span, slices: int = 1, patience: Patience = PATIENT) -> None:
        self._settings = settings
        self._span = span
        self._slices = slices
        self._patience = patience
        self.total: int | None = None

    def batches(self) -> Iterator[Batch]:
        """For a caller without an event loop. Raises NoSuchInput, in words, when it cannot be read, or not to its end."""
        batches = self.read()
        with asyncio.Runner() as runner:
            try:
                while (batch := runner.run(_next(batches))) is not None:
                    yield batch
            finally:
                runner.run(_close(batches))

    async def read(self) -> AsyncIterator[Batch]:
        """As `batches`."""
        settings, offset = self._settings, 0
        stream = stream_of(settings)
        cluster = Cluster(settings, HASTY)
        view = View(cluster, settings)
        try:
            self.total = await self._count(cluster, view)
            cluster.patience = self._patience
            pages = Pages(view, self._query(), settings.page)
            while hits := await pages.next():
                for batch in batches_of(hits, offset, stream, settings, _now_ms()):
                    yield batch
                offset += len(hits)
            yield last_batch(stream, offset, _now_ms())
        except SinkError as problem:
            what = f"after {offset:,} documents: {problem}" if offset else str(problem)
            raise NoSuchInput(f"{settings.index}: {what}") from None
        finally:
            await view.close()
            await cluster.close()

    async def _count(self, cluster: Cluster, view: View) -> int:
        """How many there are. Raises SinkError also where no index matches."""
        answer = await view.search({"size": 0, "track_total_hits": True, "query": self._query()}, has_documents=False)
        if not view.shards:
            raise SinkError("no index matches", retryable=False, reason="clientError")
        return int(answer["hits"]["total"]["value"])

    def _query(self) -> Query:
        span, field = self._span, self._settings.time_field
        if span.since_ms is None and span.until_ms is None:
            return query_of(self._settings)
        return query_of(self._settings, between(field, span.since_ms, span.until_ms))


async def _next(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)


async def _close(batches: AsyncIterator[Batch]) -> None:
    if (close := getattr(batches, "aclose", None)) is not None:
        await close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
