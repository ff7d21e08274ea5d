"""F15: Elasticsearch says 429, 503, refuses single items, answers too late or not at all, is killed, is away for an hour.

The feed, its lane and the mirror are the daemon's; the cluster is a real one. A proxy in front answers in its place only where a
real node cannot be made to say a thing on demand. Counts are of what the cluster holds in the end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from detector.edges.mirror import elasticsearch as mirror_module
from detector.edges.mirror.elasticsearch import ElasticsearchMirror
from detector.edges.outbox.feed import FeedLane, FeedTools
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.store.store import Store
from detector.records import Checkpoint
from detector.settings import OutboxSettings
from detector.telemetry import Health, Metrics
from tests.integration.mirrored import Mirrored, settings_of
from tests.integration.test_run import HEADER, Place, trace
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.meddler import Meddler, answer_too_late, instead, lose_the_answer, refuse_items
from tests.unit.edges.records import finding, incident


class Feeding:
    """What the daemon does: `find` is a checkpoint, `settle` lets the lane try until nothing waits."""

    def __init__(self, store: Store, mirrored: Mirrored, address: str, timeout_s: float = 10) -> None:
        self.store = store
        self.mirrored = mirrored
        self.keys: list[str] = []
        mirror = ElasticsearchMirror(settings_of(address, mirrored.prefix, timeout_s=timeout_s), store.instance, Random(1))
        self.mirror = mirror
        self.metrics = Metrics()
        plan = RetryPlan(
            OutboxSettings(first_retry=timedelta(milliseconds=50), longest_retry=timedelta(milliseconds=500)), Random(1)
        )
        self.lane = FeedLane(mirror, FeedTools(store.feed, plan, self.metrics, Health(), lambda: 5_000))
        store.feed.use({mirror.name: mirror.kinds}, 100_000, 0, [])

    def find(self, count: int, name: str = "k") -> None:
        keys = [f"{name}{number:05}" for number in range(count)]
        self.keys += keys
        for begin in range(0, count, 50):
            found = tuple(finding(key, begin + number) for number, key in enumerate(keys[begin : begin + 50]))
            self.store.write(Checkpoint(1_000, findings=found, incidents=(incident(f"{name}-incident", count=begin),)))

    async def settle(self) -> list[float]:
        """Returns the pauses that the lane took."""
        pauses = []
        async with asyncio.timeout(120):
            while (pause_s := await self.lane.send_due()) is not None:
                pauses.append(pause_s)
                await asyncio.sleep(pause_s)
        await self.mirror.close()
        return pauses

    def assert_all_there_once(self, but: frozenset[str] = frozenset()) -> None:
        wanted = sorted(key for key in self.keys if key not in but)
        found = self.mirrored.dedup_keys("findings")
        print(f"{len(wanted)} findings wanted, {len(found)} there, {len(set(found))} different")
        assert found == wanted

    def failed(self, reason: str) -> float:
        name = "trimwatch_feed_failed_total"
        return self.metrics.registry.get_sample_value(name, {"consumer": "elasticsearch", "reason": reason}) or 0.0


@pytest.fixture
def mirrored(elasticsearch_node: Elasticsearch) -> Mirrored:
    return Mirrored(elasticsearch_node, fresh("f15"))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two rounds of the same items, so that a test does not wait for them."""
    monkeypatch.setattr(mirror_module, "FIRST_PAUSE_S", 0.01)


@pytest.mark.parametrize(
    ("status", "word"), [(429, "rateLimited"), (503, "serverError"), (502, "serverError"), (504, "serverError")]
)
def test_a_whole_request_that_is_refused_for_now_comes_again(store: Store, mirrored: Mirrored, status: int, word: str) -> None:
    """Scripted: a node that is not overloaded says neither. Tried again with pauses; all documents are there once."""

    async def run() -> Feeding:
        async with Meddler(mirrored._node.address) as cluster:
            cluster.plan.extend([instead(status)] * 4)
            feeding = Feeding(store, mirrored, cluster.address)
            feeding.find(500)
            assert len(await feeding.settle()) == 4
            return feeding

    feeding = asyncio.run(run())
    assert feeding.failed(word) == 4
    feeding.assert_all_there_once()


