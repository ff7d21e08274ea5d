"""Native histograms of Prometheus remote write made distributions. The message is the same in 1.0 and 2.0.

Bucket i of schema s holds values in (b^(i - 1), b^i], b = 2^(2^-s); schema -53 has bounds of its own.
https://prometheus.io/docs/specs/native_histograms
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from detector.core.decode.metrics.histograms import MOST_BUCKETS, bound, rising
from detector.records import Distribution

_STALE = struct.pack("<Q", 0x7FF0000000000002)
_COARSEST, _FINEST, _CUSTOM = -9, 52, -53
_Kind = descriptor_pb2.FieldDescriptorProto
# Name, number, type, whether it is repeated.
_SPAN = (("offset", 1, _Kind.TYPE_SINT32, False), ("length", 2, _Kind.TYPE_UINT32, False))
_HISTOGRAM = (
    ("count_int", 1, _Kind.TYPE_UINT64, False),
    ("count_float", 2, _Kind.TYPE_DOUBLE, False),
    ("sum", 3, _Kind.TYPE_DOUBLE, False),
    ("schema", 4, _Kind.TYPE_SINT32, False),
    ("zero_threshold", 5, _Kind.TYPE_DOUBLE, False),
    ("zero_count_int", 6, _Kind.TYPE_UINT64, False),
    ("zero_count_float", 7, _Kind.TYPE_DOUBLE, False),
    ("negative_spans", 8, _Kind.TYPE_MESSAGE, True),
    ("negative_deltas", 9, _Kind.TYPE_SINT64, True),
    ("negative_counts", 10, _Kind.TYPE_DOUBLE, True),
    ("positive_spans", 11, _Kind.TYPE_MESSAGE, True),
    ("positive_deltas", 12, _Kind.TYPE_SINT64, True),
    ("positive_counts", 13, _Kind.TYPE_DOUBLE, True),
    ("reset_hint", 14, _Kind.TYPE_INT32, False),
    ("timestamp", 15, _Kind.TYPE_INT64, False),
    ("custom_values", 16, _Kind.TYPE_DOUBLE, True),
    ("start_timestamp", 17, _Kind.TYPE_INT64, False),
)


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """`value` is None where the series ended."""

    value: Distribution | None
    time_ms: int
    start_ms: int | None


def read(data: bytes) -> NativeHistogram:
    """Raises ValueError with a reason when it is none, or says of itself what cannot be."""
    try:
        found: Any = _message_class().FromString(data)
    except DecodeError:
        raise ValueError("a native histogram that cannot be read") from None
    is_over = struct.pack("<d", found.sum) == _STALE
    return NativeHistogram(None if is_over else _distribution(found), found.timestamp, found.start_timestamp or None)


def _distribution(found: Any) -> Distribution:
    positive = _filled(found.positive_spans, found.positive_deltas, found.positive_counts)
    if found.schema == _CUSTOM:
        return _custom(list(found.custom_values), positive, found.sum)
    if not _COARSEST <= found.schema <= _FINEST:
        raise ValueError(f"a native histogram of schema {found.schema}")
    negative = _filled(found.negative_spans, found.negative_deltas, found.negative_counts)
    upper: list[tuple[float, float]] = []  # of each bucket its upper bound and count; what lies between two is empty
    for index, count in reversed(negative):
        upper += [(-bound(index, found.schema), 0.0), (-bound(index - 1, found.schema), count)]
    zero = found.zero_threshold if found.zero_threshold > 0 else 0.0
    in_zero = found.zero_count_float or float(found.zero_count_int)
    if in_zero or zero:
        upper += [(-zero, 0.0), (zero, in_zero)]
    for index, count in positive:
        upper += [(bound(index - 1, found.schema), 0.0), (bound(index, found.schema), count)]
    bounds, counts = rising(upper)
    return Distribution(bounds, counts, found.sum)


def _custom(bounds: list[float], filled: list[tuple[int, float]], total: float) -> Distribution:
    if len(bounds) > 2 * MOST_BUCKETS or any(map(math.isnan, bounds)) or not all(low < high for low, high in pairwise(bounds)):
        raise ValueError("a native histogram whose own bounds do not rise, or are too many")
    counts = [0.0] * (len(bounds) + 1)
    for index, count in filled:
        if not 0 <= index < len(counts):
            raise ValueError("a native histogram with a bucket beyond its bounds")
        counts[index] += count
    return Distribution(tuple(bounds), tuple(counts), total)


def _filled(spans: Any, deltas: Any, counts: Any) -> list[tuple[int, float]]:
    """Index and count of each bucket that is not empty. Whole counts come as differences from one bucket to the next."""
    values = list(counts) or [float(value) for value in accumulate(deltas)]
    if len(values) > 2 * MOST_BUCKETS:
        raise ValueError(f"a native histogram of more than {2 * MOST_BUCKETS} buckets")
    if any(not value >= 0 for value in values):
        raise ValueError("a native histogram with a bucket below zero")
    if sum(span.length for span in spans) != len(values):
        raise ValueError("a native histogram whose spans and buckets do not belong together")
    return [(index, value) for index, value in zip(_indices(spans), values, strict=True) if value]


def _indices(spans: Any) -> Iterator[int]:
    index = 0
    for span in spans:
        index += span.offset
        yield from range(index, index + span.length)
        index += span.length


@cache
def _message_class() -> type[Message]:
    """Built here: the schema is fixed by the specification, and a generated module would need a compiler of its own."""
    file = descriptor_pb2.FileDescriptorProto(name="trimwatch_native_histogram.proto", package="trimwatch", syntax="proto3")
    for name, fields in (("BucketSpan", _SPAN), ("Histogram", _HISTOGRAM)):
        message = file.message_type.add(name=name)
        for word, number, kind, is_repeated in fields:
            label = _Kind.LABEL_REPEATED if is_repeated else _Kind.LABEL_OPTIONAL
            inner = ".trimwatch.BucketSpan" if kind == _Kind.TYPE_MESSAGE else None
            message.field.add(name=word, number=number, type=kind, label=label, type_name=inner)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("trimwatch.Histogram"))
