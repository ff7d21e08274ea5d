"""OTLP metrics in both forms; the first request is the specification's own example."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest

from detector.records import Distribution, MetricKind, MetricPoint
from tests.unit.core.decode.metrics.requests import AT, CUMULATIVE, NS, RECORD_MS, as_protobuf, gauge, points, request

LABELS = (("otel.scope.name", "my.library"), ("service.name", "my.service"))


def only(metric: dict[str, Any]) -> MetricPoint:
    (point,) = points(request(metric))
    return point


def test_a_delta_sum_is_a_counters_increase() -> None:
    """Of the resource, the scope and the point."""
    metric = {
        "name": "my.counter",
        "unit": "1",
        "description": "I am a Counter",
        "sum": {
            "aggregationTemporality": 1,
            "isMonotonic": True,
            "dataPoints": [{**AT, "asDouble": 5, "attributes": [{"key": "my.attr", "value": {"stringValue": "some value"}}]}],
        },
    }
    labels = (("my.attr", "some value"), *LABELS)
    at, start = NS // 1_000_000, NS // 1_000_000 - 60_000
    assert only(metric) == MetricPoint("my.counter", labels, MetricKind.COUNTER, 5.0, at, start, True, "1")


@pytest.mark.parametrize("number", [7, "7", "-7", 2**62])
def test_whole_numbers_come_as_text_or_number(number: object) -> None:
    """`asInt`, and cumulative sums; what may fall is a gauge."""
    point = only({"name": "n", "sum": {**CUMULATIVE, "isMonotonic": False, "dataPoints": [{**AT, "asInt": number}]}})
    assert (point.kind, point.is_delta, point.value) == (MetricKind.GAUGE, False, float(number))  # type: ignore[arg-type]


def test_enums_may_come_by_name() -> None:
    """Some write them so, though the specification wants numbers; a name of the future is nothing."""
    for name, is_delta in (
        ("AGGREGATION_TEMPORALITY_DELTA", True),
        ("AGGREGATION_TEMPORALITY_CUMULATIVE", False),
        ("NEW", False),
    ):
        data = {"aggregationTemporality": name, "isMonotonic": True, "dataPoints": [{**AT, "asDouble": 1}]}
        (point,) = points(json.dumps(request({"name": "n", "sum": data})).encode())
        assert point.is_delta is is_delta


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_finite_number_is_a_value(text: str) -> None:
    """The format has words for it; who judges must know."""
    assert repr(only(gauge(asDouble=text)).value) == repr(float(text))


def test_a_series_that_ended_has_no_value() -> None:
    """By its flag, or by Prometheus' own mark; a point without a value says the same."""
    assert only(gauge(flags=1)).value is None
    (stale,) = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))
    wire = as_protobuf(request(gauge(asDouble=1.25))).replace(struct.pack("<d", 1.25), struct.pack("<d", stale))
    assert points(wire)[0].value is None
    ended = {**AT, "count": 3, "explicitBounds": [1], "bucketCounts": [1, 2], "flags": 1}
    assert only({"name": "h", "histogram": {**CUMULATIVE, "dataPoints": [ended]}}).value is None


def test_a_summary_is_what_prometheus_would_write() -> None:
    """Quantiles, then the count and the sum, which only rise."""
    quantiles = [{"quantile": 0.5, "value": 2.0}, {"quantile": 0.99, "value": 9.0}]
    found = points(
        request(
            {"name": "s", "unit": "s", "summary": {"dataPoints": [{**AT, "count": 3, "sum": 7.5, "quantileValues": quantiles}]}}
        )
    )
    assert [(point.name, dict(point.labels).get("quantile"), point.kind, point.value, point.unit) for point in found] == [
        ("s", "0.5", MetricKind.SUMMARY, 2.0, "s"),
        ("s", "0.99", MetricKind.SUMMARY, 9.0, "s"),
        ("s_count", None, MetricKind.COUNTER, 3.0, ""),
        ("s_sum", None, MetricKind.COUNTER, 7.5, "s"),
    ]


def test_a_histogram_is_a_distribution() -> None:
    """With its sum if that was kept."""
    point = {**AT, "count": "6", "sum": 9.5, "explicitBounds": [0.5, 1], "bucketCounts": ["1", 2, "3"], "min": 0.1}
    found = only({"name": "h", "unit": "s", "histogram": {**CUMULATIVE, "dataPoints": [point]}})
    assert (found.kind, found.value) == (MetricKind.HISTOGRAM, Distribution((0.5, 1.0), (1.0, 2.0, 3.0), 9.5))


