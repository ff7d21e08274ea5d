"""A real Prometheus: our source scrapes it, and it answers our questions about what it has scraped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from detector.edges.http.access import Access
from detector.edges.prometheus.answers import Refused
from detector.edges.prometheus.client import PrometheusApi
from detector.edges.sources.scrape.source import ScrapeSource
from detector.records import Distribution, MetricKind
from detector.settings import ScrapeSourceSettings, Secret
from tests.services.certificates import Certificates
from tests.services.nginx import Nginx
from tests.services.prometheus import Prometheus
from tests.unit.edges.sources.points import PointCollector, collecting
from tests.unit.edges.sources.scrape.target import Reply, ScriptedTarget

Made = Callable[..., Prometheus]


def test_its_own_metrics_are_scraped_whole(own_prometheus: Made) -> None:
    """No line of a few hundred series is refused, kinds are known, histograms have as many values as their count says."""
    server = own_prometheus()
    server.wait_until("prometheus_http_request_duration_seconds_count")

    async def scrape() -> PointCollector:
        settings = ScrapeSourceSettings(
            "scrape", (f"{server.address}/metrics",), "prometheus", interval=timedelta(milliseconds=200)
        )
        async with collecting(ScrapeSource(settings), PointCollector()) as inbox:
            await inbox.until(lambda: len(inbox.named("up")) >= 3)
        return inbox

    inbox = asyncio.run(scrape())
    assert not inbox.dead
    assert {point.value for point in inbox.named("up")} == {1.0}
    kinds = {point.name: point.kind for point in inbox.points_seen}
    assert kinds["go_goroutines"] is MetricKind.GAUGE
    assert kinds["process_cpu_seconds_total"] is MetricKind.COUNTER
    assert kinds["go_gc_duration_seconds"] is MetricKind.SUMMARY
    assert kinds["prometheus_http_request_duration_seconds"] is MetricKind.HISTOGRAM
    # What Prometheus itself counted in the exposition, which grows by no more than a few series from scrape to scrape.
    (theirs,) = server.ask("scrape_samples_scraped")
    assert abs(float(theirs["value"][1]) - float(str(inbox.named("scrape_samples_scraped")[-1].value))) <= 20
    histograms = [point.value for point in inbox.named("prometheus_http_request_duration_seconds")]
    assert all(isinstance(value, Distribution) and len(value.counts) == len(value.bounds) + 1 for value in histograms)


def test_tls_and_basic_authentication(
    own_prometheus: Made, nginx_front: Callable[..., Nginx], certificates: Certificates
) -> None:
    """By the source and by the client; without the password both say why not."""
    front = nginx_front(own_prometheus().address, certificates, ("reader", "secret-9"))
    who: dict[str, Any] = {"username": "reader", "password": Secret("secret-9"), "ca_file": str(certificates.ca)}

    async def ask() -> None:
        quick = timedelta(milliseconds=100)
        url = f"{front.address}/metrics"
        async with collecting(
            ScrapeSource(ScrapeSourceSettings("scrape", (url,), interval=quick, **who)), PointCollector()
        ) as inbox:
            await inbox.until(lambda: bool(inbox.named("go_goroutines")))
        api = PrometheusApi(front.address, Access(**who))
        assert (await api.query("1 + 1")).series[0].values == (2.0,)
        api.close()
        stranger = PrometheusApi(front.address, Access(ca_file=str(certificates.ca)))
        with pytest.raises(Refused, match="http: answered 401"):
            await stranger.query("1")
        stranger.close()

    asyncio.run(ask())


def test_questions(own_prometheus: Made) -> None:
    """A range in one piece and in several is the same; values beyond all numbers; names and labels; refusals in its own words."""

    async def ask() -> None:
        target = ScriptedTarget(Reply(b'# TYPE a gauge\na{b="x"} 1\na{b="y"} NaN\na{b="z"} +Inf\n'))
        async with target.serving():
            server = await asyncio.to_thread(own_prometheus, {"shop": [f"{target.address}/metrics"]})
            await asyncio.to_thread(server.wait_until, "count_over_time(a[1m]) > 5")
        api, now = PrometheusApi(server.address), time.time_ns() // 1_000_000
        found = await api.query_range("a", now - 2000, now, 100)
        values = {dict(series.labels)["b"]: series.values for series in found.series}
        assert {series.name for series in found.series} == {"a"}
        assert values["x"][0] == 1.0
        assert values["y"][0] != values["y"][0]
        assert values["z"][0] == float("inf")
        # 25,000 steps of a calculation that has a value at each: more than one request may ask for.
        (series,) = (await api.query_range("vector(time())", now - 24_999_000, now, 1000)).series
        assert series.times_ms == tuple(range(now - 24_999_000, now + 1, 1000))
        assert [round(value * 1000) for value in series.values] == list(series.times_ms)
        sets, _ = await api.series(["a"], now - 60_000, now)
        assert {labels["b"] for labels in sets} == {"x", "y", "z"}
        names, _ = await api.label_values("__name__", ['{job="shop"}'], now - 60_000, now)
        assert {"a", "up"} <= set(names)
        with pytest.raises(Refused, match=r"bad_data: .*parse error"):
            await api.query("a{")
        with pytest.raises(Refused, match="execution"):
            await api.query("last_over_time(a[1m]) * on() group_left() last_over_time(a[1m])")
        api.close()

    asyncio.run(ask())
