"""When was the record at an offset written? No request tells: it is fetched, by a reader that belongs to no group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.edges.kafka.connection import connection
from detector.edges.sources.kafka.whole import Whole, close, give_whole, start
from detector.settings import KafkaSourceSettings

_LITTLE = 64 << 10
_PATIENCE_S = 5.0
_BATCHES = 100


async def record_time_ms(settings: KafkaSourceSettings, place: TopicPartition, offset: int) -> int:
    """Of the first record from `offset` on, or of one before it in the same batch; -1 where it has no time or none comes. Raises
    KafkaError and the like."""
    reader = AIOKafkaConsumer(
        **await asyncio.to_thread(connection, settings),
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level=settings.isolation,
        fetch_max_bytes=_LITTLE,
        max_partition_fetch_bytes=_LITTLE,
    )
    try:
        await start(reader)
        give_whole(reader)  # so that nothing is unpacked here: it may be damaged, or a bomb
        reader.assign([place])
        reader.seek(place, offset)
        end_s, found_ms = time.monotonic() + _PATIENCE_S, None
        while found_ms is None and (left_s := end_s - time.monotonic()) > 0:
            found = await reader.getmany(place, timeout_ms=round(left_s * 1000), max_records=_BATCHES)
            found_ms = time_of(each for all_of_one in found.values() for each in all_of_one)
        return -1 if found_ms is None else found_ms
    finally:
        await close(reader)


def time_of(found: Iterable[Any]) -> int | None:
    """Of the first record or record batch that is one; None where there are only markers of transactions and what cannot be
    read."""
    for each in found:
        if not isinstance(each, Whole):
            return -1 if each.timestamp is None else int(each.timestamp)
        if each.header is not None:
            return each.header.written_ms
        if each.rows:
            return int(each.rows[0].timestamp)
    return None
