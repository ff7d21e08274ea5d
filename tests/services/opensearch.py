"""Real OpenSearch, one node on loopback, without security. Best effort, as what we do with it: its tests are skipped where it,
or a Java that compiles, is missing."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.services import installed
from tests.services.process import Process, free_port

READY_S = 90
_NODE = Path(__file__).with_name("OpenSearchNode.java")
_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class OpenSearch:
    """`address` is its URL."""

    def __init__(self, folder: Path) -> None:
        libraries = next(iter(sorted(installed.CACHE.glob("opensearch-*"))), None)
        java = installed.java()
        if libraries is None or not java.with_name("javac").exists():
            pytest.skip("OpenSearch is not in the cache, or Java has no compiler")
        (folder / "config").mkdir(parents=True)
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        command = [str(java), *_JVM, "-cp", f"{libraries}/*", str(_NODE), str(folder), str(port), str(free_port())]
        self._process = Process(command, folder / "server.log", folder / "data")

    def start(self) -> None:
        """Returns when it answers. Raises NotReady."""
        self._process.start()
        self._process.wait_until(self._answers, READY_S)

    def stop(self) -> None:
        self._process.kill()

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What it answers, parsed; a refusal is an OSError (HTTPError)."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def _answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/_cluster/health")["status"] != "red")
        except (OSError, KeyError):
            return False
