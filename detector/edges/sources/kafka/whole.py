"""Whole record batches out of aiokafka's fetcher, without an object a record. The one file that knows aiokafka's insides.

`Fetcher._proc_fetch_request` looks two classes up among the globals of its module and gives what the second one iterates to
`getmany`. One consumer gets that function with other globals, everybody else keeps the module as it is. Where the names have
moved, `give_whole` says so and the public path serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Callable, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher as module
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import calc_crc32c

from detector.edges.sources.kafka.codecs import Refused
from detector.edges.sources.kafka.legacy import rows_of
from detector.edges.sources.kafka.wire import BEFORE_LENGTH, CRC_FROM, HEADER_SIZE, MAGIC_AT, Header, header_at
from detector.records import record

_NAMES = {"MemoryRecords", "PartitionRecords"}
_NEVER_S = 1e9
_CLOSE_S = 2.0


@record
class Whole:
    """What lies between the positions `offset` and `next_offset` of a partition: a record batch as it came (`data`), its records
    (`rows`, of an older format), a `problem`, or nothing that is for us (control batches, aborted transactions)."""

    offset: int
    next_offset: int
    header: Header | None = None
    data: bytes = b""
    rows: tuple[Any, ...] = ()
    problem: str = ""


def give_whole(consumer: AIOKafkaConsumer) -> bool:
    """Makes `getmany` of a started consumer give Whole in place of records. False when this aiokafka does it another way."""
    fetcher: Any = getattr(consumer, "_fetcher", None)
    method = getattr(type(fetcher), "_proc_fetch_request", None)
    code = getattr(method, "__code__", None)
    if code is None or not _NAMES.issubset(code.co_names) or code.co_freevars or not _is_known():
        return False
    names = {**vars(module), "MemoryRecords": WholeBatches, "PartitionRecords": WholeRecords}
    fetcher._proc_fetch_request = types.MethodType(types.FunctionType(code, names), fetcher)
    return True


def _is_known() -> bool:
    base = getattr(module, "PartitionRecords", None)
    wanted = ("_unpack_records", "_consume_aborted_up_to", "_contains_abort_marker")
    return all(hasattr(base, name) for name in wanted)


class WholeBatches:
    """In place of aiokafka's MemoryRecords: the record batches of one partition's answer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = self._end = 0

    def size_in_bytes(self) -> int:
        return len(self._data)

    def has_next(self) -> bool:
        """Whether another whole one lies there: the last may be cut off."""
        at = self._at
        length = int.from_bytes(self._data[at + 8 : at + BEFORE_LENGTH], "big", signed=True)
        self._end = at + BEFORE_LENGTH + length
        return length > MAGIC_AT - BEFORE_LENGTH and self._end <= len(self._data)

    def next_batch(self) -> bytes:
        """To be called after `has_next`."""
        taken, self._at = self._data[self._at : self._end], self._end
        return taken


class WholeRecords(module.PartitionRecords):  # type: ignore[misc]
    """In place of aiokafka's PartitionRecords: yields Whole. Transactions are followed by what it inherits."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Whole]:
        while self._records.has_next():
            data = self._records.next_batch()
            yield self._whole(data) if data[MAGIC_AT] >= 2 else self._legacy(data)

    def _whole(self, data: bytes) -> Whole:
        offset = self.next_fetch_offset
        header = header_at(data, 0) if len(data) >= HEADER_SIZE else None
        if header is None or calc_crc32c(memoryview(data)[CRC_FROM:]) != header.crc:
            base = int.from_bytes(data[:8], "big", signed=True)
            self.next_fetch_offset = max(offset, base) + 1 if header is None else max(offset + 1, header.next_offset)
            return Whole(offset, self.next_fetch_offset, problem="checksum is wrong", data=data[:1024])
        if header.next_offset <= offset:
            return Whole(offset, offset)
        self.next_fetch_offset = header.next_offset
        if self._is_left_out(header, data):
            return Whole(offset, header.next_offset)
        return Whole(offset, header.next_offset, header, data)

    def _is_left_out(self, header: Header, data: bytes) -> bool:
        if header.is_ordinary:
            return False
        if self._isolation_level != module.READ_COMMITTED:
            return header.is_control
        self._consume_aborted_up_to(header.base_offset)
        if header.is_control and self._contains_abort_marker(DefaultRecordBatch(data)):
            self._aborted_producers.discard(header.producer_id)
        return header.is_control or (header.is_transactional and header.producer_id in self._aborted_producers)

    def _legacy(self, data: bytes) -> Whole:
        """Formats 0 and 1; a set of messages bears the offset of its last one."""
        offset = self.next_fetch_offset
        self.next_fetch_offset = max(offset, int.from_bytes(data[:8], "big", signed=True) + 1)
        try:
            rows = rows_of(data, offset)
        except Refused as refused:
            return Whole(offset, self.next_fetch_offset, problem=str(refused), data=data[:1024])
        self.next_fetch_offset = max([self.next_fetch_offset, *(row.offset + 1 for row in rows[-1:])])
        return Whole(offset, self.next_fetch_offset, rows=rows)


def bound_prefetch(consumer: AIOKafkaConsumer) -> None:
    """A broker is asked for more only when all it gave is taken: a slow inbox holds at most one answer of each. (aiokafka's own
    patience is 0.1 s; then every partition may hold one.)"""
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if hasattr(fetcher, "_prefetch_backoff"):
        fetcher._prefetch_backoff = _NEVER_S


def settle_polls(consumer: AIOKafkaConsumer) -> None:
    """A `getmany` that raised counts as running for ever, and a consumer that polls never leaves its group."""
    state: Any = getattr(consumer, "_subscription", None)
    if getattr(state, "_fetch_count", 0):
        state._fetch_count = 0


def is_member(consumer: AIOKafkaConsumer) -> bool:
    """Whether the coordinator still knows us: what one commits that was put out of the group would pass for anybody's."""
    coordinator: Any = getattr(consumer, "_coordinator", None)
    return bool(getattr(coordinator, "generation", 1) > 0)


def on_metadata(consumer: AIOKafkaConsumer, tell: Callable[[], None]) -> None:
    """`tell` is called whenever the cluster said anew which topics there are: regularly, and when a partition was not found."""
    cluster: Any = getattr(getattr(consumer, "_client", None), "cluster", None)
    if hasattr(cluster, "add_listener"):
        cluster.add_listener(lambda _: tell())


async def start(consumer: AIOKafkaConsumer) -> None:
    """A connection that is being made is held by nobody who could close it: who is cancelled waits for it a moment."""
    starting = asyncio.ensure_future(consumer.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=_CLOSE_S)
        starting.cancel()
        await asyncio.wait([starting])
        if not starting.cancelled():
            starting.exception()
        raise


async def close(consumer: AIOKafkaConsumer) -> None:
    """Leaves the group and closes every connection, in a bounded time even when no broker answers."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await consumer.stop()
            return
    for part in (getattr(consumer, "_fetcher", None), getattr(consumer, "_client", None)):
        if part is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await part.close()
