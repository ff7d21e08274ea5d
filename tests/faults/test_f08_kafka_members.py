"""F8: members of a group come, go and die while lines come in; partitions change hands in the middle of a batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import Load, write_records
from tests.faults.kafka_whole import Member, losses, reckon
from tests.faults.test_f09_kafka_lost_records import written
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka

PARTITIONS = 4


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def topic(kafka_broker: Kafka) -> str:
    name = fresh("orders")
    kafka_broker.create_topic(name, PARTITIONS)
    return name


@pytest.fixture
def members(kafka_broker: Kafka, topic: str, receiver: Receiver, tmp_path: Path) -> Iterator[Callable[[str], Member]]:
    """Makes members of one group, each with a disk of its own."""
    made: list[Member] = []

    def make(name: str) -> Member:
        made.append(Member(tmp_path / name, kafka_broker.address, topic, receiver, group=topic, replicas=2))
        return made[-1]

    yield make
    for member in made:
        member.end()


def test_a_member_that_comes_and_goes_pages_nobody_twice(
    kafka_broker: Kafka, topic: str, members: Callable[[str], Member], receiver: Receiver
) -> None:
    """A second member joins and leaves in good order under load, in mid-batch: each failure is told once, by one of them."""
    stays, comes = members("stays"), members("comes")
    stays.start()
    with Load(kafka_broker.address, topic, PARTITIONS) as load:
        for _ in range(3):
            load.wait_for_more(5)
            comes.start(until="kafka_assigned")
            load.wait_for_more(5)
            comes.stop()
        load.wait_for_more(5)
    told = reckon(receiver, load.planted)
    assert told.is_right
    assert told.again == 0
    assert losses(receiver) == []
    stays.stop()


def test_two_members_one_of_which_is_killed_again_and_again(
    kafka_broker: Kafka, topic: str, members: Callable[[str], Member], receiver: Receiver
) -> None:
    """Both join and leave every few seconds, by SIGTERM or SIGKILL: everything is told under one key, nothing is invented."""
    one, two = members("one"), members("two")
    chance = random.Random(8)
    one.start()
    with Load(kafka_broker.address, topic, PARTITIONS) as load:
        for turn in range(6):
            goes, stays = (one, two) if turn % 2 else (two, one)
            if not goes.starts or goes.daemon.has_ended():
                goes.start()
            load.wait_for_more(6)
            (goes.kill if chance.random() < 0.6 else goes.stop)()
            assert not stays.daemon.has_ended(), stays.said()
            load.wait_for_more(6)
            goes.start()
    told = reckon(receiver, load.planted, 60)
    assert told.is_right
    assert losses(receiver) == []
    one.stop()
    two.stop()


def test_a_partition_that_changes_hands_is_not_told_again(
    kafka_broker: Kafka, topic: str, members: Callable[[str], Member], receiver: Receiver
) -> None:
    """The new owner with an empty disk reads one window back and is silent about it; what follows is told by it alone."""
    first, second = members("first"), members("second")
    first.start()
    for partition in range(PARTITIONS):
        write_records(kafka_broker.address, topic, written(f"Old{partition}"), partition)
    assert reckon(receiver, {f"planted.Old{partition}" for partition in range(PARTITIONS)}).is_right
    first.stop()
    second.start()
    for partition in range(PARTITIONS):
        second.finds_something_fresh(f"New{partition}", partition)
    told = reckon(receiver, {f"planted.{age}{partition}" for age in ("Old", "New") for partition in range(PARTITIONS)})
    assert told.is_right
    assert told.again == 0
    second.stop()
