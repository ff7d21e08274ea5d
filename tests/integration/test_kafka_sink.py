"""The Kafka sink and its topics against a real broker: what stands in a topic, and what becomes of an alert when brokers die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from detector.edges.mirror.base import Document
from detector.edges.mirror.kafka import KafkaTopics
from detector.edges.sinks.base import Sink
from detector.edges.sinks.kafka import KafkaSink, record_of
from detector.errors import SinkError
from detector.interface import incident_object
from detector.settings import KafkaSinkSettings
from tests.contract.feed_documents import document
from tests.contract.sink_cases import ALERT, INCIDENT, NOW_MS, RESOLVE, UPDATE
from tests.contract.topic_receiver import KEPT, TopicReceiver, records_in
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka, KafkaPair

pytestmark = pytest.mark.service


def settings(broker: Kafka, timeout_s: float = 5, **more: Any) -> KafkaSinkSettings:
    return KafkaSinkSettings(type="kafka", servers=(broker.address,), timeout=timedelta(seconds=timeout_s), **more)


@asynccontextmanager
async def sink_of(made: KafkaSinkSettings) -> AsyncIterator[KafkaSink]:
    sink = KafkaSink(made)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


def test_what_stands_in_the_topic_is_the_stable_interface(kafka_broker: Kafka) -> None:
    """Key, value, headers and time of each action, in the order of sending; what the golden files show, a broker keeps."""

    async def test() -> None:
        async with TopicReceiver(kafka_broker) as receiver, sink_of(settings(kafka_broker, topic=receiver.topic)) as sink:
            for alert in (ALERT, UPDATE, RESOLVE):
                await sink.send(alert, "", NOW_MS)
            records = await receiver.received()
            for alert, record in zip((ALERT, UPDATE, RESOLVE), records, strict=True):
                made = record_of(alert, receiver.topic, NOW_MS)
                assert (record.key, record.value, record.headers) == (made.key, made.value, made.headers)
                assert record.timestamp == NOW_MS
                told = {"action": alert.action.value, "seq": alert.seq}
                assert json.loads(record.value) == incident_object(alert.incident) | told
            assert records[0].key == INCIDENT.dedup_key.encode()
            assert dict(records[0].headers) == {
                "content-type": b"application/json",
                "trimwatch-kind": b"incident",
                "trimwatch-schema": b"1",
                "trimwatch-action": b"trigger",
            }

    asyncio.run(test())


def test_one_key_is_one_partition(kafka_broker: Kafka) -> None:
    """A consumer sees an incident's records in order; partitions are chosen as Java's clients choose them."""

    async def test() -> None:
        topic = fresh("incidents")
        await asyncio.to_thread(kafka_broker.create_topic, topic, 3, KEPT)
        async with sink_of(settings(kafka_broker, topic=topic)) as sink:
            for number in range(30):
                alert = replace(ALERT, incident=replace(INCIDENT, dedup_key=f"key-{number % 5}"), seq=1 + number // 5)
                await sink.send(alert, "", NOW_MS)
        found = [await records_in(kafka_broker.address, topic, partition) for partition in range(3)]
        assert sum(map(len, found)) == 30
        for key in {record.key for records in found for record in records}:
            (of_key,) = filter(None, ([json.loads(r.value)["seq"] for r in records if r.key == key] for records in found))
            assert of_key == [1, 2, 3, 4, 5, 6]

    asyncio.run(test())


def test_a_record_the_topic_never_takes_is_given_up_and_the_next_one_goes(kafka_broker: Kafka) -> None:
    """Too large for this topic; the gap in the producer's sequence costs nobody else."""

    async def test() -> None:
        receiver = TopicReceiver(kafka_broker, max_message_bytes="1000")
        async with receiver, sink_of(settings(kafka_broker, topic=receiver.topic)) as sink:
            small = replace(ALERT, incident=replace(INCIDENT, evidence=(), fix="", explanation="", cause=None))
            for _ in range(2):
                await sink.send(small, "", NOW_MS)
                with pytest.raises(SinkError, match="larger than the topic takes") as caught:
                    await sink.send(ALERT, "", NOW_MS)
                assert (caught.value.retryable, caught.value.reason) == (False, "clientError")
            assert len(await receiver.received()) == 2

    asyncio.run(test())


def test_a_topic_that_is_made_later_gets_the_alert(kafka_broker: Kafka) -> None:
    """Missing: said, tried again; it is not made by us."""
    topic = fresh("later")

    async def test() -> None:
        async with sink_of(settings(kafka_broker, 2, topic=topic)) as sink:
            with pytest.raises(SinkError) as caught:
                await sink.send(ALERT, "", NOW_MS)
            assert str(caught.value) == f"topic {topic}: the topic is not there"
            assert (caught.value.retryable, caught.value.reason) == (True, "clientError")
            await asyncio.to_thread(kafka_broker.create_topic, topic, 1, KEPT)
            await sink.send(ALERT, "", NOW_MS)
        assert len(await records_in(kafka_broker.address, topic)) == 1

    asyncio.run(test())


async def delivered(sink: Sink, numbers: range, under_way: asyncio.Event) -> int:
    """Sends alerts 1, 2, 3... one after the other, each again until it is taken, as the outbox does. Returns how many tries
    failed."""
    failed = 0
    for number in numbers:
        while True:
            try:
                await sink.send(replace(ALERT, seq=number), "", NOW_MS)
                break
            except SinkError as error:
                if not error.retryable:
                    raise
                failed += 1
                await asyncio.sleep(0.05)
        if number == 300:
            under_way.set()
    return failed


