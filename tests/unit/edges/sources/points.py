"""An inbox for metric points that checks the promises of Points, and lets a test await what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from detector.edges.sources.base import Resume, Source
from detector.records import Batch, DeadLetter, LostRange, MetricPoint, Points

PATIENCE_S = 20


@dataclass
class Reached:
    """How far a stream has come."""

    offset: int
    token: str


class PointCollector:
    """Implements `base.Inbox`. `has_room` cleared makes it a pipeline that takes nothing."""

    def __init__(self) -> None:
        self.points_seen: list[MetricPoint] = []
        self.pieces: list[Points] = []
        self.dead: list[DeadLetter] = []
        self.streams: dict[str, Reached] = {}
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._changed = asyncio.Event()
        self._is_waiting = asyncio.Event()

    async def put(self, batch: Batch, token: str = "") -> None:
        raise AssertionError("a source of metrics gave lines")

    async def lost(self, lost: LostRange) -> None:
        raise AssertionError(f"lost {lost}")

    async def points(self, points: Points, token: str = "") -> None:
        self._is_waiting.set()
        await self.has_room.wait()
        reached = self.streams.setdefault(points.stream.key, Reached(points.offset, ""))
        assert points.offset == reached.offset < points.next_offset
        assert len(token.encode()) <= 1024
        for point in points.points:
            assert list(point.labels) == sorted(point.labels)
            assert point.time_ms > 0
        reached.offset, reached.token = points.next_offset, token
        self.pieces.append(points)
        self.points_seen += points.points
        self.dead += points.dead
        self._changed.set()

    def positions(self) -> dict[str, Resume]:
        return {key: Resume(key, told.offset, told.token) for key, told in self.streams.items()}

    def named(self, name: str) -> list[MetricPoint]:
        return [point for point in self.points_seen if point.name == name]

    async def until_begun(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._is_waiting.wait()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns once the claim holds; fails the test if that takes too long."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def collecting(
    source: Source, inbox: PointCollector, resume: Mapping[str, Resume] | None = None
) -> AsyncIterator[PointCollector]:
    """The source at work; cancelled at the end, as a stop does. What it raises fails the test."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.read_into(inbox, resume or {}))
        try:
            yield inbox
        finally:
            task.cancel()
