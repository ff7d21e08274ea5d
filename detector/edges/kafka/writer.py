"""Writes records to topics: each is in, acknowledged by every replica in step, before `write` returns.

The producer is idempotent, so that what it tries again by itself stands once in the topic. It is thrown away after every trouble:
a record that was refused leaves a gap in its sequence which a broker takes for lost data, rotated passwords are read anew, and
nothing of an attempt that was reported as failed may arrive later, behind what was sent after it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer, errors

from detector.edges.kafka.connection import connection
from detector.edges.kafka.no_new_topics import make_no_topics
from detector.edges.kafka.reaching import most_telling, refusals
from detector.edges.kafka.unwritten import REFUSALS, unwritten
from detector.edges.kafka.why import why
from detector.errors import NoCredential, SinkError
from detector.settings import KafkaSinkSettings

# Rises when a field of what is written is renamed, retyped or left out: not within a major release.
SCHEMA_VERSION = b"1"
# Of the time an attempt has: a request may take half, all of them most, and asking why it failed what is left.
_REQUEST_SHARE = 0.5
_WRITE_SHARE = 0.8
_LONGEST_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Written:
    """A record as it is to stand in the topic."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    time_ms: int


def headers_of(kind: str) -> tuple[tuple[str, bytes], ...]:
    """What every record says of itself: `kind` is incident, finding or verdict."""
    return (("content-type", b"application/json"), ("trimwatch-kind", kind.encode()), ("trimwatch-schema", SCHEMA_VERSION))


class Writer:
    """One producer at a time, made by the first `write` that needs it. `write` may be cancelled at any time."""

    def __init__(self, settings: KafkaSinkSettings) -> None:
        self._settings = settings
        self._timeout_s = settings.timeout.total_seconds()
        self._producer: AIOKafkaProducer | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def write(self, records: Sequence[Written]) -> list[str | None]:
        """For each record None, it is in, or why the topic will never take it. Raises SinkError where it is not known that all
        others are in."""
        async with self._turn:
            said = await self._attempt(records)
            if len(records) == 1 or not any(said):
                return said
            # A batch is refused whole: which of its records was too large shows when each comes alone.
            return [one and (await self._attempt([record]))[0] for record, one in zip(records, said, strict=True)]

    async def close(self) -> None:
        """Lets go of the connections. May be called twice, and before `write`."""
        self._let_go()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=_LONGEST_CLOSE_S)

    async def _attempt(self, records: Sequence[Written]) -> list[str | None]:
        is_well = False
        try:
            async with asyncio.timeout(self._timeout_s * _WRITE_SHARE):
                said = await self._written(await self._started(), records)
            is_well = not any(said)
            return said
        except Exception as error:  # aiokafka lets through what a stranger on that port provokes
            raise await self._reason(error, records) from None
        finally:
            if not is_well:
                self._let_go()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            arguments = await asyncio.to_thread(connection, self._settings)
            request_ms = max(1, round(self._timeout_s * _REQUEST_SHARE * 1000))
            self._producer = AIOKafkaProducer(
                **arguments | {"request_timeout_ms": request_ms}, acks="all", enable_idempotence=True
            )
            make_no_topics(self._producer.client)
            await self._producer.start()
        return self._producer

    async def _written(self, producer: AIOKafkaProducer, records: Sequence[Written]) -> list[str | None]:
        results = [await _handed_over(producer, record) for record in records]
        pending = [result for result in results if isinstance(result, asyncio.Future)]
        if pending:
            await asyncio.wait(pending)
        return [_refusal(result) for result in results]

    async def _reason(self, error: Exception, records: Sequence[Written]) -> SinkError:
        """What is known of the error, or what brokers say when they are asked one by one."""
        topics = ", ".join(sorted({record.topic for record in records}))
        if isinstance(error, NoCredential):
            return unwritten(error, str(error))
        if not isinstance(error, TimeoutError | errors.KafkaConnectionError | errors.NodeNotReadyError | errors.StaleMetadata):
            return unwritten(error, f"topic {topics}: {why(error)}")
        with contextlib.suppress(NoCredential, TimeoutError):
            async with asyncio.timeout(self._timeout_s * (1 - _WRITE_SHARE)):
                refused = await refusals(self._settings)
            if refused:
                said = "; ".join(f"{server}: {why(reason)}" for server, reason in refused.items())
                return unwritten(most_telling(list(refused.values())), said)
        servers = ", ".join(self._settings.servers)
        return unwritten(TimeoutError(), f"{servers}: topic {topics}: no answer within {self._timeout_s:g} s")

    def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            leaving = asyncio.create_task(_abandon(producer), name=f"kafka:{self._settings.name}:abandon")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._left)

    def _left(self, leaving: asyncio.Task[None]) -> None:
        self._leaving.discard(leaving)
        if not leaving.cancelled():
            leaving.exception()


async def _handed_over(producer: AIOKafkaProducer, record: Written) -> asyncio.Future[object] | str:
    try:
        taken: asyncio.Future[object] = await producer.send(
            record.topic, record.value, record.key, timestamp_ms=record.time_ms, headers=list(record.headers)
        )
    except REFUSALS as error:
        return why(error)
    return taken


def _refusal(result: asyncio.Future[object] | str) -> str | None:
    """Raises what went wrong otherwise."""
    if isinstance(result, str):
        return result
    try:
        result.result()
    except REFUSALS as error:
        return why(error)
    return None


async def _abandon(producer: AIOKafkaProducer) -> None:
    """aiokafka's own `stop` waits for what an idempotent producer tries again without end; its sender ends at the first
    cancellation, the request it waits for at the next."""
    producer._closed = True
    sender = producer._sender.sender_task
    async with asyncio.timeout(_LONGEST_CLOSE_S):
        while sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait([sender], timeout=0.01)
        await producer.client.close()
