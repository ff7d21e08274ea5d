"""The daemon scrapes a real Prometheus: points are counted, an end of it is shown, a restart goes on."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from detector.edges.store.store import Store
from detector.settings import StoreSettings
from tests.acceptance.daemon import Daemon
from tests.services.process import free_port
from tests.services.prometheus import Prometheus

WITHIN_S = 20


class Scraping:
    """A daemon with one target."""

    def __init__(self, folder: Path, address: str) -> None:
        self._telemetry = free_port()
        self._state = folder / "state"
        settings: dict[str, object] = {
            "sources": [{"type": "scrape", "urls": [f"{address}/metrics"], "interval": "200ms", "timeout": "200ms"}],
            "store": {"path": str(self._state)},
            "telemetry": {"listen": f"127.0.0.1:{self._telemetry}"},
            "api": {"listen": ""},
            "log": {"format": "json"},
        }
        self.daemon = Daemon(folder, settings)

    def ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._telemetry}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def until(self, is_so: Callable[[], bool]) -> None:
        self.daemon.until(is_so, WITHIN_S)

    def points(self) -> float:
        match = re.search(r'^trimwatch_source_points_total\{source="scrape"\} (\S+)$', self.ask("/metrics"), re.MULTILINE)
        return float(match[1]) if match else 0.0

    def troubles(self) -> list[tuple[str, str]]:
        return [(each["trouble"], each["text"]) for each in json.loads(self.ask("/healthz"))["troubles"]]

    def reached(self) -> int:
        """How far its position has come, while the daemon is down."""
        store = Store.open(StoreSettings(path=str(self._state)), time.time_ns() // 1_000_000)
        try:
            (position,) = store.positions().values()
            return position.offset
        finally:
            store.close()


def test_a_target_that_goes_away(tmp_path: Path, own_prometheus: Callable[..., Prometheus]) -> None:
    """Hundreds of points a scrape while it is there; once gone, /healthz says so; after a restart numbers go on."""
    server = own_prometheus()
    place = Scraping(tmp_path, server.address)
    place.daemon.start()
    place.until(lambda: place.points() > 500)
    assert place.troubles() == []
    server.kill()
    place.until(lambda: bool(place.troubles()))
    ((trouble, text),) = place.troubles()
    assert trouble == "source_failing"
    assert text.startswith(f"{server.address}/metrics: ")
    seen = place.points()
    place.until(lambda: place.points() >= seen + 3)  # `up` and what else is said of a scrape that fails
    assert place.daemon.stop() == 0
    before = place.reached()
    assert before > 2
    place.daemon.start()
    server.start()
    place.until(lambda: place.points() > 500)
    assert place.troubles() == []
    assert place.daemon.stop() == 0
    assert place.reached() > before
