"""F11: the daemon kills itself at each crash point while it reads from Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.crash_points import CrashPoint
from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import Load
from tests.faults.kafka_whole import Member, losses, reckon
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka

POINTS = [point for point in CrashPoint if not point.value.startswith("file_")]
AGAIN = (
    CrashPoint.SOURCE_READ,
    CrashPoint.SOURCE_HANDED_OVER,
    CrashPoint.STORE_ALERTS,
    CrashPoint.STORE_COMMITTED,
    CrashPoint.SINK_SENT,
)
KILLS = [f"{point.value}:1" for point in POINTS] + [f"{point.value}:3" for point in AGAIN]
PARTITIONS = 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_killed_at_each_point_while_it_reads(kafka_broker: Kafka, receiver: Receiver, tmp_path: Path) -> None:
    """At the first passing of each point and a later one of some: everything is told under one key, counted once, nothing is
    lost."""
    topic = fresh("orders")
    kafka_broker.create_topic(topic, PARTITIONS)
    member = Member(tmp_path / "one", kafka_broker.address, topic, receiver)
    with Load(kafka_broker.address, topic, PARTITIONS) as load:
        missed = []
        for kill in KILLS:
            member.start(crash_at=kill)
            if not member.daemon.ended_within(30):
                missed.append(kill)
                member.kill()
    member.start()
    told = reckon(receiver, load.planted, 60)
    print(f"killed {len(KILLS) - len(missed)} times, {load.records} records")
    assert missed == [], "these points were never reached"
    assert told.is_right
    assert losses(receiver) == []
    member.finds_something_fresh("Fresh")
    member.stop()
    assert set(member.counts().values()) == {1}
    member.end()
