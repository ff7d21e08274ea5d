"""A store, a courier and real sinks under a clock that a test moves: what is owed is sent when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

from detector.edges.outbox.courier import Courier
from detector.edges.sinks.base import Sink
from detector.edges.store.store import Store
from detector.records import Alert, AlertAction, Checkpoint
from detector.settings import OutboxSettings, StoreSettings
from detector.telemetry import Health, Metrics
from tests.contract.sink_cases import INCIDENT, NOW_MS, RESOLVE


@dataclass
class OutboxBench:
    """`owe` writes alerts as the pipeline would, `pass_time` moves the clock, `send` lets every lane send what is due."""

    store: Store
    courier: Courier
    metrics: Metrics
    health: Health
    clock_ms: list[int]

    def owe(self, *alerts: Alert) -> None:
        self.store.write(Checkpoint(self.clock_ms[0], alerts=alerts))

    def pass_time(self, seconds: float) -> None:
        self.clock_ms[0] += round(seconds * 1000)

    async def send(self) -> None:
        await asyncio.gather(*(lane.send_due() for lane in self.courier.lanes.values()))

    def pending(self) -> dict[str, int]:
        return {backlog.receiver: backlog.pending for backlog in self.store.outbox.backlog()}

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@contextmanager
def outbox_bench(folder: Path, sinks: Mapping[str, Sink], fallback: str | None = None) -> Iterator[OutboxBench]:
    store = Store.open(StoreSettings(path=str(folder / "state")), NOW_MS)
    clock_ms, metrics, health = [NOW_MS], Metrics(), Health()
    settings = OutboxSettings(fallback=fallback, first_retry=timedelta(seconds=1))
    courier = Courier(store, sinks, settings, metrics, Random(1), health, now_ms=lambda: clock_ms[0])
    try:
        yield OutboxBench(store, courier, metrics, health, clock_ms)
    finally:
        store.close()


def alert_of(receiver: str, action: AlertAction, seq: int, key: str = "a") -> Alert:
    incident = RESOLVE.incident if action is AlertAction.RESOLVE else INCIDENT
    return Alert(receiver, action, replace(incident, dedup_key=key), seq, NOW_MS)
