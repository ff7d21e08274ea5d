"""What the fetcher gave becomes what the inbox takes: a record batch packed, to be scanned as it lies, or slices of records.

Packed is the rule for logs. Unpacked at once are batches too large for one scan, and the one in whose middle reading began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from aiokafka.record.default_records import DefaultRecordBatch

from detector.edges.sources.kafka_codecs import Refused, Scratch
from detector.edges.sources.kafka_formats import Format, Made
from detector.edges.sources.kafka_rows import Row, Span, Table, Tables, nothing
from detector.edges.sources.kafka_walk import walk
from detector.edges.sources.kafka_whole import Whole
from detector.edges.sources.kafka_wire import HEADER_SIZE, Header, plain_header
from detector.records import Batch, DeadLetter, Packed

LARGEST_SCAN = 1 << 20
SLICE_BYTES = 256 << 10
_SAMPLE_BYTES = 1024


class Unpacking:
    """Holds the buffer that record batches are unpacked into: what `made` yields is valid until the next is asked for. Another
    one is for those of which the pipeline wants the lines, at any time."""

    def __init__(self, form: Format, max_batch: int) -> None:
        self._form = form
        self._scratch = Scratch(max_batch)
        self._again = Scratch(max_batch)

    def made(self, whole: Whole, span: Span) -> Iterator[Made]:
        """At least one, the last of which reaches `span.next_offset`. A batch that cannot be used is a dead letter."""
        if whole.problem:
            yield self._unusable(span, whole.problem, whole.data)
        elif whole.header is None:
            yield from self.sliced(whole.rows, span)
        else:
            yield from self._of_batch(whole.header, whole.data, span)

    def sliced(self, rows: Sequence[Row], span: Span) -> Iterator[Made]:
        """Records that came one by one, some at a time."""
        size = sum(len(row.value or b"") for row in rows)
        return self._sliced(Tables(rows), _rows_a_slice(len(rows), size), span)

    def nothing(self, span: Span) -> Made:
        return self._form.make(Table(), span)

    def _of_batch(self, header: Header, data: bytes, span: Span) -> Iterator[Made]:
        try:
            plain = _plain(header, data, self._scratch)
        except Refused as refused:
            yield self._unusable(span, str(refused), data)
            return
        is_scanned = self._form.is_scanned and len(plain) - HEADER_SIZE <= LARGEST_SCAN
        if is_scanned and span.offset <= header.base_offset:
            yield self._packed(header, data, plain, span)
            return
        last = span
        try:
            for made in self._sliced(_tables(plain, header, span.offset), _rows_a_slice(header.count, len(plain)), span):
                yield made
                last = replace(span, offset=made.next_offset)
        except Refused as refused:
            yield self._unusable(last, str(refused), data)

    def _packed(self, header: Header, data: bytes, plain: memoryview, span: Span) -> Batch:
        def unpack() -> Batch:
            """From the compressed bytes again: the buffer may hold another batch by now."""
            try:
                unpacked = _plain(header, data, self._again)
                return cast(Batch, self._form.make(_tables(unpacked, header, span.offset).next(header.count), span))
            except Refused as refused:
                return cast(Batch, self._unusable(span, str(refused), data))

        packed = Packed(header.count, header.latest_ms, unpack)
        buffer = cast("bytearray | bytes", plain.obj)
        return replace(nothing(span), buffer=buffer, begin=HEADER_SIZE, end=len(plain), records=None, packed=packed)

    def _sliced(self, tables: Tables, a_slice: int, span: Span) -> Iterator[Made]:
        """Every slice reaches up to the first record of the next one, the last up to the end of the span."""
        offset, taken = span.offset, tables.next(a_slice)
        while len(following := tables.next(a_slice)):
            reached = following.offsets[0]
            yield self._form.make(taken, replace(span, offset=offset, next_offset=reached))
            offset, taken = reached, following
        yield self._form.make(taken, replace(span, offset=offset))

    def _unusable(self, span: Span, reason: str, data: bytes) -> Made:
        """Nobody can read what the span holds."""
        position = f"{span.offset}-{span.next_offset - 1}"
        letter = DeadLetter(span.stream.name, position, f"record batch {reason}", bytes(data[:_SAMPLE_BYTES]))
        return replace(self.nothing(span), dead=(letter,))


def _plain(header: Header, data: bytes, scratch: Scratch) -> memoryview:
    """The header and the records after it, not compressed. Raises Refused."""
    if header.codec == 0:
        return memoryview(data)
    return scratch.unpack(header.codec, memoryview(data)[HEADER_SIZE:], bytes(plain_header(data)))


def _tables(plain: memoryview, header: Header, offset: int) -> Tables:
    """The records of an unpacked batch from `offset` on, read by aiokafka at the speed of C. Where it gives up we walk ourselves:
    the name of a header that is no UTF-8 is no damage. Raises Refused where they are damaged."""
    tables = Tables(DefaultRecordBatch(plain), lambda: walk(plain))
    return tables if offset <= header.base_offset else tables.since(offset)


def _rows_a_slice(count: int, size: int) -> int:
    return max(1, min(count, SLICE_BYTES * count // max(size, 1)))
