"""The courier in charge. With other sinks in the settings a new one takes over what is owed."""

from __future__ import annotations

import asyncio
from random import Random

from detector.edges.outbox.courier import Courier, steady_clock
from detector.edges.sinks import sink_for
from detector.edges.store.store import Store
from detector.live.sharing import Sharing, sharing_for
from detector.records import AlertAction, Incident
from detector.settings import Settings
from detector.telemetry import Health, Metrics


class Couriers:
    """`use` once, with the group that its task lives in; then `replace` at every reload."""

    def __init__(self, store: Store, metrics: Metrics, health: Health) -> None:
        self._store = store
        self._metrics = metrics
        self._health = health

    def use(self, group: asyncio.TaskGroup, settings: Settings) -> None:
        self._group = group
        self._start(settings)

    async def replace(self, settings: Settings) -> None:
        """Keeps the courier when nothing that it knows has changed."""
        if _known(settings) == self._known:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._start(settings)

    def cancel(self) -> None:
        self._task.cancel()

    def wake(self) -> None:
        self._courier.wake()

    async def drained(self) -> None:
        """Returns when nothing is due any more."""
        await self._courier.drained()

    def tell_now(self, incident: Incident, action: AlertAction) -> None:
        """Past the store, in the background: there is none to write to."""
        self._group.create_task(self._courier.tell_now(incident, action), name="emergency")

    def _start(self, settings: Settings) -> None:
        self._known = _known(settings)
        sinks = {sink.name: sink_for(sink) for sink in settings.sinks}
        now_ms, metrics, health = steady_clock(), self._metrics, self._health
        sharing = sharing_for(settings, self._store, metrics, health, now_ms, self.wake)
        agreement = None if sharing is None else sharing.agreement
        self._courier = Courier(self._store, sinks, settings.outbox, metrics, Random(), health, now_ms, agreement)
        self._task = self._group.create_task(_run(self._courier, sharing), name="courier")


def _known(settings: Settings) -> object:
    return settings.sinks, settings.outbox, settings.incidents.resolve, settings.elasticsearch


async def _run(courier: Courier, sharing: Sharing | None) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(courier.run(), name="lanes")
        if sharing is not None:
            group.create_task(sharing.run(), name="sharing")
