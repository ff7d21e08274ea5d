"""The one door into the pipeline: batches, ticks and commands come in one after the other, and what followed is checkpointed.

`put` judges the batch before it returns, so the source may reuse its buffer; a store that cannot be written slows every source.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from detector.core.pipeline import Pipeline
from detector.core.streams import MOST_AWAKE
from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Resume
from detector.edges.store.store import Store
from detector.errors import StoreUnavailable
from detector.handover import Handover
from detector.records import Batch, Checkpoint, Counts, Judged, LostRange, Points, Tick
from detector.telemetry import Metrics

COMMIT_BYTES = 8 << 20  # so much was judged: write it down, however recent the last checkpoint
LONGEST_WAIT_MS = 500  # somebody holds a connection open until what was pushed is written
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall clock in milliseconds since the epoch, and one that never jumps."""

    wall_ms: Callable[[], int]
    mono_ms: Callable[[], int]


class Teller(Protocol):
    """Who shows what went by: counts since the last time, and how long before it was read the last line happened, where that line
    says so."""

    def counted(self, counts: Counts, lag_ms: int | None) -> None: ...


class Listener(Protocol):
    """Who hears of checkpoints: the courier is woken, health is told, metrics are counted."""

    def written(self, checkpoint: Checkpoint) -> None: ...

    def cannot_write(self, problem: StoreUnavailable) -> None: ...

    def can_write_again(self) -> None: ...


class PipelineInbox:
    """Everything takes its turn here."""

    def __init__(self, pipeline: Pipeline, store: Store, listener: Listener, clocks: Clocks, commit_every_ms: int) -> None:
        self._pipeline = pipeline
        self._store = store
        self._listener = listener
        self._clocks = clocks
        self._commit_every_ms = commit_every_ms
        self._turn = asyncio.Lock()
        self._command_id = store.last_command_id
        self.handover = Handover(store.outbox.owed)
        self._owed: Checkpoint | None = None
        self._committed_ms = clocks.mono_ms()
        self._bytes = 0
        self._teller: Teller | None = None
        self._last: Batch | None = None  # since counts were told
        self._waiting: list[asyncio.Future[None]] = []  # for the next checkpoint

    async def put(self, batch: Batch, token: str = "", teller: Teller | None = None) -> None:
        """Judges a batch, and writes down what followed when it is time."""
        async with self._turn:
            await self._settle()
            self._count_for(teller)
            self._pipeline.take(batch, token)
            self._last, self._bytes = batch, self._bytes + batch.size
            waited_ms = self._clocks.mono_ms() - self._committed_ms
            if self._pipeline.is_urgent or waited_ms >= self._commit_every_ms or self._bytes >= COMMIT_BYTES:
                await self._commit()

    async def points(self, points: Points, token: str = "", teller: Teller | None = None) -> None:
        """Takes metric points in, and writes down what followed when it is time."""
        async with self._turn:
            await self._settle()
            self._count_for(teller)
            self._pipeline.points(points, token)
            if self._clocks.mono_ms() - self._committed_ms >= self._commit_every_ms:
                await self._commit()

    async def kept(self, points: Points, teller: Teller | None = None) -> None:
        """As `points`, but returns when the checkpoint that holds them is written: not before may a sender forget them. Many who
        wait share one."""
        async with self._turn:
            await self._settle()
            self._count_for(teller)
            self._pipeline.points(points, "")
            written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(written)
        await asyncio.wait([written], timeout=min(self._commit_every_ms, LONGEST_WAIT_MS) / 1000)
        if not written.done():
            async with self._turn:
                await self._settle()
                if not written.done():
                    await self._commit()

    async def judged(self, judged: Judged) -> None:
        """The judge's answer; returns when what followed is written down."""
        async with self._turn:
            await self._settle()
            self._pipeline.judged(judged)
            await self._commit()

    async def lost(self, lost: LostRange, teller: Teller | None = None) -> None:
        """Writes down at once what nobody will ever judge."""
        async with self._turn:
            await self._settle()
            self._count_for(teller)
            self._pipeline.lost(lost)
            await self._commit()

    async def tick(self) -> None:
        """Time went by; commands that people gave are consumed in order."""
        async with self._turn:
            await self._settle()
            self._pipeline.tick(Tick(self._clocks.wall_ms(), self._clocks.mono_ms()))
            self._consume_commands()
            await self._commit()

    @property
    def longest_window_ms(self) -> int:
        """How far back in event time a rule in use may look."""
        return self._pipeline.longest_window_ms

    async def resume(self, key: str) -> Resume | None:
        """Where a stream goes on by the last checkpoint. Raises StoreUnavailable."""
        position = await asyncio.to_thread(self._store.position, key)
        return None if position is None else Resume(key, position.offset, position.token)

    async def change(self, change: Callable[[Pipeline], None]) -> None:
        """Something about the pipeline itself, between two inputs: other rules, other receivers."""
        async with self._turn:
            await self._settle()
            change(self._pipeline)
            await self._commit()

    async def renew(self, change: Callable[[Pipeline], None]) -> None:
        """As `change`, of a part that goes on with what the store holds of it: all that was taken in is written first."""
        async with self._turn:
            await self._settle()
            await self._commit()
            change(self._pipeline)
            await self._commit()

    def _consume_commands(self) -> None:
        try:
            commands = self._store.commands_after(self._command_id)
        except StoreUnavailable as problem:
            self._listener.cannot_write(problem)
            return
        self._listener.can_write_again()  # nothing is owed here: what was in the way of reading is gone
        for command in commands:
            self._pipeline.command(command)
            self._command_id = command.id

    def _count_for(self, teller: Teller | None) -> None:
        """What is counted from here on is this one's."""
        if teller is not self._teller:
            self._tell_counts()
            self._teller = teller

    def _tell_counts(self) -> None:
        """Once a checkpoint, or when another source takes its turn: once a batch would cost more than many a batch does."""
        if self._teller is None:
            return
        counts, self._pipeline.counts = self._pipeline.counts, Counts()
        last, self._last = self._last, None
        reached_ms = self._pipeline.reached_ms(last.stream) if last is not None else 0
        lag_ms = max(0, last.observed_ms - reached_ms) if last is not None and reached_ms else None
        self._teller.counted(counts, lag_ms)

    async def _commit(self) -> None:
        self._tell_counts()
        checkpoint = self._pipeline.checkpoint(self._clocks.wall_ms())
        self._owed = None if checkpoint.is_empty else checkpoint
        await self._settle()

    async def _settle(self) -> None:
        """Writes what is owed, however long that takes: until then nothing else is judged."""
        pause_s = FIRST_PAUSE_S
        while self._owed is not None:
            try:
                await self._write(self._owed)
            except StoreUnavailable as problem:
                self._listener.cannot_write(problem)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _write(self, checkpoint: Checkpoint) -> None:
        """A cancelled writer waits until the transaction has ended, so that what is owed is known."""
        writing = asyncio.ensure_future(asyncio.to_thread(self._store.write, checkpoint))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            if writing.exception() is None:
                self._written(checkpoint, writing.result())
            raise
        self._written(checkpoint, writing.result())

    def _written(self, checkpoint: Checkpoint, alerts: range) -> None:
        self._owed = None
        waiting, self._waiting = self._waiting, []  # all came before the checkpoint: nothing is taken in while one is owed
        for each in waiting:
            each.set_result(None)
        self.handover.written(checkpoint.positions, alerts)
        self._committed_ms = self._clocks.mono_ms()
        self._bytes = 0
        self._listener.can_write_again()
        self._listener.written(checkpoint)


