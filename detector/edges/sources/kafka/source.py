"""Reads topics of Apache Kafka as a member of a consumer group. Every partition is a stream of records."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer

from detector.edges.kafka.connection import connection
from detector.edges.kafka.no_new_topics import make_no_topics
from detector.edges.kafka.reaching import refusals
from detector.edges.kafka.why import why
from detector.edges.sources.base import Inbox, Resume, SharedInbox
from detector.edges.sources.kafka.formats import format_of
from detector.edges.sources.kafka.handing import Handing
from detector.edges.sources.kafka.membership import Membership
from detector.edges.sources.kafka.partition import now_ms
from detector.edges.sources.kafka.patience import EXPECTED, Complaints, Patience, Pauses
from detector.edges.sources.kafka.reading import Reading
from detector.edges.sources.kafka.start import Start
from detector.edges.sources.kafka.whole import bound_prefetch, close, give_whole, start
from detector.errors import NoCredential
from detector.settings import KafkaSourceSettings

log = structlog.get_logger()

_MOST_FETCHED = 2 << 20  # of one broker, unless a partition's own share is more: it is in memory three times for a moment
_STOP_S = 3.0
_FLAGS = re.compile(r"(?:\(\?[aimsux]+\))+")
_AFTER_A_COMMENT = "\n"
_ASK_S = 5.0


class KafkaSource:
    """Implements `base.Source`; its inbox is a SharedInbox. What a broker can do is borne: the source tries again for ever."""

    def __init__(self, settings: KafkaSourceSettings, patience: Patience | None = None) -> None:
        self.name = settings.name
        self._settings = settings
        self._patience = patience or Patience()
        self._complaints = Complaints(settings.name)
        self._begun_ms = 0

    @property
    def problems(self) -> Mapping[str, str]:
        return self._complaints.open

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        pauses = Pauses(self._patience)
        self._begun_ms = now_ms()
        while True:
            begun_s = time.monotonic()
            try:
                await self._read(cast(SharedInbox, inbox), resume)
            except EXPECTED as problem:
                self._complaints.about("servers", await self._words(problem))
            if time.monotonic() - begun_s > self._patience.longest_s:
                pauses.reset()
            await pauses.wait()

    async def _words(self, problem: BaseException) -> str:
        """The client folds what kept it from each server into one error without a reason: each is asked again."""
        with contextlib.suppress(NoCredential, TimeoutError):
            async with asyncio.timeout(min(_ASK_S, self._settings.timeout.total_seconds())):
                if refused := await refusals(self._settings):
                    return "; ".join(f"{server}: {why(reason)}" for server, reason in refused.items())
        return why(problem)

    async def _read(self, inbox: SharedInbox, resume: Mapping[str, Resume]) -> None:
        """Until the connection is of no more use."""
        consumer = AIOKafkaConsumer(**await asyncio.to_thread(_arguments, self._settings))
        make_no_topics(getattr(consumer, "_client", None))
        try:
            await start(consumer)
            form = format_of(self._settings)
            beginnings = Start(self._settings, form, consumer, inbox, resume, self._begun_ms)
            membership = Membership(consumer, inbox, beginnings, self._patience, self._complaints)
            handing = Handing(self._settings, form, inbox)
            is_whole = self._settings.whole_batches and give_whole(consumer)
            if not is_whole:
                log.info("kafka_record_by_record", source=self.name)
            bound_prefetch(consumer)
            reading = Reading(self._settings, consumer, membership, handing, self._complaints, is_whole=is_whole)
            _subscribe(consumer, self._settings, membership)
            try:
                await reading.run()
            finally:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_STOP_S):
                        await membership.leave()
        finally:
            await close(consumer)


def _subscribe(consumer: AIOKafkaConsumer, settings: KafkaSourceSettings, membership: Membership) -> None:
    if settings.topic_pattern is not None:
        consumer.subscribe(pattern=whole_names(settings.topic_pattern), listener=membership)
    else:
        consumer.subscribe(topics=list(settings.topics), listener=membership)


def whole_names(pattern: str) -> str:
    """The client matches the beginning of names only. Flags for all of an expression have to stay in front of it."""
    match = _FLAGS.match(pattern)
    flags = match[0] if match else ""
    return rf"{flags}(?:{pattern[len(flags) :]}{_AFTER_A_COMMENT if 'x' in flags else ''})\Z"


def _arguments(settings: KafkaSourceSettings) -> dict[str, Any]:
    """Offsets are neither reset nor committed but by us. Others wait for a member that hands over for less than a request may
    take, so that they do not give up before it."""
    session_ms = round(settings.session_timeout.total_seconds() * 1000)
    timeout_ms = round(settings.timeout.total_seconds() * 1000)
    return {
        **connection(settings),
        "group_id": settings.group,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": settings.isolation,
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": min(3000, session_ms // 3),
        "rebalance_timeout_ms": min(session_ms, timeout_ms * 3 // 4),
        "max_partition_fetch_bytes": settings.fetch.bytes,
        "fetch_max_bytes": max(_MOST_FETCHED, settings.fetch.bytes),
    }
