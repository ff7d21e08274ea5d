"""What the Kafka source says of a broker or a topic that does not serve it, against a real one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from detector.edges.sources.base import Bearing
from detector.settings import Secret
from tests.integration.kafka_inbox import RecordInbox, kafka
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka

WITHIN_S = 30


async def problems_of(source: Any, is_enough: Any) -> dict[str, str]:
    """What it bears with, as soon as that is enough. It tells nobody when: it is asked."""
    reading = asyncio.ensure_future(source.read_into(RecordInbox(), {}))
    try:
        async with asyncio.timeout(WITHIN_S):
            while not is_enough(problems := dict(source.problems)):
                assert not reading.done()
                await asyncio.sleep(0.05)
        return problems
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


WRONG = {
    "password": ("sasl", {"sasl": "plain", "username": "reader", "password": Secret("wr0ng-word")}, "user or password is wrong"),
    "no TLS": ("tls", {}, "speaks TLS"),
    "unknown authority": ("tls", {"tls": True}, "is not trusted"),
}


@pytest.mark.parametrize(("listener", "given", "says"), WRONG.values(), ids=WRONG)
def test_the_reason_is_told_and_not_that_nobody_was_reached(
    kafka_broker: Kafka, listener: str, given: dict[str, Any], says: str
) -> None:
    """A client folds the reasons of all servers into one error without any."""
    address = getattr(kafka_broker, listener)
    source = kafka(address, fresh("orders"), **given)
    assert isinstance(source, Bearing)
    problems = asyncio.run(problems_of(source, bool))
    assert problems["servers"].startswith(f"{address}: ")
    assert says in problems["servers"]
    assert "wr0ng-word" not in str(problems)


def test_a_topic_that_is_not_there_and_a_pattern_without_one(kafka_broker: Kafka) -> None:
    """Each is told, while the topics that are there are read."""
    there, missing = fresh("orders"), fresh("orders")
    kafka_broker.create_topic(there)
    problems = asyncio.run(problems_of(kafka(kafka_broker.address, there, missing), bool))
    assert problems == {f"topic {missing}": "the topic is not there"}
    source = kafka(kafka_broker.address, topic_pattern=f"{fresh('nothing')}.*", group=fresh("group"))
    assert asyncio.run(problems_of(source, bool)) == {"topic_pattern": "matches no topic that we may see"}
