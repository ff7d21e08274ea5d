"""Replay and polling of a real OpenSearch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.edges.sources.base import Resume
from tests.integration.test_check_connect import Settings as Checked
from tests.integration.test_elasticsearch_source import DATES, at, messages, named, now, reading, settings, until_read
from tests.integration.test_replay_index import as_filebeat, log_of_a_day, replayed
from tests.services.documents import index_documents
from tests.services.opensearch import OpenSearch

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    node = OpenSearch(tmp_path_factory.mktemp("opensearch") / "node")
    node.start()
    yield node
    node.stop()


def test_an_index_is_replayed(node: OpenSearch) -> None:
    """Two shards, several lines a millisecond, pages that end among them: what the log holds is found; without the flavor it is
    said what is wrong."""
    node.ask("PUT", "/replayed", {"settings": {"number_of_shards": 2}, **DATES})
    documents = as_filebeat(log_of_a_day())
    index_documents(node, "replayed", documents)
    here = ("--elasticsearch", node.address, "--index", "replayed")
    code, found, complaints = replayed(*here, "--flavor", "opensearch", "--page", "37")
    assert (code, complaints) == (0, "")
    assert {one["entity"]: one["count"] for one in found[:-1]} == {
        "com.acme.Missing7": 7,
        "com.acme.Missing27": 7,
        "com.acme.Missing47": 6,
    }
    assert found[-1]["lines"] == len(documents)
    code, _, complaints = replayed(*here)
    assert (code, "opensearch" in complaints.lower()) == (2, True), complaints


def test_a_check_says_which_flavor_it_is(node: OpenSearch, tmp_path: Path) -> None:
    """Without the flavor that is the fault; with it the source and the mirror are asked as OpenSearch understands."""
    node.ask("PUT", "/checked", DATES)
    node.ask("PUT", "/checked/_doc/1?refresh=true", {"@timestamp": "2026-11-25T02:00:00Z", "message": "up"})
    asked = Checked(tmp_path)
    assert set(asked.source(node.address, "checked")[1]) == set(asked.mirror(node.address)[1]) == {"flavor"}
    status, faults, seen = asked.source(node.address, "checked", flavor="opensearch")
    assert (status, faults) == (0, {})
    assert "1 document, the newest of 2026-11-25T02:00:00.000Z, its line `up`" in seen
    assert asked.mirror(node.address, flavor="opensearch")[:2] == (0, {})
    _, faults, _ = asked.source(node.address, "check", flavor="opensearch")
    assert "there are checked" in faults["index"]


def test_late_documents_are_read_once(node: OpenSearch) -> None:
    """Of the same millisecond and of earlier ones, in two shards, over restarts: none lost, none twice."""
    node.ask("PUT", "/late", {"settings": {"number_of_shards": 2}, **DATES})
    chosen, start = settings(node, "late", page=50, flavor="opensearch"), now()  # type: ignore[arg-type]

    async def test() -> None:
        index_documents(node, "late", at(start, *named("first", 200)))
        wanted, read, positions = 200, list[str](), dict[str, Resume]()
        for number in range(3):
            async with reading(chosen, positions) as inbox:
                await until_read(inbox, wanted - len(read))
                index_documents(node, "late", at(start, *named(f"same{number}", 3)) + at(start - 50_000, f"early{number}"))
                await until_read(inbox, wanted + 4 - len(read))
            read += messages(inbox)
            positions |= inbox.positions()
            index_documents(node, "late", at(start, *named(f"down{number}", 10)))
            wanted = len(read) + 10
        assert len(set(read)) == len(read) == 200 + 3 * 4 + 2 * 10

    asyncio.run(test())
