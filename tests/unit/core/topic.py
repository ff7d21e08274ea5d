"""A topic's partition as tests of the pipeline see it: records in, batches out, packed or as lines, cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from detector.records import Batch, Labels, Packed, Records, Stream
from tests.unit.core.engine.parts import T0

STREAM = Stream("kafka/g/orders/0", "orders/0", "shop")


@dataclass(frozen=True)
class Record:
    """`value` None is a tombstone: there is such a record, and it has no lines."""

    offset: int
    value: bytes | None
    time_ms: int = -1
    labels: Labels = ()


def records(*values: bytes | None, first: int = 0, time_ms: int = -1) -> list[Record]:
    """Values one after the other."""
    return [Record(first + index, value, time_ms) for index, value in enumerate(values)]


def lines(chosen: Sequence[Record], offset: int, next_offset: int, silent_until: int = 0) -> Batch:
    """The records as a batch of lines."""
    held = [record for record in chosen if record.value is not None]
    bodies = [(record.value or b"") + b"\n" for record in held]
    begins = [0, *accumulate(map(len, bodies))][: len(held)]
    body = b"".join(bodies)
    labels = [record.labels for record in held]
    table = Records(
        begins, [record.offset for record in held], [record.time_ms for record in held], labels if any(labels) else ()
    )
    return Batch(STREAM, body, 0, len(body), offset, T0, records=table, next_offset=next_offset, silent_until=silent_until)


def packed(chosen: Sequence[Record], offset: int, next_offset: int, silent_until: int = 0) -> Batch:
    """The same as one run with something between the values, as a broker frames them."""
    raw = b"".join(b"\x90\x02\x00\x0a\x06\x01" + (record.value or b"") + b"\x00" for record in chosen)
    latest = max((record.time_ms for record in chosen), default=-1)
    made = Packed(len(chosen), latest, lambda: lines(chosen, offset, next_offset, silent_until))
    return Batch(STREAM, raw, 0, len(raw), offset, T0, packed=made, next_offset=next_offset, silent_until=silent_until)


def cut(chosen: Sequence[Record], sizes: Sequence[int], begin: int = 0) -> Iterator[tuple[list[Record], int, int]]:
    """Pieces of so many records each (the last size goes on), each with its range of offsets; from record `begin` on."""
    left = [record for record in chosen if record.offset >= begin]
    offset, index = begin, 0
    while left:
        size = max(1, sizes[min(index, len(sizes) - 1)])
        piece, left = left[:size], left[size:]
        next_offset = left[0].offset if left else piece[-1].offset + 1
        yield piece, offset, next_offset
        offset, index = next_offset, index + 1
