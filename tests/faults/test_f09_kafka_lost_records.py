"""F9: records that were there are gone, by retention or because the topic is another: never a silent jump."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.planter import NOISE
from tests.acceptance.receiver import Receiver
from tests.faults.kafka_load import failure, write_records
from tests.faults.kafka_whole import WITHIN_S, Member, losses, reckon
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def member(kafka_broker: Kafka, receiver: Receiver, tmp_path: Path) -> Iterator[Member]:
    """A daemon that has judged a topic of one partition to its end, and told the one failure in it."""
    topic = fresh("orders")
    kafka_broker.create_topic(topic)
    member = Member(tmp_path / "one", kafka_broker.address, topic, receiver)
    member.start()
    write_records(kafka_broker.address, topic, noise(50))
    member.finds_something_fresh("Before")
    yield member
    member.end()


def noise(count: int) -> list[bytes]:
    return [NOISE.format(n=n).encode().rstrip() for n in range(count)]


def written(name: str) -> list[bytes]:
    return [*noise(10), *failure(f"planted.{name}", in_one_record=False), *noise(10)]


def is_told(member: Member, loss: str) -> None:
    """One lost range and no other, in the words of its evidence, and its number of records in the metrics."""
    assert member.receiver.wait_for({f"{member.topic}/0"}, WITHIN_S) == set(), member.said()
    assert losses(member.receiver) == [loss]


def test_retention_overtook_it_while_it_was_down(kafka_broker: Kafka, member: Member, receiver: Receiver) -> None:
    """From where it stood to where the log begins now is told as lost, once, also over another restart; the rest is judged."""
    member.stop()
    write_records(kafka_broker.address, member.topic, written("Gone"))
    write_records(kafka_broker.address, member.topic, written("Kept"))
    kafka_broker.delete_records(member.topic, 0, 52 + 30)
    member.start()
    assert reckon(receiver, {"planted.Before", "planted.Kept"}).is_right
    is_told(member, "records 52-82 retention")
    assert 'trimwatch_source_lost_records_total{source="kafka"} 30' in member.ask("/metrics")
    member.stop()
    member.start()
    member.finds_something_fresh("Fresh")
    is_told(member, "records 52-82 retention")
    member.stop()


def test_retention_overtook_it_while_it_was_slow(kafka_broker: Kafka, member: Member, receiver: Receiver) -> None:
    """The same while it runs: it was stopped by a signal for as long as the records lived."""
    member.daemon.signal(signal.SIGSTOP)
    for _ in range(40):
        write_records(kafka_broker.address, member.topic, noise(500))
    write_records(kafka_broker.address, member.topic, written("Kept"))
    kafka_broker.delete_records(member.topic, 0, 52 + 20_000)
    member.daemon.signal(signal.SIGCONT)
    assert reckon(receiver, {"planted.Before", "planted.Kept"}).is_right
    member.finds_something_fresh("Fresh")
    member.stop()
    told = losses(receiver)
    print(told)
    assert all(one.endswith("-20052 retention") for one in told)


@pytest.mark.parametrize("count", [1, 30])
def test_a_topic_is_made_again_while_it_was_down(kafka_broker: Kafka, member: Member, receiver: Receiver, count: int) -> None:
    """Also when the new one has more records than the old one had: it is read from its start, and the loss is told."""
    member.stop()
    kafka_broker.delete_topic(member.topic)
    kafka_broker.create_topic(member.topic)
    write_records(kafka_broker.address, member.topic, [*failure("planted.Again", in_one_record=False), *noise(2 * count)])
    member.start()
    assert reckon(receiver, {"planted.Before", "planted.Again"}).is_right
    is_told(member, "records 52-? topic made again")
    member.finds_something_fresh("Fresh")
    member.stop()


def test_a_topic_is_made_again_while_it_runs(kafka_broker: Kafka, member: Member, receiver: Receiver) -> None:
    """It finds that out by itself; the loss begins where the topic was last known to be the old one."""
    kafka_broker.delete_topic(member.topic)
    kafka_broker.create_topic(member.topic)
    write_records(kafka_broker.address, member.topic, [*failure("planted.Again", in_one_record=False), *noise(20)])
    assert reckon(receiver, {"planted.Before", "planted.Again"}, 60).is_right, member.said()
    assert member.receiver.wait_for({f"{member.topic}/0"}, WITHIN_S) == set(), member.said()
    (loss,) = losses(member.receiver)
    begin = re.fullmatch(r"records (\d+)-\? topic made again", loss)
    assert begin is not None
    assert int(begin[1]) <= 52
    member.finds_something_fresh("Fresh")
    member.stop()
