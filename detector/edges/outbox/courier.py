"""Takes what is owed out of the outbox and through the sinks until it is delivered or given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from detector.edges.mirror.agreement import Agreement
from detector.edges.outbox.lane import Lane, LaneTools
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.sinks.base import Sink
from detector.edges.store.outbox import Backlog
from detector.edges.store.store import Store
from detector.errors import SinkError, StoreUnavailable
from detector.records import Alert, AlertAction, Incident
from detector.settings import OutboxSettings
from detector.telemetry import Health, Metrics
from detector.telemetry import logger as log

LOOK_EVERY_S = 5.0
EMERGENCY_TRIES = 8


def steady_clock() -> Callable[[], int]:
    """Wall-clock milliseconds that never jump: set once, then moved by the monotonic clock."""
    wall_ms, mono_ms = time.time() * 1000, time.monotonic() * 1000
    return lambda: int(wall_ms + time.monotonic() * 1000 - mono_ms)


class Courier:
    """A lane for each sink. It opens the sinks before the first alert and closes them when `run` ends."""

    def __init__(
        self,
        store: Store,
        sinks: Mapping[str, Sink],
        settings: OutboxSettings,
        metrics: Metrics,
        random: Random,
        health: Health | None = None,
        now_ms: Callable[[], int] | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        self._outbox = store.outbox
        self._metrics = metrics
        self._now_ms = now_ms or steady_clock()
        self._fallback = settings.fallback if settings.fallback in sinks else None
        self._plan = RetryPlan(settings, random)
        self._emergencies: dict[str, int] = {}
        trouble = health or Health()
        tools = LaneTools(self._outbox, self._plan, metrics, trouble, self._now_ms, self._fallback, self._wake_one, agreement)
        self.lanes = {name: Lane(name, sink, tools) for name, sink in sinks.items()}

    async def run(self) -> None:
        """Until cancelled. Raises StoreDamaged."""
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes.values():
                group.create_task(lane.run(), name=f"lane:{lane.name}")
            group.create_task(self._look_after(), name="outbox")

    def wake(self) -> None:
        """To be called on the loop when a checkpoint with alerts was written."""
        for lane in self.lanes.values():
            lane.wake()

    async def drained(self) -> None:
        """Returns when nothing is due any more; what waits for a retry is not due. For a stop, under a time-out."""
        self.wake()
        await asyncio.gather(*(lane.drained() for lane in self.lanes.values()))

    async def tell_now(self, incident: Incident, action: AlertAction) -> list[str]:
        """Past the store, for when there is none to write to: one alert to every sink, a few tries each. Returns who was told.
        A later call about the same incident ends the tries of an earlier one, so that a resolve is the last word."""
        self._emergencies[incident.dedup_key] = latest = self._emergencies.get(incident.dedup_key, 0) + 1
        alert = Alert("", action, incident, latest, self._now_ms())
        told = await asyncio.gather(*(self._tell(lane, replace(alert, receiver=lane.name)) for lane in self.lanes.values()))
        return [name for name in told if name]

    async def _tell(self, lane: Lane, alert: Alert) -> str:
        """Returns the sink's name if it took the alert, else nothing."""
        for failures in range(1, EMERGENCY_TRIES + 1):
            if self._emergencies[alert.incident.dedup_key] != alert.seq:
                return ""
            try:
                await lane.send(alert, "")
            except SinkError as error:
                self._metrics.notification_failed(lane.name, error.reason)
                if not error.retryable or failures == EMERGENCY_TRIES:
                    break
                await asyncio.sleep(self._plan.pause_ms(failures, error.retry_after_s) / 1000)
            else:
                self._metrics.notified(lane.name, 0.0)
                return lane.name
        log.error("emergency_alert_failed", sink=lane.name, dedup_key=alert.incident.dedup_key)
        return ""

    def _wake_one(self, name: str) -> None:
        if name in self.lanes:
            self.lanes[name].wake()

    async def _look_after(self) -> None:
        while True:
            try:
                await self.give_up_orphans()
                await self._show_backlog()
            except StoreUnavailable:
                log.warning("outbox_unreadable", sink="")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _show_backlog(self) -> None:
        backlog = await asyncio.to_thread(self._outbox.backlog)
        owed = {each.receiver for each in backlog}
        now_ms = self._now_ms()
        self._metrics.outbox([*backlog, *(Backlog(name, 0, now_ms) for name in self.lanes if name not in owed)], now_ms)

    async def give_up_orphans(self) -> None:
        """What is owed to a receiver that the settings no longer name: given up, counted, the fallback told."""
        for receiver in await asyncio.to_thread(self._outbox.receivers):
            if receiver in self.lanes:
                continue
            while rows := await asyncio.to_thread(self._outbox.due, receiver, 1 << 62, 100):
                for row in rows:
                    problem = "the settings name no such sink any more"
                    await asyncio.to_thread(self._outbox.give_up, row, self._now_ms(), "clientError", problem, self._fallback)
                    self._metrics.notification_given_up(receiver)
            log.error("receiver_gone", sink=receiver)
            if self._fallback:
                self._wake_one(self._fallback)
