"""An inbox that keeps every record, for tests of the Kafka source against a real broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detector.edges.sources import source_of
from detector.edges.sources.base import Resume, Source
from detector.records import Batch, DeadLetter, Labels, Points
from detector.settings import KafkaSourceSettings
from tests.unit.edges.sources.collect import SharedCollector


@dataclass(frozen=True)
class Taken:
    stream: str
    offset: int
    text: str
    time_ms: int
    labels: Labels
    is_silent: bool


class RecordInbox(SharedCollector):
    """`records` in the order in which they came."""

    def __init__(self, before: Mapping[str, Resume] | None = None) -> None:
        super().__init__(before)
        self.records: list[Taken] = []
        self.dead: list[DeadLetter] = []
        self.metrics: list[Points] = []
        self.packed = 0

    async def put(self, batch: Batch, token: str = "") -> None:
        self._is_waiting.set()
        await self.has_room.wait()
        if batch.packed is not None:
            self.packed += 1
            batch = batch.packed.unpack()
        records = batch.records
        assert records is not None
        ends = [*records.begins[1:], batch.end]
        for at, offset in enumerate(records.offsets):
            text = bytes(batch.buffer[records.begins[at] : ends[at]]).decode().removesuffix("\n")
            labels = records.labels[at] if records.labels else ()
            silent = offset < batch.silent_until
            self.records.append(Taken(batch.stream.name, offset, text, records.times_ms[at], labels, silent))
        self.dead += batch.dead
        await super().put(batch, token)

    async def points(self, points: Points, token: str = "") -> None:
        self.metrics.append(points)
        self.dead += points.dead
        self._changed.set()

    @property
    def texts(self) -> list[str]:
        return [record.text for record in self.records]

    async def until_texts(self, *texts: str) -> None:
        """Exactly these, in whatever order."""
        try:
            await self.until(lambda: len(self.records) >= len(texts))
        except TimeoutError:
            assert sorted(self.texts) == sorted(texts)
        assert sorted(self.texts) == sorted(texts)


def kafka(address: str, *topics: str, **more: Any) -> Source:
    """A source of these topics, in a group of the first one's name."""
    arguments = {"group": topics[0] if topics else "pattern", **more}
    return source_of(KafkaSourceSettings("kafka", (address,), tuple(topics), **arguments))
