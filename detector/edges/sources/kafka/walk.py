"""Walks through unpacked records by hand, where aiokafka's own walk gives up: a header whose name is no UTF-8 is no damage.

A record: length, attributes, time and offset after the batch's first, key, value, headers; all numbers are zigzag varints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from detector.edges.sources.kafka.codecs import Refused
from detector.edges.sources.kafka.wire import HEADER_SIZE, header_at

_LONGEST_NUMBER = 10
_LOG_APPEND_TIME = 0x08


@dataclass(frozen=True, slots=True)
class WalkedRow:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def walk(batch: memoryview) -> Iterator[WalkedRow]:
    """`batch` is a header and its records, not compressed. Raises Refused where they end."""
    header = header_at(bytes(batch[:HEADER_SIZE]), 0)
    reader = Reader(batch, HEADER_SIZE)
    for _ in range(header.count):
        end = reader.number() + reader.at
        if not reader.at < end <= len(batch):
            raise Refused("is damaged: a record is as long as it cannot be")
        reader.at += 1
        time_ms, offset = header.first_ms + reader.number(), header.base_offset + reader.number()
        if header.attributes & _LOG_APPEND_TIME:
            time_ms = header.latest_ms
        key, value = reader.field(), reader.field()
        headers = tuple(reader.header() for _ in range(min(reader.number(), len(batch))))
        if reader.at != end:
            raise Refused("is damaged: a record ends elsewhere than it says")
        yield WalkedRow(offset, time_ms, key, value, headers)


class Reader:
    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self.at = at

    def number(self) -> int:
        raw = 0
        for place in range(_LONGEST_NUMBER):
            if self.at >= len(self._data):
                break
            byte = self._data[self.at]
            self.at += 1
            raw |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return (raw >> 1) ^ -(raw & 1)
        raise Refused("is damaged: a number does not end")

    def field(self) -> bytes | None:
        size = self.number()
        if size < 0:
            return None
        if size > len(self._data) - self.at:
            raise Refused("is damaged: a field is as long as it cannot be")
        self.at += size
        return bytes(self._data[self.at - size : self.at])

    def header(self) -> tuple[str, bytes | None]:
        return (self.field() or b"").decode(errors="replace"), self.field()
