"""What daemons share, in a real Elasticsearch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

import pytest

from detector.edges.mirror.documents import Conflict, Version, Write
from detector.edges.mirror.ledger import FIELDS, Ledger, Terms, document_id
from detector.edges.mirror.shared_documents import SharedDocuments
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings
from detector.telemetry import Health
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh


def settings_of(node: Elasticsearch, **changes: object) -> ElasticsearchSettings:
    return ElasticsearchSettings(urls=(node.address,), prefix=fresh("trimwatch"), **changes)  # type: ignore[arg-type]


def on(node: Elasticsearch, story: Callable[[SharedDocuments], Awaitable[None]]) -> None:
    async def whole() -> None:
        documents = SharedDocuments(settings_of(node), "baselines-shared", FIELDS)
        try:
            await story(documents)
        finally:
            await documents.close()

    asyncio.run(whole())


def test_of_two_writers_of_one_version_one_wins(elasticsearch_node: Elasticsearch) -> None:
    """The other is told, has written nothing, and gets through with the version that it reads then."""

    async def story(documents: SharedDocuments) -> None:
        first = await documents.put("p99", {"value": 1}, None)
        with pytest.raises(Conflict):
            await documents.put("p99", {"value": 2}, None)
        await documents.put("p99", {"value": 3}, first)
        with pytest.raises(Conflict):
            await documents.put("p99", {"value": 4}, first)
        there = await documents.get("p99")
        assert there is not None
        assert there.body == {"value": 3}
        await documents.put("p99", {"value": 5}, there.version)

    on(elasticsearch_node, story)


def test_racing_writers_lose_no_addition(elasticsearch_node: Elasticsearch) -> None:
    """Twenty writers add one to a number ten times each, over a conflict whenever there is one: it is 200 in the end."""

    async def add(documents: SharedDocuments) -> None:
        for _ in range(10):
            while True:
                there = await documents.get("sum")
                value = 0 if there is None else int(there.body["value"])
                try:
                    await documents.put("sum", {"value": value + 1}, None if there is None else there.version)
                    break
                except Conflict:
                    continue

    async def story(documents: SharedDocuments) -> None:
        await asyncio.gather(*(add(documents) for _ in range(20)))
        there = await documents.get("sum")
        assert there is not None
        assert there.body == {"value": 200}

    on(elasticsearch_node, story)


def test_many_are_written_and_read_in_one_request(elasticsearch_node: Elasticsearch) -> None:
    """In order; a conflict of one leaves the others alone."""

    async def story(documents: SharedDocuments) -> None:
        assert await documents.get_many(["a", "b"]) == [None, None]
        assert await documents.put_many([Write("a", {"n": 1}, None), Write("b", {"n": 2}, None)]) == [True, True]
        again = [Write("a", {"n": 9}, None), Write("c", {"n": 3}, None), Write("b", {"n": 9}, Version(999, 1))]
        assert await documents.put_many(again) == [False, True, False]
        found = await documents.get_many(["c", "none", "a", "b"])
        assert [each and each.body["n"] for each in found] == [3, None, 1, 2]

    on(elasticsearch_node, story)


def test_what_nobody_touched_is_found_oldest_first(elasticsearch_node: Elasticsearch) -> None:
    """By state and time; deleted only as the version that was read."""

    async def story(documents: SharedDocuments) -> None:
        for name, state, touched_ms in (
            ("new", "open", 900),
            ("old", "open", 100),
            ("older", "closing", 50),
            ("over", "resolved", 1),
        ):
            await documents.put(name, {"state": state, "touched_ms": touched_ms}, None)
        elasticsearch_node.ask("POST", f"/{documents.index}/_refresh")
        found = await documents.untouched(("open", "closing"), 500, 10)
        assert [name for name, _ in found] == ["older", "old"]
        stale = found[0][1].version
        await documents.put("older", {"state": "open", "touched_ms": 999}, stale)
        with pytest.raises(Conflict):
            await documents.delete("older", stale)
        await documents.delete("old", found[1][1].version)
        assert await documents.get("old") is None

    on(elasticsearch_node, story)


def test_no_text_becomes_a_field(elasticsearch_node: Elasticsearch) -> None:
    """A thousand names of daemons in one document leave the mapping as it was, also after the index was deleted under us."""

    async def story(documents: SharedDocuments) -> None:
        body = {"state": "open", "reporters": {f"car-{n}": {"state": "open"} for n in range(1000)}}
        await documents.put("one", body, None)
        elasticsearch_node.ask("DELETE", f"/{documents.index}")
        assert await documents.get("one") is None
        await documents.put("one", body, None)
        there = await documents.get("one")
        assert there is not None
        assert there.body == body
        mapping = elasticsearch_node.ask("GET", f"/{documents.index}/_mapping")
        assert set(mapping[documents.index]["mappings"]["properties"]) == set(FIELDS)

    on(elasticsearch_node, story)


def test_a_hundred_make_the_index_at_once(elasticsearch_node: Elasticsearch) -> None:
    """Whoever is second takes it as it is."""

    async def whole() -> None:
        settings = settings_of(elasticsearch_node)
        all_of_them = [SharedDocuments(settings, "gate", FIELDS) for _ in range(30)]
        await asyncio.gather(*(each.put(f"doc-{n}", {"n": n}, None) for n, each in enumerate(all_of_them)))
        assert [each and each.body["n"] for each in await all_of_them[0].get_many(["doc-0", "doc-29"])] == [0, 29]
        for each in all_of_them:
            await each.close()

    asyncio.run(whole())


def test_a_cluster_that_is_not_there_is_an_error_in_words() -> None:
    """A SinkError, which says where and why."""

    async def whole() -> None:
        settings = ElasticsearchSettings(urls=("http://127.0.0.1:9",), timeout=timedelta(seconds=1))
        documents = SharedDocuments(settings, "gate", FIELDS)
        with pytest.raises(SinkError, match="connection refused") as caught:
            await documents.get("one")
        assert caught.value.retryable
        await documents.close()

    asyncio.run(whole())


def test_a_document_of_somebody_else_is_replaced(elasticsearch_node: Elasticsearch) -> None:
    """What stands where an incident should, and is none: reported, and written over."""

    async def story(documents: SharedDocuments) -> None:
        await documents.put("key", {"version": 1, "reporters": "many"}, None)
        ledger = Ledger(documents, "car", Terms(1000, 1000), lambda: 5, Random(1), Health())
        (read,) = await ledger.read_many(["key"])
        assert read.known is None
        assert read.version is not None
        assert document_id("x" * 600) != "x" * 600

    on(elasticsearch_node, story)
