"""F8, F9 and F11 at once for minutes: brokers and members die in any order. A failing seed is a lead."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.crash_points import CrashPoint
from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import Load
from tests.faults.kafka_whole import Member, losses, reckon
from tests.services.kafka import Kafka

PARTITIONS = 6
ROUNDS = 25
MEMBERS = 3
SEED = int(os.environ.get("TRIMWATCH_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
POINTS = [point for point in CrashPoint if not point.value.startswith("file_")]


@pytest.fixture
def members(own_kafka: Kafka, tmp_path: Path) -> Iterator[list[Member]]:
    own_kafka.create_topic("orders", PARTITIONS)
    with Receiver() as receiver:
        made = [Member(tmp_path / f"{n}", own_kafka.address, "orders", receiver, replicas=MEMBERS) for n in range(MEMBERS)]
        yield made
        for member in made:
            member.end()


@pytest.mark.chaos
def test_anything_dies_at_any_time(own_kafka: Kafka, members: list[Member]) -> None:
    """Everything that was acknowledged is told under one key, nothing is invented, nothing is lost."""
    print("seed", SEED)
    chance = random.Random(SEED)
    receiver = members[0].receiver
    with Load(own_kafka.address, "orders", PARTITIONS, seed=SEED, share=0.03) as load:
        for _ in range(ROUNDS):
            one_round(own_kafka, chance.choice(members), chance)
            load.wait_for_more(chance.randrange(1, 8), 120)
        for member in members:
            if not runs(member):
                member.start()
    told = reckon(receiver, load.planted, 120)
    print(f"{load.records} records, starts {[member.starts for member in members]}")
    assert told.is_right
    assert losses(receiver) == []
    for member in members:
        member.stop()


def one_round(broker: Kafka, member: Member, chance: random.Random) -> None:
    """The member comes, or dies, or leaves, or the broker is killed and comes back."""
    what = chance.random()
    if what < 0.2:
        broker.kill()
        broker.start()
    elif not runs(member):
        member.start(crash_at=f"{chance.choice(POINTS).value}:{chance.randrange(1, 9)}" if what < 0.5 else "")
    elif what < 0.7:
        member.kill()
    else:
        member.stop()


def runs(member: Member) -> bool:
    return member.starts > 0 and not member.daemon.has_ended()
