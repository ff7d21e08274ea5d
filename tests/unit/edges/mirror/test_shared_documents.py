"""What is no answer of a cluster is a failure like any other of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from detector.edges.elasticsearch.library import AsyncElasticsearch
from detector.edges.mirror.documents import Version, Versioned, Write
from detector.edges.mirror.shared_documents import SharedDocuments
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings

FOUND = {"found": True, "_source": {"a": 1}, "_seq_no": 3, "_primary_term": 1}


class Answered(SharedDocuments):
    """Every question has this answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__(ElasticsearchSettings(urls=("http://es:9200",)), "shared", {})
        self._is_there = True
        self.answer = answer

    async def _ask(self, question: Callable[[AsyncElasticsearch], Awaitable[Any]], silent: Sequence[int] = ()) -> Any:
        return self.answer


@pytest.mark.parametrize(
    "rubbish",
    [
        *[None, "ok", [], {}, {"docs": {}}, {"docs": [1]}, {"docs": [], "items": []}, {"docs": [FOUND, FOUND]}],
        {"docs": [{"found": True}], "items": [{}], "hits": {}},
        {"docs": [FOUND | {"_source": 7}], "items": [{"index": {}}]},
        {"docs": [{"error": "no"}], "items": [7], "hits": {"hits": [{}]}},
        {"items": [{"index": {"status": "201"}}], "_seq_no": "x"},
    ],
)
def test_what_a_proxy_says_in_place_of_the_cluster_is_tried_again(rubbish: object) -> None:
    """An alert waits for it, and the daemon goes on."""

    async def test() -> None:
        documents = Answered(rubbish)
        write = Write("k", {}, Version(1, 1))
        for asked in (
            documents.get("k"),
            documents.put("k", {}, None),
            documents.put_many([write]),
            documents.search({}, "touched_ms", 5),
        ):
            with pytest.raises(SinkError) as raised:
                await asked
            assert raised.value.retryable

    asyncio.run(test())


def test_what_a_cluster_says_is_read() -> None:
    """By id, and one that is not there."""
    versioned = Versioned({"a": 1}, Version(3, 1))
    assert asyncio.run(Answered({"docs": [FOUND, {"found": False}]}).get_many(["a", "b"])) == [versioned, None]
