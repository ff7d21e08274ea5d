"""How far a new owner goes back."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndTimestamp

from detector.edges.sources.kafka import start as kafka_start
from detector.edges.sources.kafka.beginning import Beginning, Log
from detector.edges.sources.kafka.formats import format_of
from detector.edges.sources.kafka.start import Start
from detector.settings import KafkaSourceSettings

PLACE = TopicPartition("t", 0)
WINDOW_MS = 900_000
NOW_MS = 1_700_000_000_000


class Consumer:
    """A record every minute, the last one now."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def offsets_for_times(self, times_ms: dict[TopicPartition, int]) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        self.asked.append(times_ms[PLACE])
        offset = 100 - max(0, NOW_MS - times_ms[PLACE]) // 60_000
        return {PLACE: OffsetAndTimestamp(offset, times_ms[PLACE])}


def begun(monkeypatch: pytest.MonkeyPatch, written_ms: int) -> int:
    """Where reading begins when the group had got to record 90 of 101."""

    async def record_time_ms(*_: Any) -> int:
        return written_ms

    monkeypatch.setattr(kafka_start, "record_time_ms", record_time_ms)
    monkeypatch.setattr(kafka_start, "now_ms", lambda: NOW_MS)
    settings = KafkaSourceSettings(type="kafka", servers=("broker:9092",), topics=("t",))
    inbox = SimpleNamespace(longest_window_ms=WINDOW_MS)
    start = Start(settings, format_of(settings), cast(Any, Consumer()), cast(Any, inbox), {}, NOW_MS)
    decided = Beginning(90, forgets=True, rewinds=True)
    return asyncio.run(start._offset(PLACE, decided, Log(None, 0, 101)))


def test_a_new_owner_goes_back_by_the_longest_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """From when the record was written at which the group had arrived."""
    assert begun(monkeypatch, NOW_MS - 10 * 60_000) == 75


def test_where_nobody_knows_the_time_of_that_record_it_goes_back_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only ends of transactions may follow, or the record has no time."""
    assert begun(monkeypatch, -1) == 85


@pytest.mark.parametrize(
    ("begun_minutes_ago", "log", "offset"),
    [(0, Log(None, 0, 100), 100), (30, Log(None, 0, 101), 70), (50, Log(None, 0, 3), 3)],
    ids=["at the start", "found half an hour later", "no further than its end"],
)
def test_latest_is_since_the_source_was_started(begun_minutes_ago: int, log: Log, offset: int) -> None:
    """Of a topic that was made meanwhile nothing is left out."""
    settings = KafkaSourceSettings(type="kafka", servers=("broker:9092",), topics=("t",), start_at="latest")
    begun_ms = NOW_MS - begun_minutes_ago * 60_000
    start = Start(settings, format_of(settings), cast(Any, Consumer()), cast(Any, None), {}, begun_ms)
    assert asyncio.run(start._offset(PLACE, Beginning(None), log)) == offset
