"""The source `elasticsearch` against a real node: late documents, equal times, indices that come and go."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from detector.edges.sources.base import Resume
from detector.edges.sources.elasticsearch import rounds as elasticsearch_rounds
from detector.edges.sources.elasticsearch.cluster import Cluster, Patience, View
from detector.edges.sources.elasticsearch.pages import Pages
from detector.edges.sources.elasticsearch.source import ElasticsearchSource
from detector.settings import ElasticsearchSourceSettings
from tests.services.documents import index_documents, send_documents
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.unit.edges.sources.collect import SharedCollector, running

QUICK = Patience(first_s=0.05, longest_s=0.2)
DATES = {"mappings": {"properties": {"@timestamp": {"type": "date"}}}}


def at(time_ms: int, *messages: str) -> list[dict[str, Any]]:
    return [{"@timestamp": time_ms, "message": message} for message in messages]


def named(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def messages(inbox: SharedCollector) -> list[str]:
    return [json.loads(line).get("message", "") for line in inbox.text.decode().split("\n")[:-1]]


def settings(node: Elasticsearch, index: str, **more: Any) -> ElasticsearchSourceSettings:
    chosen: dict[str, Any] = {"start_at": "earliest", "poll": timedelta(milliseconds=100), **more}
    return ElasticsearchSourceSettings("elasticsearch", (node.address,), index, **chosen)


@asynccontextmanager
async def reading(
    chosen: ElasticsearchSourceSettings, positions: Mapping[str, Resume] | None = None
) -> AsyncIterator[SharedCollector]:
    async with running(ElasticsearchSource(chosen, QUICK), SharedCollector(positions), positions) as inbox:
        yield inbox


async def until_read(inbox: SharedCollector, count: int) -> None:
    await inbox.until(lambda: len(messages(inbox)) >= count)


async def until_looked_again(inbox: SharedCollector, node: Elasticsearch, index: str) -> None:
    """What comes later than this marker was seen to be nothing new."""
    mark = fresh("marker")
    index_documents(node, index, at(now(), mark))
    await inbox.until(lambda: mark in messages(inbox))


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("shards", [1, 3])
def test_late_documents_are_read_once(elasticsearch_node: Elasticsearch, shards: int) -> None:
    """Those of the same millisecond as the last one, of earlier ones inside `late`; while the source looks and while it is
    stopped; over restarts, none twice."""
    node, index = elasticsearch_node, fresh("late")
    node.ask("PUT", f"/{index}", {"settings": {"number_of_shards": shards}, **DATES})
    chosen, start = settings(node, index, page=50), now()

    async def test() -> None:
        index_documents(node, index, at(start, *named("first", 300)) + at(start + 1, *named("next", 5)))
        wanted, read, positions = 305, [], dict[str, Resume]()
        for number in range(4):
            async with reading(chosen, positions) as inbox:
                await until_read(inbox, wanted - len(read))
                late = at(start + 1, *named(f"same{number}", 3)) + at(start - 50_000, *named(f"early{number}", 3))
                index_documents(node, index, late)
                await until_read(inbox, wanted + 6 - len(read))
                await until_looked_again(inbox, node, index)
            read += messages(inbox)
            positions |= inbox.positions()
            index_documents(node, index, at(start, *named(f"down{number}", 20)))
            wanted = len(read) + 20
        assert not [message for message, count in Counter(read).items() if count > 1]
        assert len(read) == 305 + 4 * 7 + 3 * 20

    asyncio.run(test())


def test_a_stop_in_the_middle_of_equal_times(elasticsearch_node: Elasticsearch) -> None:
    """12,000 documents of one millisecond in two shards, stopped again and again between two hand-overs; others of the same
    millisecond come meanwhile: each is read once."""
    node, index = elasticsearch_node, fresh("equal")
    node.ask("PUT", f"/{index}", {"settings": {"number_of_shards": 2}, **DATES})
    chosen, start = settings(node, index), now()

    async def test() -> None:
        index_documents(node, index, at(start, *named("equal", 12_000)))
        read, positions, stops, total = [], dict[str, Resume](), 0, 12_000
        while len(read) < total:
            stop_at = 3_000 if stops < 3 else total
            async with reading(chosen, positions) as inbox:
                await until_read(inbox, min(stop_at, total - len(read)))
            read += messages(inbox)
            positions |= inbox.positions()
            stops += 1
            if stops < 3:
                index_documents(node, index, at(start, *named(f"more{stops}", 100)))
                total += 100
        assert stops >= 3
        assert len(set(read)) == len(read) == total

    asyncio.run(test())


def test_what_was_not_finished_is_handed_over_again_as_it_was(elasticsearch_node: Elasticsearch) -> None:
    """A checkpoint that stands behind what was handed over: the same documents come under the same record numbers, then what is
    new, though late ones came between them."""
    node, index = elasticsearch_node, fresh("again")
    node.ask("PUT", f"/{index}", {"settings": {"number_of_shards": 2}, **DATES})
    chosen, start = settings(node, index, page=100), now()

    async def test() -> None:
        for number in range(200):
            index_documents(node, index, at(start + number // 4, f"line-{number}")) if number % 50 == 0 else None
        index_documents(node, index, [one for number in range(200) for one in at(start + number // 4, f"log-{number}")])
        async with reading(chosen) as inbox:
            await until_read(inbox, 204)
        (known,) = inbox.positions().values()
        first = messages(inbox)
        index_documents(node, index, at(start + 10, "late"))
        behind = {known.stream_key: Resume(known.stream_key, known.offset - 60, known.token)}
        again = SharedCollector(behind)
        again.before = {known.stream_key: known}
        async with running(ElasticsearchSource(chosen, QUICK), again, behind):
            await until_read(again, 61)
        assert again.streams[known.stream_key].first == known.offset - 60
        assert messages(again) == [*first[-60:], "late"]

    asyncio.run(test())


def test_what_comes_later_than_late_is_told(elasticsearch_node: Elasticsearch) -> None:
    """It is not read, but its number is a lost range; so are new documents without a time."""
    node, index = elasticsearch_node, fresh("toolate")
    node.ask("PUT", f"/{index}", DATES)
    chosen, start = settings(node, index, late=timedelta(seconds=6)), now()

    async def test() -> None:
        index_documents(node, index, at(start - 10_000, "first"))
        async with reading(chosen) as inbox:
            await until_read(inbox, 1)
            index_documents(node, index, at(start, "newer"))
            await until_read(inbox, 2)
            await until_looked_again(inbox, node, index)
            index_documents(node, index, at(start - 10_000, "late", "late too"))
            await inbox.until(lambda: bool(inbox.losses))
        (lost,) = inbox.losses
        assert lost.end is not None
        assert (lost.end - lost.begin, lost.unit, "`late`" in lost.reason) == (2, "records", True)
        assert "late" not in messages(inbox)

    asyncio.run(test())


def test_what_comes_much_later_than_late_is_told_too(elasticsearch_node: Elasticsearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days late, after a shipper was away; what was there before, or is behind where reading began, is not counted."""
    node, index = elasticsearch_node, fresh("days")
    node.ask("PUT", f"/{index}", DATES)
    chosen, start, day = settings(node, index, late=timedelta(seconds=6)), now(), 86_400_000
    monkeypatch.setattr(elasticsearch_rounds, "COUNT_EVERY_MS", 0)

    async def test() -> None:
        index_documents(node, index, at(start - 3 * day, "oldest") + at(start - day, *named("old", 5)) + at(start, "newest"))
        async with reading(chosen) as inbox:
            await until_read(inbox, 7)
            await until_looked_again(inbox, node, index)
            assert inbox.losses == []
            index_documents(node, index, at(start - 2 * day, "late", "late too") + at(start - 4 * day, "latest"))
            await inbox.until(lambda: bool(inbox.losses))
            await until_looked_again(inbox, node, index)
        (lost,) = inbox.losses
        assert lost.end is not None
        assert (lost.end - lost.begin, lost.unit, "`late`" in lost.reason) == (3, "records", True)

    asyncio.run(test())


