"""A real Spring Boot service on loopback: metrics by Micrometer, by both generations of Prometheus' Java client, by OTLP."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from tests.services import installed
from tests.services.process import NotReady, Process, free_port

READY_S = 90
_SOURCE = Path(__file__).parent / "Shop.java"
_JVM = ("-Xmx192m", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1")
_POOL = 10


class Shop:
    """`micrometer`, `first` (client_java 0.x) and `second` (1.x) are where its metrics are. Its pool has 10 connections. With an
    address in `otlp` it pushes there too."""

    def __init__(self, folder: Path, otlp: str = "", token: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        port, first, second = free_port(), free_port(), free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.micrometer = f"{self.address}/actuator/prometheus"
        self.first, self.second = (f"http://127.0.0.1:{each}/metrics" for each in (first, second))
        settings = {
            "server.port": str(port),
            "server.address": "127.0.0.1",
            "management.endpoints.web.exposure.include": "prometheus",
            "management.metrics.tags.application": "shop",
            "management.metrics.distribution.percentiles-histogram.http.server.requests": "true",
            "spring.datasource.url": "jdbc:h2:mem:shop",
            "spring.datasource.hikari.maximum-pool-size": str(_POOL),
            "spring.datasource.hikari.minimum-idle": str(_POOL),
            "otel.sdk.disabled": str(not otlp).lower(),
            "otel.service.name": "shop",
            "otel.traces.exporter": "none",
            "otel.logs.exporter": "none",
            "otel.metric.export.interval": "300ms",
            "otel.exporter.otlp.protocol": "http/protobuf",
            "otel.exporter.otlp.endpoint": otlp or "http://127.0.0.1:1",
            "otel.exporter.otlp.headers": f"Authorization=Bearer {token}",
        }
        self._classes = folder / "classes"
        self._path = os.pathsep.join((str(self._classes), f"{installed.shop_jars()}/*"))
        words = [f"-D{name}={value}" for name, value in settings.items()]
        command = [str(installed.java()), *_JVM, *words, "-cp", self._path, "shop.Shop", str(first), str(second)]
        self._process = Process(command, folder / "server.log", self._classes)

    def start(self, owner: int | None = None) -> None:
        """Returns when it answers. Raises NotReady."""
        if not self._classes.exists():
            compiler = [installed.program("javac"), "-parameters", "-d", str(self._classes), "-cp", self._path, str(_SOURCE)]
            done = subprocess.run(compiler, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotReady(done.stderr[-3000:])
        self._process.start(owner)
        self._process.wait_until(self.answers, READY_S)

    def answers(self) -> bool:
        try:
            return self.get("/cart") == 200
        except OSError:
            return False

    def get(self, path: str) -> int:
        """The status."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def kill(self) -> None:
        self._process.kill()
