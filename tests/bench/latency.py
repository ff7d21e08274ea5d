"""A line is written, an alert leaves: the real daemon on a file that grows by ten thousand lines a second."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.acceptance.daemon import Daemon

STEP_S = 0.01
HIT_EVERY_S = 0.1
_ENTITY = re.compile(rb"com\.vendor\.Thing(\d+)")


@dataclass(frozen=True, slots=True)
class Latency:
    """`took_s`: from the write to the request's arrival, one a planted line. `cpu_share`: of one core, while lines came."""

    took_s: list[float]
    planted: int
    cpu_share: float
    rss_mb: float


def measure(folder: Path, rate: int, seconds: float) -> Latency:
    """Runs the daemon in `folder` for so long. Every planted line names another class, so each opens an incident."""
    log, arrived = folder / "app.log", {}
    log.touch()
    with _receiver(arrived) as url:
        settings = {
            "sources": [{"type": "file", "paths": [str(log)]}],
            "sinks": [{"type": "webhook", "url": url, "allow_private": True}],
            "store": {"path": str(folder / "state")},
            "telemetry": {"listen": ""},
            "api": {"listen": ""},
        }
        daemon = Daemon(folder, settings)
        daemon.start()
        try:
            _until_compiled(folder / "state" / "cache")
            daemon.stop()
            daemon.start()
            daemon.wait_for_log('"started"', times=2)
            time.sleep(1)
            began = _cpu_s(daemon)
            written = _write(log, rate, seconds)
            share = (_cpu_s(daemon) - began) / seconds
            deadline = time.monotonic() + 10
            while len(arrived) < len(written) and time.monotonic() < deadline:
                time.sleep(0.05)
            daemon.measure()
        finally:
            daemon.kill()
    took = [arrived[key] - at for key, at in written.items() if key in arrived]
    return Latency(sorted(took), len(written), share, daemon.peak_kib / 1024)


def _until_compiled(cache: Path) -> None:
    """A first start leaves that to a child, which takes seconds on a busy machine; what is measured is a daemon that goes on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(cache.glob("*.hs")):
        time.sleep(0.1)


def _write(log: Path, rate: int, seconds: float) -> dict[int, float]:
    """Appends lines evenly; returns when each planted one was written."""
    quiet = b"2026-07-03T13:00:00.000Z  INFO 1 --- [nio-8080-exec-1] c.a.shop.cart.CartService : Completed 200 OK in 12ms\n"
    chunk, written, began, step = quiet * round(rate * STEP_S), {}, time.monotonic(), 0
    per_hit = round(HIT_EVERY_S / STEP_S)
    with log.open("ab", buffering=0) as out:
        while step * STEP_S < seconds:
            out.write(chunk)
            if step % per_hit == 0:
                text = f"java.lang.ClassNotFoundException: com.vendor.Thing{step}"
                out.write(f"2026-07-03T13:00:00.000Z ERROR 1 --- [main] c.a.Shop : {text}\n".encode())
                written[step] = time.monotonic()
            step += 1
            time.sleep(max(0.0, began + step * STEP_S - time.monotonic()))
    return written


def _cpu_s(daemon: Daemon) -> float:
    assert daemon._process is not None
    fields = Path(f"/proc/{daemon._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def _receiver(arrived: dict[int, float]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = time.monotonic()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found = _ENTITY.search(body)
            if found:
                arrived.setdefault(int(found.group(1)), at)
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
