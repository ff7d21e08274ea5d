"""One task a source. At a reload only those whose settings changed start anew, from the last checkpoint."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from detector.edges.sources import source_of
from detector.edges.sources.base import Resume
from detector.edges.store.store import Store
from detector.inbox import Door, PipelineInbox
from detector.settings import Settings, SourceSettings
from detector.telemetry import Metrics, logger


class Readers:
    """`use` once, with the group that the tasks live in; then `replace` at every reload."""

    def __init__(self, store: Store, inbox: PipelineInbox, metrics: Metrics) -> None:
        self._store = store
        self._inbox = inbox
        self._metrics = metrics
        self._tasks: dict[SourceSettings, asyncio.Task[None]] = {}
        self._change = asyncio.Event()

    def use(self, group: asyncio.TaskGroup, settings: Settings) -> None:
        self._group = group
        for source in settings.sources:
            self._start(source, settings.service)

    async def replace(self, settings: Settings) -> None:
        """Sources that are as they were go on reading."""
        gone = [self._tasks.pop(known) for known in list(self._tasks) if known not in settings.sources]
        for task in gone:
            task.cancel()
        if gone:
            await asyncio.wait(gone)
        for source in settings.sources:
            if source not in self._tasks:
                self._start(source, settings.service)
        self._change.set()

    async def ended(self) -> None:
        """Returns when every source has come to its end by itself."""
        while running := [task for task in self._tasks.values() if not task.done()]:
            self._change.clear()
            change = asyncio.ensure_future(self._change.wait())
            try:
                await asyncio.wait([*running, change], return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()

    async def cancel(self) -> None:
        """Nothing new is taken after this."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, settings: SourceSettings, service: str | None) -> None:
        source = source_of(settings if settings.service else replace(settings, service=service))
        positions = self._store.positions()
        resume = {key: Resume(key, position.offset, position.token) for key, position in positions.items()}
        door = Door(self._inbox, source.name, self._metrics)
        self._tasks[settings] = self._group.create_task(source.read_into(door, resume), name=f"source:{source.name}")
        logger.info("source_started", source=source.name, known=len(resume))
