"""Message formats 0 and 1, which a topic from before Kafka 0.11 may still hold: a message, or a packed set of them, as rows."""

from __future__ import annotations

from collections.abc import Iterator

from aiokafka.errors import KafkaError
from aiokafka.record.legacy_records import LegacyRecordBatch

from detector.edges.sources.kafka.codecs import Refused, Scratch
from detector.edges.sources.kafka.walk import WalkedRow
from detector.edges.sources.kafka.wire import MAGIC_AT

MOST_BYTES = 32 << 20  # that a set may unpack to
_CODEC = 0x07
_KEY_AT = (18, 26)  # format 1 has a time before it


def rows_of(message: bytes, offset: int) -> tuple[WalkedRow, ...]:
    """Those from `offset` on; a format 0 says no time: -1. Raises Refused where it is damaged, or unpacks to more than
    MOST_BYTES."""
    if message[MAGIC_AT] >= len(_KEY_AT) or len(message) < _KEY_AT[message[MAGIC_AT]] + 8:
        raise Refused("is damaged: of no known format, or too short")
    batch = LegacyRecordBatch(message, message[MAGIC_AT])
    if not batch.validate_crc():
        raise Refused("checksum is wrong")
    if codec := message[MAGIC_AT + 1] & _CODEC:
        Scratch(MOST_BYTES).unpack(codec, _packed(message), 0)
    return tuple(row for row in _walked(batch) if row.offset >= offset)


def _packed(message: bytes) -> memoryview:
    """What a set of messages is packed into: the value of the one around them."""
    at = _KEY_AT[message[MAGIC_AT]]
    at += 4 + max(0, int.from_bytes(message[at : at + 4], "big", signed=True))
    size = int.from_bytes(message[at : at + 4], "big", signed=True)
    return memoryview(message)[at + 4 : at + 4 + max(0, size)]


def _walked(batch: LegacyRecordBatch) -> Iterator[WalkedRow]:
    """aiokafka believes what stands inside: it may raise anything there."""
    try:
        for row in batch:
            yield WalkedRow(row.offset, -1 if row.timestamp is None else row.timestamp, row.key, row.value, ())
    except KafkaError as error:
        raise Refused(f"is not readable: {str(error) or type(error).__name__}") from None
    except Exception as error:
        raise Refused(f"is damaged: {type(error).__name__}") from None
