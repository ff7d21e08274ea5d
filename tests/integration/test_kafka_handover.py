"""Partitions that come and go, and logs that are not what they were: who reads what, from where on, and what is told as lost."""

from __future__ import annotations

import asyncio
import time

import pytest

from detector.edges.sources.base import Resume
from detector.records import Batch
from tests.integration.kafka_inbox import RecordInbox, kafka
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka
from tests.services.kafka_records import Sent, send
from tests.unit.edges.sources.collect import running

WAYS = pytest.mark.parametrize("whole_batches", [True, False], ids=["whole", "records"])


@pytest.fixture
def topic(kafka_broker: Kafka) -> str:
    name = fresh("logs")
    kafka_broker.create_topic(name)
    return name


def key(topic: str, partition: int = 0) -> str:
    return f"kafka/{topic}/{topic}/{partition}"


def lines(first: int, count: int, time_ms: int | None = None) -> list[Sent]:
    return [Sent(b"line %d" % number, time_ms=time_ms) for number in range(first, first + count)]


def numbers(inbox: RecordInbox) -> list[int]:
    return [int(text.removeprefix("line ")) for text in inbox.texts]


def losses(inbox: RecordInbox) -> list[tuple[int, int | None, str, str]]:
    return [(lost.begin, lost.end, lost.reason, lost.unit) for lost in inbox.losses]


def test_what_is_settled_is_committed_and_nothing_else(kafka_broker: Kafka, topic: str) -> None:
    """Also at a stop; a record whose alert is owed holds the offset back."""
    send(kafka_broker.address, topic, lines(0, 10))

    class Owing(RecordInbox):
        def settled(self) -> dict[str, int]:
            return {key: min(told.reached, 7) for key, told in self.streams.items()}

    async def test(inbox: RecordInbox) -> None:
        async with running(kafka(kafka_broker.address, topic), inbox):
            await inbox.until(lambda: len(inbox.records) == 10)

    asyncio.run(test(Owing()))
    assert kafka_broker.committed(topic) == {(topic, 0): 7}
    asyncio.run(test(RecordInbox({key(topic): Resume(key(topic), 0, "")})))
    assert kafka_broker.committed(topic) == {(topic, 0): 10}


def test_what_was_taken_in_the_moment_of_a_stop_is_committed(kafka_broker: Kafka, topic: str) -> None:
    """The inbox has taken a batch and is writing it down when we are told to stop: whoever comes next must not tell it again."""
    send(kafka_broker.address, topic, lines(0, 10))

    class Writing(RecordInbox):
        async def put(self, batch: Batch, token: str = "") -> None:
            await super().put(batch, token)
            if batch.next_offset == 10:
                await asyncio.Event().wait()

    async def test() -> None:
        async with running(kafka(kafka_broker.address, topic), Writing()) as inbox:
            await inbox.until(lambda: len(inbox.records) == 10)

    asyncio.run(test())
    assert kafka_broker.committed(topic) == {(topic, 0): 10}


