"""An inbox that keeps what it is given, checks the promises of Batch, and lets a test await what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from detector.edges.sources.base import Resume, Source
from detector.records import Batch, LostRange, Points

PATIENCE_S = 20


@dataclass
class Told:
    """What one stream gave out."""

    name: str
    first: int
    runs: list[bytes] = field(default_factory=list)
    reached: int = 0
    token: str = ""
    ends: int = 0
    cut_at: list[int] = field(default_factory=list)
    cut_bytes: int = 0

    @property
    def text(self) -> bytes:
        return b"".join(self.runs)


class Collector:
    """Implements `base.Inbox`. `full` cleared makes it a pipeline that takes nothing."""

    longest_window_ms = 0

    def __init__(self) -> None:
        self.streams: dict[str, Told] = {}
        self.losses: list[LostRange] = []
        self.order: list[str] = []
        self.size = 0
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._changed = asyncio.Event()
        self._is_waiting = asyncio.Event()

    async def until_begun(self) -> None:
        """Returns once a batch waits for room."""
        async with asyncio.timeout(PATIENCE_S):
            await self._is_waiting.wait()

    async def put(self, batch: Batch, token: str = "") -> None:
        self._is_waiting.set()
        await self.has_room.wait()
        if batch.packed is not None:
            batch = batch.packed.unpack()
        run = bytes(batch.buffer[batch.begin : batch.end])
        assert batch.ends or not run or run.endswith(b"\n")
        assert len(token.encode()) <= 1024
        told = self.streams.setdefault(batch.stream.key, Told(batch.stream.name, batch.offset, reached=batch.offset))
        assert batch.offset == told.reached, f"{batch.stream.key} goes on at {batch.offset} and not at {told.reached}"
        told.reached = batch.offset + batch.size + batch.cut_bytes if batch.next_offset < 0 else batch.next_offset
        told.token = token
        told.runs.append(run)
        self.size += len(run)
        told.ends += batch.ends
        told.cut_at += batch.cut_at
        told.cut_bytes += batch.cut_bytes
        self.order += [told.name] if run else []
        if batch.lost is not None:
            self.losses.append(batch.lost)
        if isinstance(batch.buffer, bytearray):
            batch.buffer[batch.begin : batch.end] = b"\xee" * batch.size  # whoever reads it again sees that
        self._changed.set()

    async def points(self, points: Points, token: str = "") -> None:
        raise AssertionError("a source of logs gave metric points")

    async def lost(self, lost: LostRange) -> None:
        self.losses.append(lost)
        self._changed.set()

    @property
    def text(self) -> bytes:
        """Everything, stream by stream in the order in which they began."""
        return b"".join(told.text for told in self.streams.values())

    def resume(self) -> dict[str, Resume]:
        return self.positions()

    def positions(self) -> dict[str, Resume]:
        """What a checkpoint of now would give back."""
        return {key: Resume(key, told.reached, told.token) for key, told in self.streams.items()}

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns once the claim holds; fails the test if that takes too long."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def until_text(self, text: bytes) -> None:
        try:
            await self.until(lambda: self.size >= len(text))
        except TimeoutError:
            assert self.text == text
        assert self.text == text


@asynccontextmanager
async def running(source: Source, inbox: Collector, resume: Mapping[str, Resume] | None = None) -> AsyncIterator[Collector]:
    """The source at work; cancelled at the end, as a stop does. What it raises fails the test."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.read_into(inbox, resume or {}))
        try:
            yield inbox
        finally:
            task.cancel()


class SharedCollector(Collector):
    """Implements `base.SharedInbox`: all that was taken is settled, and `before` was checkpointed."""

    def __init__(self, before: Mapping[str, Resume] | None = None) -> None:
        super().__init__()
        self.before = dict(before or {})
        self.released: list[str] = []
        self.forgotten: list[str] = []

    async def resume(self, key: str) -> Resume | None:  # type: ignore[override]
        told = self.streams.get(key)
        return self.before.get(key) if told is None else Resume(key, told.reached, told.token)

    async def release(self, keys: Iterable[str]) -> None:
        self.released += keys

    async def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.forgotten.append(key)
            self.before.pop(key, None)
            self.streams.pop(key, None)

    def settled(self) -> dict[str, int]:
        return {key: told.reached for key, told in self.streams.items()}
