"""What answers JSON and is no cluster is told by its address, and ends nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Literal, cast

import pytest

from detector.edges.elasticsearch.nodes import ask_nodes
from detector.edges.sources.elasticsearch.cluster import Patience
from detector.edges.sources.elasticsearch.past import PastIndex, Span
from detector.edges.sources.elasticsearch.source import ElasticsearchSource
from detector.errors import NoSuchInput
from detector.settings import ElasticsearchSourceSettings

ANSWERS = [{}, [], None, 1, "x", {"indices": 1, "_shards": {}, "id": 1, "pit_id": []}, {"_shards": {"total": 1}, "id": "a"}]


@contextlib.asynccontextmanager
async def stranger(answer: object) -> AsyncIterator[str]:
    """Says 200 and this to every question; yields its address."""
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("answer", ANSWERS)
def test_check_says_which_address_it_is(answer: object) -> None:
    """An API of something else, or a path that is wrong: `flavor: opensearch` takes any server's word."""

    async def test() -> None:
        async with stranger(answer) as url:
            settings = ElasticsearchSourceSettings("elasticsearch", (url,), "logs", flavor="opensearch")
            found = await ask_nodes(settings, "logs")
        assert found.answered == ()
        ((field, problem),) = found.problems
        assert field == "urls.0"
        assert "none that Elasticsearch gives" in problem

    asyncio.run(test())


@pytest.mark.parametrize("flavor", ["opensearch", "elasticsearch"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_replay_says_so_in_words(answer: object, flavor: Literal["opensearch", "elasticsearch"]) -> None:
    """At once, without a traceback."""

    async def test() -> None:
        async with stranger(answer) as url:
            settings = ElasticsearchSourceSettings("elasticsearch", (url,), "logs", flavor=flavor)
            with pytest.raises(NoSuchInput, match=r"none that Elasticsearch gives|not as Elasticsearch"):
                await anext(PastIndex(settings, Span()).read())

    asyncio.run(test())


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_source_bears_it(answer: object) -> None:
    """It shows what is wrong and asks again."""

    async def test() -> None:
        async with stranger(answer) as url:
            settings = ElasticsearchSourceSettings("elasticsearch", (url,), "logs", flavor="opensearch")
            source = ElasticsearchSource(settings, Patience(first_s=0.001, longest_s=0.001))
            reading = asyncio.ensure_future(source.read_into(cast(Any, None), {}))
            while not source.problems and not reading.done():
                await asyncio.sleep(0)
            assert not reading.done()
            assert "none that Elasticsearch gives" in source.problems["logs"]
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    asyncio.run(test())
