"""The daemon makes signals of what is pushed: killed or not, flooded or not, and it says what it found."""

from __future__ import annotations

import http.client
import json
import math
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.edges.store.store import Store
from detector.settings import StoreSettings
from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver
from tests.integration.test_pushed import FIRST, Place, snappy
from tests.integration.test_run import free_port
from tests.unit.core.decode.metrics import written

STEP_MS = 15_000
PUSHES = 80
JSON = {"Content-Type": "application/json"}
KILLS = ("store_begin:4", "store_positions:3", "store_alerts:5", "store_committed:4", "source_handed_over:6", "store_committed:2")
Cells = dict[tuple[str, str, int], tuple[float, float]]


class Watched(Place):
    """With a receiver of incidents and the API."""

    def __init__(self, folder: Path, receiver: Receiver | None = None, **more: object) -> None:
        super().__init__(folder)
        self.api = free_port()
        settings = json.loads(self.daemon.config.read_text())
        settings["api"] = {"listen": f"127.0.0.1:{self.api}"}
        settings["store"]["commit_every"] = "20ms"
        settings["signals"] = {"wait": "0s"}  # hours are told in seconds, by senders that go side by side
        if receiver is not None:
            settings["sinks"] = [{"type": "webhook", "url": receiver.url, "allow_private": True}]
        self.settings = {**settings, **more}
        self.daemon = Daemon(folder, self.settings)

    def get(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        connection.request("GET", path)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return found

    def figure(self, name: str) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self.telemetry, timeout=10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def push_until_it_is_taken(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        """As an agent does: the same again until it is answered. A daemon that died is started."""
        end = time.monotonic() + 30
        while self.push(path, body, headers) not in (200, 204):
            assert time.monotonic() < end
            if self.daemon.ended_within(0.2):
                self.start()

    def cells(self) -> Cells:
        store = Store.open(StoreSettings(path=str(self.state)), 0)
        try:
            names = {each.name for each in store.signals.signals()}
            return {
                (cell.service, cell.signal, cell.time_ms): (-1.0 if math.isnan(cell.value) else cell.value, cell.evidence)
                for cell in store.signals.cells(names, 0, 1 << 62)
            }
        finally:
            store.close()


@pytest.fixture
def began_ms() -> int:
    return (time.time_ns() // 1_000_000 - 3_600_000) // 900_000 * 900_000


def scrape(began_ms: int, number: int) -> bytes:
    """Counters that go on, one of them with a reset, and a gauge."""
    at_ms = began_ms + number * STEP_MS + 4_000
    rows = []
    for pod in range(20):
        total = float((number % 50 if pod == 0 else number) * (pod + 1) * 7)
        labels = {"__name__": "http_server_requests_seconds_count", "instance": f"pod-{pod}", "service": "cart", "job": "cart"}
        rows.append((sorted({**labels, "status": "503" if pod == 3 else "200"}.items()), [(total, at_ms)]))
    gauge = {"__name__": "redis_connected_clients", "instance": "redis", "service": "cart", "job": "cart"}
    rows.append((sorted(gauge.items()), [(float(number % 13), at_ms)]))
    return snappy(written.first(rows))


def added(began_ms: int, number: int) -> bytes:
    """How many collections there were since the push before, as OTLP tells it: a delta."""
    end_ms = began_ms + number * STEP_MS + 6_000
    point = {
        "asDouble": number % 17 + 1.0,
        "startTimeUnixNano": str((end_ms - STEP_MS) * 1_000_000),
        "timeUnixNano": str(end_ms * 1_000_000),
    }
    metric = {
        "name": "jvm_gc_pause_seconds_count",
        "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point]},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
    return json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}).encode()


def told(place: Watched, began_ms: int, kills: Iterator[str]) -> Cells:
    """Everything is pushed, in order; the daemon dies at the points named, and whenever the dice say so."""
    dice = random.Random(5)
    place.start(next(kills, ""))
    for number in range(PUSHES):
        place.push_until_it_is_taken("/api/v1/write", scrape(began_ms, number), FIRST)
        place.push_until_it_is_taken("/v1/metrics", added(began_ms, number), JSON)
        if (crash_at := next(kills, "")) if number % 12 == 11 else "":
            if not place.daemon.has_ended():
                time.sleep(dice.random() / 10)
                place.daemon.signal(signal.SIGKILL)
                place.daemon.ended_within(10)
            place.start(crash_at)
    assert place.daemon.stop() == 0, place.daemon.log.read_text()[-3000:]
    return place.cells()


@pytest.mark.slow
def test_kill_minus_nine_changes_no_value(tmp_path: Path, began_ms: int) -> None:
    """Killed at every step of a checkpoint and in between, with agents that send again what was not answered: the same values
    as of a daemon that lived, increases over the restarts and deltas included."""
    lived = told(Watched(tmp_path / "lived"), began_ms, iter(()))
    died = told(Watched(tmp_path / "died"), began_ms, iter(KILLS))
    signals = {signal for _, signal, _ in lived}
    assert {"application/request-rate", "application/http-5xx-share", "storage/redis-clients", "application/gc-pauses"} <= signals
    assert len({time_ms for _, signal, time_ms in lived if signal == "application/request-rate"}) >= PUSHES - 8
    assert died.keys() == lived.keys()
    for key, values in lived.items():
        assert died[key] == pytest.approx(values), key


def test_a_flood_of_series_is_refused_told_and_named_and_known_ones_go_on(tmp_path: Path, began_ms: int) -> None:
    """A label takes ever new values. The metric is named in one incident; signals of known series have every value."""
    with Receiver() as receiver:
        place = Watched(tmp_path, receiver, signals={"max_series": 200, "wait": "0s"})
        place.start()
        for number in range(20):
            place.push_until_it_is_taken("/api/v1/write", scrape(began_ms, number), FIRST)
            flood = [
                (
                    sorted({"__name__": "kafka_consumergroup_lag", "service": "cart", "user": f"{number}-{user}"}.items()),
                    [(1.0, began_ms + number * STEP_MS + 5_000)],
                )
                for user in range(2_000)
            ]
            place.push_until_it_is_taken("/api/v1/write", snappy(written.first(flood)), FIRST)
        receiver.wait_for({"kafka_consumergroup_lag"}, 20)
        floods = [body for body in receiver.told if body["rule"] == "trimwatch/series-flood"]
        assert {body["entity"] for body in floods} == {"kafka_consumergroup_lag"}
        assert {body["service"] for body in floods} == {"trimwatch"}
        end = time.monotonic() + 10
        while place.figure('trimwatch_signal_points_unused_total{reason="flood"}') < 30_000:
            assert time.monotonic() < end
        assert place.figure("trimwatch_signal_series ") <= 200
        assert place.daemon.stop() == 0
        rates = [values for (_, name, _), values in place.cells().items() if name == "application/request-rate"]
        assert len(rates) >= 12
        assert {round(value, 6) for value, _ in rates[1:-1]} == {98.0}
        assert place.daemon.peak_kib < 200 << 10


def test_it_says_what_it_found_and_why_not_the_rest(tmp_path: Path, began_ms: int) -> None:
    """By service; a reload without a signal forgets it and keeps what waits of the others."""
    place = Watched(tmp_path)
    place.start()
    for number in range(12):
        place.push_until_it_is_taken("/api/v1/write", scrape(began_ms, number), FIRST)
    found = place.get("/api/v1/signals?service=cart")
    assert found["in_use"] is True
    assert found["services"] == ["cart"]
    assert {"application/request-rate", "storage/redis-clients"} <= {each["signal"] for each in found["found"]}
    missing = {each["signal"]: each["reason"] for each in found["missing"]}
    assert "no series came that is called" in missing["application/old-generation"]
    assert "none told of it" in missing["application/error-log-share"]
    assert str(found["summary"]).startswith("found ")
    other = place.get("/api/v1/signals?service=nobody")
    assert other["found"] == []
    place.daemon.write_settings({**place.settings, "signals": {"without": ["storage/redis-clients"], "wait": "0s"}})
    place.daemon.signal(signal.SIGHUP)
    place.daemon.wait_for_log("reloaded")
    for number in range(12, 24):
        place.push_until_it_is_taken("/api/v1/write", scrape(began_ms, number), FIRST)
    again = place.get("/api/v1/signals")
    assert "storage/redis-clients" not in {each["signal"] for each in [*again["found"], *again["missing"]]}
    assert place.daemon.stop() == 0
    rates = {time_ms: value for (_, name, time_ms), (value, _) in place.cells().items() if name == "application/request-rate"}
    assert len(rates) >= 16
    assert {round(value, 6) for value in list(rates.values())[1:-1]} == {98.0}


def test_who_has_no_metrics_pays_for_none(tmp_path: Path) -> None:
    """And is told why there are no signals."""
    place = Watched(tmp_path)
    place.daemon.write_settings({**place.settings, "ingest": {}, "sources": [{"type": "file", "paths": [f"{tmp_path}/*.none"]}]})
    place.daemon.start()
    place.daemon.wait_for_log("started")
    found = place.get("/api/v1/signals")
    assert found["in_use"] is False
    assert "neither verdicts nor alarms" in str(found["reason"])
    assert place.daemon.stop() == 0
