"""What the fetcher gave becomes what the inbox takes: a record batch packed, to be scanned as it lies, or slices of records.

Packed is the rule for logs. Unpacked at once are batches too large for one scan, and the one in whose middle reading began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from detector.edges.sources.kafka.codecs import Refused
from detector.edges.sources.kafka.formats import Format, Made
from detector.edges.sources.kafka.lines import Span
from detector.edges.sources.kafka.pieces import Piece, pieces
from detector.edges.sources.kafka.rows import Row, Table, Tables
from detector.edges.sources.kafka.unpacked import Unpacked, tables
from detector.edges.sources.kafka.whole import Whole
from detector.edges.sources.kafka.wire import HEADER_SIZE, Header, plain_header
from detector.records import Batch, DeadLetter, Packed

Part = tuple[Header, bytes, int]  # a record batch, and the offset after it

LARGEST_SCAN = 1 << 20
SLICE_BYTES = 256 << 10
_SMALL = 16 << 10  # compressed; smaller record batches are scanned together: each costs as much as a hundred records
_RUN_BYTES = 32 << 10
_SAMPLE_BYTES = 1024


def runs(wholes: Iterable[Whole]) -> Iterator[list[Whole]]:
    """Several small record batches, or one of anything else. What holds nothing for us goes with what comes after it."""
    run: list[Whole] = []
    size = 0
    for whole in wholes:
        if not (whole.header or whole.rows or whole.problem):
            continue
        if run and (whole.header is None or size + len(whole.data) > _RUN_BYTES):
            yield run
            run, size = [], 0
        run.append(whole)
        size += _RUN_BYTES if whole.header is None or len(whole.data) > _SMALL else len(whole.data)
    if run:
        yield run


class Unpacking:
    """Holds the buffer that record batches are unpacked into: what `made` yields is valid until the next is asked for. Another
    one is for those of which the pipeline wants the lines, at any time."""

    def __init__(self, form: Format, max_batch: int) -> None:
        self._form = form
        self._scratch = Unpacked(max_batch)
        self._again = Unpacked(max_batch)

    def made(self, run: Sequence[Whole], span: Span) -> Iterator[Made]:
        """At least one, the last of which reaches `span.next_offset`, where the run ends. A batch that cannot be used is a dead
        letter."""
        if len(run) > 1 and self._form.is_scanned:
            yield from self._together(run, span)
            return
        for whole in run:
            one = span if len(run) == 1 else replace(span, next_offset=whole.next_offset)
            yield from self._alone(whole, one)
            span = replace(span, offset=whole.next_offset)

    def sliced(self, rows: Sequence[Row], span: Span) -> Iterator[Made]:
        """Records that came one by one, some at a time."""
        size = sum(len(row.value or b"") for row in rows)
        return self._sliced(Tables(rows), _rows_a_slice(len(rows), size), span)

    def nothing(self, span: Span) -> Made:
        return self._form.make(Table(), span)

    def _alone(self, whole: Whole, span: Span) -> Iterator[Made]:
        if whole.problem:
            yield self._unusable(span, whole.problem, whole.data)
        elif whole.header is None:
            yield from self.sliced(whole.rows, span)
        else:
            yield from self._of_batch(whole.header, whole.data, span)

    def _together(self, run: Sequence[Whole], span: Span) -> Iterator[Made]:
        """Small batches, one after the other in the buffer, until there is enough for a scan."""
        self._scratch.start()
        parts: list[Part] = []
        begin, end = span.offset, 0
        for whole in run:
            header = cast(Header, whole.header)
            try:
                reached = self._scratch.unpack(header.codec, memoryview(whole.data)[HEADER_SIZE:], end)
            except Refused as refused:
                if parts:
                    yield self._packed(parts, 0, end, replace(span, offset=begin, next_offset=parts[-1][2]))
                begin = parts[-1][2] if parts else begin
                yield self._unusable(replace(span, offset=begin, next_offset=whole.next_offset), str(refused), whole.data)
                parts, begin, end = [], whole.next_offset, 0
                continue
            parts.append((header, whole.data, whole.next_offset))
            end = reached
            if end >= SLICE_BYTES:
                yield self._packed(parts, 0, end, replace(span, offset=begin, next_offset=whole.next_offset))
                parts, begin, end = [], whole.next_offset, 0
        if parts:
            yield self._packed(parts, 0, end, replace(span, offset=begin))

    def _of_batch(self, header: Header, data: bytes, span: Span) -> Iterator[Made]:
        try:
            plain = self._scratch.plain(header, data)
        except Refused as refused:
            yield self._unusable(span, str(refused), data)
            return
        is_scanned = self._form.is_scanned and span.offset <= header.base_offset
        if is_scanned and len(plain) <= LARGEST_SCAN + HEADER_SIZE:
            yield self._packed([(header, data, span.next_offset)], HEADER_SIZE, len(plain), span, plain.obj)
            return
        last = span
        try:
            for made in self._in_pieces(plain, header, data, span) if is_scanned else self._in_slices(plain, header, span):
                yield made
                last = replace(span, offset=made.next_offset)
        except Refused as refused:
            yield self._unusable(last, str(refused), data)

    def _in_slices(self, plain: memoryview, header: Header, span: Span) -> Iterator[Made]:
        return self._sliced(tables(plain, header, span.offset), _rows_a_slice(header.count, len(plain)), span)

    def _in_pieces(self, plain: memoryview, header: Header, data: bytes, span: Span) -> Iterator[Made]:
        """A batch too large for one scan: packed as it is, some records at a time. A record that is too large itself is unpacked:
        its line is cut."""
        for piece in pieces(plain, header, SLICE_BYTES):
            one = replace(span, next_offset=span.next_offset if piece.next_offset < 0 else piece.next_offset)
            made = self._packed([(header, data, one.next_offset)], piece.begin, piece.end, one, plain.obj)
            packed = Packed(piece.count, header.latest_ms, partial(self._unpacked_piece, header, data, piece, one))
            is_large = piece.end - piece.begin > LARGEST_SCAN
            yield packed.unpack() if is_large else replace(made, packed=packed)
            span = replace(span, offset=one.next_offset)

    def _unpacked_piece(self, header: Header, data: bytes, piece: Piece, span: Span) -> Batch:
        plain = (self._scratch if self._scratch.holds is data else self._again).plain(header, data)
        part = plain_header(data, piece.count) + plain[piece.begin : piece.end]
        try:
            return cast(Batch, self._form.make(tables(memoryview(part), header, span.offset).next(piece.count), span))
        except Refused as refused:
            return cast(Batch, self._unusable(span, str(refused), data))

    def _packed(self, parts: Sequence[Part], begin: int, end: int, span: Span, buffer: Any = None) -> Batch:
        count = sum(header.count for header, _, _ in parts)
        latest_ms = max(header.latest_ms for header, _, _ in parts)
        return Batch(
            span.stream,
            self._scratch.buffer if buffer is None else buffer,
            begin,
            end,
            span.offset,
            span.observed_ms,
            packed=Packed(count, latest_ms, partial(self._unpacked, parts, span)),
            next_offset=span.next_offset,
            silent_until=span.silent_until,
        )

    def _unpacked(self, parts: Sequence[Part], span: Span) -> Batch:
        """From the compressed bytes again: the buffer may hold other batches by now."""
        table, dead = Table(), []
        for header, data, next_offset in parts:
            try:
                tables(self._again.plain(header, data), header, span.offset).fill(table, header.count)
            except Refused as refused:
                one = replace(span, offset=max(span.offset, header.base_offset), next_offset=next_offset)
                dead.append(_letter(one, str(refused), data))
        made = cast(Batch, self._form.make(table, span))
        return replace(made, dead=(*made.dead, *dead)) if dead else made

    def _sliced(self, rest: Tables, a_slice: int, span: Span) -> Iterator[Made]:
        """Every slice reaches up to the first record of the next one, the last up to the end of the span."""
        offset, taken = span.offset, rest.next(a_slice)
        while len(following := rest.next(a_slice)):
            reached = following.offsets[0]
            yield self._form.make(taken, replace(span, offset=offset, next_offset=reached))
            offset, taken = reached, following
        yield self._form.make(taken, replace(span, offset=offset))

    def _unusable(self, span: Span, reason: str, data: bytes) -> Made:
        """Nobody can read what the span holds."""
        return replace(self.nothing(span), dead=(_letter(span, reason, data),))


def _letter(span: Span, reason: str, data: bytes) -> DeadLetter:
    position = f"{span.offset}-{span.next_offset - 1}"
    return DeadLetter(span.stream.name, position, f"record batch {reason}", bytes(data[:_SAMPLE_BYTES]))


def _rows_a_slice(count: int, size: int) -> int:
    return max(1, min(count, SLICE_BYTES * count // max(size, 1)))
