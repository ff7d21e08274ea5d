"""What a real Prometheus writes to us, beside what it says itself. Version 1.0: the one that is installed speaks no 2.0."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.records import MetricKind, MetricPoint
from detector.settings import Secret
from tests.integration.test_pushed import TOKEN, Place
from tests.services.prometheus import Prometheus
from tests.unit.edges.ingest.listening import pusher

WRITE = """\
remote_write:
- url: http://127.0.0.1:{port}/api/v1/write
  authorization: {{credentials: {token}}}
  send_native_histograms: true
  queue_config: {{batch_send_deadline: 200ms, retry_on_http_429: true}}
  metadata_config: {{send_interval: 300ms}}
"""
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


def test_what_prometheus_writes_is_what_it_says(own_prometheus: OwnPrometheus) -> None:
    """Names, labels, values, times and kinds; when the target is gone, `up` is 0 and its series end."""

    async def story() -> None:
        async with pusher(token=Secret(TOKEN)) as agent:
            points = agent.inbox
            with exporter() as target:
                urls = {"shop": [f"http://127.0.0.1:{target.server_address[1]}/metrics"]}
                more = WRITE.format(port=agent.port, token=TOKEN)
                prometheus = await asyncio.to_thread(own_prometheus, urls, more)
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


def test_the_daemon_takes_all_that_prometheus_owes(own_prometheus: OwnPrometheus, tmp_path: Path) -> None:
    """Killed and started again in between: Prometheus sends again, and nothing failed."""
    place = Place(tmp_path / "daemon")
    place.start()
    try:
        prometheus = own_prometheus(None, WRITE.format(port=place.port, token=TOKEN))
        prometheus.wait_until("prometheus_remote_storage_samples_total > 500")
        place.daemon.kill()
        prometheus.wait_until("prometheus_remote_storage_samples_retried_total > 0")
        place.start()
        ((_, before),) = (each["value"] for each in prometheus.ask("prometheus_remote_storage_samples_total"))
        prometheus.wait_until(f"prometheus_remote_storage_samples_total > {float(before) + 1000}")
        assert prometheus.ask("prometheus_remote_storage_samples_failed_total > 0") == []
        assert prometheus.ask("prometheus_remote_storage_samples_dropped_total > 0") == []
    finally:
        assert place.daemon.stop() == 0
    assert place.kept() > 0