def test_retry_after_is_kept_to(store: Store, mirrored: Mirrored) -> None:
    """As the cluster asks, to the second."""

    async def run() -> list[float]:
        async with Meddler(mirrored._node.address) as cluster:
            cluster.plan.append(instead(429, retry_after="1"))
            feeding = Feeding(store, mirrored, cluster.address)
            feeding.find(10)
            pauses = await feeding.settle()
            feeding.assert_all_there_once()
            return pauses

    assert asyncio.run(run()) == [1.0]


@pytest.mark.parametrize(("status", "kind"), [(429, "es_rejected_execution_exception"), (503, "unavailable_shards_exception")])
def test_items_that_are_told_to_wait_go_again_alone(store: Store, mirrored: Mirrored, status: int, kind: str) -> None:
    """Inside a 200. Scripted: a real queue is full only by chance. Each round sends what was left, and nothing that is in."""

    async def run() -> tuple[Feeding, list[int]]:
        async with Meddler(mirrored._node.address) as cluster:
            cluster.plan.extend([refuse_items(lambda number: number % 3 == 0, status, kind)] * 3)
            feeding = Feeding(store, mirrored, cluster.address)
            feeding.find(200)
            assert await feeding.settle() == []
            return feeding, [len(request.items()) for request in cluster.bulks]

    feeding, sizes = asyncio.run(run())
    assert sizes == [201, 67, 23, 8]
    feeding.assert_all_there_once()


def test_items_that_are_told_to_wait_for_too_long_wait_with_their_batch(store: Store, mirrored: Mirrored) -> None:
    """After a few rounds the lane takes a longer pause; then the batch comes again, and what was in is not doubled."""

    async def run() -> Feeding:
        async with Meddler(mirrored._node.address) as cluster:
            always = refuse_items(lambda number: number == 0, 429, "es_rejected_execution_exception")
            cluster.plan.extend([always] * 9)
            feeding = Feeding(store, mirrored, cluster.address)
            feeding.find(200)
            assert len(await feeding.settle()) == 1
            return feeding

    feeding = asyncio.run(run())
    assert feeding.failed("rateLimited") == 1
    feeding.assert_all_there_once()


