"""Shared documents in one plain index of Elasticsearch: what daemons agree on, and what they learn for each other.

`if_seq_no` and `if_primary_term` let one writer of a version win
(https://www.elastic.co/docs/reference/elasticsearch/rest-apis/optimistic-concurrency-control). Reads by id see the last write;
a search may lag behind by a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from detector.edges.elasticsearch.client import client, secrets, sink_error
from detector.edges.elasticsearch.failures import reason_of
from detector.edges.elasticsearch.library import (
    ApiError,
    AsyncElasticsearch,
    BadRequestError,
    ConflictError,
    NotFoundError,
    TransportError,
)
from detector.edges.mirror.documents import Body, Conflict, Version, Versioned, Write
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings

T = TypeVar("T")

_SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "1s"}


class SharedDocuments:
    """Implements `mirror.documents.Documents`. `fields` are those that can be searched; all others are only kept, so that a name
    out of a log never becomes a field. The index is made with the first write; `close` lets go of the connection."""

    def __init__(self, settings: ElasticsearchSettings, name: str, fields: Mapping[str, str]) -> None:
        """`name` comes after the prefix. Touches no network."""
        self.index = f"{settings.prefix}-{name}"
        self._settings = settings
        self._mappings = {"dynamic": False, "properties": {field: {"type": kind} for field, kind in fields.items()}}
        self._client: AsyncElasticsearch | None = None
        self._is_there = False
        self._making = asyncio.Lock()

    async def close(self) -> None:
        """May be called twice; the next question opens a new connection."""
        gone, self._client = self._client, None
        if gone is not None:
            await gone.close()

    async def prepare(self) -> None:
        """Makes the index, so that the first alert need not wait for it. Raises SinkError."""
        await self._make()

    async def get(self, id: str) -> Versioned | None:
        return (await self.get_many([id]))[0]

    async def get_many(self, ids: Sequence[str]) -> list[Versioned | None]:
        if not ids:
            return []
        answer = await self._ask(lambda es: es.mget(index=self.index, ids=list(ids)))
        return self._read(lambda: [self._versioned(each) for _, each in zip(ids, answer["docs"], strict=True)])

    async def put(self, id: str, body: Body, expected: Version | None) -> Version:
        await self._make()
        try:
            answer = await self._ask(lambda es: es.index(index=self.index, id=id, document=dict(body), **_condition(expected)))
        except ConflictError:
            raise Conflict(id) from None
        return self._read(lambda: _version(answer))

    async def put_many(self, writes: Sequence[Write]) -> list[bool]:
        if not writes:
            return []
        await self._make()
        operations: list[Mapping[str, Any]] = []
        for write in writes:
            verb = "index" if write.expected is not None else "create"
            operations += [{verb: {"_id": write.id, **_bulk_condition(write.expected)}}, write.body]
        answer = await self._ask(lambda es: es.bulk(index=self.index, operations=operations))
        items = self._read(lambda: [next(iter(item.values())) for _, item in zip(writes, answer["items"], strict=True)])
        return self._read(lambda: [self._was_put(item) for item in items])

    async def untouched(self, states: Sequence[str], before_ms: int, limit: int) -> list[tuple[str, Versioned]]:
        wanted = [{"terms": {"state": list(states)}}, {"range": {"touched_ms": {"lt": before_ms, "format": "epoch_millis"}}}]
        return await self.search({"bool": {"filter": wanted}}, "touched_ms", limit)

    async def search(
        self, query: Mapping[str, Any], order: str, limit: int, *, is_last_first: bool = False
    ) -> list[tuple[str, Versioned]]:
        """Documents that match, by the field `order`, a date."""
        answer = await self._ask(
            lambda es: es.search(
                index=self.index,
                query=query,
                sort=[{order: {"order": "desc" if is_last_first else "asc", "unmapped_type": "date"}}],
                size=limit,
                seq_no_primary_term=True,
                ignore_unavailable=True,
            )
        )
        return self._read(lambda: [(hit["_id"], Versioned(hit["_source"], _version(hit))) for hit in answer["hits"]["hits"]])

    async def delete(self, id: str, expected: Version) -> None:
        try:
            await self._ask(lambda es: es.delete(index=self.index, id=id, **_condition(expected)))
        except (ConflictError, NotFoundError):
            raise Conflict(id) from None

    # -- how --------------------------------------------------------------------------------------------------------------

    async def _make(self) -> None:
        """The index with our mapping, once: a cluster that makes it by itself would guess."""
        async with self._making:
            if self._is_there or await self._ask(lambda es: es.indices.exists(index=self.index)):
                self._is_there = True
                return
            with contextlib.suppress(BadRequestError):  # somebody else was faster, as it should be with a hundred daemons
                await self._ask(
                    lambda es: es.indices.create(index=self.index, mappings=self._mappings, settings=_SETTINGS), silent=(400,)
                )
            self._is_there = True

    async def _ask(self, question: Callable[[AsyncElasticsearch], Awaitable[Any]], silent: Sequence[int] = ()) -> Any:
        """Raises SinkError, and what of the cluster's refusals means something to the caller."""
        if self._client is None:
            self._client = client(self._settings)
        try:
            return (await question(self._client)).body
        except (ConflictError, NotFoundError) as error:
            if isinstance(error, NotFoundError) and _is_index_missing(error):
                self._is_there = False
                raise self._said(error) from error
            raise
        except (ApiError, TransportError) as error:
            if isinstance(error, ApiError) and error.meta.status in silent:
                raise
            if isinstance(error, ApiError) and error.meta.status in (401, 403):
                await self.close()  # a password that was changed is read again
            raise self._said(error) from error

    def _said(self, error: BaseException) -> SinkError:
        return sink_error(error, int(time.time() * 1000), secrets(self._settings))

    def _read(self, read: Callable[[], T]) -> T:
        """What an answer says. Raises SinkError where it is none that a cluster gives: a proxy may speak in its place."""
        try:
            return read()
        except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
            said = f"{self.index}: the answer is none that Elasticsearch gives"
            raise SinkError(said, retryable=True, reason="serverError") from error

    def _versioned(self, found: Mapping[str, Any]) -> Versioned | None:
        """An index that is gone holds no document; one that cannot be read now may."""
        if (cause := found.get("error")) is not None:
            if cause.get("type") != "index_not_found_exception":
                raise self._refused(cause)
            self._is_there = False
        return Versioned(dict(found["_source"]), _version(found)) if found.get("found") else None

    def _refused(self, cause: Mapping[str, Any]) -> SinkError:
        return SinkError(f"{self.index}: {reason_of(cause)}", retryable=True, reason="serverError")

    def _was_put(self, item: Mapping[str, Any]) -> bool:
        if item["status"] == 409:
            return False
        if item["status"] >= 300:
            raise self._refused(item.get("error", {}))
        return True


def _condition(expected: Version | None) -> dict[str, Any]:
    if expected is None:
        return {"op_type": "create"}
    return {"if_seq_no": expected.seq_no, "if_primary_term": expected.primary_term}


def _bulk_condition(expected: Version | None) -> dict[str, Any]:
    return {} if expected is None else _condition(expected)


def _version(found: Mapping[str, Any]) -> Version:
    return Version(int(found["_seq_no"]), int(found["_primary_term"]))


def _is_index_missing(error: NotFoundError) -> bool:
    return "index_not_found" in str(error.body)