def test_the_nearer_attribute_stands() -> None:
    """Point over scope over resource; values of every kind become text."""
    own = [
        {"key": "a", "value": {"stringValue": "point"}},
        {"key": "whole", "value": {"intValue": "3"}},
        {"key": "truth", "value": {"boolValue": True}},
        {"key": "half", "value": {"doubleValue": 0.5}},
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": 1}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}},
        {"key": "bytes", "value": {"bytesValue": "AAE="}},
        {"key": "empty", "value": {}},
    ]
    outer = [{"key": "a", "value": {"stringValue": "resource"}}, {"key": "r", "value": {"stringValue": "resource"}}]
    scope = {"name": "lib", "attributes": [{"key": "r", "value": {"stringValue": "scope"}}]}
    (found,) = points(request(gauge(attributes=own), resource=outer, scope=scope))
    assert dict(found.labels) == {
        "a": "point",
        "r": "scope",
        "otel.scope.name": "lib",
        "whole": "3",
        "truth": "true",
        "half": "0.5",
        "list": '["x",1]',
        "map": '{"k":"v"}',
        "bytes": "AAE=",
    }


def test_what_a_later_version_adds_is_passed_over() -> None:
    """Unknown members and fields, and kinds of metrics."""
    record = request({**gauge(), "novel": {"a": [1]}}, {"name": "of the future", "cloud": {"dataPoints": []}})
    found = points(json.dumps(record).encode())
    wire = as_protobuf(request(gauge())) + b"\x7a\x03new"
    assert found == points(request(gauge())) == points(wire)


def test_a_point_without_a_time_has_the_records() -> None:
    """Without either the record is refused."""
    assert only(gauge(timeUnixNano="0")).time_ms == RECORD_MS
    with pytest.raises(ValueError, match="a point without a time"):
        points(request(gauge(timeUnixNano="0")), -1)


def test_an_empty_request_has_no_points() -> None:
    """Nothing is wrong with it."""
    assert points(b"") == points({"resourceMetrics": []}) == points({"resourceMetrics": [{}]}) == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"a plain line of text", "protobuf, but no resourceMetrics of OTLP"),
        (b"<html>", "no protobuf message"),
        (b"{}", "JSON without resourceMetrics"),
        (b'{"resourceLogs":[]}', "JSON without resourceMetrics"),
        (b'{"resourceMetrics":3}', "the resourceMetrics of MetricsData is no list"),
        (b'{"resourceMetrics":[3]}', "the ResourceMetrics is no JSON object"),
        (b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":7}]}]}]}', "Metric: "),
        (b'{"resourceMetrics":[', "broken JSON"),
        (b"\x08\x01", "protobuf, but no resourceMetrics of OTLP"),
        (b"\x12\x02\x08\x01", "protobuf, but no resourceMetrics of OTLP"),
        (b"\x0a\x05\x12\x03\x0a", "no protobuf message"),
        (json.dumps(request(gauge(""))).encode(), "a metric without a name"),
        (json.dumps(request(gauge(asInt="9" * 5000))).encode(), "Metric: no whole number"),
        (json.dumps(request(gauge(asInt=2**64))).encode(), "Metric: "),
        (json.dumps(request(gauge(timeUnixNano=-1))).encode(), "Metric: "),
        (json.dumps(request(gauge(asDouble=1, asInt=1))).encode(), "Metric: asInt beside another"),
        (json.dumps(request(gauge(time_unix_nano=1))).encode(), "Metric: time_unix_nano beside another"),
    ],
)
def test_a_record_that_is_no_request_is_refused_with_a_reason(value: bytes, reason: str) -> None:
    """Text, another signal's request, half a request."""
    with pytest.raises(ValueError, match="^" + reason) as raised:
        points(value)
    assert len(str(raised.value)) < 250


def test_too_many_points_are_refused() -> None:
    """At a hundred thousand, in whichever form; not after reading them all."""
    metric = gauge()
    metric["gauge"]["dataPoints"] *= 100_001
    wire = as_protobuf(request(metric))
    with pytest.raises(ValueError, match="more than 100000 points"):
        points(wire)


def test_a_large_metric_is_read_in_pieces() -> None:
    """The same points as of small ones, in the same order."""
    metric = {"name": "h", "unit": "s", "histogram": {**CUMULATIVE, "dataPoints": []}}
    for number in range(8000):
        attributes = [{"key": "n", "value": {"stringValue": f"{number:06}" * 4}}]
        metric["histogram"]["dataPoints"].append({**AT, "count": 1, "attributes": attributes})  # type: ignore[index]
    found = points(request(metric))
    assert [dict(point.labels)["n"][:6] for point in found] == [f"{number:06}" for number in range(8000)]
    assert {(point.kind, point.is_delta, point.unit) for point in found} == {(MetricKind.HISTOGRAM, False, "s")}
    assert math.isclose(sum(point.value.counts[0] for point in found if isinstance(point.value, Distribution)), 8000)
