"""Laws of metric records: whatever the bytes, a decoder answers with sound points or refuses in words; the order in which a
record names its members means nothing; both forms of OTLP say the same."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from detector.core.decode.logs.otlp import lines_of
from detector.core.decode.metrics import DECODERS, decoder_of
from detector.core.decode.metrics.labels import LONGEST_NAME, LONGEST_VALUE, MOST_LABELS
from detector.records import Distribution, MetricPoint

RECORD_MS = 1_795_000_000_000
SLOWLY = settings(max_examples=150, deadline=None)
WORDS = (
    "name", "fields", "tags", "timestamp", "metrics", "@timestamp", "metricset", "event", "dataset", "module", "resourceMetrics",
    "resource", "attributes", "key", "value", "stringValue", "scopeMetrics", "scope", "gauge", "sum", "histogram", "dataPoints",
    "exponentialHistogram", "bucketCounts", "explicitBounds", "asInt", "asDouble", "timeUnixNano", "flags", "scale", "positive",
    "kubernetes", "prometheus", "labels", "a.b",
)  # fmt: skip
TEXT = st.text(max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | TEXT, inner, max_size=5),
    max_leaves=25,
)

NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)
TIMES = st.integers(1_600_000_000, 1_900_000_000)
TELEGRAF = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1, max_size=9),
        "fields": st.dictionaries(TEXT, NUMBERS | st.booleans() | TEXT, max_size=6),
        "tags": st.dictionaries(TEXT, TEXT, max_size=6),
        "timestamp": TIMES,
    }
)
LEAVES = st.dictionaries(
    st.text("abcdn_", min_size=1, max_size=4) | st.sampled_from(["name", "id", "pid"]), NUMBERS | TEXT, max_size=5
)
METRICBEAT = st.fixed_dictionaries(
    {
        "@timestamp": st.just("2018-06-20T16:47:49.597Z"),
        "event": st.just({"dataset": "system.cpu", "module": "system"}),
        "metricset": st.just({"name": "cpu"}),
        "system": st.dictionaries(st.text("xyz", min_size=1, max_size=3), LEAVES, max_size=4),
    }
)

WHOLE = st.integers(-(2**63), 2**63 - 1)
COUNT = st.integers(0, 2**32)
NANOS = st.integers(1, 2**64 - 1).map(str)
VALUES = st.recursive(
    st.one_of(
        TEXT.map(lambda each: {"stringValue": each}),
        WHOLE.map(lambda each: {"intValue": str(each)}),
        st.booleans().map(lambda each: {"boolValue": each}),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda each: {"doubleValue": each}),
        st.just({"bytesValue": "AAE="}),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda each: {"arrayValue": {"values": each}}),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=4).map(lambda found: [{"key": key, "value": found[key]} for key in found])
POINT = {"attributes": ATTRIBUTES, "timeUnixNano": NANOS, "flags": st.integers(0, 3)}
BUCKETS = st.fixed_dictionaries(
    {"offset": st.integers(-(2**31), 2**31 - 1), "bucketCounts": st.lists(COUNT.map(str), max_size=20)}
)


def bounded(bounds: list[float]) -> dict[str, Any]:
    return {"explicitBounds": bounds, "bucketCounts": ["3"] * (len(bounds) + 1), "count": "9"}


def data(**parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"dataPoints": st.lists(st.fixed_dictionaries(POINT | parts), max_size=3)})


DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
HISTOGRAM = st.lists(DOUBLES, unique=True, max_size=6).map(sorted).map(bounded)
KINDS = st.one_of(
    data(asDouble=DOUBLES).map(lambda found: {"gauge": found}),
    data(asInt=WHOLE.map(str)).map(lambda found: {"sum": found | {"aggregationTemporality": 1, "isMonotonic": True}}),
    data(sum=DOUBLES, scale=st.integers(-20, 30), positive=BUCKETS, negative=BUCKETS, zeroCount=COUNT.map(str)).map(
        lambda found: {"exponentialHistogram": found}
    ),
    st.tuples(st.fixed_dictionaries(POINT), HISTOGRAM).map(lambda found: {"histogram": {"dataPoints": [found[0] | found[1]]}}),
)
METRIC = st.tuples(st.text(min_size=1, max_size=9), TEXT, KINDS).map(
    lambda found: {"name": found[0], "unit": found[1], **found[2]}
)
OTLP = st.tuples(ATTRIBUTES, st.lists(METRIC, max_size=4)).map(
    lambda found: {"resourceMetrics": [{"resource": {"attributes": found[0]}, "scopeMetrics": [{"metrics": found[1]}]}]}
)
RECORDS = {"telegraf": TELEGRAF, "metricbeat": METRICBEAT, "otlp_metrics": OTLP}


def answered(format: str, value: bytes) -> tuple[MetricPoint, ...] | None:
    """The points, each found sound; None when the record was refused in words."""
    try:
        points = decoder_of(format)(value, RECORD_MS)
    except ValueError as problem:
        return refused(problem)
    assert all(map(is_sound, points))
    return points


def refused(problem: ValueError) -> None:
    assert 0 < len(str(problem)) < 300


def is_sound(point: MetricPoint) -> bool:
    names = [name for name, _ in point.labels]
    assert names == sorted(set(names))
    assert len(names) <= MOST_LABELS
    assert all(0 < len(value) <= LONGEST_VALUE and len(name) <= LONGEST_NAME for name, value in point.labels)
    assert point.name
    assert point.time_ms >= 0
    if isinstance(point.value, Distribution):
        bounds = point.value.bounds
        assert len(point.value.counts) == len(bounds) + 1
        assert all(math.isfinite(each) for each in bounds)
        assert list(bounds) == sorted(set(bounds))
    return True


def shuffled(value: Any, chance: Any) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("format", DECODERS)
@SLOWLY
@given(value=st.binary(max_size=400))
def test_any_bytes_are_answered(format: str, value: bytes) -> None:
    """With sound points, or with a reason."""
    answered(format, value)


@pytest.mark.parametrize("format", DECODERS)
@SLOWLY
@given(tree=TREES)
def test_any_json_is_answered(format: str, tree: Any) -> None:
    """Members in places where nobody expects them; numbers that are none."""
    answered(format, json.dumps(tree).encode())


@pytest.mark.parametrize("format", DECODERS)
@SLOWLY
@given(found=st.data())
def test_damaged_records_are_answered(format: str, found: st.DataObject) -> None:
    """A piece of a good record is replaced by any bytes."""
    record = found.draw(RECORDS[format])
    value = json.dumps(record).encode()
    if format == "otlp_metrics" and found.draw(st.booleans()):
        value = json_format.ParseDict(record, ExportMetricsServiceRequest()).SerializeToString()
    begin, end = sorted((found.draw(st.integers(0, len(value))), found.draw(st.integers(0, len(value)))))
    answered(format, value[:begin] + found.draw(st.binary(max_size=6)) + value[end:])


@pytest.mark.parametrize("format", DECODERS)
@SLOWLY
@given(found=st.data(), chance=st.randoms(use_true_random=False))
def test_the_order_of_members_means_nothing(format: str, found: st.DataObject, chance: Any) -> None:
    """JSON objects have none."""
    record = found.draw(RECORDS[format])
    points = answered(format, json.dumps(record).encode())
    assert points == answered(format, json.dumps(shuffled(record, chance)).encode())


@SLOWLY
@given(record=OTLP)
def test_both_forms_of_otlp_say_the_same(record: dict[str, Any]) -> None:
    """protobuf's own JSON reader made the other one."""
    wire = json_format.ParseDict(record, ExportMetricsServiceRequest()).SerializeToString()
    points = answered("otlp_metrics", json.dumps(record).encode())
    assert points is not None
    assert points == answered("otlp_metrics", wire)
    parsed = json.loads(json_format.MessageToJson(ExportMetricsServiceRequest.FromString(wire)))
    if parsed:
        assert points == answered("otlp_metrics", json.dumps(parsed).encode())


@SLOWLY
@given(value=st.binary(max_size=400) | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_in_a_topic_of_otlp_logs_are_answered(value: bytes) -> None:
    """With whole lines of JSON, or with a reason."""
    try:
        lines = lines_of(value, RECORD_MS, 1000).text.splitlines()
    except ValueError as problem:
        refused(problem)
    else:
        assert all(isinstance(json.loads(line), dict) for line in lines)
