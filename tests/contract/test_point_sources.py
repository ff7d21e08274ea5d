"""What every source of metric points promises, run over the registry."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sources import source_of
from detector.edges.sources.base import Source
from detector.settings import K6SourceSettings, ScrapeSourceSettings, StatsdSourceSettings
from tests.contract.source_cases import POINT_SOURCES
from tests.unit.core.decode.metrics.test_k6 import line as sample
from tests.unit.core.decode.metrics.test_k6 import told
from tests.unit.edges.sources.points import PointCollector, collecting
from tests.unit.edges.sources.scrape.target import ScriptedTarget
from tests.unit.edges.sources.statsd.sending import Repeating, free_port


@dataclass(frozen=True)
class Case:
    """`source` makes a new one each time; `say` makes it hear of one series with this value."""

    source: Callable[[], Source]
    say: Callable[[str, float], None]


@asynccontextmanager
async def scrape_case() -> AsyncIterator[Case]:
    target = ScriptedTarget()
    async with target.serving():
        settings = ScrapeSourceSettings(
            "scrape", (f"{target.address}/metrics",), interval=timedelta(milliseconds=20), timeout=timedelta(seconds=5)
        )
        yield Case(lambda: source_of(settings), lambda name, value: target.expose(f"{name} {value}\n"))


@asynccontextmanager
async def statsd_case() -> AsyncIterator[Case]:
    port = free_port()
    settings = StatsdSourceSettings("statsd", f"127.0.0.1:{port}", interval=timedelta(milliseconds=20))
    with Repeating(port) as sender:
        yield Case(lambda: source_of(settings), lambda name, value: sender.say(f"{name}:{value}|g".encode()))


@asynccontextmanager
async def k6_case() -> AsyncIterator[Case]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "k6.json"
        settings = K6SourceSettings("k6", (str(file),), poll=timedelta(milliseconds=10))

        def say(name: str, value: float) -> None:
            with file.open("ab") as out:
                out.write(told(name, "gauge") + sample(name, value))

        yield Case(lambda: source_of(settings), say)


CASES: dict[str, Callable[[], AbstractAsyncContextManager[Case]]] = {"k6": k6_case, "scrape": scrape_case, "statsd": statsd_case}
Test = Callable[[Case], Coroutine[Any, Any, None]]
every_source = pytest.mark.parametrize("kind", sorted(CASES))


def run(kind: str, test: Test) -> None:
    async def within() -> None:
        async with CASES[kind]() as case:
            await test(case)

    asyncio.run(within())


def test_every_source_of_points_has_a_case() -> None:
    """One that stands in the registry runs through these tests."""
    assert set(CASES) == POINT_SOURCES


@every_source
def test_what_is_said_comes(kind: str) -> None:
    """And goes on coming."""

    async def test(case: Case) -> None:
        async with collecting(case.source(), PointCollector()) as inbox:
            for value in (1.0, 2.0, 3.0):
                case.say("said", value)
                await inbox.until(lambda value=value: value in [point.value for point in inbox.named("said")])  # type: ignore[misc]

    run(kind, test)


@every_source
def test_a_stop_before_anything_was_read(kind: str) -> None:
    """Cancelled at once, it ends at once and says nothing."""

    async def test(case: Case) -> None:
        inbox = PointCollector()
        task = asyncio.ensure_future(case.source().read_into(inbox, {}))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not inbox.streams

    run(kind, test)


@every_source
def test_a_stop_at_any_moment_leaves_nothing_open(kind: str) -> None:
    """Cancelled after so many turns of the loop: it ends with CancelledError and closes what it opened."""

    async def test(case: Case) -> None:
        case.say("said", 1.0)
        before = len(os.listdir("/proc/self/fd"))
        for turns in range(0, 60, 3):
            task = asyncio.ensure_future(case.source().read_into(PointCollector(), {}))
            for _ in range(turns):
                await asyncio.sleep(0.001)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=5)
            assert done
            assert task.cancelled()
        async with asyncio.timeout(5):
            while len(os.listdir("/proc/self/fd")) > before:  # the other side of a connection notices a little later
                await asyncio.sleep(0)

    run(kind, test)


@every_source
def test_a_stop_while_the_pipeline_is_full(kind: str) -> None:
    """Cancelled in the middle of handing over, it does not hang."""

    async def test(case: Case) -> None:
        full = PointCollector()
        full.has_room.clear()
        case.say("said", 1.0)
        async with collecting(case.source(), full):
            await full.until_begun()
        assert not full.streams

    run(kind, test)


@every_source
def test_positions_go_on_after_a_restart(kind: str) -> None:
    """The inbox checks that they rise."""

    async def test(case: Case) -> None:
        source = case.source()
        case.say("said", 1.0)
        async with collecting(source, PointCollector()) as first:
            await first.until(lambda: bool(first.named("said")))
        reached = first.positions()
        case.say("said", 2.0)
        async with collecting(source, PointCollector(), reached) as second:
            await second.until(lambda: bool(second.named("said")))
        for key, resume in reached.items():
            assert next(piece for piece in second.pieces if piece.stream.key == key).offset == resume.offset

    run(kind, test)