class Door:
    """One source's way in, under its name in the metrics. Implements `edges.sources.base.SharedInbox`. `keys` are the streams
    that came through, the latest of them."""

    def __init__(self, inbox: PipelineInbox, source: str, metrics: Metrics) -> None:
        self._inbox = inbox
        self._source = source
        self._metrics = metrics
        self.keys: dict[str, None] = {}

    async def put(self, batch: Batch, token: str = "") -> None:
        self.keys.pop(batch.stream.key, None)
        self.keys[batch.stream.key] = None
        if len(self.keys) > MOST_AWAKE:
            del self.keys[next(iter(self.keys))]
        await self._inbox.put(batch, token, self)
        reach(CrashPoint.SOURCE_HANDED_OVER)

    async def points(self, points: Points, token: str = "") -> None:
        await self._inbox.points(points, token, self)
        reach(CrashPoint.SOURCE_HANDED_OVER)

    async def kept(self, points: Points) -> None:
        """Returns when they are in the store."""
        await self._inbox.kept(points, self)
        reach(CrashPoint.SOURCE_HANDED_OVER)

    async def lost(self, lost: LostRange) -> None:
        await self._inbox.lost(lost, self)

    def counted(self, counts: Counts, lag_ms: int | None) -> None:
        self._metrics.counted(self._source, counts)
        if lag_ms is not None:
            self._metrics.source_lag(self._source, lag_ms / 1000)

    @property
    def longest_window_ms(self) -> int:
        return self._inbox.longest_window_ms

    async def resume(self, key: str) -> Resume | None:
        return await self._inbox.resume(key)

    async def release(self, keys: Iterable[str]) -> None:
        gone = [*keys]
        await self._inbox.change(lambda pipeline: pipeline.set_aside(gone))

    async def forget(self, keys: Iterable[str]) -> None:
        gone = [*keys]
        await self._inbox.change(lambda pipeline: pipeline.forget(gone))
        self._inbox.handover.forget(gone)

    def settled(self) -> Mapping[str, int]:
        return self._inbox.handover.settled()