def test_a_data_stream_that_rolls_over(elasticsearch_node: Elasticsearch) -> None:
    """Documents before and after the rollover, and late ones to the index before, come once; then the index goes away."""
    node, stream = elasticsearch_node, fresh("logs-rolled")
    template = {"index_patterns": [f"{stream}*"], "data_stream": {}, "priority": 900, "template": DATES}
    node.ask("PUT", f"/_index_template/{stream}", template)

    async def test() -> None:
        wanted: list[str] = []
        async with reading(settings(node, stream)) as inbox:
            for round_ in range(3):
                lines = named(f"round{round_}", 20)
                index_documents(node, stream, at(now(), *lines))
                wanted += lines
                await until_read(inbox, len(wanted))
                gone = node.ask("POST", f"/{stream}/_rollover")["old_index"]
            node.ask("DELETE", f"/{gone}")
            index_documents(node, stream, at(now(), "after"))
            await until_read(inbox, len(wanted) + 1)
        assert Counter(messages(inbox)) == Counter([*wanted, "after"])

    asyncio.run(test())


def test_an_index_that_is_not_there_yet_and_goes_away(elasticsearch_node: Elasticsearch) -> None:
    """The source waits for it, and goes on when it was deleted and made again."""
    node, index = elasticsearch_node, fresh("later")
    node.ask("PUT", f"/_index_template/{index}", {"index_patterns": [index], "template": DATES})

    async def test() -> None:
        async with reading(settings(node, index)) as inbox:
            for round_ in range(3):
                index_documents(node, index, at(now(), *named(f"round{round_}", 5)))
                await until_read(inbox, 5 * (round_ + 1))
                node.ask("DELETE", f"/{index}")
        assert Counter(messages(inbox)) == Counter([line for round_ in range(3) for line in named(f"round{round_}", 5)])

    asyncio.run(test())


