"""Open incidents are handed over with a partition: Kafka, Elasticsearch and the daemons are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import failure, write_records
from tests.faults.kafka_whole import Member
from tests.integration.test_shared_run import is_there, shared, until
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka

MORE = b"2026-11-24T10:00:00.000Z  INFO 1 --- [main] shop.Cart : next"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def members(
    kafka_broker: Kafka, elasticsearch_node: Elasticsearch, receiver: Receiver, tmp_path: Path
) -> Iterator[Callable[[str], Member]]:
    """Makes members of one group with a disk of their own, that share their incidents."""
    topic = fresh("orders")
    kafka_broker.create_topic(topic, 1)
    made: list[Member] = []

    def make(name: str) -> Member:
        member = Member(tmp_path / name, kafka_broker.address, topic, receiver, group=topic, replicas=2)
        cluster = {"urls": [elasticsearch_node.address], "prefix": topic, "lease": "15s", "poll": "1s"}
        member.daemon.write_settings(
            member.settings | {"elasticsearch": cluster, "incidents": {"resolve": "shared", "quiet": "20s"}}
        )
        made.append(member)
        return member

    yield make
    for member in made:
        member.end()


def test_the_new_owner_of_a_partition_joins_what_the_former_has_told(
    elasticsearch_node: Elasticsearch, members: Callable[[str], Member], receiver: Receiver
) -> None:
    """The owner told and is killed with -9; the next one, with an empty disk, sees the same cause: no second page. When it is
    quiet there, the end is told once, although the one that opened it is gone; nor does that one tell it when it comes back."""
    former, new = members("former"), members("new")

    def sees_it(member: Member) -> None:
        write_records(member.address, member.topic, [*failure("planted.Handed", in_one_record=True), MORE], 0)

    def reporters() -> dict[str, str]:
        return {
            name: each["state"] for found in shared(elasticsearch_node, former.topic) for name, each in found["reporters"].items()
        }

    def told() -> list[str]:
        return [body["action"] for body in receiver.told if body["action"] != "update"]

    former.start()
    until(lambda: is_there(elasticsearch_node, f"{former.topic}-incidents-shared"))
    sees_it(former)
    until(lambda: told() == ["trigger"] and len(reporters()) == 1)
    former.kill()
    new.start(until="kafka_assigned")
    sees_it(new)
    until(lambda: len(reporters()) == 2)
    assert told() == ["trigger"]
    until(lambda: told() == ["trigger", "resolve"], 90)
    former.start()
    until(lambda: '"started"' in former.said())
    until(lambda: {found["state"] for found in shared(elasticsearch_node, former.topic)} == {"resolved"}, 90)
    former.stop()
    new.stop()
    assert told() == ["trigger", "resolve"]
