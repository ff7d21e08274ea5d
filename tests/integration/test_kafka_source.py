"""The Kafka source against a real broker: what comes out of a topic, from where on, and who gets it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from detector.edges.sources.base import Resume
from tests.integration.kafka_inbox import RecordInbox, kafka
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka
from tests.services.kafka_records import Sent, send
from tests.unit.edges.sources.collect import running

WAYS = pytest.mark.parametrize("whole_batches", [True, False], ids=["whole", "records"])


@pytest.fixture
def topic(kafka_broker: Kafka) -> str:
    name = fresh("logs")
    kafka_broker.create_topic(name, 2)
    return name


def sent(*texts: str, **more: Any) -> list[Sent]:
    return [Sent(text.encode(), **more) for text in texts]


@WAYS
def test_every_codec(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """Also where several stand in one topic."""
    address = kafka_broker.address
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        send(address, topic, sent(f"{codec} one", f"{codec} two"), codec)

    async def test() -> None:
        async with running(kafka(address, topic, whole_batches=whole_batches), RecordInbox()) as inbox:
            wanted = [f"{codec} {word}" for codec in (None, "gzip", "snappy", "lz4", "zstd") for word in ("one", "two")]
            await inbox.until_texts(*wanted)
            assert [record.offset for record in inbox.records] == list(range(10))
            assert bool(inbox.packed) is whole_batches

    asyncio.run(test())


@WAYS
def test_keys_headers_times_and_records_without_a_value(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """Key and headers are labels; a record without a value counts for the position alone."""
    records = [
        Sent(b"one", b"pod-7", (("team", b"cart"), ("trace", b"\xff\x01")), 1_700_000_000_123),
        Sent(None, b"pod-7"),
        Sent(b"two\n\tat a.b(C.java:1)", None, (), 1_700_000_000_456),
    ]
    send(kafka_broker.address, topic, records, "lz4")

    async def test() -> None:
        async with running(kafka(kafka_broker.address, topic, whole_batches=whole_batches), RecordInbox()) as inbox:
            await inbox.until(lambda: len(inbox.records) == 2)
            one, two = inbox.records
            assert one.labels == (("kafka.key", "pod-7"), ("team", "cart"), ("trace", "\ufffd\x01"))
            assert (one.time_ms, two.time_ms) == (1_700_000_000_123, 1_700_000_000_456)
            assert (two.text, two.offset, two.labels) == ("two\n\tat a.b(C.java:1)", 2, ())
            assert inbox.streams[f"kafka/{topic}/{topic}/0"].reached == 3

    asyncio.run(test())


@WAYS
@pytest.mark.parametrize("isolation", ["read_committed", "read_uncommitted"])
def test_transactions(kafka_broker: Kafka, topic: str, isolation: str, whole_batches: bool) -> None:
    """Aborted records are left out where committed ones alone are asked for; the position moves past them and the markers."""
    address = kafka_broker.address
    send(address, topic, sent("kept"), transaction=topic)
    send(address, topic, sent("aborted"), transaction=topic, aborts=True)
    send(address, topic, sent("kept too"), "zstd", transaction=topic)
    send(address, topic, sent("aborted too"), "zstd", transaction=topic, aborts=True)

    async def test() -> None:
        source = kafka(address, topic, isolation=isolation, whole_batches=whole_batches)
        async with running(source, RecordInbox()) as inbox:
            await inbox.until(lambda: any(told.reached == 8 for told in inbox.streams.values()))
            dirty = ["aborted", "aborted too"] if isolation == "read_uncommitted" else []
            assert sorted(inbox.texts) == sorted(["kept", "kept too", *dirty])

    asyncio.run(test())


def test_topics_by_pattern(kafka_broker: Kafka) -> None:
    """Whole names alone match, and a topic that is made later is found."""
    stem = fresh("app")
    address = kafka_broker.address
    for name in (f"{stem}-one", f"{stem}-one-more", f"x{stem}-one"):
        kafka_broker.create_topic(name)
        send(address, name, sent(name))

    async def test() -> None:
        source = kafka(address, topic_pattern=rf"{stem}-(one|two)", group=stem)
        async with running(source, RecordInbox()) as inbox:
            await inbox.until_texts(f"{stem}-one")
            kafka_broker.create_topic(f"{stem}-two")
            send(address, f"{stem}-two", sent("late"))
            async with asyncio.timeout(60):
                while len(inbox.records) < 2:
                    with contextlib.suppress(TimeoutError):
                        await inbox.until(lambda: len(inbox.records) == 2)
            assert [record.stream for record in inbox.records] == [f"{stem}-one/0", f"{stem}-two/0"]

    asyncio.run(test())


@pytest.mark.parametrize(("start_at", "wanted"), [("latest", []), ("earliest", ["old", "new"]), ("time", ["new"])])
def test_where_reading_begins(kafka_broker: Kafka, topic: str, start_at: str, wanted: list[str]) -> None:
    """Without a position, by the settings."""
    address = kafka_broker.address
    now_ms = time.time_ns() // 1_000_000
    send(address, topic, [Sent(b"old", time_ms=now_ms - 60_000), Sent(b"new", time_ms=now_ms)])
    moment = datetime.fromtimestamp((now_ms - 30_000) / 1000, UTC).isoformat()

    async def test() -> None:
        source = kafka(address, topic, start_at=moment if start_at == "time" else start_at)
        async with running(source, RecordInbox()) as inbox:
            await inbox.until(lambda: len(inbox.streams) == 2)
            send(address, topic, sent("later"))
            await inbox.until_texts(*wanted, "later")

    asyncio.run(test())


def test_a_restart_goes_on_in_the_middle_of_a_batch(kafka_broker: Kafka, topic: str) -> None:
    """From the store's position, also inside a record batch."""
    address = kafka_broker.address
    send(address, topic, sent(*[f"line {number}" for number in range(100)]), "lz4")
    key = f"kafka/{topic}/{topic}/0"

    async def test() -> None:
        inbox = RecordInbox({key: Resume(key, 42, "")})
        async with running(kafka(address, topic), inbox):
            await inbox.until_texts(*[f"line {number}" for number in range(42, 100)])
            assert not inbox.losses

    asyncio.run(test())
