"""A real Spring Boot service, told of by Micrometer, by both generations of Prometheus' Java client and by OpenTelemetry: each
family of names leads to the same signals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.core.signals.catalogue import load_signals
from detector.core.signals.cells import FamilyCell
from detector.core.signals.folding import Folding
from detector.edges.signal_files import builtin_signal_files
from detector.settings import Secret
from tests.integration.test_pushed import TOKEN
from tests.integration.watched import STEP_MS, Watched, total, watched
from tests.services.shop import Shop
from tests.unit.edges.ingest.listening import pusher

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    server = Shop(tmp_path_factory.mktemp("shop"))
    server.start()
    yield server
    server.kill()


def last(seen: Watched, signal: str) -> FamilyCell:
    return [cell for cell in seen.cells(signal) if cell.value == cell.value][-1]


def test_micrometer(shop: Shop) -> None:
    """Requests, failures, buckets, the pool, the old generation and its collections, of the service that its label names."""
    shop.get("/take?count=1")  # the pool begins with its first connection
    shop.get("/give")
    with watched(shop.micrometer, "java") as seen:
        seen.scrapes()
        for _ in range(60):
            assert shop.get("/cart") == 200
        for _ in range(5):
            assert shop.get("/fail") == 500
        shop.get("/collect")
        seen.scrapes(12)
        idle = last(seen, "application/pool-idle-share")
        assert (idle.service, idle.family, idle.value) == ("shop", "hikaricp-micrometer", 1.0)
        shares = seen.cells("application/http-5xx-share")
        failed = sum(cell.value * cell.evidence for cell in shares if cell.value == cell.value)
        assert failed == pytest.approx(5)
        assert sum(cell.evidence for cell in shares) > 65  # the scrapes are requests too
        assert 0 < last(seen, "application/latency-p99").value < 10_000
        assert 0 < last(seen, "application/old-generation").value < 1
        assert last(seen, "application/heap-after-gc-trend").value > 1e6
        assert total(seen.cells("application/gc-pauses"), 60) >= 1
        families = {each: last(seen, each).family for each in seen.found().found if each.startswith("application/")}
        assert (
            families.pop("application/pool-idle-share") == families.pop("application/pool-in-use-trend") == "hikaricp-micrometer"
        )
        assert set(families.values()) == {"micrometer"}
        assert seen.problems == []
        try:
            shop.get("/take?count=3")
            seen.scrapes(12)
            assert seen.last("hikaricp_connections") == 10
            assert last(seen, "application/pool-idle-share").value == pytest.approx(0.7)
            assert last(seen, "application/pool-in-use-trend").value == 3
        finally:
            shop.get("/give")


def test_the_first_client_of_prometheus(shop: Shop) -> None:
    """client_java 0.x, and HikariCP's own collector on it."""
    with watched(shop.first, "shop") as seen:
        seen.scrapes()
        shop.get("/collect")
        seen.scrapes(12)
        assert last(seen, "application/old-generation").family == "client-java-0"
        assert 0 < last(seen, "application/old-generation").value < 1
        idle = last(seen, "application/pool-idle-share")
        assert (idle.family, idle.value) == ("hikaricp", 1.0)
        assert last(seen, "application/pool-in-use-trend").family == "hikaricp"
        stopped(seen)


def test_the_second_client_of_prometheus(shop: Shop) -> None:
    """client_java 1.x."""
    with watched(shop.second, "shop") as seen:
        seen.scrapes()
        shop.get("/collect")
        seen.scrapes(12)
        assert last(seen, "application/old-generation").family == "client-java-1"
        assert last(seen, "application/heap-after-gc-trend").family == "client-java-1"
        stopped(seen)


def stopped(seen: Watched) -> None:
    """Collections that stop the program: what G1 does beside it counts for none, though it stands under the same name."""
    name = "jvm_gc_collection_seconds_count"
    assert seen.named(name, gc="G1 Concurrent GC")
    grown = 0.0
    for collector in ("G1 Young Generation", "G1 Old Generation"):
        levels = [point.value for point in seen.named(name, gc=collector) if isinstance(point.value, float)]
        grown += levels[-1] - levels[0]
    assert grown >= 1
    cells = seen.cells("application/gc-pauses")
    assert {cell.family for cell in cells} == {"client-java"}
    assert total(cells, 60) == pytest.approx(grown)


def test_opentelemetry(tmp_path: Path) -> None:
    """Its starter for Spring Boot pushes: names with dots, a unit and histograms."""

    async def story() -> None:
        async with pusher(token=Secret(TOKEN)) as agent:
            server = Shop(tmp_path / "shop", f"http://127.0.0.1:{agent.port}", TOKEN)
            try:
                await asyncio.to_thread(server.start)
                for path in ("/cart", "/fail", "/collect"):
                    for _ in range(5):
                        await asyncio.to_thread(server.get, path)
                async with asyncio.timeout(20):
                    while sum(point.name == "jvm.gc.duration" for point in agent.inbox.points) < 4:
                        await asyncio.sleep(0.1)
            finally:
                await asyncio.to_thread(server.kill)
            folding = Folding(load_signals(builtin_signal_files()), step_ms=STEP_MS)
            for piece in agent.inbox.taken:
                folding.take(piece.points, piece.observed_ms)
            cells = folding.close(folding.newest_ms + STEP_MS).cells
            told = {(cell.signal.removeprefix("application/"), cell.family, cell.service) for cell in cells}
            signals = ("http-5xx-share", "latency-p99", "request-rate", "old-generation", "gc-pauses", "heap-after-gc-trend")
            assert {(each, "otel-stable", "shop") for each in signals} <= told
            shares = [cell for cell in cells if cell.signal == "application/http-5xx-share" and cell.value == cell.value]
            assert sum(cell.value * cell.evidence for cell in shares) == pytest.approx(5)

    asyncio.run(story())
