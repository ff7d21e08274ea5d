"""All documents that a query finds, in order, a page at a time; nothing twice and nothing left out when the view is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.edges.sources.elasticsearch.cluster import SIZE, Moved, Unreadable, View
from detector.edges.sources.elasticsearch.frontier import END_OF_TIME, Place
from detector.edges.sources.elasticsearch.hits import NO_TIME, Hit, hits_of, in_order
from detector.edges.sources.elasticsearch.query import Query

MOST_PAGE_BYTES = 4 << 20  # a page is made smaller when answers are longer
MOST_OF_ONE_TIME = 5_000  # documents of one millisecond that are put in order together
FIRST_PAGE = 200  # documents, as long as we do not know how large they are
_MOST = 10_000  # index.max_result_window
_LARGEST = (1 << 63) - 1
_AS_THE_SERVER_WRITES = {"excludes": ["\u0001"]}  # makes it write documents itself, without what only its own reader takes


class Pages:
    """`source`: what to bring of documents, True for all."""

    def __init__(
        self, view: View, query: Query, size: int, source: bool | list[str] = True, most_bytes: int = MOST_PAGE_BYTES
    ) -> None:
        self._view = view
        self._query = query
        self._most = size
        self._most_bytes = most_bytes
        self._size = min(size, FIRST_PAGE)
        self._source: bool | list[str] | Mapping[str, list[str]] = source
        self._last: Hit | None = None
        self._generation = 0
        self._seen: set[int] = set()  # the documents that stand at the same place as the last one
        self._held: list[Hit] = []
        self.plain_ms = -1  # a millisecond with too many documents, which stay as they come
        self.is_over = False

    @property
    def until(self) -> Place:
        """All up to here was given out."""
        if self.is_over:
            return NO_TIME, END_OF_TIME
        if not self._held and self.plain_ms >= 0:
            assert self._last is not None
            if not self._view.has_seq:
                return self.plain_ms - 1, END_OF_TIME
            return self.plain_ms, self._last.seq - 1  # others of the last one's number may follow
        return (self._held[-1].at[0] - 1, END_OF_TIME) if self._held else (-1, END_OF_TIME)

    async def next(self) -> list[Hit]:
        """The documents that follow, each millisecond's in order and, unless it has too many, whole. None left: an empty list.
        Raises SinkError."""
        while not self.is_over:
            hits = self._held + await self._page()
            self._held = []
            if not hits:
                return []
            last_ms = hits[-1].at[0]
            if self.is_over:
                break
            whole = next(at for at, hit in enumerate(hits) if hit.at[0] == last_ms)
            if not whole and (len(hits) >= MOST_OF_ONE_TIME or self.plain_ms == last_ms):
                self.plain_ms = last_ms
                return hits
            self._held = hits[whole:]
            if whole:
                hits = hits[:whole]
                break
        else:
            return []
        return in_order(hits, self._view.time_field, (self.plain_ms,))

    async def _page(self) -> list[Hit]:
        """One request's documents, by time and sequence number."""
        fresh: list[Hit] = []
        while not fresh and not self.is_over:
            size, answer = await self._answer()
            self._generation = self._view.generation
            hits = hits_of(answer, self._view.has_seq, self._view.shard)
            self.is_over = len(hits) < size
            fresh = [hit for hit in hits if hit.number not in self._seen]
            if hits:
                self._note(hits)
        return fresh

    def _note(self, hits: list[Hit]) -> None:
        last = hits[-1]
        before = self._seen if self._last is not None and self._last.at == last.at else set()
        self._seen = before | {hit.number for hit in hits if hit.at == last.at}
        self._last = last

    async def _answer(self) -> tuple[int, Mapping[str, Any]]:
        """How many documents were asked for, and the answer. A document that makes an answer unreadable is asked for as the
        server itself writes it, then alone, at last without what it holds."""
        source = self._source
        while True:
            size = self._size if self._knows_place else min(self._size + len(self._seen), _MOST)
            try:
                answer = await self._view.search(self._body(size, source), has_documents=size > 1 or source is not False)
            except Moved:
                continue
            except Unreadable as error:
                source = self._smaller(source, error)
                continue
            self._adapt(size, answer[SIZE])
            return size, answer

    def _smaller(self, source: Any, error: Unreadable) -> Any:
        if not error.is_long and source is True:
            return _AS_THE_SERVER_WRITES
        if self._size > 1:
            self._size = max(1, self._size // 8)
            return source
        return False

    def _adapt(self, size: int, answer_bytes: int) -> None:
        if answer_bytes > self._most_bytes:
            self._size = max(1, size * self._most_bytes // answer_bytes)
        elif answer_bytes < self._most_bytes // 2:
            self._size = min(self._most, 2 * self._size)

    def _body(self, size: int, source: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "size": size,
            "query": self._query,
            "sort": self._view.order,
            "_source": source,
            "seq_no_primary_term": True,
            "track_total_hits": False,
        }
        if self._last is not None:
            body["search_after"] = self._after(self._last)
        return body

    @property
    def _knows_place(self) -> bool:
        """Whether nothing but what follows the last document comes next. Where its place in the order may be that of others too,
        what stands there is read again, and left out because it was seen."""
        last, view = self._last, self._view
        return last is None or (last.tie is not None and not view.has_seq and view.generation == self._generation)

    def _after(self, last: Hit) -> list[int]:
        if self._knows_place:
            return [last.at[0], last.tie or 0]
        if self._view.has_seq and len(last.at) == 2:
            return [last.at[0], last.at[1] - 1]
        return [last.at[0] - 1, _LARGEST]
