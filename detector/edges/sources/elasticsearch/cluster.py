"""One conversation with a cluster: an index at a point in time, opened, searched and opened anew when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from detector.edges.elasticsearch.client import client, secrets, sink_error
from detector.edges.elasticsearch.library import ApiError, AsyncElasticsearch, SerializationError, Serializer, TransportError
from detector.errors import SinkError
from detector.settings import ElasticsearchSourceSettings

log = structlog.get_logger()

KEEP_ALIVE = "2m"
MOST_LOSSES = 3
SIZE = "_size"  # our own note in an answer: its bytes
_JSON = {"accept": "application/json", "content-type": "application/json"}
_NO_SEQ = "_seq_no cannot be queried"  # an index with index.disable_sequence_numbers, Elasticsearch 9.5
_NO_SHARDS = "invalid id: [null]"  # what OpenSearch says where a preference leaves no shard
_NO_SUCH_API = "no handler found"
_NO_INDEX = "matches no index that we may read"
_NO_ROOM = "circuit_breaking_exception"
_NUMBERS = re.compile(r"\d+")
_SAME_VIEW = frozenset({400, 401, 403, 413, 429})  # refusals that say nothing about the point in time


class Unreadable(SerializationError):
    """An answer that is too long, or that is no JSON: a document in it may be the reason."""

    is_long = False


class _TooLong(Unreadable):
    is_long = True


class Answers(Serializer):
    """JSON as clusters write it: documents stand in it as they were written, with what orjson refuses."""

    mimetype = "application/json"

    def loads(self, data: bytes) -> Any:
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError:
            try:
                answer = json.loads(data)
            except (ValueError, RecursionError) as error:
                raise Unreadable(f"no JSON: {error}") from error
        if isinstance(answer, dict):
            answer[SIZE] = len(data)
        return answer

    def dumps(self, data: Any) -> bytes:
        return data if isinstance(data, bytes) else orjson.dumps(data)


@dataclass(frozen=True, slots=True)
class Patience:
    """After a failure we wait `first_s`, then twice that and so on up to `longest_s`, `give_up_s` in all; None: for ever."""

    first_s: float = 0.5
    longest_s: float = 30.0
    give_up_s: float | None = None


class Cluster:
    """Asks until it is answered, or patience ends. What is wrong is said once, until it is something else or over."""

    def __init__(self, settings: ElasticsearchSourceSettings, patience: Patience, chance: Random | None = None) -> None:
        self._settings = settings
        self.patience = patience
        self._chance = chance or Random()
        self._client: AsyncElasticsearch | None = None
        self._said = ""
        self.problems: Mapping[str, str] = {}  # what is borne now

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """One try. Raises SinkError, ApiError or TransportError."""
        if self._client is None:
            self._client = client(self._settings, Answers())
        answer = await self._client.perform_request(method, path, headers=_JSON, body=None if body is None else dict(body))
        found: Mapping[str, Any] = answer.body
        return found

    async def close(self) -> None:
        if self._client is not None:
            connection, self._client = self._client, None
            await connection.close()

    def problem(self, error: BaseException) -> SinkError:
        """In words without secrets."""
        problem = sink_error(error, time.time_ns() // 1_000_000, secrets(self._settings))
        if _NO_SUCH_API not in str(problem):
            return problem
        other = "opensearch" if self._settings.flavor == "elasticsearch" else "elasticsearch"
        return SinkError(f"{problem} (is it `flavor: {other}`?)", retryable=problem.retryable, reason=problem.reason)

    async def bear(self, error: BaseException, tries: int, since: float) -> None:
        """Waits before the next try. Raises SinkError when patience is at its end."""
        problem = self.problem(error)
        if problem.reason == "authError":
            await self.close()  # its password may have been changed since
        give_up_s = self.patience.give_up_s
        if give_up_s is not None and (not problem.retryable or time.monotonic() - since >= give_up_s):
            raise problem from None
        self.problems = {self._settings.index: str(problem)}
        if self._said != (said := _NUMBERS.sub("", str(problem))):
            self._said = said
            log.warning("elasticsearch_refused", source=self._settings.name, index=self._settings.index, error=str(problem))
        pause_s = min(self.patience.first_s * 2.0 ** min(tries, 20), self.patience.longest_s)
        await asyncio.sleep(max(problem.retry_after_s or 0.0, pause_s * (0.5 + self._chance.random() / 2)))

    def settle(self) -> None:
        """It answers."""
        if self._said:
            log.info("elasticsearch_answers", source=self._settings.name, index=self._settings.index)
        self._said = ""
        self.problems = {}

    def miss(self) -> None:
        """It answers, and there is nothing to read: an index may come, and a name may be wrong."""
        if self.patience.give_up_s is not None:
            return
        self.problems = {self._settings.index: _NO_INDEX}
        if self._said != _NO_INDEX:
            self._said = _NO_INDEX
            log.warning("nothing_to_follow", source=self._settings.name, index=self._settings.index, error=_NO_INDEX)


class View:
    """The index as it is at one moment; with `shard` only the shards of that number. `generation` changes when it had to be
    opened anew: then it is a later moment. (A search cannot tell shards apart: it counts only those that it does not skip.)"""

    def __init__(self, cluster: Cluster, settings: ElasticsearchSourceSettings, shard: int | None = None) -> None:
        self._cluster = cluster
        self._is_elastic = settings.flavor == "elasticsearch"
        self._index = quote(settings.index, safe=",*")
        self.time_field = settings.time_field
        self.shard = shard
        self._id = ""
        self._losses = 0  # of it, in a row
        self.generation = 0
        self.shards = 0  # how many it has
        self.was_missing = False  # whether there was no such index, when it should have been opened
        self.has_seq = True  # whether documents are numbered, so that they can be sorted by that

    @property
    def order(self) -> list[Mapping[str, Any]]:
        """By time, then by the order in which a shard took documents in, else by their place in it."""
        when = {"order": "asc", "numeric_type": "date", "unmapped_type": "date", "missing": "_last"}
        if not self.has_seq:
            return [{self.time_field: when}, {"_shard_doc": {"order": "asc"}}]
        return [{self.time_field: when}, {"_seq_no": {"order": "asc", "unmapped_type": "long"}}]  # an index may hold nothing yet

    async def open(self) -> None:
        """Retries until patience ends. Raises SinkError."""
        tries, since = 0, time.monotonic()
        while not self._id:
            try:
                await self._open()
            except (ApiError, TransportError, SinkError) as error:
                self.was_missing |= isinstance(error, ApiError) and error.meta.status == 404
                await self._cluster.bear(error, tries, since)
                tries += 1

    async def search(self, body: Mapping[str, Any], *, has_documents: bool = True) -> Mapping[str, Any]:
        """Every shard's answer. Retries until patience ends. Raises Moved when the view had to be opened anew: the request must
        be made again for it; SinkError; and where documents may be the reason, Unreadable."""
        tries, since = 0, time.monotonic()
        while True:
            if not self._id:
                is_first = self.generation == 0
                await self.open()
                if not is_first:
                    raise Moved
            if not self.shards:
                return _NOTHING
            try:
                answer = await self._ask(body)
            except (ApiError, TransportError, SinkError) as error:
                if has_documents and isinstance(error, Unreadable):
                    raise
                if has_documents and _is_too_long(error):
                    raise _TooLong("the answer is too long") from error
                if isinstance(error, ApiError) and self._is_about_us(error):
                    self._losses += 1
                    if self._losses > MOST_LOSSES:
                        await self._cluster.bear(error, self._losses, since)
                    raise Moved from None
                await self._cluster.bear(error, tries, since)
                if has_documents and isinstance(error, ApiError) and _NO_ROOM in str(error.body):
                    raise _TooLong("the cluster has no room for the answer") from error
                tries += 1
            else:
                self._losses = 0
                self._cluster.settle()
                return answer

    async def close(self) -> None:
        """Lets go of it, if the cluster can hear that."""
        known, self._id = self._id, ""
        if not known or not self.shards:
            return
        path, body = ("/_pit", {"id": known}) if self._is_elastic else ("/_search/point_in_time", {"pit_id": [known]})
        with contextlib.suppress(ApiError, TransportError, SinkError, TimeoutError):
            async with asyncio.timeout(2):
                await self._cluster.ask("DELETE", path, body)

    async def _open(self) -> None:
        path = "_pit" if self._is_elastic else "_search/point_in_time"
        which = "" if self.shard is None else f"&preference=_shards:{self.shard}"
        try:
            answer = await self._cluster.ask("POST", f"/{self._index}/{path}?keep_alive={KEEP_ALIVE}{which}")
        except ApiError as error:
            if _NO_SHARDS not in str(error.body):
                raise
            answer = {"id": "none", "pit_id": "none", "_shards": {"total": 0}}
        with _understood():
            self.shards = int(answer["_shards"]["total"])
            self._id = str(answer["id"] if self._is_elastic else answer["pit_id"])
        self.generation += 1
        if self.shards or self.shard:  # only the first says whether there is any
            self._cluster.settle()
        else:
            self._cluster.miss()

    async def _ask(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        whole = {**body, "pit": {"id": self._id, "keep_alive": KEEP_ALIVE}}
        all_shards = "" if self.has_seq else "&pre_filter_shard_size=100000"  # skipped ones would change what `_shard_doc` is
        answer = await self._cluster.ask("POST", f"/_search?allow_partial_search_results=false{all_shards}", whole)
        with _understood():
            is_whole = not (answer.get("timed_out") or answer["_shards"]["failed"]) and isinstance(answer["hits"]["hits"], list)
        if not is_whole:
            self._id = ""
            raise TransportError("some shards did not answer")
        self._id = answer.get("pit_id", self._id)
        return answer

    def _is_about_us(self, error: ApiError) -> bool:
        """Whether it is the view, or the way it is sorted, that the refusal is about: then the next try is another request."""
        if self.has_seq and _NO_SEQ in str(error.body):
            self.has_seq = False
            return True
        if error.meta.status not in _SAME_VIEW:
            was_open, self._id = bool(self._id), ""
            return was_open and error.meta.status == 404
        return False


_NOTHING: Mapping[str, Any] = {
    "hits": {"total": {"value": 0}, "hits": []},
    "aggregations": {"times": {"buckets": []}},
    SIZE: 0,
}


class Moved(Exception):
    """The view is another one now."""


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """An answer without what every cluster says: a proxy, or another service, speaks in its place. Raises TransportError."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError):
        raise TransportError("the answer is none that Elasticsearch gives: is the address right, and the path in it?") from None


def _is_too_long(error: BaseException) -> bool:
    return isinstance(error, TransportError) and any("longer than" in str(each) for each in (error, error.__cause__))
