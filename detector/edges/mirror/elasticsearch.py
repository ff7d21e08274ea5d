"""The mirror in Elasticsearch or OpenSearch: a data stream a kind, documents with ids of their own, each in once.

Every document goes out as `create`: where it is in already, the answer is 409, and that is as good. So a batch whose answer was
lost is sent again without a thought.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any

from detector.edges.elasticsearch.client import client, secrets, sink_error, why
from detector.edges.elasticsearch.failures import harmless
from detector.edges.elasticsearch.library import ApiError, AsyncElasticsearch, NotFoundError, TransportError
from detector.edges.mirror.base import Document, Refused
from detector.edges.mirror.bulk import Line, Outcome, bulks, line_of, outcomes
from detector.edges.mirror.shapes import Observer, shape_of
from detector.edges.mirror.templates import KINDS, VERSION, stream_of, template_of
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings
from detector.telemetry import logger as log

# Elasticsearch refuses 100 MB, proxies in front of it much less; a few MB are as fast as it gets.
MOST_BULK_BYTES = 5 << 20
# Rounds in which the items that were told to wait go again, before the whole batch waits for longer.
ROUNDS = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_TOO_LARGE = 413
# What a proxy, or rights, answer to whoever may write documents and nothing else.
_NOT_FOR_US = (403, 404, 405)


class ElasticsearchMirror:
    """Implements `mirror.base.Mirror`. Holds one client, made anew when it was refused: the secret may have been rotated."""

    name = "elasticsearch"
    kinds = frozenset(KINDS)

    def __init__(self, settings: ElasticsearchSettings, instance: str, random: Random | None = None) -> None:
        self._settings = settings
        self._observer = Observer(instance, socket.gethostname())
        self._random = random or Random()
        self._client: AsyncElasticsearch | None = None
        self._has_templates = False

    async def open(self) -> None:
        """Makes what is missing of the index templates. Raises SinkError."""
        try:
            await self._put_templates(self._connected())
        except (ApiError, TransportError) as error:
            raise await self._trouble(error) from error

    async def take(self, documents: Sequence[Document]) -> Sequence[Refused]:
        """See Mirror."""
        if not self._has_templates:
            await self.open()
        lines, refused = await asyncio.to_thread(self._lines, documents)  # milliseconds that the loop would miss
        for bulk in bulks(lines, MOST_BULK_BYTES):
            refused += await self._send(bulk)
        return refused

    async def close(self) -> None:
        """May be called twice."""
        self._has_templates = False
        if self._client is not None:
            closing, self._client = self._client, None
            await closing.close()

    def _lines(self, documents: Iterable[Document]) -> tuple[list[Line], list[Refused]]:
        """What to send, and what has no shape: a row that another release wrote."""
        lines: list[Line] = []
        refused: list[Refused] = []
        for document in documents:
            try:
                shape = shape_of(document, self._observer)
                lines.append(line_of(document, stream_of(self._settings.prefix, document.kind), shape))
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                refused.append(Refused(document, f"no {document.kind} as this release knows it: {type(error).__name__}"))
        return lines, refused

    async def _send(self, bulk: Sequence[Line]) -> list[Refused]:
        """Until each line is in or refused, in a few rounds. Raises SinkError."""
        refused: list[Refused] = []
        waiting = bulk
        for pause_s in (*self._pauses(), None):
            answered = await self._ask(waiting)
            refused += [Refused(each.line.document, self._safe(each.reason)) for each in answered if each.is_refused]
            late = [each for each in answered if each.may_come_later]
            if not late:
                return refused
            if pause_s is None:
                text = f"{len(late)} documents were told to wait: {self._safe(late[0].reason)}"
                raise SinkError(text, retryable=True, reason=late[0].word)
            await asyncio.sleep(pause_s)
            waiting = [each.line for each in late]
        raise AssertionError("the last round returns or raises")

    def _pauses(self) -> Iterator[float]:
        for number in range(ROUNDS):
            yield min(FIRST_PAUSE_S * 2.0**number, LONGEST_PAUSE_S) * self._random.uniform(0.5, 1.0)

    async def _ask(self, lines: Sequence[Line]) -> list[Outcome]:
        """One request, or several where one was too large for something on the way. Raises SinkError."""
        texts: list[Any] = [each.text for each in lines]  # written already: the client passes them on as they are
        try:
            answer = await self._connected().bulk(
                operations=texts,
                require_data_stream=True if self._settings.flavor == "elasticsearch" else None,
                filter_path=["errors", "items.*.status", "items.*.error"],
            )
            return outcomes(lines, answer.body)
        except ApiError as error:
            if error.meta.status != _TOO_LARGE:
                raise await self._trouble(error) from error
            return await self._ask_in_halves(lines, error)
        except TransportError as error:
            raise await self._trouble(error) from error
        except SinkError as error:
            self._has_templates = False  # a stream may be gone with its template
            raise await self._trouble(error) from error

    async def _ask_in_halves(self, lines: Sequence[Line], error: ApiError) -> list[Outcome]:
        if len(lines) == 1:
            return [Outcome(lines[0], _TOO_LARGE, "", why(error))]
        half = len(lines) // 2
        return [*await self._ask(lines[:half]), *await self._ask(lines[half:])]

    def _connected(self) -> AsyncElasticsearch:
        if self._client is None:
            self._client = client(self._settings)
        return self._client

    async def _trouble(self, error: Exception) -> SinkError:
        """What to raise; after a refusal the next request reads the secrets again."""
        now_ms = int(time.time() * 1000)
        trouble = sink_error(error, now_ms, secrets(self._settings))
        if trouble.reason == "authError":
            await self.close()
        return trouble

    def _safe(self, reason: str) -> str:
        return harmless(reason, secrets(self._settings))

    async def _put_templates(self, cluster: AsyncElasticsearch) -> None:
        """Those that are missing or older. Where we may not look or write, somebody else has made them, or the first bulk says
        what is missing. Raises ApiError, TransportError."""
        for kind in KINDS:
            name = stream_of(self._settings.prefix, kind)
            body = template_of(self._settings.prefix, kind, self._settings.flavor)
            try:
                if await _version(cluster, name) < VERSION:
                    await cluster.indices.put_index_template(name=name, body=body)
                    log.info("template_put", name=name, version=VERSION)
            except ApiError as error:
                if error.meta.status not in _NOT_FOR_US:
                    raise
                log.warning("template_not_put", name=name, problem=why(error, secrets(self._settings)))
        self._has_templates = True


async def _version(cluster: AsyncElasticsearch, name: str) -> int:
    """Of the template that is there; 0 when there is none. Raises ApiError, TransportError."""
    try:
        answer = await cluster.indices.get_index_template(name=name, filter_path="index_templates.index_template.version")
    except NotFoundError:
        return 0
    match answer.body:
        case {"index_templates": [{"index_template": {"version": int(version)}}, *_]}:
            return version
    return 0
