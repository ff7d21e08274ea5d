"""Verdicts and baselines from the store into a real Elasticsearch and a real Kafka: what people and programs find there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import jsonschema
import pytest

from detector.edges.mirror.base import Mirror
from detector.edges.mirror.elasticsearch import ElasticsearchMirror
from detector.edges.mirror.kafka import KafkaTopics
from detector.edges.outbox.feed import FeedLane, FeedTools
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.store.store import Store
from detector.interface_schema import SCHEMAS
from detector.records import Checkpoint
from detector.settings import KafkaSinkSettings, OutboxSettings, StoreSettings
from detector.telemetry import Health, Metrics
from tests.contract.sink_cases import NOW_MS
from tests.contract.topic_receiver import KEPT, records_in
from tests.integration.mirrored import Mirrored, settings_of
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka
from tests.unit.core.judgements.course import P99, POOL
from tests.unit.edges.store.test_verdicts import BASELINE, judged

pytestmark = pytest.mark.service


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(StoreSettings(path=str(tmp_path / "state")), NOW_MS)
    yield opened
    opened.close()


def told(store: Store, mirror: Mirror) -> None:
    """Two windows of a change and a baseline, on their way out, twice."""
    lane = FeedLane(mirror, FeedTools(store.feed, RetryPlan(OutboxSettings(), Random(1)), Metrics(), Health(), lambda: NOW_MS))

    async def send() -> None:
        for window, states in ((1, {P99: "fail"}), (2, {P99: "fail", POOL: "inconclusive"})):
            store.write(Checkpoint(NOW_MS + window, judged=(judged(window, states, at_ms=NOW_MS + window),)))
            store.tell_of_baselines(NOW_MS)
            assert await lane.send_due() is None
        await mirror.close()

    store.feed.use({mirror.name: mirror.kinds}, 1_000, NOW_MS, [])
    store.baselines.add(BASELINE)
    asyncio.run(send())


def test_a_cluster_can_be_asked_which_signals_failed(store: Store, elasticsearch_node: Elasticsearch) -> None:
    """By service, change, signal, verdict and number; each verdict is a document of its own, and each baseline."""
    mirrored = Mirrored(elasticsearch_node, fresh("verdicts"))
    told(store, ElasticsearchMirror(settings_of(elasticsearch_node.address, mirrored.prefix), "instance-a", Random(1)))
    assert (mirrored.count("verdicts"), mirrored.count("baselines")) == (6, 1)
    failed = "service.name:shop AND trimwatch.change:shop\\-1 AND trimwatch.verdict:fail AND trimwatch.window:all"
    for query, count in (
        (failed, 2),
        (f'trimwatch.signal:"{POOL}"', 2),
        ("trimwatch.observed:[15 TO 16] AND trimwatch.is_required:true", 4),
        ("trimwatch.interval:>19", 6),
        ("trimwatch.layer:application AND trimwatch.before:history", 6),
    ):
        body = {"query": {"query_string": {"query": query}}}
        answer = elasticsearch_node.ask("POST", f"/{mirrored.prefix}-verdicts/_search", body)
        assert answer["hits"]["total"]["value"] == count, query
    (baseline,) = mirrored.sources("baselines")
    assert baseline["message"].startswith("shop@1: 1 signals from ")
    assert baseline["trimwatch"]["change"] == "shop-1"
    assert baseline["trimwatch"]["body"]["signals"][0]["present"] == 1


def test_a_topic_holds_verdicts_that_the_schema_knows(store: Store, kafka_broker: Kafka) -> None:
    """In order, under a key that says which; a baseline is none of a topic's."""
    topic = fresh("verdicts")
    kafka_broker.create_topic(topic, config=KEPT)
    made = KafkaSinkSettings(
        type="kafka", servers=(kafka_broker.address,), timeout=timedelta(seconds=5), topic="unused", verdicts_topic=topic
    )
    told(store, KafkaTopics(made, "orders-0"))
    records = asyncio.run(records_in(kafka_broker.address, topic))
    assert [record.key.decode() for record in records] == [
        f"shop-1/{P99}/1",
        f"shop-1/{P99}/all",
        f"shop-1/{P99}/2",
        f"shop-1/{P99}/all",
        f"shop-1/{POOL}/2",
        f"shop-1/{POOL}/all",
    ]
    for record in records:
        jsonschema.Draft202012Validator(SCHEMAS["verdict"]()).validate(json.loads(record.value))
    last = json.loads(records[-1].value)
    assert (last["verdict"], last["window"], last["instance"], last["service"]) == ("inconclusive", "all", "orders-0", "shop")
