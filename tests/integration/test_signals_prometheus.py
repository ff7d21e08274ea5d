"""A real Prometheus writes to the daemon, which is killed again and again: every request is in a signal, once."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector.core.signals.flow import SignalFlow
from detector.core.signals.followed import no_past
from detector.edges.store.store import Store
from detector.records import Cell
from detector.settings import SignalSettings, StoreSettings
from detector.signal_loading import read_signals
from tests.integration.test_pushed import TOKEN
from tests.integration.test_signals_run import Watched
from tests.services.prometheus import Prometheus

COUNTER = "http_server_requests_seconds_count"
WRITE = """\
remote_write:
- url: http://127.0.0.1:{port}/api/v1/write
  authorization: {{credentials: {token}}}
  queue_config: {{batch_send_deadline: 100ms, min_backoff: 30ms, max_backoff: 300ms}}
"""
KILLS = 4


class Shop(http.server.ThreadingHTTPServer):
    """Has ten more requests each time that it is asked, until it is `closed`; one in ten failed."""

    is_closed = False
    requests = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        if not self.server.is_closed:
            self.server.requests += 10
        count = self.server.requests
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        lines = [
            f'{COUNTER}{{service="cart",status="{status}"}} {value}' for status, value in (("200", count), ("503", count // 10))
        ]
        self.wfile.write(f"# TYPE {COUNTER} counter\n{chr(10).join(lines)}\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def shop() -> Iterator[Shop]:
    server = Shop(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settled(place: Watched) -> list[Cell]:
    """All that was committed and, of the steps that were open, all that the journal leads to."""
    store = Store.open(StoreSettings(path=str(place.state)), 0)
    try:
        flow = SignalFlow(read_signals(SignalSettings()))
        flow.tick(1)
        flow.restore(store.state(), store.journal.read(), no_past)
        flow.finish()
        names = {each.name for each in store.signals.signals()}
        told = [*store.signals.cells(names, 0, 1 << 62)]
        opened = flow.drain().cells
        assert not {(cell.signal, cell.time_ms) for cell in told} & {(cell.signal, cell.time_ms) for cell in opened}
        return [*told, *opened]
    finally:
        store.close()


@pytest.mark.service
@pytest.mark.slow
def test_every_request_is_in_a_signal_once(own_prometheus: Callable[..., Prometheus], tmp_path: Path) -> None:
    """Prometheus sends again what was not answered; what it counted from its first sample to its last is what signals hold."""
    place = Watched(tmp_path / "daemon")
    with shop() as server:
        place.start()
        targets = {"shop": [f"http://127.0.0.1:{server.server_address[1]}/metrics"]}
        prometheus = own_prometheus(targets, WRITE.format(port=place.port, token=TOKEN))
        for _ in range(KILLS):
            wait_for_requests(server)
            place.daemon.kill()
            place.start()
        wait_for_requests(server)
        server.is_closed = True
        wait_until(lambda: bool(prometheus.ask(f"count_over_time(({COUNTER} == {server.requests})[2s:100ms]) > 10")))
        wait_until(lambda: place.figure('trimwatch_signal_points_unused_total{reason="late"}') == 0)
        samples = {each["metric"]["status"]: each["values"] for each in prometheus.ask(f"{COUNTER}[10m]")}
    assert place.daemon.stop() == 0
    counted = sum(float(values[-1][1]) - float(values[0][1]) for values in samples.values())
    shares = [cell for cell in settled(place) if cell.signal == "application/http-5xx-share" and cell.service == "cart"]
    assert counted > 700
    assert sum(cell.evidence for cell in shares) == pytest.approx(counted, abs=11)  # its first sample may not have been sent
    assert sum(cell.value * cell.evidence for cell in shares if cell.evidence) == pytest.approx(counted / 11, abs=5)


def wait_for_requests(server: Shop) -> None:
    """For so many that a few pushes were answered."""
    before = server.requests
    wait_until(lambda: server.requests > before + 150)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
