"""When was the record at an offset written? No request tells: it is fetched, by a reader that belongs to no group."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.edges.kafka.connection import connection
from detector.edges.sources.kafka_whole import close, start
from detector.settings import KafkaSourceSettings

_LITTLE = 64 << 10
_PATIENCE_S = 5.0


async def record_time_ms(settings: KafkaSourceSettings, place: TopicPartition, offset: int) -> int:
    """Of the first record from `offset` on; -1 where it has no time or none comes. Raises KafkaError and the like."""
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
        reader.assign([place])
        reader.seek(place, offset)
        found = await reader.getmany(place, timeout_ms=round(_PATIENCE_S * 1000), max_records=1)
        return next((int(record.timestamp) for records in found.values() for record in records), -1)
    finally:
        await close(reader)
