"""Whether brokers would serve the source, for `check --connect`; and whether the newest records are what the topic promised."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from detector.edges.inspected import Inspected, Problem
from detector.edges.kafka import inspection
from detector.edges.sources.kafka.formats import Made, format_of
from detector.edges.sources.kafka.lines import Span
from detector.edges.sources.kafka.unpacking import Unpacking
from detector.edges.sources.kafka.whole import Whole, WholeBatches
from detector.edges.sources.kafka.wire import HEADER_SIZE, MAGIC_AT, header_at
from detector.records import Batch, Stream
from detector.settings import KafkaSourceSettings


async def inspect_source(settings: KafkaSourceSettings) -> Inspected:
    """Joins no group, commits nothing; of each topic one record batch is fetched, the newest of a partition."""

    async def look(topic: str, fetched: bytes) -> Problem | None:
        return await asyncio.to_thread(_problem_of, settings, topic, fetched)

    return await inspection.inspect_source(settings, look)


def _problem_of(settings: KafkaSourceSettings, topic: str, fetched: bytes) -> Problem | None:
    """What reading would make a dead letter of, in the newest record batch."""
    batches = WholeBatches(fetched)
    batch = batches.next_batch() if batches.has_next() else b""
    if len(batch) < HEADER_SIZE or batch[MAGIC_AT] < 2 or header_at(batch, 0).is_control:
        return None
    header = header_at(batch, 0)
    span = Span(Stream("", topic), header.base_offset, header.next_offset, 0)
    unpacking = Unpacking(replace(format_of(settings), is_scanned=False), settings.max_batch.bytes)
    for made in unpacking.made([Whole(span.offset, span.next_offset, header, batch)], span):
        if reason := _unusable(made):
            field = "max_batch" if "max_batch" in reason else "format"
            return field, f"topic {topic}: of its newest records one is not usable as {settings.format}: {reason}"
    return None


def _unusable(made: Made) -> str:
    if made.dead:
        return made.dead[0].reason
    is_binary = isinstance(made, Batch) and b"\0" in made.buffer[made.begin : made.end]
    return "it is binary (Avro, Protobuf?), no line of text" if is_binary else ""
