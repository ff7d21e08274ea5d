"""Hands over what was fetched, partition by partition, in order. The inbox is done with a batch when `put` returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from aiokafka import TopicPartition

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import SharedInbox
from detector.edges.sources.kafka.formats import Format, Made
from detector.edges.sources.kafka.partition import Partition
from detector.edges.sources.kafka.unpacking import Unpacking, runs
from detector.edges.sources.kafka.whole import Whole
from detector.records import Batch
from detector.settings import KafkaSourceSettings

_LARGE = 256 << 10  # compressed; what is larger is unpacked beside the loop
_TURN_S = 0.005
Fetched = Mapping[TopicPartition, Sequence[Whole]]


class Handing:
    """One a source; its buffer is used again for every batch."""

    def __init__(self, settings: KafkaSourceSettings, form: Format, inbox: SharedInbox) -> None:
        self._unpacking = Unpacking(form, settings.max_batch.bytes)
        self._inbox = inbox
        self._turn_ends_s = 0.0

    async def hand_over(self, fetched: Fetched, owner: Callable[[TopicPartition], Partition | None]) -> None:
        """What `owner` does not know (any more) is dropped: it is somebody else's, or will be read again."""
        for place, wholes in fetched.items():
            partition = owner(place)
            if partition is None:
                continue
            for run in runs(whole for whole in wholes if whole.next_offset > partition.at):
                await self._take(partition, run)
            if wholes[-1].next_offset > partition.at:
                await self._put(partition, self._unpacking.nothing(partition.span(wholes[-1].next_offset)))

    async def _take(self, partition: Partition, run: Sequence[Whole]) -> None:
        if partition.is_over:
            return
        reach(CrashPoint.SOURCE_READ)
        made = self._unpacking.made(run, partition.span(run[-1].next_offset))
        is_large = len(run[0].data) > _LARGE
        while (one := await _beside(made) if is_large else next(made, None)) is not None:
            await self._put(partition, one)

    async def _put(self, partition: Partition, made: Made) -> None:
        if partition.is_over:
            return
        partition.offered = made.next_offset
        if isinstance(made, Batch):
            await self._inbox.put(made, partition.token)
        else:
            await self._inbox.points(made, partition.token)
        partition.at = made.next_offset
        if time.monotonic() >= self._turn_ends_s:  # an inbox with room returns at once: let the others run
            await asyncio.sleep(0)
            self._turn_ends_s = time.monotonic() + _TURN_S


async def _beside(made: Iterator[Made]) -> Made | None:
    """The next one, made in a thread. Who is cancelled waits for it: the thread writes into the buffer."""
    work = asyncio.ensure_future(asyncio.to_thread(lambda: next(made, None)))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
    return work.result()
