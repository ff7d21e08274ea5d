"""Which partitions are ours, from the moment the group says so until it takes them away, and what is committed for them.

aiokafka takes every partition away at each rebalance and waits for `on_partitions_revoked` before others get them: when that
returns, nothing of ours is under way any more. It swallows what the two calls raise, so that is kept and raised by `check`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from detector.edges.sources.base import SharedInbox
from detector.edges.sources.kafka.partition import Partition
from detector.edges.sources.kafka.patience import EXPECTED, Complaints, Patience, Pauses
from detector.edges.sources.kafka.start import Start
from detector.edges.sources.kafka.whole import is_member

log = structlog.get_logger()

_COMMIT_S = 3.0
# Receivers that are well answer sooner; the rest of the group waits for us meanwhile, and a stop has its own bound.
_TELL_S = 1.5


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """`owned` are the partitions that were begun. `work` runs what a revocation must be able to drop."""

    def __init__(
        self, consumer: AIOKafkaConsumer, inbox: SharedInbox, start: Start, patience: Patience, complaints: Complaints
    ) -> None:
        self.owned: dict[TopicPartition, Partition] = {}
        self._consumer = consumer
        self._inbox = inbox
        self._start = start
        self._patience = patience
        self._complaints = complaints
        self._beginning: dict[TopicPartition, asyncio.Task[None]] = {}
        self._open: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._waiting_since_s: float | None = time.monotonic()

    # -- called by the coordinator --------------------------------------------------------------------------------------------

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._waiting_since_s = None
        for place in assigned:
            self._consumer.pause(place)
            self._begin(place, None)
        log.info("kafka_assigned", partitions=len(self._beginning))

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._waiting_since_s = time.monotonic()
        try:
            await self._give_up()
        except Exception as problem:
            self._failure = problem
            raise

    # -- called by the source -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises what went wrong where nobody could catch it."""
        if self._failure is not None:
            raise self._failure
        for task in [task for task in self._beginning.values() if task.done() and not task.cancelled()]:
            task.result()

    @property
    def waiting_s(self) -> float:
        """How long the group has told us nothing about partitions that it took, or never gave."""
        return 0.0 if self._waiting_since_s is None else time.monotonic() - self._waiting_since_s

    def owner(self, place: TopicPartition) -> Partition | None:
        """What we know of it if it is ours and begun."""
        return self.owned.get(place)

    def read_on(self, partition: Partition) -> None:
        """After a pause; nothing happens if it was taken from us meanwhile."""
        if self.owned.get(partition.place) is partition:
            self._consumer.resume(partition.place)

    async def work(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it to its end, or until the partitions are taken away."""
        task = self._open = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            await _end(task)
            raise
        finally:
            self._open = None
        if not task.cancelled():
            task.result()

    def begin_again(self, partition: Partition) -> None:
        """It is not where it was: see what is lost, and go on from there."""
        if self.owned.get(partition.place) is partition:
            partition.is_over = True
            del self.owned[partition.place]
            self._consumer.pause(partition.place)
            self._begin(partition.place, partition)

    async def commit(self) -> None:
        """What is settled of the partitions that are ours. What fails is tried again the next time."""
        await self._commit(list(self.owned.values()))

    async def leave(self) -> None:
        """As at a revocation; what the source has taken in is checkpointed."""
        await self._give_up()

    # -- how ------------------------------------------------------------------------------------------------------------------

    def _begin(self, place: TopicPartition, before: Partition | None) -> None:
        known = self._beginning.get(place)
        if known is None or known.done():
            self._beginning[place] = asyncio.ensure_future(self._until_begun(place, before))

    async def _until_begun(self, place: TopicPartition, before: Partition | None) -> None:
        pauses = Pauses(self._patience)
        subject = subject_of(place)
        while True:
            try:
                partition = await (self._start.assigned(place) if before is None else self._start.again(before))
            except EXPECTED as problem:
                self._complaints.about(subject, problem)
                await pauses.wait()
                continue
            self._complaints.settle(subject)
            self.owned[place] = partition
            self._beginning.pop(place, None)
            self._consumer.resume(place)
            return

    async def _give_up(self) -> None:
        owned, self.owned = self.owned, {}
        for partition in owned.values():
            partition.is_over = True
        beginning, self._beginning = self._beginning, {}
        for place, task in beginning.items():
            self._failure = await _end(task) or self._failure
            self._complaints.drop(subject_of(place))
        if self._open is not None:
            await _end(self._open)
        if not owned:
            return
        await self._inbox.release([partition.stream.key for partition in owned.values()])
        await self._until_told([partition for partition in owned.values() if partition.offered > partition.committed])
        await self._commit(list(owned.values()))
        log.info("kafka_revoked", partitions=len(owned))

    async def _until_told(self, partitions: list[Partition]) -> None:
        """What was found in the last moment is just being told; if it stayed uncommitted, whoever comes next would tell it
        again."""
        end = time.monotonic() + _TELL_S
        resumes = [await self._inbox.resume(partition.stream.key) for partition in partitions]
        reached = {resume.stream_key: resume.offset for resume in resumes if resume is not None}
        while time.monotonic() < end:
            settled = self._inbox.settled()
            if all(settled.get(key, -1) >= offset for key, offset in reached.items()):
                return
            await asyncio.sleep(_TELL_S / 100)

    async def _commit(self, partitions: list[Partition]) -> None:
        if not is_member(self._consumer):
            return
        settled = self._inbox.settled()
        offsets = {
            partition.place: OffsetAndMetadata(offset, "")
            for partition in partitions
            if partition.committed < (offset := settled.get(partition.stream.key, -1)) <= partition.offered
        }
        if not offsets:
            return
        try:
            async with asyncio.timeout(_COMMIT_S):
                await self._consumer.commit(offsets)
        except EXPECTED as problem:
            log.debug("kafka_not_committed", problem=type(problem).__name__)
            return
        for partition in partitions:
            if partition.place in offsets:
                partition.committed = offsets[partition.place].offset


def subject_of(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"


async def _end(task: asyncio.Task[None]) -> BaseException | None:
    """Cancels it and waits until it has ended; returns what it raised."""
    task.cancel()
    await asyncio.wait([task])
    return None if task.cancelled() else task.exception()
