"""Reads as long as the connection holds: fetches, hands over, commits, and looks where a partition's log has gone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)

from detector.edges.sources.kafka.handing import Fetched, Handing
from detector.edges.sources.kafka.membership import Membership
from detector.edges.sources.kafka.patience import EXPECTED, Complaints
from detector.edges.sources.kafka.topic_ids import topic_ids
from detector.edges.sources.kafka.whole import Whole, give_whole, on_metadata, settle_polls
from detector.settings import KafkaSourceSettings

log = structlog.get_logger()

_POLL_MS = 500
_BATCHES_A_POLL = 1000
_RECORDS_A_POLL = 2000
_BETWEEN_LOOKS_S, _LOOK_EVERY_S = 1.0, 5.0
_REST_S = 30.0
# The cluster is asked for its topics every 30 s, and sooner when something fails: who has not answered for so long is away.
_SILENT_S = 45.0
_KNOWS_TOPICS_AFTER_S = 5.0


class Reading:
    """One a connection."""

    def __init__(
        self,
        settings: KafkaSourceSettings,
        consumer: AIOKafkaConsumer,
        membership: Membership,
        handing: Handing,
        complaints: Complaints,
        *,
        is_whole: bool,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._membership = membership
        self._handing = handing
        self._complaints = complaints
        self._is_whole = is_whole
        self._commit_every_s = settings.commit_every.total_seconds()
        self._commit_at_s = time.monotonic() + self._commit_every_s
        self._look_at_topics = asyncio.Event()
        self._begun_s = self._answered_s = time.monotonic()
        on_metadata(consumer, self._answered)

    async def run(self) -> None:
        """Ends with what EXPECTED names when a new connection may help."""
        looking = asyncio.ensure_future(self._look())
        try:
            while True:
                fetched = await self._poll()
                self._membership.check()
                if fetched:
                    await self._membership.work(self._handing.hand_over(fetched, self._membership.owner))
                    for topic in {place.topic for place in fetched}:
                        self._complaints.settle(f"records of {topic}")
                if time.monotonic() >= self._commit_at_s:
                    await self._membership.commit()
                    self._commit_at_s = time.monotonic() + self._commit_every_s
                if looking.done():
                    looking.result()
        finally:
            looking.cancel()

    def _answered(self) -> None:
        self._answered_s = time.monotonic()
        self._look_at_topics.set()

    def _complain(self) -> None:
        """The client tries again for ever and keeps to itself what is not there."""
        now_s = time.monotonic()
        if now_s - self._answered_s > _SILENT_S:
            self._complaints.about("servers", "no broker answers")
            return
        self._complaints.settle("servers")
        if now_s - self._begun_s < _KNOWS_TOPICS_AFTER_S:
            return
        for topic in self._settings.topics:
            self._say(f"topic {topic}", not self._consumer.partitions_for_topic(topic), "the topic is not there")
        if self._settings.topic_pattern is not None:
            self._say("topic_pattern", not self._consumer.subscription(), "matches no topic that we may see")
        is_left_alone = self._membership.waiting_s > _SILENT_S + self._settings.session_timeout.total_seconds()
        self._say("group", is_left_alone, "gives us no partitions: its coordinator is away, or other members do not come back")

    def _say(self, subject: str, is_wrong: bool, problem: str) -> None:
        if is_wrong:
            self._complaints.about(subject, problem)
        else:
            self._complaints.settle(subject)

    async def _poll(self) -> Fetched:
        at_most = _BATCHES_A_POLL if self._is_whole else _RECORDS_A_POLL
        try:
            found: dict[TopicPartition, list[Any]] = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=at_most)
        except NoOffsetForPartitionError:  # of one that is not begun yet
            found = {}
        except OffsetOutOfRangeError as problem:
            self._begin_again(problem.args[0])
            found = {}
        except TopicAuthorizationFailedError as problem:
            self._rest(problem)
            found = {}
        except Exception as problem:
            if not self._may_be_read_whole(problem):
                raise
            found = {}
        finally:
            settle_polls(self._consumer)
        if self._is_whole:
            return found
        return await self._as_wholes(found)

    def _may_be_read_whole(self, problem: Exception) -> bool:
        """The client gives up at a record that it cannot read, and would at the same one for ever. From here on record batches
        are taken whole: then it costs what it is in, or nothing."""
        is_about_records = isinstance(problem, CorruptRecordException | UnsupportedCodecError) or not isinstance(
            problem, EXPECTED
        )
        if self._is_whole or not is_about_records or not give_whole(self._consumer):
            return False
        log.warning(
            "kafka_record_unreadable", source=self._settings.name, problem=type(problem).__name__, goes_on="whole batches"
        )
        self._is_whole = True
        return True

    async def _as_wholes(self, found: dict[TopicPartition, list[Any]]) -> Fetched:
        """The public path gives records; how far it got is the consumer's position, which is past what was left out."""
        wholes: dict[TopicPartition, Sequence[Whole]] = {}
        for place, partition in list(self._membership.owned.items()):
            rows = [_dated(row) for row in found.get(place, [])]
            next_offset = rows[-1].offset + 1 if rows else await self._consumer.position(place)
            if next_offset > partition.at:
                wholes[place] = [Whole(partition.at, next_offset, rows=tuple(rows))]
        return wholes

    def _begin_again(self, places: Any) -> None:
        for place in places:
            partition = self._membership.owned.get(place)
            if partition is not None:
                self._membership.begin_again(partition)

    def _rest(self, problem: TopicAuthorizationFailedError) -> None:
        """A topic that we may not read keeps nobody from the others; it is tried again now and then."""
        for place, partition in list(self._membership.owned.items()):
            if place.topic in problem.args:
                self._complaints.about(f"records of {place.topic}", problem)
                self._consumer.pause(place)
                asyncio.get_running_loop().call_later(_REST_S, self._membership.read_on, partition)

    async def _look(self) -> None:
        """Whether a topic is another one than it was, whenever the cluster says anew which there are, and every few seconds: one
        that is made again at once is never missing."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._look_at_topics.wait()
            self._look_at_topics.clear()
            self._complain()
            with contextlib.suppress(*EXPECTED):
                await self._compare_ids()
            await asyncio.sleep(_BETWEEN_LOOKS_S)

    async def _compare_ids(self) -> None:
        owned = [(partition, partition.at) for partition in self._membership.owned.values() if partition.topic_id]
        ids = await topic_ids(self._consumer, {partition.place.topic for partition, _ in owned}) if owned else {}
        for partition, at in owned:
            now = ids.get(partition.place.topic, partition.topic_id)
            if now != partition.topic_id:
                self._membership.begin_again(partition)
            elif partition.place.topic in ids:
                partition.sure_at = at


def _dated(row: Any) -> Any:
    """Messages of format 0 have no time."""
    return row if row.timestamp is not None else replace(row, timestamp=-1)