@pytest.mark.parametrize("shards", [1, 3])
def test_a_point_in_time_that_is_lost(elasticsearch_node: Elasticsearch, shards: int) -> None:
    """After every page, among documents of equal times: opened anew, every document once and in order."""
    node, index = elasticsearch_node, fresh("pit")
    node.ask("PUT", f"/{index}", {"settings": {"number_of_shards": shards}, **DATES})
    index_documents(node, index, [one for ms in range(40) for one in at(1_700_000_000_000 + ms // 10, *named(str(ms), 20))])
    chosen = settings(node, index)

    async def test() -> list[str]:
        cluster = Cluster(chosen, QUICK)
        view = View(cluster, chosen)
        pages, read = Pages(view, {"match_all": {}}, 70), list[str]()
        while hits := await pages.next():
            read += [hit.source["message"] for hit in hits if hit.source]
            await view.close()
        await cluster.close()
        assert view.generation >= 4
        return read

    read = asyncio.run(test())
    assert len(set(read)) == len(read) == 800
    assert [message.split("-")[0] for message in read] == sorted((m.split("-")[0] for m in read), key=lambda n: int(n) // 10)


def test_hostile_documents(elasticsearch_node: Elasticsearch) -> None:
    """What a cluster takes and JSON does not: comments, lone surrogates, numbers beyond all, 900 brackets; lists for times. Every
    document comes through, on one line."""
    node, index = elasticsearch_node, fresh("hostile")
    node.ask("PUT", f"/{index}", {"mappings": {"dynamic": False, "properties": {"@timestamp": {"type": "date"}}}})
    stamp = b'"@timestamp":"2026-01-01T00:00:00Z"'
    bodies = [
        b'{%s, /* what */ "message":"comment"}' % stamp,
        b'{%s,"message":"surrogate \\ud800"}' % stamp,
        b'{%s,"message":"number","n":1e999}' % stamp,
        b'{%s,"message":"digits","n":%s}' % (stamp, b"9" * 900),
        b'{%s,"message":"deep","n":%s}' % (stamp, b"[" * 900 + b"]" * 900),
        b'{%s,"message":"separator \\u2028"}' % stamp,
        b'{"@timestamp":["2026-01-01T00:00:00Z","2026-01-02T00:00:00Z"],"message":"two times"}',
        b'{"@timestamp":1767225600000,"message":"epoch"}',
        b'{%s,"x":{"_source":{"a":1},"sort":[1,2,3]},"hits":{"hits":[]},"message":"mimic"}' % stamp,
    ]
    send_documents(node, index, bodies)

    async def test() -> None:
        async with reading(settings(node, index)) as inbox:
            await until_read(inbox, len(bodies))
        words = {message.split(" ")[0] for message in messages(inbox)}
        assert words == {"comment", "surrogate", "number", "digits", "deep", "separator", "two", "epoch", "mimic"}

    asyncio.run(test())


def test_documents_that_are_too_long_for_one_answer(elasticsearch_node: Elasticsearch) -> None:
    """40 documents of 2 MB, asked for at once: fewer are asked for, each comes, cut at the length of a line."""
    node, index = elasticsearch_node, fresh("huge")
    node.ask("PUT", f"/{index}", {"mappings": {"dynamic": False, "properties": {"@timestamp": {"type": "date"}}}})
    for number in range(0, 40, 10):
        documents = [{"@timestamp": now(), "message": f"{one} " + "x" * 2_000_000} for one in range(number, number + 10)]
        index_documents(node, index, documents)

    async def test() -> None:
        async with reading(settings(node, index)) as inbox:
            await inbox.until(lambda: inbox.text.count(b"\n") >= 40)
        (told,) = inbox.streams.values()
        assert (len(told.cut_at), told.reached, inbox.text.count(b"\n")) == (40, 40, 40)
        assert max(map(len, inbox.text.split(b"\n"))) == 1 << 20

    asyncio.run(test())


def test_indices_without_sequence_numbers(elasticsearch_node: Elasticsearch) -> None:
    """A new kind of index: documents are read once while the source runs; a restart reads again what is inside `late`."""
    node, index = elasticsearch_node, fresh("noseq")
    node.ask("PUT", f"/{index}", {"settings": {"index.disable_sequence_numbers": True}, **DATES})
    chosen, start = settings(node, index, page=30), now()

    async def test() -> None:
        index_documents(node, index, at(start, *named("first", 100)))
        async with reading(chosen) as inbox:
            await until_read(inbox, 100)
            index_documents(node, index, at(start, *named("late", 10)))
            await until_read(inbox, 110)
            await until_looked_again(inbox, node, index)
        assert len(set(messages(inbox))) == len(messages(inbox)) == 111
        positions = inbox.positions()
        index_documents(node, index, at(start, "down"))
        async with reading(chosen, positions) as again:
            await again.until(lambda: "down" in messages(again))
        assert len(messages(again)) <= 112

    asyncio.run(test())


def test_only_what_the_query_finds_from_the_time_on(elasticsearch_node: Elasticsearch) -> None:
    """`query` and `start_at` narrow what is read; a restart does not widen it."""
    node, index = elasticsearch_node, fresh("narrow")
    node.ask("PUT", f"/{index}", DATES)
    moment = 1_767_225_600_000
    index_documents(node, index, at(moment - 1, "keep too early") + at(moment, "keep this", "drop") + at(moment + 1, "keep that"))
    chosen = settings(node, index, query="message:keep", start_at="2026-01-01T00:00:00Z")

    async def test() -> None:
        async with reading(chosen) as inbox:
            await until_read(inbox, 2)
        assert messages(inbox) == ["keep this", "keep that"]
        index_documents(node, index, at(moment + 2, "keep more"))
        async with reading(chosen, inbox.positions()) as again:
            await until_read(again, 1)
        assert messages(again) == ["keep more"]

    asyncio.run(test())
