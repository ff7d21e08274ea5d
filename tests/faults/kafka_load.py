"""Writes to a topic while brokers and daemons live and die: noise, and planted failures, one record or three each."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Sequence

from aiokafka import AIOKafkaProducer

from tests.acceptance.planter import HEADER, NOISE

PAUSE_S = 0.01
PATIENCE_MS = 90_000  # longer than any broker of these tests is away


class Load:
    """`planted` holds what brokers have acknowledged; what was refused or timed out is an error at the end, so that nothing is
    in doubt. A thread of its own, for one `with`."""

    def __init__(self, address: str, topic: str, partitions: int = 1, seed: int = 1, share: float = 0.08) -> None:
        self.topic = topic
        self.planted: set[str] = set()
        self.records = 0
        self._address = address
        self._partitions = partitions
        self._random = random.Random(seed)
        self._share = share
        self._number = 0
        self._stop = threading.Event()
        self._problem: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, problem: object, *args: object) -> None:
        self._stop.set()
        if problem is None:
            self._until_acknowledged()

    def _until_acknowledged(self) -> None:
        self._thread.join(PATIENCE_MS / 1000 + 30)
        if self._problem is not None:
            raise self._problem

    def wait_for_more(self, count: int, timeout_s: float = 60) -> None:
        """Until so many more failures were planted."""
        with self._changed:
            wanted = len(self.planted) + count
            assert self._changed.wait_for(lambda: len(self.planted) >= wanted or self._problem, timeout_s), "nothing is written"

    async def _run(self) -> None:
        try:
            async with _producer(self._address) as producer:
                waiting: set[asyncio.Task[None]] = set()
                while not self._stop.is_set():
                    waiting.add(await self._step(producer))
                    await asyncio.sleep(PAUSE_S)
                    done = {task for task in waiting if task.done()}
                    waiting -= done
                    await asyncio.gather(*done)
                await asyncio.gather(*waiting)
        except BaseException as error:
            self._problem = error

    async def _step(self, producer: AIOKafkaProducer) -> asyncio.Task[None]:
        """Some noise and perhaps a failure in the midst of it, in one partition, in a row. The task ends with their
        acknowledgement."""
        partition = self._random.randrange(self._partitions)
        self._number += 1
        values = [NOISE.format(n=self._number * 100 + n).encode().rstrip() for n in range(8)]
        name = ""
        if self._random.random() < self._share:
            name = f"planted.K{self._number:05d}"
            values[4:4] = failure(name, in_one_record=self._random.random() < 0.5)
        sent = [await producer.send(self.topic, value, partition=partition) for value in values]
        return asyncio.ensure_future(self._noted(sent, name))

    async def _noted(self, sent: Sequence[Awaitable[object]], name: str) -> None:
        await asyncio.gather(*sent)
        with self._changed:
            self.records += len(sent)
            if name:
                self.planted.add(name)
            self._changed.notify_all()


def failure(name: str, *, in_one_record: bool) -> list[bytes]:
    """A stack trace that names a missing class, as records."""
    text = f"{HEADER.format(n=0)}java.lang.ClassNotFoundException: {name}\n\tat java.base/java.lang.Class.forName0(Native Method)"
    return [text.encode()] if in_one_record else [line.encode() for line in text.split("\n")]


def write_records(address: str, topic: str, values: Sequence[bytes], partition: int = 0) -> None:
    """Returns when all are acknowledged."""

    async def write() -> None:
        async with _producer(address) as producer:
            for sent in [await producer.send(topic, value, partition=partition) for value in values]:
                await sent

    asyncio.run(write())


def _producer(address: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=address,
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        request_timeout_ms=PATIENCE_MS,
        retry_backoff_ms=100,
        metadata_max_age_ms=2_000,
    )
