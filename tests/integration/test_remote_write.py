"""What a real Prometheus writes to us, beside what it says itself: 2 by remote write 1.0, 3 by 1.0 and by 2.0."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from detector.records import Distribution, MetricKind, MetricPoint
from detector.settings import Secret
from tests.integration.test_pushed import TOKEN, Place
from tests.services.prometheus import Prometheus
from tests.unit.edges.ingest.listening import pusher

WRITE = """\
remote_write:
- url: http://127.0.0.1:{port}/api/v1/write
  {message}
  authorization: {{credentials: {token}}}
  send_native_histograms: true
  queue_config: {{batch_send_deadline: 200ms, retry_on_http_429: true}}
  metadata_config: {{send_interval: 300ms}}
"""
SECOND = "protobuf_message: io.prometheus.write.v2.Request"
EXPOSED = b"""# TYPE orders counter
orders_total{shop="a\\\\b \\"c\\" \xc3\xbc"} 7
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 1
took_seconds_bucket{le="+Inf"} 3
took_seconds_count 3
took_seconds_sum 4.5
# TYPE depth gauge
depth 0
"""

OwnPrometheus = Callable[..., Prometheus]


@dataclass(frozen=True)
class Sender:
    """Who writes, and how."""

    version: int
    message: str = ""
    flags: tuple[str, ...] = ()

    def settings(self, port: int) -> str:
        return WRITE.format(port=port, token=TOKEN, message=self.message)


SENDERS = [
    pytest.param(Sender(2), id="2-by-1.0"),
    pytest.param(Sender(3), id="3-by-1.0"),
    pytest.param(Sender(3, SECOND, ("--enable-feature=metadata-wal-records",)), id="3-by-2.0"),
]


class _Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(EXPOSED)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def exporter() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def of(points: list[MetricPoint], name: str) -> list[MetricPoint]:
    return [point for point in points if point.name == name and ("job", "shop") in point.labels]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("sender", SENDERS)
def test_what_prometheus_writes_is_what_it_says(own_prometheus: OwnPrometheus, sender: Sender) -> None:
    """Names, labels, values, times and kinds; when the target is gone, `up` is 0 and its series end."""

    async def story() -> None:
        async with pusher(token=Secret(TOKEN)) as agent:
            points = agent.inbox
            with exporter() as target:
                urls = {"shop": [f"http://127.0.0.1:{target.server_address[1]}/metrics"]}
                settings = sender.settings(agent.port)
                prometheus = await asyncio.to_thread(own_prometheus, urls, settings, sender.flags, sender.version)
                await until(lambda: any(point.kind is MetricKind.COUNTER for point in of(points.points, "orders_total")))
                seen = await asyncio.to_thread(prometheus.ask, 'orders_total{job="shop"}[1m]')
            await until(lambda: any(point.value is None for point in of(points.points, "orders_total")))
            await until(lambda: any(point.value == 0.0 for point in of(points.points, "up")))
            found = points.points
            (series,) = seen
            name = series["metric"].pop("__name__")
            written = of(found, name)
            assert written[0].labels == tuple(sorted(series["metric"].items()))
            assert dict(written[0].labels)["shop"] == 'a\\b "c" \u00fc'
            said = [(round(at * 1000), float(value)) for at, value in series["values"]]
            assert set(said) <= {(point.time_ms, point.value) for point in written}
            kinds = {point.name: point.kind for point in found if ("job", "shop") in point.labels}
            assert kinds["took_seconds_bucket"] is kinds["took_seconds_count"] is MetricKind.COUNTER
            assert kinds["depth"] is MetricKind.GAUGE
            assert {point.value for point in of(found, "depth")} == {0.0, None}

    asyncio.run(story())


@pytest.mark.parametrize("sender", SENDERS)
def test_the_daemon_takes_all_that_prometheus_owes(own_prometheus: OwnPrometheus, tmp_path: Path, sender: Sender) -> None:
    """Killed and started again in between: Prometheus sends again, and nothing failed. By 2.0 it believes the counts in our
    headers alone: a header that is missing or too low is a sample that failed."""
    place = Place(tmp_path / "daemon")
    place.start()
    try:
        prometheus = own_prometheus(None, sender.settings(place.port), sender.flags, sender.version)
        prometheus.wait_until("prometheus_remote_storage_samples_total > 500")
        place.daemon.kill()
        prometheus.wait_until("prometheus_remote_storage_samples_retried_total > 0")
        place.start()
        ((_, before),) = (each["value"] for each in prometheus.ask("prometheus_remote_storage_samples_total"))
        prometheus.wait_until(f"prometheus_remote_storage_samples_total > {float(before) + 1000}")
        # Samples are counted when they are sent off; this one moves when they were answered.
        prometheus.wait_until("prometheus_remote_storage_queue_highest_sent_timestamp_seconds > 0")
        assert failed(prometheus) == []
    finally:
        assert place.daemon.stop() == 0
    assert place.kept() > 0


def failed(prometheus: Prometheus) -> list[object]:
    return prometheus.ask('{__name__=~"prometheus_remote_storage_[a-z]+_(failed|dropped)_total"} > 0')


def test_what_only_the_second_version_says(own_prometheus: OwnPrometheus) -> None:
    """Native histograms arrive as many as were sent, and counters say when they began."""

    async def story() -> None:
        async with pusher(token=Secret(TOKEN)) as agent:
            flags = ("--enable-feature=metadata-wal-records,st-storage",)
            prometheus = await asyncio.to_thread(own_prometheus, None, Sender(3, SECOND).settings(agent.port), flags, 3)
            await asyncio.to_thread(prometheus.wait_until, "prometheus_remote_storage_histograms_total > 50")
            await asyncio.to_thread(prometheus.wait_until, "prometheus_remote_storage_samples_total > 5000")
            assert await asyncio.to_thread(failed, prometheus) == []
            histograms = [point for point in agent.inbox.points if isinstance(point.value, Distribution)]
            assert len(histograms) > 50
            assert all(point.kind is MetricKind.HISTOGRAM for point in histograms)
            counters = [point for point in agent.inbox.points if point.name == "prometheus_remote_storage_bytes_total"]
            assert counters
            began = {point.start_ms for point in counters if point.value is not None}
            assert len(began) == 1
            assert 0 <= counters[0].time_ms - (began.pop() or 0) < 60_000

    asyncio.run(story())
