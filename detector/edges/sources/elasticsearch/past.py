"""An index as it is now, for `replay --elasticsearch`: every document once, in the order of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from detector.edges.sources.elasticsearch.batches import batches_of, last_batch, stream_of
from detector.edges.sources.elasticsearch.cluster import Cluster, Patience
from detector.edges.sources.elasticsearch.lanes import Lanes
from detector.edges.sources.elasticsearch.query import Query, between
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
    """One index, read once, its shards at the same time."""

    def __init__(self, settings: ElasticsearchSourceSettings, span: Span, patience: Patience = PATIENT) -> None:
        self._settings = settings
        self._span = span
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
        lanes = Lanes(cluster, settings)
        try:
            self.total = await self._count(lanes)
            cluster.patience = self._patience
            pages = lanes.pages(self._wanted(), settings.page)
            while hits := await pages.next():
                for batch in batches_of(hits, offset, stream, settings, _now_ms()):
                    yield batch
                offset += len(hits)
            yield last_batch(stream, offset, _now_ms())
        except SinkError as problem:
            what = f"after {offset:,} documents: {problem}" if offset else str(problem)
            raise NoSuchInput(f"{settings.index}: {what}") from None
        finally:
            await lanes.close()
            await cluster.close()

    async def _count(self, lanes: Lanes) -> int:
        """How many there are. Raises SinkError also where no index matches."""
        await lanes.open()
        if lanes.is_empty:
            raise SinkError("no index matches", retryable=False, reason="clientError")
        return await lanes.total(self._wanted())

    def _wanted(self) -> Query:
        span = self._span
        if span.since_ms is None and span.until_ms is None:
            return {"match_all": {}}
        return between(self._settings.time_field, span.since_ms, span.until_ms)


async def _next(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)


async def _close(batches: AsyncIterator[Batch]) -> None:
    if (close := getattr(batches, "aclose", None)) is not None:
        await close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
