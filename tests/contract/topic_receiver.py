"""A topic at a real broker in the place of a receiver: what stands in it is what was received."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from tests.services.fixtures import fresh
from tests.services.kafka import Kafka

KEPT = {"retention.ms": "-1"}  # tests write records of long ago, which a broker would not keep


class TopicReceiver:
    """Use as an async context manager; `url` is valid inside it: kafka://host:port/topic."""

    def __init__(self, broker: Kafka, **config: str) -> None:
        self._broker = broker
        self._config = KEPT | {name.replace("_", "."): value for name, value in config.items()}
        self.topic = fresh("incidents")
        self.url = f"kafka://{broker.address}/{self.topic}"

    async def __aenter__(self) -> TopicReceiver:
        await asyncio.to_thread(self._broker.create_topic, self.topic, 1, self._config)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._broker.delete_topic, self.topic)

    async def received(self) -> list[ConsumerRecord]:
        """Every record so far, in order."""
        return await records_in(self._broker.address, self.topic)


async def records_in(address: str, topic: str, partition: int = 0, isolation: str = "read_committed") -> list[ConsumerRecord]:
    """What stands in a partition, from its beginning to its present end."""
    place = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(bootstrap_servers=address, isolation_level=isolation)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(20):
            while await consumer.position(place) < end:
                found += (await consumer.getmany(place, timeout_ms=200)).get(place, [])
        return found
    finally:
        await consumer.stop()
