"""Records that nobody wants to meet: too large, packed to burst, or not what the topic promised. The partition goes on."""

from __future__ import annotations

import asyncio
import json
import random
import resource

import pytest

from detector.settings.values import Size
from tests.integration.kafka_inbox import RecordInbox, kafka
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka
from tests.services.kafka_records import Sent, produce, send
from tests.unit.edges.sources.collect import running
from tests.unit.edges.sources.record_batches import Made, batch, sealed

WAYS = pytest.mark.parametrize("whole_batches", [True, False], ids=["whole", "records"])
MIB = 1 << 20


@pytest.fixture
def topic(kafka_broker: Kafka) -> str:
    name = fresh("logs")
    kafka_broker.create_topic(name)
    return name


@WAYS
def test_a_record_of_20_mb(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """Cut where a line may be no longer, counted, its rest not kept; what stands beside it in the batch is whole."""
    huge = random.Random(1).randbytes(20 * MIB).replace(b"\n", b" ")
    send(kafka_broker.address, topic, [Sent(b"before"), Sent(b"in front"), Sent(huge), Sent(b"behind")])

    async def test() -> None:
        class Raw(RecordInbox):
            async def put(self, batch, token="") -> None:  # type: ignore[no-untyped-def]
                batch = batch if batch.packed is None else batch.packed.unpack()
                self.sizes = [*getattr(self, "sizes", []), batch.end - batch.begin]
                self.cut = [*getattr(self, "cut", []), *batch.cut_at]
                self.lost_bytes = getattr(self, "lost_bytes", 0) + batch.cut_bytes
                self.found = [*getattr(self, "found", []), *batch.records.offsets]
                self._changed.set()

        async with running(kafka(kafka_broker.address, topic, whole_batches=whole_batches), Raw()) as inbox:
            await inbox.until(lambda: getattr(inbox, "found", []) == [0, 1, 2, 3])
            assert inbox.cut == [2]
            assert inbox.lost_bytes == 19 * MIB
            assert max(inbox.sizes) <= MIB + 64

    asyncio.run(test())


@WAYS
def test_a_header_whose_name_is_no_text(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """Brokers keep any bytes there. The client's own reader gives up at it; the record is read all the same, and what follows."""
    address = kafka_broker.address
    send(address, topic, [Sent(b"before")])
    odd = bytearray(batch(0, [Made(0, b"odd", headers=(("QQQQ", b"1"),)), Made(1, b"beside")]))
    produce(address, topic, sealed(odd.replace(b"QQQQ", b"\xff\xfe\xfd\xfc")))
    send(address, topic, [Sent(b"behind")])

    async def test() -> None:
        async with running(kafka(address, topic, whole_batches=whole_batches), RecordInbox()) as inbox:
            await inbox.until_texts("before", "odd", "beside", "behind")
            assert inbox.dead == []

    asyncio.run(test())


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_codec_bomb(kafka_broker: Kafka, topic: str, codec: str) -> None:
    """Refused as a dead letter that says where; memory does not grow by what it would have unpacked to."""
    address = kafka_broker.address
    send(address, topic, [Sent(b"before")])
    send(address, topic, [Sent(b"x"), Sent(bytes(48 * MIB))], codec)
    send(address, topic, [Sent(b"behind")], codec)

    async def test() -> None:
        async with running(kafka(address, topic, max_batch=Size(2 * MIB)), RecordInbox()) as inbox:
            await inbox.until_texts("before", "behind")
            (letter,) = inbox.dead
            assert (letter.stream_name, letter.position) == (f"{topic}/0", "1-2")
            assert letter.reason == "record batch unpacks to more than 2097152 bytes (max_batch)"
            assert len(letter.sample) <= 1024

    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asyncio.run(test())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 32 << 10


@WAYS
def test_metrics_that_are_none(kafka_broker: Kafka, topic: str, whole_batches: bool) -> None:
    """What is not of the topic's format is a dead letter with its offset, and the points around it are read."""
    point = {"name": "cpu", "tags": {"host": "a"}, "timestamp": 1_700_000_000, "fields": {"usage_idle": 97.5}}
    good = json.dumps(point).encode()
    send(kafka_broker.address, topic, [Sent(good), Sent(b"{half"), Sent(None), Sent(good)], "zstd")

    async def test() -> None:
        source = kafka(kafka_broker.address, topic, format="telegraf", whole_batches=whole_batches)
        async with running(source, RecordInbox()) as inbox:
            await inbox.until(lambda: any(points.next_offset == 4 for points in inbox.metrics))
            found = [point for points in inbox.metrics for point in points.points]
            assert len(found) == 2
            (letter,) = inbox.dead
            assert (letter.stream_name, letter.position, letter.sample) == (f"{topic}/0", "1", b"{half")

    asyncio.run(test())


def test_logs_by_opentelemetry(kafka_broker: Kafka, topic: str) -> None:
    """Each log record is a line; what is no such request is a dead letter."""
    request = {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"body": {"stringValue": "one"}}, {"body": {"stringValue": "two"}}]}]},
        ]
    }
    send(kafka_broker.address, topic, [Sent(json.dumps(request).encode()), Sent(b"\x00\x01"), Sent(json.dumps(request).encode())])

    async def test() -> None:
        async with running(kafka(kafka_broker.address, topic, format="otlp_logs"), RecordInbox()) as inbox:
            await inbox.until(lambda: len(inbox.records) == 2)
            assert [record.offset for record in inbox.records] == [0, 2]
            assert [text.count("\n") for text in inbox.texts] == [1, 1]
            assert [letter.position for letter in inbox.dead] == ["1"]

    asyncio.run(test())
