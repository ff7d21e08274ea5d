"""Requests of remote write, built field by field by the encoding's own rules: nothing of the decoder's is used."""

from __future__ import annotations

import struct
from collections.abc import Sequence

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
Sample = tuple[float, int]
Labels = Sequence[tuple[str, str]]


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value) if value else b""


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def double(number: int, value: float) -> bytes:
    packed = struct.pack("<d", value)
    return varint(number << 3 | 1) + packed if packed != bytes(8) else b""


def sample(value: float, time_ms: int, start_ms: int = 0) -> bytes:
    return double(1, value) + whole(2, time_ms) + whole(3, start_ms)


def series(labels: Labels, samples: Sequence[Sample], more: bytes = b"") -> bytes:
    named = b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels)
    return field(1, named + b"".join(field(2, sample(*each)) for each in samples) + more)


def first(rows: Sequence[tuple[Labels, Sequence[Sample]]]) -> bytes:
    return b"".join(series(labels, samples) for labels, samples in rows)


def metadata(kind: int, name: str, unit: str = "") -> bytes:
    return field(3, whole(1, kind) + field(2, name.encode()) + field(4, b"help") + (field(5, unit.encode()) if unit else b""))


def second(
    rows: Sequence[tuple[Labels, Sequence[Sample]]], kind: int = 0, unit: str = "", created_ms: int = 0, more: bytes = b""
) -> bytes:
    symbols = {"": 0}
    out = b""
    for labels, samples in rows:
        refs = [symbols.setdefault(text, len(symbols)) for label in labels for text in label]
        body = field(1, b"".join(map(varint, refs))) + b"".join(field(2, sample(*each)) for each in samples) + more
        if kind or unit:
            place = symbols.setdefault(unit, len(symbols))
            body += field(5, whole(1, kind) + whole(4, place))
        out += field(5, body + whole(6, created_ms))
    return b"".join(field(4, text.encode()) for text in symbols) + out


def histogram(
    total: float,
    schema: int,
    spans: Sequence[tuple[int, int]],
    deltas: Sequence[int],
    time_ms: int,
    zero: int = 0,
    custom: Sequence[float] = (),
) -> bytes:
    """The content of a Histogram with whole counts, none below zero."""
    inside = b"".join(field(11, whole(1, zigzag(offset)) + whole(2, length)) for offset, length in spans)
    return (
        whole(1, 1)
        + double(3, total)
        + whole(4, zigzag(schema))
        + double(5, 0.001 if zero else 0.0)
        + whole(6, zero)
        + inside
        + field(12, b"".join(varint(zigzag(delta)) for delta in deltas))
        + whole(15, time_ms)
        + (field(16, b"".join(struct.pack("<d", each) for each in custom)) if custom else b"")
    )
