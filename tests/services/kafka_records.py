"""Writes records to a real topic, in batches of the test's choosing, with any codec, inside transactions or not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from aiokafka import AIOKafkaProducer
from aiokafka.conn import create_conn
from aiokafka.protocol.produce import ProduceRequest

_MOST = 64 << 20
Codec = Literal["gzip", "snappy", "lz4", "zstd"] | None


@dataclass(frozen=True)
class Sent:
    """A record to send. `time_ms` None: now."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    time_ms: int | None = None
    partition: int = 0


def send(
    address: str,
    topic: str,
    records: Sequence[Sent],
    codec: Codec = None,
    transaction: str | None = None,
    *,
    aborts: bool = False,
) -> None:
    """Returns when brokers have them; each partition's in one batch. Also callable inside a running loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _send(address, topic, records, codec, transaction, aborts)).result()


def produce(address: str, topic: str, batch: bytes) -> None:
    """Writes a record batch as it is to the first partition, whose leader is the one broker. Outside of a running loop."""
    asyncio.run(_produce(address, topic, batch))


async def _produce(address: str, topic: str, batch: bytes) -> None:
    host, _, port = address.rpartition(":")
    link = await create_conn(host, int(port), client_id="raw")
    try:
        answer = await link.send(ProduceRequest(None, -1, 10_000, [(topic, [(0, batch)])]))
        assert answer.topics[0][1][0][1] == 0
    finally:
        link.close()


async def _send(address: str, topic: str, records: Sequence[Sent], codec: Codec, transaction: str | None, aborts: bool) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=address,
        compression_type=codec,
        transactional_id=transaction,
        max_request_size=_MOST,
        max_batch_size=_MOST,
    )
    await producer.start()
    try:
        if transaction is not None:
            await producer.begin_transaction()
        for partition in sorted({record.partition for record in records}):
            batch = producer.create_batch()
            for record in records:
                if record.partition == partition:
                    row = {"key": record.key, "value": record.value, "headers": list(record.headers)}
                    assert batch.append(timestamp=record.time_ms, **row) is not None
            await (await producer.send_batch(batch, topic, partition=partition))
        if transaction is not None:
            await (producer.abort_transaction() if aborts else producer.commit_transaction())
    finally:
        await producer.stop()
