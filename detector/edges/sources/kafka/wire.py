"""A record batch as it lies in the log and on the wire (message format 2, Kafka 0.11 and later).

Layout: kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

import struct

from detector.records import record

_HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = _HEADER.size
BEFORE_LENGTH = 12  # base offset and length, which every format begins with
MAGIC_AT = 16
CRC_FROM = 21  # the checksum covers what follows it
ATTRIBUTES_AT = 21
COUNT_AT = 57
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20


@record
class Header:
    """`count` is how many records the producer put in; compaction leaves fewer. `latest_ms` is -1 where nobody knows."""

    base_offset: int
    next_offset: int
    crc: int
    attributes: int
    first_ms: int
    latest_ms: int
    producer_id: int
    count: int

    @property
    def codec(self) -> int:
        return self.attributes & _CODEC

    @property
    def written_ms(self) -> int:
        """When its first record was."""
        return self.latest_ms if self.attributes & _LOG_APPEND_TIME else self.first_ms

    @property
    def is_ordinary(self) -> bool:
        """Neither of a transaction nor a sign of the end of one."""
        return not self.attributes & (_TRANSACTIONAL | _CONTROL)

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & _CONTROL)


def header_at(buffer: bytes, at: int) -> Header:
    """`buffer` holds at least HEADER_SIZE bytes from `at` on."""
    base, _, _, _, crc, attributes, last, first_ms, latest_ms, producer, _, _, count = _HEADER.unpack_from(buffer, at)
    return Header(base, base + last + 1, crc, attributes, first_ms, latest_ms, producer, count)


def plain_header(batch: bytes, count: int | None = None) -> bytearray:
    """The header of the same batch as if its records were not compressed, or of a batch of only so many of them."""
    header = bytearray(batch[:HEADER_SIZE])
    if count is not None:
        header[COUNT_AT:HEADER_SIZE] = count.to_bytes(4, "big")
    attributes = int.from_bytes(header[ATTRIBUTES_AT : ATTRIBUTES_AT + 2], "big") & ~_CODEC
    header[ATTRIBUTES_AT : ATTRIBUTES_AT + 2] = attributes.to_bytes(2, "big")
    return header
