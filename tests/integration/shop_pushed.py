"""A shop whose metrics are pushed as Prometheus does, and a daemon that judges its changes: its own process, real sockets."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cramjam
from numpy.random import default_rng

from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver
from tests.integration.test_run import free_port
from tests.unit.core.decode.metrics import written

STEP_MS, MINUTE_MS = 15_000, 60_000
BOUNDS = ("0.05", "0.1", "0.2", "0.3", "0.4", "0.5", "0.75", "1.0", "+Inf")
AS_USUAL = (300, 400, 200, 60, 25, 10, 4, 1, 0)  # of 1,000 requests, by bucket: 99 of 100 within 0.45 s
SLOWER = (200, 300, 250, 100, 60, 40, 30, 15, 5)
LATENCY, ERRORS = "application/latency-p99", "application/http-5xx-share"
_SAMPLES_A_PUSH = 60  # of each series
HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


class Traffic:
    """A histogram and its count, cumulative as a counter is; `upto` gives what was counted since, in pushes."""

    def __init__(self, at_ms: int, service: str = "shop") -> None:
        self._at_ms = at_ms
        self._drawn = default_rng(7)
        self._service = service
        self._buckets = [0] * len(BOUNDS)
        self._failed = 0

    def upto(self, end_ms: int, buckets: tuple[int, ...] = AS_USUAL, errors: float = 0.0004) -> Iterator[bytes]:
        rows: dict[tuple[tuple[str, str], ...], list[tuple[float, int]]] = {}
        while self._at_ms < end_ms:
            self._at_ms += STEP_MS
            size = int(self._drawn.normal(15_000, 200))
            counts = self._drawn.multinomial(size, [each / sum(buckets) for each in buckets])
            self._failed += int(self._drawn.binomial(size, errors))
            below = 0
            for at, count in enumerate(counts):
                self._buckets[at] += int(count)
                below += self._buckets[at]
                self._add(rows, "http_server_requests_seconds_bucket", below, status="200", le=BOUNDS[at])
            self._add(rows, "http_server_requests_seconds_count", below, status="200")
            self._add(rows, "http_server_requests_seconds_count", self._failed, status="500")
            if len(next(iter(rows.values()))) >= _SAMPLES_A_PUSH or self._at_ms >= end_ms:
                yield bytes(cramjam.snappy.compress_raw(written.first([*rows.items()])))
                rows.clear()

    def _add(
        self, rows: dict[tuple[tuple[str, str], ...], list[tuple[float, int]]], name: str, value: float, **labels: str
    ) -> None:
        named = {"__name__": name, "application": self._service, "instance": "10.0.0.1:8080", **labels}
        rows.setdefault(tuple(sorted(named.items())), []).append((float(value), self._at_ms))


class Judged:
    """The daemon, its receiver, and the moment at which all began. `verdicts` are settings of that section."""

    def __init__(self, folder: Path, receiver: Receiver, **verdicts: object) -> None:
        self.folder, self.receiver = folder, receiver
        self.ingest, self.telemetry = free_port(), free_port()
        self.settings: dict[str, object] = {
            "sources": [],
            "sinks": [{"type": "webhook", "name": "hook", "url": receiver.url, "allow_private": True}],
            "store": {"path": str(folder / "state"), "commit_every": "50ms"},
            "telemetry": {"listen": f"127.0.0.1:{self.telemetry}"},
            "api": {"listen": ""},
            "ingest": {"listen": f"127.0.0.1:{self.ingest}"},
            "incidents": {"quiet": "1s", "update_every": "1h"},
            "signals": {"wait": "0s"},
            "verdicts": {"enabled": True, "own_history": True, "lateness": "0s", **verdicts},
            "log": {"format": "json"},
        }
        self.daemon = Daemon(folder, self.settings)
        self.now_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS

    def start(self) -> None:
        listening = self.daemon.log.read_text().count(f":{self.ingest}") if self.daemon.log.exists() else 0
        self.daemon.start()
        self.daemon.wait_for_log(f":{self.ingest}", listening + 1)

    def push(self, pushes: Iterator[bytes]) -> None:
        """One after the other, each until it was taken."""
        for body in pushes:
            connection = http.client.HTTPConnection("127.0.0.1", self.ingest, timeout=20)
            connection.request("POST", "/api/v1/write", body, HEADERS)
            answer = connection.getresponse()
            assert answer.status == 204, (answer.status, answer.read())
            connection.close()

    def change(self, at_ms: int, *more: str) -> dict[str, Any]:
        """`trimwatch change add`, beside the daemon."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms // 1000))
        command = [
            sys.executable,
            "-P",
            "-m",
            "detector.cli",
            "change",
            "add",
            "--service",
            "shop",
            "--at",
            when,
            "--json",
            *more,
        ]
        ran = subprocess.run([*command, "--config", str(self.daemon.config)], capture_output=True, check=True, text=True)
        said: dict[str, Any] = json.loads(ran.stdout)
        return said

    def told(self, action: str, entity: str, timeout_s: float = 30) -> dict[str, Any]:
        """The first message of that kind that the receiver got."""
        wanted = action, entity
        told: dict[str, Any] = self.until(
            lambda: next((each for each in self.receiver.told if (each["action"], each["entity"]) == wanted), None), timeout_s
        )
        return told

    def until(self, look: Callable[[], Any], timeout_s: float = 30) -> Any:
        """What it gives, once it gives something."""
        end = time.monotonic() + timeout_s
        while not (found := look()):
            assert time.monotonic() < end, f"{self.receiver.told}\n{self.daemon.log.read_text()[-6000:]}"
            assert not self.daemon.has_ended(), self.daemon.log.read_text()[-3000:]
            time.sleep(0.05)
        return found

    def until_gone(self, process: int, timeout_s: float = 10) -> None:
        end = time.monotonic() + timeout_s
        while (stat := Path(f"/proc/{process}/stat")).exists() and ") Z" not in stat.read_text():
            assert time.monotonic() < end
            time.sleep(0.02)

    def metrics(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.telemetry, timeout=10)
        connection.request("GET", "/metrics")
        said = connection.getresponse().read().decode()
        connection.close()
        return said
