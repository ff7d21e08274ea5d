"""A hundred sidecars in one process: each with its own store, incidents, lanes and connection to the real cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from detector.core.incidents.grouping import Report
from detector.core.incidents.lifecycle import Incidents
from detector.edges.sinks import receiver_for
from detector.edges.store.store import Store
from detector.live.couriers import Couriers
from detector.records import Checkpoint
from detector.settings import (
    ElasticsearchSettings,
    IncidentSettings,
    Settings,
    StoreSettings,
    WebhookSinkSettings,
)
from detector.telemetry import Health, Metrics
from tests.acceptance.receiver import Receiver
from tests.services.elasticsearch import Elasticsearch
from tests.unit.edges.records import finding

NOW_MS = 1_800_000_000_000
QUIET_MS = 15 * 60_000


class Sidecar:
    """`sees` and `is_quiet` are what its pipeline would find; its times are made up, everything else is real."""

    def __init__(self, settings: Settings, store: Store, group: asyncio.TaskGroup) -> None:
        self.store = store
        self.metrics = Metrics()
        self._incidents = Incidents(settings.incidents, [receiver_for(sink) for sink in settings.sinks])
        self._couriers = Couriers(store, self.metrics, Health())
        self._couriers.use(group, settings)
        self._at_ms = NOW_MS
        self._count = 0

    def sees(self, key: str = "cause") -> None:
        self._count += 1
        self._at_ms += 1000
        self._incidents.take(Report(finding(key, self._count)), self._at_ms)
        self._write()

    def is_quiet(self) -> None:
        self._at_ms += QUIET_MS
        self._incidents.tick(self._at_ms)
        self._write()

    def owes(self) -> int:
        return len(self.store.outbox.owed())

    def results(self) -> list[tuple[str, str, str]]:
        """What became of its alerts, oldest first: action, result, problem."""
        return [(each.action, each.result, each.problem) for each in self.store.history.deliveries(limit=1000)[::-1]]

    def leave(self) -> None:
        """As if it were killed: nothing is told to anybody."""
        self._couriers.cancel()

    def _write(self) -> None:
        changes = self._incidents.drain()
        self.store.write(Checkpoint(self._at_ms, state=changes.state, incidents=changes.incidents, alerts=changes.alerts))
        self._couriers.wake()


class Street:
    """Sidecars, what their pager hears, and the cluster."""

    def __init__(self, node: Elasticsearch, receiver: Receiver, prefix: str, cars: Sequence[Sidecar]) -> None:
        self.node, self.receiver, self.prefix, self.cars = node, receiver, prefix, cars

    def told(self) -> list[str]:
        return [body["action"] for body in self.receiver.told]

    async def until(self, holds: Callable[[], bool], timeout_s: float = 60) -> None:
        """Fails the test when that takes too long."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while not await asyncio.to_thread(holds):
            assert loop.time() < end_s, f"never came; the pager heard {self.told()}"
            await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Nobody owes anything."""
        await self.until(lambda: not any(car.owes() for car in self.cars))

    def is_ready(self) -> bool:
        """Whether the daemons have made what they share."""
        try:
            return bool(self.node.ask("GET", f"/_cluster/health/{self.prefix}-incidents-shared?timeout=1s")["status"] == "green")
        except OSError:
            return False

    def document(self) -> Any:
        return self.node.ask("GET", f"/{self.prefix}-incidents-shared/_doc/cause")["_source"]

    def is_known_to(self, state: str, count: int) -> bool:
        """Whether so many daemons are written down as seeing it, or as quiet."""
        return sum(each["state"] == state for each in self.document()["reporters"].values()) == count

    def requests(self) -> str:
        """What it cost the cluster."""
        stats = self.node.ask("GET", f"/{self.prefix}-incidents-shared/_stats/indexing,get")["_all"]["total"]
        return f"{stats['indexing']['index_total']} writes, {stats['get']['total']} reads"


@asynccontextmanager
async def street(
    node: Elasticsearch, receiver: Receiver, folder: Path, prefix: str, count: int, lease_s: float
) -> AsyncIterator[Street]:
    stores: list[Store] = []
    try:
        async with asyncio.TaskGroup() as group:
            cars = []
            for number in range(count):
                settings = Settings(
                    sinks=(WebhookSinkSettings(type="webhook", url=receiver.url, allow_private=True),),
                    incidents=IncidentSettings(resolve="shared", quiet=timedelta(milliseconds=QUIET_MS)),
                    store=StoreSettings(path=str(folder / f"car-{number}")),
                    elasticsearch=ElasticsearchSettings(
                        urls=(node.address,), prefix=prefix, lease=timedelta(seconds=lease_s), poll=timedelta(seconds=5)
                    ),
                )
                stores.append(Store.open(settings.store, NOW_MS))
                cars.append(Sidecar(settings, stores[-1], group))
            made = Street(node, receiver, prefix, cars)
            await made.until(made.is_ready)
            yield made
            for car in cars:
                car.leave()
    finally:
        for store in stores:
            store.close()