def test_a_broker_killed_and_restarted_loses_no_alert_and_no_order(own_kafka: Kafka) -> None:
    """kill -9 under way, away for seconds, back on its port: each alert stands in the topic, none behind a later one; what came
    twice is a repeat of the newest."""
    topic = fresh("incidents")
    own_kafka.create_topic(topic, config=KEPT)

    async def test() -> None:
        under_way = asyncio.Event()
        async with sink_of(settings(own_kafka, 1, topic=topic)) as sink:
            sending = asyncio.create_task(delivered(sink, range(1, 2001), under_way))
            await under_way.wait()
            await asyncio.to_thread(own_kafka.kill)
            await asyncio.to_thread(own_kafka.start)
            failed = await asyncio.wait_for(sending, 60)
        seqs = [json.loads(record.value)["seq"] for record in await records_in(own_kafka.address, topic)]
        print(f"2000 alerts, {failed} tries failed, {len(seqs) - 2000} records more than alerts")
        assert failed
        assert sorted(set(seqs)) == list(range(1, 2001))
        assert seqs == sorted(seqs)

    asyncio.run(test())


def led_by(node: Kafka, pair: KafkaPair) -> str:
    """A topic whose leader is the node; which it is, is chance."""
    while True:
        topic = fresh("incidents")
        pair.first.create_topic(topic, 1, KEPT, replicas=2)
        if pair.first.leaders(topic)[0] == node.node:
            return topic


def test_a_leader_that_dies_hands_over_to_the_replica(kafka_pair: KafkaPair) -> None:
    """Two nodes, replication 2, the leader killed under way: each alert stands in the topic once, in order; what the producer
    tried again by itself is not doubled."""
    topic = led_by(kafka_pair.second, kafka_pair)
    servers = (kafka_pair.first.address, kafka_pair.second.address)

    async def test() -> None:
        under_way = asyncio.Event()
        made = replace(settings(kafka_pair.first, 10, topic=topic), servers=servers)
        async with sink_of(made) as sink:
            sending = asyncio.create_task(delivered(sink, range(1, 1001), under_way))
            await under_way.wait()
            await asyncio.to_thread(kafka_pair.second.kill)
            failed = await asyncio.wait_for(sending, 60)
        seqs = [json.loads(record.value)["seq"] for record in await records_in(kafka_pair.first.address, topic)]
        print(f"1000 alerts, {failed} tries failed, {len(seqs) - 1000} records more than alerts")
        assert sorted(set(seqs)) == list(range(1, 1001))
        assert seqs == sorted(seqs)

    asyncio.run(test())


def test_a_frozen_broker_times_out_and_gets_it_when_it_thaws(own_kafka: Kafka) -> None:
    """SIGSTOP: within the time-out, cancelled at any time, and nothing is left behind by either."""
    topic = fresh("incidents")
    own_kafka.create_topic(topic, config=KEPT)
    pid = own_kafka._process._server.pid

    async def test() -> None:
        async with sink_of(settings(own_kafka, 1, topic=topic)) as sink:
            await sink.send(replace(ALERT, seq=1), "", NOW_MS)
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(SinkError) as caught:
                    async with asyncio.timeout(8):  # below the settings' default
                        await sink.send(replace(ALERT, seq=2), "", NOW_MS)
                assert (caught.value.retryable, caught.value.reason) == (True, "contextDeadlineExceeded")
                sending = asyncio.create_task(sink.send(replace(ALERT, seq=2), "", NOW_MS))
                while sink._writer._producer is None:
                    await asyncio.sleep(0)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
            finally:
                os.kill(pid, signal.SIGCONT)
            await sink.send(replace(ALERT, seq=2), "", NOW_MS)
            await sink.send(replace(ALERT, seq=3), "", NOW_MS)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        seqs = [json.loads(record.value)["seq"] for record in await records_in(own_kafka.address, topic)]
        assert seqs == sorted(seqs)
        assert set(seqs) == {1, 2, 3}

    asyncio.run(test())


def test_findings_and_verdicts_stand_in_topics_of_their_own(kafka_broker: Kafka) -> None:
    """Each with its key, its id and who wrote it; three hundred at once; what is none is refused alone, and so is what is too
    large."""
    findings, verdicts = fresh("findings"), fresh("verdicts")
    kafka_broker.create_topic(findings, config=KEPT | {"max.message.bytes": "100000"})
    kafka_broker.create_topic(verdicts, config=KEPT)

    async def test() -> None:
        topics = KafkaTopics(settings(kafka_broker, findings_topic=findings, verdicts_topic=verdicts), "orders-0")
        assert topics.kinds == {"finding", "verdict"}
        await topics.open()
        large = document(301, title="x" * 200_000)
        broken = Document(302, "finding", "k", NOW_MS, {"rule": 1})
        verdict = Document(303, "verdict", "orders/trim-12", NOW_MS, {"verdict": "pass"})
        batch = [*(document(number) for number in range(1, 301)), large, broken, verdict]
        refused = await topics.take(batch)
        await topics.close()
        assert {each.document.id for each in refused} == {301, 302}
        assert "max.message.bytes" in next(each.reason for each in refused if each.document.id == 301)
        found = [json.loads(record.value) for record in await records_in(kafka_broker.address, findings)]
        assert {each["id"] for each in found} == set(range(1, 301))
        assert [each["id"] for each in found] == sorted(each["id"] for each in found)
        assert {(each["kind"], each["instance"]) for each in found} == {("finding", "orders-0")}
        (record,) = await records_in(kafka_broker.address, verdicts)
        assert record.key == b"orders/trim-12"
        assert json.loads(record.value) == {
            "verdict": "pass",
            "kind": "verdict",
            "key": "orders/trim-12",
            "id": 303,
            "instance": "orders-0",
            "at": "2025-11-24T23:23:20.000Z",
        }

    asyncio.run(test())
