"""One task a source. At a reload only those whose settings changed start anew, from the last checkpoint."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from detector.edges.sources import source_of
from detector.edges.sources.base import Bearing, Resume, Source
from detector.edges.store.store import Store
from detector.inbox import Door, PipelineInbox
from detector.settings import Settings, SourceSettings
from detector.telemetry import Health, Metrics, Trouble, logger


class Readers:
    """`use` once, with the group that the tasks live in; then `replace` at every reload."""

    def __init__(self, store: Store, inbox: PipelineInbox, metrics: Metrics, health: Health) -> None:
        self._store = store
        self._inbox = inbox
        self._metrics = metrics
        self._health = health
        self._sources: dict[SourceSettings, Source] = {}
        self._tasks: dict[SourceSettings, asyncio.Task[None]] = {}
        self._doors: dict[SourceSettings, Door] = {}
        self._change = asyncio.Event()
        self._is_replacing = False  # there may be no task for a moment: that is not the end
        self._is_over = False

    def use(self, group: asyncio.TaskGroup, settings: Settings) -> None:
        self._group = group
        for source in _wanted(settings):
            self._start(source)

    async def replace(self, settings: Settings) -> None:
        """Sources that are as they were go on reading."""
        wanted = _wanted(settings)
        self._is_replacing = True
        try:
            await self._end([known for known in self._tasks if known not in wanted])
            for source in wanted:
                if source not in self._tasks and not self._is_over:
                    self._start(source)
        finally:
            self._is_replacing = False
            self._change.set()

    def look(self, now_ms: int) -> None:
        """Shows which sources are not served by whom they read from."""
        for source in self._sources.values():
            problems = source.problems if isinstance(source, Bearing) else {}
            if problems:
                text = "; ".join(f"{subject}: {problem}" for subject, problem in problems.items())
                self._health.set(Trouble.SOURCE_FAILING, source.name, text, now_ms)
            else:
                self._health.clear(Trouble.SOURCE_FAILING, source.name)

    async def ended(self) -> None:
        """Returns when every source has come to its end by itself."""
        while (running := [task for task in self._tasks.values() if not task.done()]) or self._is_replacing:
            self._change.clear()
            change = asyncio.ensure_future(self._change.wait())
            try:
                await asyncio.wait([*running, change], return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()

    async def cancel(self) -> None:
        """Nothing new is taken after this."""
        self._is_over = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _end(self, sources: list[SourceSettings]) -> None:
        """Whoever reads their streams next begins at the last checkpoint: it must hold all that was judged of them."""
        if not sources:
            return
        tasks = [self._tasks.pop(source) for source in sources]
        for source in sources:
            self._health.clear(Trouble.SOURCE_FAILING, self._sources.pop(source).name)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        keys = [key for source in sources for key in self._doors.pop(source).keys]
        await self._inbox.change(lambda pipeline: pipeline.set_aside(keys))

    def _start(self, settings: SourceSettings) -> None:
        source = self._sources[settings] = source_of(settings)
        positions = self._store.positions()
        resume = {key: Resume(key, position.offset, position.token) for key, position in positions.items()}
        door = self._doors[settings] = Door(self._inbox, source.name, self._metrics)
        self._tasks[settings] = self._group.create_task(source.read_into(door, resume), name=f"source:{source.name}")
        logger.info("source_started", source=source.name, known=len(resume))


def _wanted(settings: Settings) -> list[SourceSettings]:
    """The sources, each with the service that it belongs to."""
    return [source if source.service else replace(source, service=settings.service) for source in settings.sources]
