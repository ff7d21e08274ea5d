"""The outer form of protobuf messages: numbered fields, one after the other.

https://protobuf.dev/programming-guides/encoding. Only the outer levels of a request are walked here. Its parts are read by
protobuf itself, one by one: read at once, four megabytes of empty parts are two hundred and forty in memory.
"""

from __future__ import annotations

from typing import NamedTuple

LENGTH = 2  # the wire type of messages, strings and packed lists
_VARINT, _FIXED64, _FIXED32 = 0, 1, 5
MOST_FIELDS = 200_000


class Field(NamedTuple):
    """`data[at:end]` is the content, `data[begin:end]` the field with its tag."""

    number: int
    type: int
    begin: int
    at: int
    end: int


def fields(data: bytes) -> list[Field]:
    """The fields of a message. Raises ValueError when it is none, or one of too many fields."""
    found: list[Field] = []
    at, size = 0, len(data)
    while at < size:
        begin = at
        tag, at = varint(data, at)
        end = _end(data, at, tag & 7)
        if tag & 7 == LENGTH:
            length, at = varint(data, at)
            end = at + length
        if end > size or tag < 8:
            raise ValueError("no protobuf message: a field is cut off or has no number")
        found.append(Field(tag >> 3, tag & 7, begin, at, end))
        at = end
        if len(found) > MOST_FIELDS:
            raise ValueError(f"a message of more than {MOST_FIELDS} fields")
    return found


def field(number: int, content: bytes) -> bytes:
    """A field that holds a message."""
    return _varint_of(number << 3 | LENGTH) + _varint_of(len(content)) + content


def _end(data: bytes, at: int, kind: int) -> int:
    if kind == _VARINT:
        return varint(data, at)[1]
    if kind in (_FIXED64, _FIXED32):
        return at + (8 if kind == _FIXED64 else 4)
    if kind != LENGTH:
        raise ValueError("no protobuf message: a field of an unknown kind")
    return at


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends."""
    value = shift = 0
    for index in range(at, min(at + 10, len(data))):
        byte = data[index]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, index + 1
        shift += 7
    raise ValueError("no protobuf message: a number is cut off")


def _varint_of(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
