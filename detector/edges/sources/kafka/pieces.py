"""Cuts a large record batch between records, so that no scan takes long: the walk reads how long each record is, and no more."""

from __future__ import annotations

from collections.abc import Iterator

from detector.edges.sources.kafka.codecs import Refused
from detector.edges.sources.kafka.walk import Reader
from detector.edges.sources.kafka.wire import HEADER_SIZE, Header
from detector.records import record

_DAMAGED = "is damaged: a record is as long as it cannot be"


@record
class Piece:
    """`count` records in the bytes from `begin` up to `end` of the unpacked batch, its header included; the record after them
    has the offset `next_offset`, -1 after the last one."""

    begin: int
    end: int
    count: int
    next_offset: int


def pieces(plain: memoryview, header: Header, size: int) -> Iterator[Piece]:
    """Each of about `size` bytes; one record may be longer. Raises Refused where the batch is damaged."""
    begin = at = HEADER_SIZE
    count = 0
    for number in range(header.count):
        at = _after(plain, at)
        count += 1
        if at - begin >= size and number + 1 < header.count:
            yield Piece(begin, at, count, header.base_offset + _delta(plain, at))
            begin, count = at, 0
    yield Piece(begin, at, count, -1)


def _after(plain: memoryview, at: int) -> int:
    """Where the record that begins here ends. Its length is a zigzag varint, and never negative."""
    try:
        byte = plain[at]
        at += 1
        raw, shift = byte & 0x7F, 7
        while byte >= 0x80:
            byte = plain[at]
            at += 1
            raw |= (byte & 0x7F) << shift
            shift += 7
    except IndexError:
        raise Refused(_DAMAGED) from None
    at += raw >> 1
    if at > len(plain):
        raise Refused(_DAMAGED)
    return at


def _delta(plain: memoryview, at: int) -> int:
    """How far the record that begins here lies behind the batch's first offset."""
    reader = Reader(plain, at)
    reader.number()
    reader.at += 1
    reader.number()
    return reader.number()
