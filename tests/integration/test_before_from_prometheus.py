"""A real Prometheus with hours of past as the first place of the before, and what is said of signals that it cannot tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.catalogued import asked_of
from detector.analysis.baselines.comparison import Comparison
from detector.analysis.baselines.places.asking import ask
from detector.analysis.baselines.places.base import Before, Wanted
from detector.analysis.baselines.places.own_history import OwnHistory
from detector.analysis.baselines.places.prometheus import PrometheusPlace
from detector.core.signals.definition import SignalDefinition
from detector.records import Cell, Verdict
from detector.settings.judging import PrometheusSettings
from tests.integration.shop_past import STEP_S, ShopPast
from tests.services.process import free_port
from tests.services.prometheus import Prometheus
from tests.services.prometheus_past import Past, counter
from tests.unit.analysis.baselines.places.made import definitions, store_with

Made = Callable[..., Prometheus]
HOUR_MS = 3_600_000
P99, IDLE, RATE = "application/latency-p99", "application/pool-idle-share", "application/request-rate"


def wanted(change_s: float, service: str = "shop", span_ms: int = 24 * HOUR_MS, ahead_ms: int = 0) -> Wanted:
    change_ms, now_ms = round(change_s * 1000), time.time_ns() // 1_000_000
    return Wanted(service, "", change_ms, change_ms + HOUR_MS, 900_000, span_ms, now_ms - ahead_ms)


def place_at(address: str, **labels: str) -> PrometheusPlace:
    return PrometheusPlace(PrometheusSettings(address, tuple(labels.items())))


def verdict(before: Before, signal: SignalDefinition) -> Verdict:
    asked = {signal.id: asked_of(signal)}
    (compared,) = Comparison(before.tables[signal.id], before.after[signal.id], Asked(), asked, 900.0).run()
    return before.judged(signal.id, compared).whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the first server of a test keeps its data."""
    return tmp_path / "prometheus-0"


@pytest.fixture
def shop() -> ShopPast:
    return ShopPast()


def test_a_slower_release_fails_and_the_rest_passes(own_prometheus: Made, folder: Path, shop: ShopPast) -> None:
    """Old pod, new pod: eight hours against one, in the units of the signals; what is not there says why."""
    shop.slower = 1.3
    shop.write(folder)
    server = own_prometheus()
    before = ask([place_at(server.address)], wanted(shop.change_s), definitions())
    known = {signal.id: signal for signal in definitions()}
    assert not before.doubts
    states = {id_: verdict(before, known[id_]).state.value for id_ in before.tables}
    assert states[P99] == "fail"
    for id_ in (IDLE, RATE, "application/http-5xx-share", "application/old-generation", "container/cpu", "container/working-set"):
        assert states[id_] == "pass", id_
    assert "container/cpu-deviation" in states
    p99 = before.tables[P99]
    assert p99.times_s[0] >= shop.times[0] - 3 * STEP_S
    assert p99.times_s[-1] == shop.change_s - STEP_S
    assert np.nanmean(before.tables[RATE].columns[RATE]) == pytest.approx(4.0, rel=0.05)
    assert np.nanmedian(p99.evidence[P99]) == pytest.approx(60.0, rel=0.1)
    told = str(before)
    assert told.startswith("found 11 of 27 signals; missing: ")
    assert "storage/redis-clients, because redis_connected_clients is there, but of redis and not of shop" in told
    assert "storage/mysql-aborted-connects, because no series is called mysql_global_status_aborted_connects" in told
    assert "application/startup-time, because it is made of logs" in told
    assert before.source == f"the before of 11 signals from Prometheus {server.address}"


def test_the_pods_are_not_added_up_when_one_follows_the_other(own_prometheus: Made, folder: Path, shop: ShopPast) -> None:
    """The series of the old pod end without a mark, as those of OTLP do: a minute later they count no more."""
    shop.write(folder)
    server = own_prometheus()
    signals = definitions("container/working-set")
    after = ask([place_at(server.address)], wanted(shop.change_s), signals).after[signals[0].id]
    values = after.columns[signals[0].id]
    assert np.nanmax(values[4:]) < 7e8


def test_a_signal_that_vanished_is_inconclusive_and_says_so(own_prometheus: Made, folder: Path, shop: ShopPast) -> None:
    shop.is_gone = {"hikaricp_connections_idle"}
    shop.write(folder)
    server = own_prometheus()
    (signal,) = definitions(IDLE)
    before = ask([place_at(server.address)], wanted(shop.change_s), [signal])
    found = verdict(before, signal)
    assert found.state.value == "inconclusive"
    assert found.reason == "the signal vanished: hikaricp_connections_idle does not come since the change: inconclusive"


