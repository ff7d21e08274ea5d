"""F11, F15: the daemon kills itself at each crash point while it reads an index, and is killed at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.crash_points import CrashPoint
from tests.acceptance.receiver import Receiver
from tests.faults.index_load import IndexLoad
from tests.faults.kafka_whole import Member, losses, reckon
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh

POINTS = [point for point in CrashPoint if not point.value.startswith("file_")]
MAPPING = {
    "settings": {"number_of_shards": 2, "refresh_interval": "100ms"},
    "mappings": {"properties": {"@timestamp": {"type": "date"}}},
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def reader(folder: Path, node: Elasticsearch, index: str, receiver: Receiver) -> Member:
    """A daemon that reads the index."""
    member = Member(folder, node.address, index, receiver)
    source = {"type": "elasticsearch", "urls": [node.address], "index": index, "start_at": "earliest", "poll": "200ms"}
    member.daemon.write_settings({**member.settings, "sources": [source]})
    return member


def test_killed_at_each_point_while_it_reads(elasticsearch_node: Elasticsearch, receiver: Receiver, tmp_path: Path) -> None:
    """At the first and at a later passing of each point, documents up to 20 s late among the others: every failure is told under
    one key and counted once, nothing is lost, nothing is judged twice."""
    index = fresh("orders")
    elasticsearch_node.ask("PUT", f"/{index}", MAPPING)
    member = reader(tmp_path / "one", elasticsearch_node, index, receiver)
    kills = [f"{point.value}:{times}" for times in (1, 3) for point in POINTS]
    with IndexLoad(elasticsearch_node, index) as load:
        missed = []
        for kill in kills:
            member.start(crash_at=kill)
            if not member.daemon.ended_within(30):
                missed.append(kill)
                member.kill()
    member.start()
    told = reckon(receiver, load.planted, 60)
    print(f"killed {len(kills) - len(missed)} times, {load.documents} documents")
    assert missed == [], "these points were never reached"
    assert told.is_right, member.said()
    assert losses(receiver) == []
    member.stop()
    assert {entity: count for entity, count in member.counts().items() if count != 1} == {}


def test_killed_at_any_moment(elasticsearch_node: Elasticsearch, receiver: Receiver, tmp_path: Path) -> None:
    """Thirty times."""
    index = fresh("orders")
    elasticsearch_node.ask("PUT", f"/{index}", MAPPING)
    member = reader(tmp_path / "one", elasticsearch_node, index, receiver)
    chance = random.Random(7)
    with IndexLoad(elasticsearch_node, index, seed=2) as load:
        for _ in range(30):
            member.start()
            time.sleep(chance.random())
            member.kill()
    member.start()
    told = reckon(receiver, load.planted, 60)
    print(f"{load.documents} documents")
    assert told.is_right, member.said()
    assert losses(receiver) == []
    member.stop()
    assert {entity: count for entity, count in member.counts().items() if count != 1} == {}
