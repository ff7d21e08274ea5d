"""A partition that is ours, from its assignment to its revocation."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aiokafka import TopicPartition

from detector.edges.sources.kafka.lines import Span
from detector.records import Stream
from detector.settings import KafkaSourceSettings


@dataclass(slots=True)
class Partition:
    """`at` is the offset that is handed over next. What is being handed over reaches up to `offered`: who is told to stop then
    does not know whether it was taken. The topic's id is None where the broker does not say it. Records before `silent_until`
    were told by somebody else. `committed` is what the broker holds for the group: never less is committed. All before `sure_at`
    was read while the topic was known to be the same. Nothing is handed over once it `is_over`."""

    place: TopicPartition
    stream: Stream
    topic_id: str | None
    at: int
    silent_until: int = 0
    committed: int = 0
    sure_at: int = 0
    is_over: bool = False
    offered: int = 0

    @property
    def token(self) -> str:
        return token_of(self.topic_id, self.silent_until)

    def span(self, next_offset: int) -> Span:
        """From `at` on."""
        silent_until = self.silent_until if self.at < self.silent_until else 0
        return Span(self.stream, self.at, next_offset, now_ms(), silent_until)


def stream_of(settings: KafkaSourceSettings, place: TopicPartition) -> Stream:
    key = f"kafka/{settings.group}/{place.topic}/{place.partition}"
    return Stream(
        key,
        f"{place.topic}/{place.partition}",
        settings.service or place.topic,
        layout=settings.layout,
        service_fixed=settings.service is not None,
    )


def token_of(topic_id: str | None, silent_until: int = 0) -> str:
    """Never empty: a position without a token cannot be read again."""
    return f"id={topic_id or ''}" + (f";until={silent_until}" if silent_until else "")


def topic_id_of(token: str) -> str | None:
    return _part(token, "id") or None


def silent_until_of(token: str) -> int:
    """0 where nothing was to be silent about."""
    until = _part(token, "until")
    return int(until) if until.isdecimal() else 0


def _part(token: str, name: str) -> str:
    return next((part.removeprefix(f"{name}=") for part in token.split(";") if part.startswith(f"{name}=")), "")


def now_ms() -> int:
    return time.time_ns() // 1_000_000
