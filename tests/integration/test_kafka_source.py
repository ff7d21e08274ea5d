"""The Kafka source against a real broker: what comes out of a topic, from where on, and who gets it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer import fetcher

from detector.edges.sources.base import Resume
from detector.edges.sources.kafka import source as kafka_source
from detector.edges.sources.kafka import whole as kafka_whole
from detector.settings import Secret
from tests.integration.kafka_inbox import RecordInbox, kafka
from tests.services.certificates import Certificates
from tests.services.fixtures import fresh
from tests.services.kafka import USERS, Kafka
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


def test_over_tls_with_a_password(kafka_broker: Kafka, certificates: Certificates, topic: str) -> None:
    """Every request of the source goes that way, also those that aiokafka does not know."""
    send(kafka_broker.address, topic, sent("one"))
    user, password = next(iter(USERS.items()))

    async def test() -> None:
        source = kafka(
            kafka_broker.sasl_tls,
            topic,
            tls=True,
            ca_file=str(certificates.ca),
            sasl="scram-sha-512",
            username=user,
            password=Secret(password),
        )
        async with running(source, RecordInbox()) as inbox:
            await inbox.until_texts("one")
            assert all(len(told.token) > len("id=") for told in inbox.streams.values())

    asyncio.run(test())


def test_the_public_path_serves_where_the_names_have_moved(
    kafka_broker: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another aiokafka may do it another way: no setting is needed."""
    monkeypatch.setattr(kafka_whole, "_NAMES", {"MemoryRecords", "RecordsOfAPartition"})
    send(kafka_broker.address, topic, sent("one"), "lz4")

    async def test() -> None:
        async with running(kafka(kafka_broker.address, topic), RecordInbox()) as inbox:
            await inbox.until_texts("one")
            assert not inbox.packed

    asyncio.run(test())


def test_other_consumers_of_the_process_are_left_alone(kafka_broker: Kafka, topic: str) -> None:
    """They get records while the source gets whole batches."""
    address = kafka_broker.address
    send(address, topic, sent("one"), "lz4")

    async def test() -> None:
        before = dict(vars(fetcher))
        async with running(kafka(address, topic), RecordInbox()) as inbox:
            await inbox.until_texts("one")
            other = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
            await other.start()
            try:
                assert (await other.getone()).value == b"one"
            finally:
                await other.stop()
        assert vars(fetcher) == before

    asyncio.run(test())


def test_a_member_that_polls_too_rarely_comes_back(kafka_broker: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves the group while its inbox takes nothing, and what was open is read again and not twice."""
    arguments = kafka_source._arguments
    monkeypatch.setattr(kafka_source, "_arguments", lambda settings: {**arguments(settings), "max_poll_interval_ms": 1000})
    send(kafka_broker.address, topic, sent("one"))

    async def test() -> None:
        async with running(kafka(kafka_broker.address, topic, session_timeout=timedelta(seconds=6)), RecordInbox()) as inbox:
            await inbox.until_texts("one")
            inbox.has_room.clear()
            send(kafka_broker.address, topic, sent("two"))
            async with asyncio.timeout(20):
                while not inbox.released:
                    await asyncio.sleep(0.01)
            inbox.has_room.set()
            await inbox.until_texts("one", "two")
            send(kafka_broker.address, topic, sent("three"))
            await inbox.until_texts("one", "two", "three")

    asyncio.run(test())


@pytest.mark.service
@pytest.mark.xdist_group("own-servers")
def test_no_topic_is_made(tmp_path: Path) -> None:
    """By a broker that would make each one that is asked for."""
    broker = Kafka(tmp_path / "kafka", auto_create_topics_enable="true")
    broker.start()

    async def test() -> None:
        source: Any = kafka(broker.address, "missing")
        async with running(source, RecordInbox()):
            async with asyncio.timeout(30):
                while "topic missing" not in source.problems:
                    await asyncio.sleep(0.05)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        try:
            assert "missing" not in await admin.list_topics()
        finally:
            await admin.close()

    try:
        asyncio.run(test())
    finally:
        broker.kill()
