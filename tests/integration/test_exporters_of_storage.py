"""Real Redis and MariaDB through their real exporters, scraped and folded: the signals say what the servers did."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.watched import Watched, total, watched
from tests.services.exporter import Exporter, mysqld_exporter, redis_exporter
from tests.services.mariadb import MariaDb
from tests.services.redis import Redis

pytestmark = pytest.mark.service
HOUR_S, MINUTE_S = 3600.0, 60.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def of_redis(tmp_path: Path, redis: Redis) -> Iterator[Exporter]:
    exporter = redis_exporter(tmp_path / "exporter", redis.address)
    exporter.start()
    yield exporter
    exporter.kill()


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[MariaDb]:
    server = MariaDb(tmp_path / "mariadb")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def of_mariadb(tmp_path: Path, mariadb: MariaDb) -> Iterator[Exporter]:
    exporter = mysqld_exporter(tmp_path / "exporter", mariadb.address)
    exporter.start()
    yield exporter
    exporter.kill()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def evictions(seen: Watched) -> float:
    return total(seen.cells("storage/redis-evicted-keys"), HOUR_S)


def test_keys_that_redis_throws_out(redis: Redis, of_redis: Exporter) -> None:
    """As many as it says itself, no more for a restart of the exporter, and on from 0 after a restart of Redis."""
    with watched(of_redis.address, "redis") as seen:
        seen.scrapes()
        assert evictions(seen) == 0
        redis.fill(2000)
        first = redis.evicted()
        assert first > 500
        seen.scrapes()
        assert evictions(seen) == pytest.approx(first)
        of_redis.kill()
        seen.scrapes(3)
        assert (seen.last("up"), seen.last("redis_evicted_keys_total")) == (0.0, None)
        redis.fill(500)
        second = redis.evicted()
        of_redis.start()
        seen.scrapes()
        assert evictions(seen) == pytest.approx(second)
        redis.restart()
        redis.fill(1500)
        third = redis.evicted()
        assert third < second
        seen.scrapes()
        assert evictions(seen) == pytest.approx(second + third)
        assert all(cell.value >= 0 for cell in seen.cells("storage/redis-evicted-keys"))
        assert {cell.family for cell in seen.cells("storage/redis-evicted-keys")} == {"redis-exporter"}
        assert {cell.service for cell in seen.cells("storage/redis-evicted-keys")} == {"redis"}


def test_what_an_exporter_counts_itself_begins_anew_with_it(of_redis: Exporter) -> None:
    """Its own collections and its CPU: never less than nothing over a restart."""
    with watched(of_redis.address, "redis") as seen:
        seen.scrapes(10)
        of_redis.restart()
        seen.scrapes(10)
        cpu = [point.value for point in seen.named("process_cpu_seconds_total") if isinstance(point.value, float)]
        assert any(later < earlier for earlier, later in itertools.pairwise(cpu)), cpu
        for signal in ("container/cpu", "application/gc-pauses"):
            cells = seen.cells(signal)
            assert cells
            assert all(cell.value >= 0 for cell in cells)
        assert len({point.value for point in seen.named("process_start_time_seconds") if point.value is not None}) == 2


def test_clients_of_redis(redis: Redis, of_redis: Exporter) -> None:
    """The exporter's own and those that a test holds; away again when they have gone."""
    with watched(of_redis.address, "redis") as seen:
        seen.scrapes()
        alone = seen.cells("storage/redis-clients")[-1].value
        with redis.clients(25):
            seen.scrapes(12)
            assert seen.cells("storage/redis-clients")[-1].value == alone + 25
        seen.scrapes(12)
        assert seen.cells("storage/redis-clients")[-1].value == alone


def test_an_exporter_whose_redis_is_gone(redis: Redis, of_redis: Exporter) -> None:
    """It is up and tells of no clients: the series end, and there are no cells of 0."""
    with watched(of_redis.address, "redis") as seen:
        seen.scrapes()
        redis.kill()
        seen.scrapes(3)
        begin_ms = now_ms()
        seen.scrapes(12)
        assert seen.last("up") == 1
        assert seen.last("redis_up") == 0
        assert seen.last("redis_connected_clients") is None
        assert seen.cells("storage/redis-clients", begin_ms) == []
        assert seen.cells("monitoring/scrape-failures", begin_ms)[-1].value == 0


def test_connections_of_mariadb(mariadb: MariaDb, of_mariadb: Exporter) -> None:
    """The share of the 20 that it allows, and how many logins came to nothing."""
    with watched(of_mariadb.address, "mariadb") as seen:
        seen.scrapes()
        assert seen.cells("storage/mysql-connections-used")[-1].value <= 3 / 20
        assert total(seen.cells("storage/mysql-aborted-connects"), MINUTE_S) == 0
        with mariadb.clients(12):
            seen.scrapes(15)
            held = seen.cells("storage/mysql-connections-used")[-1].value
        assert 12 / 20 < held <= 15 / 20
        before = seen.last("mysql_global_status_aborted_connects")
        mariadb.refuse(7)
        seen.scrapes()
        assert seen.last("mysql_global_status_aborted_connects") == (before or 0) + 7
        assert total(seen.cells("storage/mysql-aborted-connects"), MINUTE_S) == pytest.approx(7)
        assert set(seen.found().found) >= {"storage/mysql-connections-used", "storage/mysql-aborted-connects"}


def test_every_line_of_the_exporters_is_read(of_redis: Exporter, of_mariadb: Exporter) -> None:
    """Thousands of series a scrape, and none is refused."""
    for exporter, least in ((of_redis, 200), (of_mariadb, 800)):
        with watched(exporter.address, "storage") as seen:
            seen.scrapes(3)
            assert seen.problems == []
            assert seen.inbox.dead == []
            assert (seen.last("scrape_samples_scraped") or 0) > least
