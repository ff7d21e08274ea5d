"""Record batches as brokers keep them, made by aiokafka's own builder and then put where the test wants them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from detector.edges.sources.kafka.whole import Whole, WholeBatches, WholeRecords

PLACE = TopicPartition("orders", 3)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
ABORT, COMMIT = 0, 1
_CONTROL, _APPEND_TIME = 0x20, 0x08


@dataclass(frozen=True)
class Made:
    """A record in a batch: `delta` is its offset after the batch's first."""

    delta: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    time_ms: int = 1_700_000_000_000


def batch(
    base: int,
    records: Sequence[Made],
    codec: str = "none",
    *,
    producer: int = -1,
    is_transactional: bool = False,
    last_delta: int | None = None,
    appended_ms: int | None = None,
) -> bytes:
    """`last_delta`: compaction took the records at the end. `appended_ms`: the topic's times are the broker's."""
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], int(is_transactional), producer, 0, 0, 1 << 30)
    for record in records:
        builder.append(record.delta, record.time_ms, record.key, record.value, list(record.headers))
    raw = bytearray(builder.build())
    raw[:8] = base.to_bytes(8, "big")
    if last_delta is not None:
        raw[23:27] = last_delta.to_bytes(4, "big")
    if appended_ms is not None:
        raw[22] |= _APPEND_TIME
        raw[35:43] = appended_ms.to_bytes(8, "big")
    return sealed(raw)


def control(base: int, producer: int, kind: int) -> bytes:
    """The end of a transaction."""
    record = Made(0, struct.pack(">hi", 0, 0), struct.pack(">hh", 0, kind))
    raw = bytearray(batch(base, [record], producer=producer, is_transactional=True))
    raw[22] |= _CONTROL
    return sealed(raw)


def packed(base: int, codec: int, body: bytes, count: int = 1) -> bytes:
    """A batch whose records are these bytes, whatever they are."""
    raw = bytearray(batch(base, [Made(at, b"") for at in range(count)])[:61]) + body
    raw[22] |= codec
    raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    return sealed(raw)


def sealed(raw: bytearray) -> bytes:
    """With the checksum of what it holds now."""
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    return bytes(raw)


def wholes(data: bytes, offset: int = 0, aborted: Sequence[tuple[int, int]] = (), *, commits: bool = True) -> list[Whole]:
    """What the source is given of an answer of a broker to a fetch from `offset` on."""
    return list(WholeRecords(PLACE, WholeBatches(data), list(aborted), offset, None, None, True, int(commits)))


def at(records: Sequence[Made], delta: int) -> list[Made]:
    return [replace(record, delta=record.delta + delta) for record in records]
