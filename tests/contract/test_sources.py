"""What every source promises, run over the registry."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, get_args

import pytest

from detector.edges.sources import SOURCES, source_of
from detector.edges.sources.stdin import StdinSource
from detector.settings import (
    ElasticsearchSourceSettings,
    FileSourceSettings,
    K6SourceSettings,
    KafkaSourceSettings,
    KubernetesSourceSettings,
    ScrapeSourceSettings,
    SourceSettings,
    StatsdSourceSettings,
    StdinSourceSettings,
)
from tests.contract.source_cases import CASES, POINT_SOURCES, SERVERS, Case, Ground
from tests.unit.edges.sources.collect import SharedCollector, running

Test = Callable[[Case], Coroutine[Any, Any, None]]
Run = Callable[[Test], None]


def of_kinds(*kinds: str) -> pytest.MarkDecorator:
    marks = {kind: [pytest.mark.service] for kind in SERVERS}
    return pytest.mark.parametrize("run", [pytest.param(kind, marks=marks.get(kind, [])) for kind in kinds], indirect=True)


every_source = of_kinds(*sorted(set(SOURCES) - POINT_SOURCES))


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a test over one kind of source, with the real server that it reads from."""
    kind = request.param
    server = request.getfixturevalue(SERVERS[kind]) if kind in SERVERS else None

    async def within(test: Test) -> None:
        async with CASES[kind](Ground(tmp_path, server)) as case:
            await test(case)

    return lambda test: asyncio.run(within(test))


def said(inbox: SharedCollector) -> list[str]:
    """The lines, without the frame that a source may put around them."""
    lines = inbox.text.decode().splitlines()
    return [json.loads(line)["message"] if line[:1] == "{" else line.rsplit(" stdout F ", 1)[-1] for line in lines]


async def until_said(inbox: SharedCollector, lines: list[str]) -> None:
    try:
        await inbox.until(lambda: len(said(inbox)) >= len(lines))
    except TimeoutError:
        assert said(inbox) == lines
    assert said(inbox) == lines


def numbered(first: int, count: int) -> list[str]:
    return [f"line {number:05d}" for number in range(first, first + count)]


def test_every_settings_type_has_a_source_and_a_case() -> None:
    """A source that can be named in the settings stands in the registry, and so runs through these tests."""
    named: dict[str, SourceSettings] = {
        "file": FileSourceSettings("file", ("x",)),
        "stdin": StdinSourceSettings("stdin"),
        "kubernetes": KubernetesSourceSettings("kubernetes", name="pods"),
        "kafka": KafkaSourceSettings("kafka", ("127.0.0.1:1",), topics=("logs",), name="topics"),
        "elasticsearch": ElasticsearchSourceSettings("elasticsearch", ("http://127.0.0.1:1",), "logs-*", name="indices"),
        "scrape": ScrapeSourceSettings("scrape", ("http://127.0.0.1:1/metrics",), name="targets"),
        "statsd": StatsdSourceSettings("statsd", name="datagrams"),
        "k6": K6SourceSettings("k6", ("x",), name="load"),
    }
    assert set(SOURCES) == {*CASES, *POINT_SOURCES} == set(named)
    assert len(get_args(SourceSettings)) == len(SOURCES)
    assert [source_of(settings).name for settings in named.values()] == [
        "file",
        "stdin",
        "pods",
        "topics",
        "indices",
        "targets",
        "datagrams",
        "load",
    ]


@every_source
def test_what_is_said_comes_in_order_and_whole(run: Run) -> None:
    """Batches keep the promises of their docstring (the inbox checks them)."""

    async def test(case: Case) -> None:
        async with running(case.source(), SharedCollector()) as inbox:
            for first in range(0, 1000, 100):
                case.say(numbered(first, 100))
                await until_said(inbox, numbered(0, first + 100))

    run(test)


@every_source
def test_a_stop_before_anything_was_read(run: Run) -> None:
    """Cancelled at once, it ends at once and says nothing."""

    async def test(case: Case) -> None:
        inbox = SharedCollector()
        task = asyncio.ensure_future(case.source().read_into(inbox, {}))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not inbox.streams

    run(test)


@every_source
def test_a_stop_at_any_moment_leaves_nothing_open(run: Run) -> None:
    """Cancelled after so many turns of the loop: it ends with CancelledError and closes what it opened."""

    async def test(case: Case) -> None:
        case.say(numbered(0, 1000))
        await asyncio.sleep(0)
        before = len(os.listdir("/proc/self/fd"))
        for turns in range(0, 60, 3):
            task = asyncio.ensure_future(case.source().read_into(SharedCollector(), {}))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=5)
            assert done
            assert task.cancelled()
        async with asyncio.timeout(30):
            while len(os.listdir("/proc/self/fd")) > before:  # the other side of a connection notices a little later
                await asyncio.sleep(0)

    run(test)


@every_source
def test_a_stop_while_the_pipeline_is_full(run: Run) -> None:
    """Cancelled in the middle of handing over: it does not hang, and a new start reads the same lines where that is possible."""

    async def test(case: Case) -> None:
        full = SharedCollector()
        full.has_room.clear()
        case.say(numbered(0, 10))
        async with running(case.source(), full):
            await full.until_begun()
        assert not full.streams
        async with running(case.source(), SharedCollector()) as inbox:
            case.say(numbered(10, 10))
            await until_said(inbox, numbered(0 if case.resumes else 10, 20 if case.resumes else 10))

    run(test)


@every_source
def test_the_same_source_can_be_started_again(run: Run) -> None:
    """A start keeps nothing of the one before but what `resume` says."""

    async def test(case: Case) -> None:
        source = case.source()
        case.say(numbered(0, 10))
        async with running(source, SharedCollector()) as first:
            await until_said(first, numbered(0, 10))
        case.say(numbered(10, 10))
        async with running(source, SharedCollector(), first.positions()) as second:
            await until_said(second, numbered(10, 10))

    run(test)


@of_kinds("file", "kubernetes")
def test_every_line_once_over_many_restarts(run: Run) -> None:
    """Stopped at moments that have nothing to do with lines, always started from the last checkpoint: no line lost or doubled."""

    async def test(case: Case) -> None:
        positions: dict[str, Any] = {}
        lines: list[str] = []
        for round_ in range(30):
            case.say(numbered(round_ * 100, 100))
            inbox = SharedCollector()
            async with running(case.source(), inbox, positions):
                for _ in range(round_ * 7):
                    await asyncio.sleep(0)
            lines += said(inbox)
            positions |= inbox.positions()
        async with running(case.source(), SharedCollector(), positions) as last:
            await last.until(lambda: len(lines) + len(said(last)) >= 3000)
        assert lines + said(last) == numbered(0, 3000)
        assert len(positions) == 1

    run(test)


def test_standard_input_ends(tmp_path: Path) -> None:
    """At its end the source returns by itself, after a batch that ends the stream; a file in place of a pipe is read as well."""

    async def test() -> None:
        (tmp_path / "in").write_bytes(b"one\ntwo")
        start, end = os.pipe()
        os.write(end, b"one\ntwo")
        os.close(end)
        file = os.open(tmp_path / "in", os.O_RDONLY)
        for fd in (start, file):
            inbox = SharedCollector()
            await StdinSource(StdinSourceSettings("stdin"), fd).read_into(inbox, {})
            os.close(fd)
            (told,) = inbox.streams.values()
            assert (told.text, told.ends, told.name) == (b"one\ntwo", 1, "-")

    asyncio.run(test())
