"""Records become lines: each one's value, with a newline, beside where it lies, when it was written, its key and headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import cast

from detector.edges.sources.kafka.rows import Table
from detector.records import Batch, Records, Stream, record


@record
class Span:
    """The part of a stream that a run of records stands for, and what holds for all of it."""

    stream: Stream
    offset: int
    next_offset: int
    observed_ms: int
    silent_until: int = 0


def lines(table: Table, span: Span, max_line: int) -> Batch:
    """Records without a value are left out: they tell nothing but that a key is gone."""
    if None in table.values:
        valued = [at for at, value in enumerate(table.values) if value is not None]
        table = table.only(valued, [value for value in table.values if value is not None])
    texts = cast("list[bytes]", table.values)
    cut_at, cut_bytes = _cut(texts, table.offsets, max_line)
    buffer = _joined(texts)
    begins = list(accumulate(map((1).__add__, map(len, texts)), initial=0))
    begins.pop()
    records = Records(begins, table.offsets, table.times_ms, table.labels)
    return replace(nothing(span), buffer=buffer, end=len(buffer), cut_at=cut_at, cut_bytes=cut_bytes, records=records)


def nothing(span: Span) -> Batch:
    """The span holds no record for us."""
    return Batch(
        span.stream,
        b"",
        0,
        0,
        span.offset,
        span.observed_ms,
        records=Records((), (), ()),
        next_offset=span.next_offset,
        silent_until=span.silent_until,
    )


def _joined(texts: list[bytes]) -> bytes:
    """Changes `texts`: a value that ends its last line itself is given no second newline."""
    if not texts:
        return b""
    buffer = b"\n".join([*texts, b""])
    if buffer.count(b"\n") == len(texts):  # most hold one line
        return buffer
    for at, text in enumerate(texts):
        if text.endswith(b"\n"):
            texts[at] = text[:-1]
    return b"\n".join([*texts, b""])


def _cut(texts: list[bytes], offsets: Sequence[int], max_line: int) -> tuple[tuple[int, ...], int]:
    """Changes `texts`. Returns the offsets of records that were cut, and how many bytes that cost."""
    if max(map(len, texts), default=0) <= max_line:
        return (), 0
    long = [at for at, text in enumerate(texts) if len(text) > max_line]
    cut_bytes = sum(len(texts[at]) - max_line for at in long)
    for at in long:
        texts[at] = texts[at][:max_line]
    return tuple(offsets[at] for at in long), cut_bytes
