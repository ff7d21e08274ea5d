"""What the Elasticsearch source says of a cluster or an index that does not serve it, against a real node."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from detector.edges.sources import source_of
from detector.settings import ElasticsearchSourceSettings
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.nginx import Nginx, Refusal
from tests.unit.edges.sources.collect import SharedCollector

WITHIN_S = 150  # two requests that hang, and the pauses after them


class Reading:
    """A source that reads while the block runs. It tells nobody when something is wrong: it is asked."""

    def __init__(self, url: str, index: str) -> None:
        poll = timedelta(milliseconds=100)
        self.source: Any = source_of(ElasticsearchSourceSettings("elasticsearch", (url,), index, poll=poll))

    async def __aenter__(self) -> Reading:
        self._task = asyncio.ensure_future(self.source.read_into(SharedCollector(), {}))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def problems(self, is_enough: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        async with asyncio.timeout(WITHIN_S):
            while not is_enough(problems := dict(self.source.problems)):
                assert not self._task.done()
                await asyncio.sleep(0.02)
        return problems


def test_a_pattern_that_matches_nothing_is_told_until_it_does(elasticsearch_node: Elasticsearch) -> None:
    """A typing error looks like a quiet night otherwise."""
    index = fresh("logs")

    async def story() -> None:
        async with Reading(elasticsearch_node.address, f"{index}*") as reading:
            assert await reading.problems(bool) == {f"{index}*": "matches no index that we may read"}
            await asyncio.to_thread(elasticsearch_node.ask, "PUT", f"/{index}")
            assert await reading.problems(lambda problems: not problems) == {}

    asyncio.run(story())


def test_an_index_that_holds_nothing_yet_is_no_complaint(elasticsearch_node: Elasticsearch) -> None:
    """It has no mapping, not even of what every document has."""
    index = fresh("logs")
    elasticsearch_node.ask("PUT", f"/{index}")

    async def story() -> None:
        async with Reading(elasticsearch_node.address, index) as reading:
            for _ in range(100):
                await asyncio.sleep(0.02)
                assert not reading.source.problems

    asyncio.run(story())


def test_a_refusal_is_told_until_it_is_over(elasticsearch_node: Elasticsearch, nginx_front: Callable[..., Nginx]) -> None:
    """With what was asked and the cluster's own words."""
    index = fresh("logs")
    elasticsearch_node.ask("PUT", f"/{index}")
    front = nginx_front(elasticsearch_node.address)
    front.refuse([Refusal("", "/")])

    async def story() -> None:
        async with Reading(front.address, index) as reading:
            problems = await reading.problems(bool)
            assert "answered 403" in problems[index]
            await asyncio.to_thread(front.refuse)
            assert await reading.problems(lambda problems: not problems) == {}

    asyncio.run(story())
