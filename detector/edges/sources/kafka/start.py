"""Asks what `beginning` must know of a partition that became ours, and seeks there. May be cancelled anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.edges.sources.base import Resume, SharedInbox
from detector.edges.sources.kafka.beginning import MADE_AGAIN, RETENTION, Beginning, Log, beginning
from detector.edges.sources.kafka.formats import Format
from detector.edges.sources.kafka.lines import Span
from detector.edges.sources.kafka.partition import Partition, now_ms, stream_of
from detector.edges.sources.kafka.rewind import record_time_ms
from detector.edges.sources.kafka.rows import Table
from detector.edges.sources.kafka.topic_ids import topic_ids
from detector.records import Batch, LostRange
from detector.settings import KafkaSourceSettings
from detector.settings.start_at import start_at


class Start:
    """One a connection."""

    def __init__(
        self,
        settings: KafkaSourceSettings,
        form: Format,
        consumer: AIOKafkaConsumer,
        inbox: SharedInbox,
        resume: Mapping[str, Resume],
        begun_ms: int,
    ) -> None:
        """`begun_ms` is when the source was started, by this connection or an earlier one."""
        self._form = form
        self._begun_ms = begun_ms
        self._settings = settings
        self._consumer = consumer
        self._inbox = inbox
        self._resume = resume

    async def assigned(self, place: TopicPartition) -> Partition:
        """A partition that the group gave us. Raises KafkaError and what else EXPECTED names."""
        key = stream_of(self._settings, place).key
        stored = await self._inbox.resume(key) or self._resume.get(key)
        async with self._patience():
            committed = await self._consumer.committed(place)
        return await self._begin(place, stored, committed)

    async def again(self, partition: Partition) -> Partition:
        """One that we had begun with, and that is not where it was: its log was cut, or is another one."""
        stored = Resume(partition.stream.key, partition.at, partition.token)
        begun = await self._begin(partition.place, stored, None, partition.sure_at)
        if begun.topic_id == partition.topic_id and begun.at >= partition.at:
            begun.committed, begun.silent_until = partition.committed, partition.silent_until
        return begun

    async def _begin(
        self, place: TopicPartition, stored: Resume | None, committed: int | None, sure_at: int | None = None
    ) -> Partition:
        async with self._patience():
            log = await self._log(place)
            decided = beginning(stored, committed, log)
            offset = await self._offset(place, decided, log)
        if sure_at is not None and decided.loss is not None and decided.loss.reason == MADE_AGAIN:
            decided = replace(decided, loss=replace(decided.loss, begin=sure_at))
        stream = stream_of(self._settings, place)
        is_same = decided.loss is None or decided.loss.reason == RETENTION
        held = committed if committed is not None and is_same else 0
        partition = Partition(place, stream, log.topic_id, offset, decided.silent_until, held, offset, offered=offset)
        await self._tell(partition, decided)
        self._consumer.seek(place, offset)
        return partition

    def _patience(self) -> asyncio.Timeout:
        """Of the broker; an inbox may take its time."""
        return asyncio.timeout(self._settings.timeout.total_seconds())

    async def _log(self, place: TopicPartition) -> Log:
        ids = await topic_ids(self._consumer, [place.topic])
        begins = await self._consumer.beginning_offsets([place])
        ends = await self._consumer.end_offsets([place])
        return Log(ids.get(place.topic), begins[place], ends[place])

    async def _offset(self, place: TopicPartition, decided: Beginning, log: Log) -> int:
        if decided.offset is None:
            return await self._by_settings(place, log)
        if not decided.rewinds:
            return decided.offset
        window_ms = self._inbox.longest_window_ms
        written_ms = await record_time_ms(self._settings, place, decided.offset) if decided.offset < log.end else now_ms()
        if written_ms < 0:  # only ends of transactions follow, or the record has no time: it was written before now
            written_ms = now_ms()
        found = await self._since(place, written_ms - window_ms)
        return decided.offset if found is None else max(decided.not_before, min(found, decided.offset))

    async def _by_settings(self, place: TopicPartition, log: Log) -> int:
        wanted = start_at(self._settings.start_at)
        if wanted == "earliest":
            return log.begin
        # A partition that was made since then is read from its beginning, however late we hear of it.
        found = await self._since(place, self._begun_ms if wanted == "latest" else wanted)
        return log.end if found is None else min(found, log.end)

    async def _since(self, place: TopicPartition, time_ms: int) -> int | None:
        """The first record that was written at that time or later."""
        found = (await self._consumer.offsets_for_times({place: max(0, time_ms)}))[place]
        return None if found is None else int(found.offset)

    async def _tell(self, partition: Partition, decided: Beginning) -> None:
        """An empty batch writes a new position down: after a restart the stream was seen before. What is lost is told in the
        checkpoint that moves the position past it."""
        if decided.forgets:
            await self._inbox.forget([partition.stream.key])
        loss = decided.loss
        if loss is None and decided.offset is not None and not decided.forgets:
            return
        begin = loss.begin if loss is not None and loss.end == partition.at else partition.at
        made = self._form.make(Table(), Span(partition.stream, begin, partition.at, now_ms()))
        lost = None if loss is None else LostRange(partition.stream, loss.begin, loss.end, loss.reason, "records")
        if isinstance(made, Batch):
            await self._inbox.put(replace(made, lost=lost), partition.token)
            return
        if lost is not None:
            await self._inbox.lost(lost)
        await self._inbox.points(made, partition.token)
