"""F9: brokers die, stay away, hand their partitions to another, while lines come in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import Load
from tests.faults.kafka_whole import Member, losses, reckon
from tests.services.kafka import Kafka, KafkaPair

PARTITIONS = 3
AWAY_S = 6


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def member(own_kafka: Kafka, receiver: Receiver, tmp_path: Path) -> Iterator[Member]:
    """A daemon on a broker that the test may end."""
    own_kafka.create_topic("orders", PARTITIONS)
    member = Member(tmp_path / "one", own_kafka.address, "orders", receiver)
    yield member
    member.end()


def test_a_broker_killed_and_started_again_under_load(own_kafka: Kafka, member: Member, receiver: Receiver) -> None:
    """Three times: everything that the broker acknowledged is told, each failure counted once, and reading goes on by itself."""
    member.start()
    with Load(own_kafka.address, "orders", PARTITIONS) as load:
        for _ in range(3):
            load.wait_for_more(15)
            own_kafka.kill()
            own_kafka.start()
        load.wait_for_more(15)
    told = reckon(receiver, load.planted)
    assert told.is_right
    member.finds_something_fresh("Fresh")
    assert losses(receiver) == []
    member.stop()
    assert set(member.counts().values()) == {1}


def test_seconds_without_brokers(own_kafka: Kafka, member: Member, receiver: Receiver) -> None:
    """The daemon lives on and answers; when the broker is back, all is told without a restart."""
    member.start()
    with Load(own_kafka.address, "orders", PARTITIONS) as load:
        load.wait_for_more(15)
        own_kafka.kill()
        end = time.monotonic() + AWAY_S
        while time.monotonic() < end:
            assert '"is_ready":true' in member.ask("/healthz")
            time.sleep(0.5)
        own_kafka.start()
        load.wait_for_more(15)
    assert reckon(receiver, load.planted).is_right
    assert losses(receiver) == []
    member.stop()


def test_brokers_are_away_when_it_starts(own_kafka: Kafka, member: Member, receiver: Receiver) -> None:
    """It says so and waits for them."""
    own_kafka.kill()
    member.start()
    member.daemon.wait_for_log('"kafka_failing"')
    own_kafka.start()
    member.finds_something_fresh("Late")
    member.stop()


def test_the_leader_changes_under_load(kafka_pair: KafkaPair, receiver: Receiver, tmp_path: Path) -> None:
    """The broker that leads is killed, the other takes over; it comes back: nothing lost, nothing counted twice."""
    first, second = kafka_pair.first, kafka_pair.second
    first.create_topic("orders", PARTITIONS, replicas=2)
    assert second.node in first.leaders("orders").values()
    member = Member(tmp_path / "one", f"{first.address},{second.address}", "orders", receiver)
    member.settings["sources"][0]["servers"] = [first.address, second.address]  # type: ignore[index]
    member.daemon.write_settings(member.settings)
    try:
        member.start()
        with Load(first.address, "orders", PARTITIONS) as load:
            load.wait_for_more(15)
            second.kill()
            load.wait_for_more(15)
            assert set(first.leaders("orders").values()) == {first.node}
            second.start()
            load.wait_for_more(15)
        assert reckon(receiver, load.planted).is_right
        assert losses(receiver) == []
        member.stop()
        assert set(member.counts().values()) == {1}
    finally:
        member.end()