def test_a_clock_that_is_off_makes_every_verdict_inconclusive(own_prometheus: Made, folder: Path, shop: ShopPast) -> None:
    """Which samples are of the time after the change is not known then. A second is no matter."""
    shop.slower = 2.0
    shop.write(folder)
    server = own_prometheus()
    (signal,) = definitions(P99)
    off = ask([place_at(server.address)], wanted(shop.change_s, ahead_ms=600_000), [signal])
    assert verdict(off, signal).state.value == "inconclusive"
    assert off.doubts[P99].startswith("clock skew: the server's clock is 600 s ahead of ours")
    assert not ask([place_at(server.address)], wanted(shop.change_s, ahead_ms=1_000), [signal]).doubts


def test_one_service_of_many(own_prometheus: Made, folder: Path, shop: ShopPast) -> None:
    """Their names, the richest first; of one that is not there nothing is found; labels narrow what is looked at."""
    shop.write(folder)
    server = own_prometheus()
    asked = wanted(shop.change_s, service="")
    services = place_at(server.address).services(asked, definitions())
    assert next(iter(services)) == "shop"
    assert {"cart", "pay", "redis"} <= set(services)
    assert list(place_at(server.address, application="cart").services(asked, definitions())) == ["cart"]
    nobody = ask([place_at(server.address)], wanted(shop.change_s, service="billing"), definitions(RATE))
    assert nobody.missing[RATE].startswith("http_server_requests_seconds_count is there, but of cart, pay, shop")


def test_a_few_scrapes_and_a_signal_that_is_new(own_prometheus: Made, folder: Path) -> None:
    """A minute of before is too short a before; a signal that came with the release has none."""
    now = int(time.time()) // STEP_S * STEP_S
    times = [float(at) for at in range(now - 3660, now, STEP_S)]
    change_s = now - 3600
    past = Past(times)
    labels = {"application": "shop", "job": "pods"}
    past.add("redis_connected_clients", labels, [20.0] * len(times))
    past.add("process_resident_memory_bytes", labels, [None if at < change_s else 5e8 for at in times])
    past.write(folder)
    server = own_prometheus()
    signals = definitions("storage/redis-clients", "container/working-set")
    before = ask([place_at(server.address)], wanted(change_s), signals)
    assert before.doubts["storage/redis-clients"] == "too few scrapes: 4 values before the change"
    reason = "process_resident_memory_bytes came only after the change: there is no before"
    assert before.missing["container/working-set"] == reason


def test_three_days_at_fifteen_seconds_take_more_than_one_request(own_prometheus: Made, folder: Path) -> None:
    """17,280 points; Prometheus gives 11,000 at once."""
    now = int(time.time()) // STEP_S * STEP_S
    times = [float(at) for at in range(now - 3 * 86_400 - 3600, now, STEP_S)]
    past = Past(times)
    past.add("process_cpu_seconds_total", {"job": "shop"}, counter(0.25 + (at % 4) * 0.01 for at in range(len(times))))
    past.write(folder)
    server = own_prometheus()
    signals = definitions("container/cpu")
    before = ask([place_at(server.address)], wanted(now - 3600, span_ms=72 * HOUR_MS), signals)
    table = before.tables["container/cpu"]
    assert table.times_s.size > 17_000
    assert np.isfinite(table.columns["container/cpu"]).mean() > 0.999
    assert np.nanmean(table.columns["container/cpu"]) == pytest.approx(1.06, rel=0.01)


def test_another_place_is_asked_where_the_server_is_away(tmp_path: Path) -> None:
    """It says that nobody answered, and own history tells."""
    now = int(time.time()) // STEP_S * STEP_S
    told = [Cell("shop", P99, "ms", (now - 7200 + at * STEP_S) * 1000, 420.0, 9.0) for at in range(240)]
    opened = store_with(tmp_path / "store", told)
    address = f"http://127.0.0.1:{free_port()}"
    before = ask([place_at(address), OwnHistory(opened)], wanted(now - 3600), definitions(P99, RATE))
    opened.close()
    assert before.tables[P99].columns[P99].size == 240
    assert before.is_own
    assert P99 not in before.after
    assert any(note.startswith(f"Prometheus {address} could not be asked: ") for note in before.notes)
    assert "own history has no value of it" in before.missing[RATE]