@WAYS
def test_a_new_owner_rewinds_by_the_longest_window_and_is_silent(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """On a disk that knows nothing: from the first record within the window before the one that nobody has read."""
    address, now_ms = kafka_broker.address, time.time_ns() // 1_000_000
    for number in range(10):  # a batch each: within a batch a broker finds its beginning
        send(address, topic, lines(number, 1, now_ms - (10 - number) * 60_000))

    async def test() -> None:
        async with running(kafka(address, topic), RecordInbox()) as first:
            await first.until(lambda: len(first.records) == 10)
        send(address, topic, lines(10, 2, now_ms))
        second = RecordInbox()
        second.longest_window_ms = 150_000
        async with running(kafka(address, topic, whole_batches=whole_batches), second):
            await second.until(lambda: len(second.records) >= 4)
        assert numbers(second) == [8, 9, 10, 11]
        assert [record.is_silent for record in second.records] == [True, True, False, False]
        assert second.forgotten == [key(topic)]

    asyncio.run(test())


def test_who_was_overtaken_forgets(kafka_broker: Kafka, topic: str) -> None:
    """Somebody else got further meanwhile: not before what was stored, silent up to what was committed."""
    address = kafka_broker.address
    send(address, topic, lines(0, 10))

    async def test() -> None:
        async with running(kafka(address, topic), RecordInbox()) as other:
            await other.until(lambda: len(other.records) == 10)
        back = RecordInbox({key(topic): Resume(key(topic), 4, "")})
        back.longest_window_ms = 3_600_000
        async with running(kafka(address, topic), back):
            await back.until(lambda: len(back.records) == 6)
            send(address, topic, lines(10, 1))
            await back.until(lambda: len(back.records) == 7)
        assert numbers(back) == list(range(4, 11))
        assert [record.is_silent for record in back.records] == [True] * 6 + [False]

    asyncio.run(test())


def test_who_is_ahead_of_the_group_goes_on(kafka_broker: Kafka, topic: str) -> None:
    """On one machine the store is the truth."""
    send(kafka_broker.address, topic, lines(0, 10))

    async def test() -> None:
        class Owing(RecordInbox):
            def settled(self) -> dict[str, int]:
                return {key: min(told.reached, 3) for key, told in self.streams.items()}

        async with running(kafka(kafka_broker.address, topic), Owing()) as first:
            await first.until(lambda: len(first.records) == 10)
        second = RecordInbox(first.positions())
        async with running(kafka(kafka_broker.address, topic), second):
            send(kafka_broker.address, topic, lines(10, 1))
            await second.until(lambda: len(second.records) == 1)
        assert numbers(second) == [10]
        assert not second.forgotten

    asyncio.run(test())


def test_two_members_share_and_hand_over(kafka_broker: Kafka) -> None:
    """Every record is read; a partition is released before the other member begins with it, and its records are not doubled."""
    topic, address = fresh("logs"), kafka_broker.address
    kafka_broker.create_topic(topic, 4)

    def say(first: int) -> None:
        send(address, topic, [Sent(b"line %d" % (first + part), partition=part) for part in range(4)])

    async def test() -> None:
        async with running(kafka(address, topic), RecordInbox()) as one:
            say(0)
            await one.until(lambda: len(one.records) == 4)
            two = RecordInbox()
            async with running(kafka(address, topic), two):
                await two.until(lambda: len(two.streams) == 2)
                assert sorted(one.released) == sorted(key(topic, part) for part in range(4))
                say(4)
                await two.until(lambda: len(two.records) >= 2)
                await one.until(lambda: len(one.records) == 6)
            say(8)
            await one.until(lambda: len(one.records) >= 10)
        loud = [record.text for record in (*one.records, *two.records) if not record.is_silent]
        assert sorted(loud) == sorted(f"line {number}" for number in range(12))

    asyncio.run(test())


def test_an_open_batch_is_dropped_when_its_partition_goes(kafka_broker: Kafka, topic: str) -> None:
    """A member whose inbox takes nothing gives its partition up all the same; whoever has it then reads the record."""
    address = kafka_broker.address

    async def test() -> None:
        async with running(kafka(address, topic), RecordInbox()) as stuck:
            await stuck.until(lambda: key(topic) in stuck.streams)
            stuck.has_room.clear()
            send(address, topic, lines(0, 1))
            await stuck.until_begun()
            async with running(kafka(address, topic), RecordInbox()) as other:
                async with asyncio.timeout(20):
                    while not stuck.released:
                        await asyncio.sleep(0.01)
                assert not stuck.records
                stuck.has_room.set()
                async with asyncio.timeout(20):
                    while not [*stuck.records, *other.records]:
                        await asyncio.sleep(0.01)
        assert len([*stuck.records, *other.records]) == 1

    asyncio.run(test())


@WAYS
def test_retention_overtook_us(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """While we were down: what is gone is told with its bounds, and reading goes on where the log begins."""
    send(kafka_broker.address, topic, lines(0, 20))
    kafka_broker.delete_records(topic, 0, 15)

    async def test() -> None:
        inbox = RecordInbox({key(topic): Resume(key(topic), 5, "")})
        async with running(kafka(kafka_broker.address, topic, whole_batches=whole_batches), inbox):
            await inbox.until(lambda: len(inbox.records) == 5)
        assert numbers(inbox) == list(range(15, 20))
        assert losses(inbox) == [(5, 15, "retention", "records")]

    asyncio.run(test())


@WAYS
def test_retention_overtakes_us_while_we_run(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """An inbox that took nothing for too long."""
    address = kafka_broker.address

    async def test() -> None:
        source = kafka(address, topic, whole_batches=whole_batches)
        async with running(source, RecordInbox()) as inbox:
            send(address, topic, lines(0, 5))
            await inbox.until(lambda: len(inbox.records) == 5)
            inbox.has_room.clear()
            inbox._is_waiting.clear()
            send(address, topic, lines(5, 5))
            await inbox.until_begun()
            send(address, topic, lines(10, 10))
            kafka_broker.delete_records(topic, 0, 18)
            inbox.has_room.set()
            await inbox.until(lambda: 19 in numbers(inbox))
        assert numbers(inbox) == [*range(10), 18, 19]
        assert losses(inbox) == [(10, 18, "retention", "records")]

    asyncio.run(test())


@pytest.mark.parametrize("count", [3, 30], ids=["shorter", "longer"])
def test_a_topic_is_made_again_while_we_are_down(kafka_broker: Kafka, topic: str, count: int) -> None:
    """Its offsets mean nothing to us, also where they exist: the loss is told, and all of the new topic is read."""
    address = kafka_broker.address
    send(address, topic, lines(0, 10))

    async def test() -> None:
        async with running(kafka(address, topic), RecordInbox()) as first:
            await first.until(lambda: len(first.records) == 10)
        kafka_broker.delete_topic(topic)
        kafka_broker.create_topic(topic)
        send(address, topic, lines(100, count))
        second = RecordInbox(first.positions())
        async with running(kafka(address, topic), second):
            await second.until(lambda: len(second.records) == count)
        assert numbers(second) == list(range(100, 100 + count))
        assert losses(second) == [(10, None, "topic made again", "records")]
        assert not any(record.is_silent for record in second.records)

    asyncio.run(test())


@WAYS
def test_a_topic_is_made_again_while_we_run(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """The same, without a restart."""
    address = kafka_broker.address

    async def test() -> None:
        async with running(kafka(address, topic, whole_batches=whole_batches), RecordInbox()) as inbox:
            send(address, topic, lines(0, 10))
            await inbox.until(lambda: len(inbox.records) == 10)
            kafka_broker.delete_topic(topic)
            kafka_broker.create_topic(topic)
            send(address, topic, lines(100, 30))
            await inbox.until(lambda: 129 in numbers(inbox))
            await inbox.until(lambda: set(range(100, 130)) <= set(numbers(inbox)))
        ((begin, *told),) = losses(inbox)
        assert begin <= 10
        assert told == [None, "topic made again", "records"]

    asyncio.run(test())
