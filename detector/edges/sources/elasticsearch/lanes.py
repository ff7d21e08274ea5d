"""An index shard by shard: all first shards in one view, all second ones in another, read at the same time. Only so is it known
which shard a document is in, and only a shard's own numbers tell after a restart what had been handed over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from detector.edges.sources.elasticsearch.cluster import Cluster, Moved, View
from detector.edges.sources.elasticsearch.frontier import Place, place_of
from detector.edges.sources.elasticsearch.hits import Hit, in_order
from detector.edges.sources.elasticsearch.pages import MOST_PAGE_BYTES, Pages
from detector.edges.sources.elasticsearch.query import Query, counted, counting, query_of
from detector.settings import ElasticsearchSourceSettings

MOST_LANES = 1024  # the most shards that a cluster allows an index
LEAST_PAGE_BYTES = 256 << 10


class Lanes:
    """Open it, use it for one round, close it."""

    def __init__(self, cluster: Cluster, settings: ElasticsearchSourceSettings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._views: list[View] = []

    async def open(self) -> None:
        """Raises SinkError, as all that follows."""
        while len(self._views) < MOST_LANES:
            view = View(self._cluster, self._settings, len(self._views))
            await view.open()
            if not view.shards and self._views:
                return
            self._views.append(view)

    @property
    def is_empty(self) -> bool:
        """Whether no index matches."""
        return not any(view.shards for view in self._views)

    @property
    def was_missing(self) -> bool:
        """Whether there was no such index for a while."""
        return any(view.was_missing or not view.shards for view in self._views)

    async def close(self) -> None:
        await asyncio.gather(*(view.close() for view in self._views))

    async def counts(self, wanted: Query, width_ms: int) -> Mapping[int, int]:
        """How many documents there are in each `width_ms`, by its beginning."""
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": query_of(self._settings, wanted),
            "aggs": counting(self._settings.time_field, width_ms),
        }
        found: Counter[int] = Counter()
        for view in self._views:
            found.update(counted(await _sure(view, body)))
        return found

    async def total(self, wanted: Query) -> int:
        """How many documents there are."""
        body = {"size": 0, "track_total_hits": True, "query": query_of(self._settings, wanted)}
        answers = [await _sure(view, body) for view in self._views]
        return sum(int(answer["hits"]["total"]["value"]) for answer in answers)

    def pages(self, wanted: Query, size: int, source: bool | list[str] = True) -> MergedPages:
        """The documents in order."""
        query = query_of(self._settings, wanted)
        most_bytes = max(MOST_PAGE_BYTES // len(self._views), LEAST_PAGE_BYTES)  # together as much as one would bring
        return MergedPages([Pages(view, query, size, source, most_bytes) for view in self._views], self._settings.time_field)


class MergedPages:
    """Pages of several views as if they were one."""

    def __init__(self, pages: list[Pages], time_field: str) -> None:
        self._pages = pages
        self._time_field = time_field
        self._waiting: list[list[Hit]] = [[] for _ in pages]

    @property
    def is_over(self) -> bool:
        return all(pages.is_over for pages in self._pages) and not any(self._waiting)

    @property
    def until(self) -> Place:
        """All up to here was given out."""
        return min(pages.until for pages in self._pages)

    @property
    def plain(self) -> frozenset[int]:
        """Milliseconds that have too many documents to be put in order."""
        return frozenset(pages.plain_ms for pages in self._pages)

    async def next(self) -> list[Hit]:
        """As Pages; but the last document's millisecond may have been given out in part only up to `until`."""
        await self._read_on([at for at, waiting in enumerate(self._waiting) if not waiting])
        until, out = self.until, list[Hit]()
        for at, waiting in enumerate(self._waiting):
            ready = [hit for hit in waiting if place_of(hit) <= until]
            out += ready
            self._waiting[at] = [hit for hit in waiting if place_of(hit) > until] if len(ready) < len(waiting) else []
        if not out and any(self._waiting):
            return await self._further()
        return in_order(out, self._time_field, self.plain)

    async def _further(self) -> list[Hit]:
        """Nothing can be given out before the lane that is furthest behind has told more."""
        until = self.until
        await self._read_on([at for at, pages in enumerate(self._pages) if pages.until == until])
        return await self.next()

    async def _read_on(self, lanes: Sequence[int]) -> None:
        for at, hits in zip(lanes, await _together([self._pages[at] for at in lanes]), strict=True):
            self._waiting[at] += hits


async def _together(pages: Sequence[Pages]) -> list[list[Hit]]:
    """The next hits of each. When one fails, or we are cancelled, no other is left under way."""
    asked = [asyncio.ensure_future(each.next()) for each in pages]
    try:
        return await asyncio.gather(*asked)
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _sure(view: View, body: Query) -> Query:
    """An answer that does not depend on which view it is."""
    while True:
        try:
            return await view.search(body, has_documents=False)
        except Moved:
            continue