def test_a_real_full_queue_costs_nothing(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A node that may hold almost no bytes of indexing at once refuses whole requests with a 429 of its own."""
    node = Elasticsearch(tmp_path_factory.mktemp("full") / "node", "indexing_pressure.memory.limit: 1kb\n")
    node.start()
    try:
        mirrored = Mirrored(node, fresh("f15"))
        feeding = Feeding(store, mirrored, node.address)
        feeding.find(50)

        async def run() -> list[float | None]:
            first = await feeding.lane.send_due()
            await feeding.mirror.close()
            return [first]

        assert asyncio.run(run()) != [None]
        assert feeding.failed("rateLimited") == 1
        assert len(store.feed.after("elasticsearch", 1_000, 1 << 30).rows) == 51
    finally:
        node.kill()


def test_a_document_that_the_mapping_refuses_is_a_dead_letter_with_the_reason(store: Store, mirrored: Mirrored) -> None:
    """A real 400: a template of somebody else's says that a title is a number. The reason names the field; the others are in."""
    name = f"{mirrored.prefix}-findings"
    properties = {"@timestamp": {"type": "date"}, "tags": {"type": "long"}}
    template = {"mappings": {"dynamic": False, "properties": properties}}
    body = {"index_patterns": [name], "data_stream": {}, "priority": 500, "version": 999, "template": template}
    mirrored._node.ask("PUT", f"/_index_template/{name}", body)
    feeding = Feeding(store, mirrored, mirrored._node.address)
    store.write(Checkpoint(1_000, findings=(finding("bad"),), incidents=(incident("i"),)))
    asyncio.run(feeding.settle())
    (kept,) = store.history.dead_letters()
    assert kept.record.stream_name == "elasticsearch"
    assert "document_parsing_exception" in kept.record.reason
    assert "[tags]" in kept.record.reason
    assert mirrored.count("incidents") == 1
    assert mirrored.count("findings") == 0


def test_single_items_that_are_refused_are_dead_letters_and_the_others_are_in(store: Store, mirrored: Mirrored) -> None:
    """Scripted, to refuse some of a batch: each of them becomes one dead letter, none of the others does."""

    async def run() -> Feeding:
        async with Meddler(mirrored._node.address) as cluster:
            cluster.plan.append(refuse_items(lambda number: number in (3, 77), 400, "document_parsing_exception", "field [x]"))
            feeding = Feeding(store, mirrored, cluster.address)
            feeding.find(100)
            await feeding.settle()
            return feeding

    feeding = asyncio.run(run())
    letters = store.history.dead_letters()
    assert [kept.record.reason for kept in letters] == ["document_parsing_exception: field [x]"] * 2
    assert len(mirrored.dedup_keys("findings")) == 98
    assert set(mirrored.dedup_keys("findings")) < set(feeding.keys)


@pytest.mark.parametrize("meddling", [lose_the_answer, answer_too_late(2.0)], ids=["connection lost", "time-out"])
def test_an_answer_that_is_lost_after_success_doubles_nothing(store: Store, mirrored: Mirrored, meddling: object) -> None:
    """The cluster has the batch and we do not know: it comes again under the same ids, and each document is there once."""

    async def run() -> tuple[Feeding, list[float]]:
        async with Meddler(mirrored._node.address) as cluster:
            cluster.plan.extend([meddling] * 3)  # type: ignore[list-item]
            feeding = Feeding(store, mirrored, cluster.address, timeout_s=1)
            feeding.find(400)
            return feeding, await feeding.settle()

    feeding, pauses = asyncio.run(run())
    assert len(pauses) == 3
    feeding.assert_all_there_once()
    assert mirrored.count("incidents") == 1


def test_killed_between_success_and_noting_it(store: Store, mirrored: Mirrored) -> None:
    """The process ends when the cluster has the batch and the store does not know: the next one sends it again, in vain."""
    feeding = Feeding(store, mirrored, mirrored._node.address)
    feeding.find(250)

    async def die() -> None:
        page = store.feed.after("elasticsearch", 300, 1 << 30)
        await feeding.lane._take(page)
        await feeding.mirror.close()

    asyncio.run(die())
    again = Feeding(store, mirrored, mirrored._node.address)
    again.keys = feeding.keys
    asyncio.run(again.settle())
    again.assert_all_there_once()


@pytest.fixture
def own(own_elasticsearch: Elasticsearch) -> Iterator[Mirrored]:
    return Mirrored(own_elasticsearch, fresh("f15"))


@pytest.mark.slow
def test_killed_in_mid_bulk_and_started_again(store: Store, own: Mirrored) -> None:
    """kill -9 while batches are going out, three times, each time at another moment: in the end every finding is there once."""
    node = own._node
    feeding = Feeding(store, own, node.address, timeout_s=2)
    feeding.find(9_000)

    async def run() -> list[float]:
        async with Meddler(node.address) as cluster:
            feeding.mirror._settings = settings_of(cluster.address, own.prefix, timeout_s=2)
            settling = asyncio.create_task(feeding.settle())
            for bulks in (4, 12, 20):
                async with asyncio.timeout(60):
                    while len(cluster.bulks) < bulks:
                        await asyncio.sleep(0.001)  # a moment in the middle of one: it was read, and is not answered
                node.kill()
                await asyncio.to_thread(node.start)
            return await settling

    pauses = asyncio.run(run())
    print(f"{len(pauses)} batches failed while the node was down")
    assert pauses
    feeding.assert_all_there_once()


@pytest.mark.slow
def test_away_for_an_hour(store: Store, own: Mirrored) -> None:
    """3,600 checkpoints while the cluster is down: none waits for it; when it is back it gets everything, once, and of each
    incident the last state."""
    node = own._node
    node.stop()
    feeding = Feeding(store, own, node.address, timeout_s=2)

    async def an_hour() -> list[float]:
        for second in range(3_600):
            key = f"s{second:05}"
            feeding.keys.append(key)
            incidents = (incident(f"i{second % 20}", count=second),)
            store.write(Checkpoint(second * 1_000, findings=(finding(key, second),), incidents=incidents))
            if second % 600 == 0:
                assert await feeding.lane.send_due() is not None
        await asyncio.to_thread(node.start)
        return await feeding.settle()

    asyncio.run(an_hour())
    assert feeding.failed("connectionError") >= 6
    feeding.assert_all_there_once()
    counts = {source["trimwatch"]["dedup_key"]: source["trimwatch"]["count"] for source in own.sources("incidents")}
    assert counts == {f"i{number}": 3_580 + number for number in range(20)}
    assert own.count("incidents") == 20


@pytest.mark.slow
def test_the_daemon_killed_again_and_again(place: Place, mirrored: Mirrored) -> None:
    """kill -9 while findings are judged, written and mirrored, eight times: the mirror holds what the store holds, each once."""
    place.settings["elasticsearch"] = {"urls": [mirrored._node.address], "prefix": mirrored.prefix}
    place.daemon.write_settings(place.settings)
    for life in range(8):
        place.daemon.start()
        place.daemon.wait_for_log('"source_started"', life + 1)
        for number in range(40):
            place.write(trace(f"L{life}N{number}") + HEADER)
        assert place.receiver.wait_for({f"planted.L{life}N{10 + 3 * life}"}, 20) == set()
        place.daemon.kill()
    place.daemon.start()
    wanted = {f"planted.L{life}N{number}" for life in range(8) for number in range(40)}
    assert place.receiver.wait_for(wanted, 60) == set()
    mirrored.wait_for(lambda: mirrored.count("findings") >= len(wanted))
    mirrored.wait_for(lambda: 'trimwatch_feed_pending{consumer="elasticsearch"} 0.0' in place.ask("/metrics")[1])
    assert place.daemon.stop() == 0
    found = Counter(source["trimwatch"]["entity"]["name"] for source in mirrored.sources("findings"))
    print(f"{len(wanted)} findings planted, {found.total()} mirrored, {len(found)} different")
    assert found == Counter(wanted)


@pytest.mark.slow
def test_the_daemon_goes_on_without_its_cluster_and_catches_up(place: Place, own: Mirrored) -> None:
    """Killed while the daemon mirrors, gone while 300 causes come up and a restart, back again: everything is there once."""
    node = own._node
    place.settings["elasticsearch"] = {"urls": [node.address], "prefix": own.prefix, "timeout": "2s"}
    place.settings["outbox"] = {"first_retry": "100ms", "longest_retry": "1s"}
    place.daemon.write_settings(place.settings)
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.write(trace("Before") + HEADER)
    own.wait_for(lambda: own.count("findings") == 1)
    node.kill()
    for number in range(300):
        place.write(trace(f"N{number}") + HEADER)
    wanted = {"planted.Before"} | {f"planted.N{number}" for number in range(300)}
    assert place.receiver.wait_for(wanted, 60) == set(), "alerts do not wait for the mirror"
    assert place.daemon.stop() == 0
    place.daemon.start()
    place.daemon.wait_for_log('"mirror_failed"', 3)
    node.start()
    own.wait_for(lambda: own.count("findings") >= 301)
    own.wait_for(lambda: own.count("deliveries") >= len(place.receiver.told))
    assert place.daemon.stop() == 0
    found = Counter(source["trimwatch"]["entity"]["name"] for source in own.sources("findings"))
    print(f"{len(wanted)} findings planted, {found.total()} mirrored, {len(found)} different")
    assert found == Counter(wanted)
    assert len(set(own.dedup_keys("incidents"))) == 301
