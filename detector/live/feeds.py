"""Whoever mirrors what was found: a lane for each. With other settings new lanes go on where the old ones were."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

from detector.edges.mirror import mirrors_of
from detector.edges.mirror.base import Mirror
from detector.edges.outbox.courier import steady_clock
from detector.edges.outbox.feed import FeedLane, FeedTools
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.store.store import Store
from detector.errors import StoreUnavailable
from detector.records import Checkpoint
from detector.settings import KafkaSinkSettings, Settings
from detector.telemetry import Health, Metrics, Trouble, logger

LOOK_EVERY_S = 5.0
STORE_PAUSE_S = 1.0


class Feeds:
    """`use` once, with the group that its task lives in; then `replace` at every reload. `tell` is given how many documents of
    each kind no longer wait for anybody; when it returns, people will hear of it."""

    def __init__(
        self, store: Store, metrics: Metrics, health: Health, tell: Callable[[Mapping[str, int]], Awaitable[None]]
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._health = health
        self._tell = tell
        self._now_ms = steady_clock()
        self._lanes: list[FeedLane] = []

    def use(self, group: asyncio.TaskGroup, settings: Settings) -> None:
        """Before the first checkpoint, so that it is fed. Raises StoreUnavailable."""
        self._group = group
        mirrors = mirrors_of(settings, self._store.instance)
        self._take_up(mirrors, settings)
        self._start(mirrors, settings)

    async def replace(self, settings: Settings) -> None:
        """Keeps the lanes when nothing that they know has changed."""
        if _known(settings) == self._in_use:
            return
        self.cancel()
        await asyncio.wait([self._task])
        for lane in self._lanes:
            self._health.clear(Trouble.MIRROR_FAILING, lane.name)
        # On the loop, though a library that is new takes a while: it must not be half hidden from what others import meanwhile.
        self._start(mirrors_of(settings, self._store.instance), settings)

    def cancel(self) -> None:
        self._task.cancel()

    def written(self, checkpoint: Checkpoint) -> None:
        """A checkpoint is in the store."""
        if checkpoint.findings or checkpoint.incidents or checkpoint.judged:
            for lane in self._lanes:
                lane.wake()

    async def drained(self) -> None:
        """Returns when nothing waits but for a retry."""
        await asyncio.gather(*(lane.drained() for lane in self._lanes))

    def _start(self, mirrors: Sequence[Mirror], settings: Settings) -> None:
        self._in_use = _known(settings)
        plan = RetryPlan(settings.outbox, Random())
        tools = FeedTools(self._store.feed, plan, self._metrics, self._health, self._now_ms)
        self._lanes = [FeedLane(mirror, tools) for mirror in mirrors]
        self._task = self._group.create_task(self._run(mirrors, settings), name="feeds")

    async def _run(self, mirrors: Sequence[Mirror], settings: Settings) -> None:
        """Until cancelled. Raises StoreDamaged."""
        while True:
            try:
                await asyncio.to_thread(self._take_up, mirrors, settings)
                break
            except StoreUnavailable:
                await asyncio.sleep(STORE_PAUSE_S)
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run(), name=f"feed:{lane.name}")
            if self._lanes:
                group.create_task(self._look_after(), name="feed")

    def _take_up(self, mirrors: Sequence[Mirror], settings: Settings) -> None:
        consumers = {mirror.name: mirror.kinds for mirror in mirrors}
        most = settings.elasticsearch.max_waiting
        self._store.feed.use(consumers, most, self._now_ms(), self._store.open_incidents() if consumers else [])

    async def _look_after(self) -> None:
        while True:
            try:
                backlog = await asyncio.to_thread(self._store.feed.backlog)
                self._metrics.feed(backlog, self._now_ms())
                await self._tell_of_dropped()
                if await asyncio.to_thread(self._store.tell_of_baselines, self._now_ms()):
                    for lane in self._lanes:
                        lane.wake()
            except StoreUnavailable:
                logger.warning("feed_unreadable", consumer="")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _tell_of_dropped(self) -> None:
        dropped = await asyncio.to_thread(self._store.feed.dropped)
        if dropped:
            logger.error("not_mirrored", **dropped)
            await self._tell(dropped)
            await asyncio.to_thread(self._store.feed.told_of, dropped)
            self._metrics.feed_dropped(dropped)


def _known(settings: Settings) -> tuple[object, ...]:
    topics = [sink for sink in settings.sinks if isinstance(sink, KafkaSinkSettings)]
    return settings.elasticsearch, topics, settings.outbox
