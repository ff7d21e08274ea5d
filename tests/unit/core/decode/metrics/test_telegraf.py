"""Telegraf's JSON, as its serializer is documented to write it."""

from __future__ import annotations

import json

import pytest

from detector.core.decode.metrics import decoder_of
from detector.core.decode.metrics.labels import LONGEST_VALUE
from detector.records import MetricKind, MetricPoint

RECORD_MS = 1_795_000_000_000
AT = 1_458_229_140
CPU = {
    "fields": {"usage_idle": 97.1, "usage_user": 2},
    "name": "cpu",
    "tags": {"cpu": "cpu-total", "host": "raynor"},
    "timestamp": AT,
}


def points(record: object, record_ms: int = RECORD_MS) -> tuple[MetricPoint, ...]:
    value = record if isinstance(record, bytes) else json.dumps(record).encode()
    return decoder_of("telegraf")(value, record_ms)


def values(**fields: object) -> dict[str, object]:
    return {point.name: point.value for point in points({"name": "m", "fields": fields, "timestamp": AT})}


def test_each_field_is_a_point_of_a_series_with_the_tags() -> None:
    """The documented sample."""
    idle, user = points(CPU)
    labels = (("cpu", "cpu-total"), ("host", "raynor"))
    assert idle == MetricPoint("cpu_usage_idle", labels, MetricKind.UNKNOWN, 97.1, AT * 1000)
    assert user == MetricPoint("cpu_usage_user", labels, MetricKind.UNKNOWN, 2.0, AT * 1000)


@pytest.mark.parametrize(
    ("timestamp", "ms"),
    [
        ("1700000000", 0),
        ("1700000000123", 123),
        ("170000000012", 120),
        ("1700000000123456789", 123),
        ('"2023-11-14T22:13:20.123456789Z"', 123),
    ],
    ids=["1s", "1ms", "10ms", "1ns", "text"],
)
def test_what_telegraf_itself_wrote(timestamp: str, ms: int) -> None:
    """Its serializer (1.37.2) leaves NaN and infinity out."""
    fields = b'{"big":18446744073709551615,"n":-3,"note":"text","up":true,"usage_idle":97.1}'
    record = b'{"fields":%b,"name":"cpu","tags":{"cpu":"cpu-total","host":"raynor"},"timestamp":%b}\n' % (
        fields,
        timestamp.encode(),
    )
    found = points(record)
    assert [(point.name, point.value) for point in found] == [
        ("cpu_big", 2.0**64),
        ("cpu_n", -3),
        ("cpu_up", 1),
        ("cpu_usage_idle", 97.1),
    ]
    assert {point.time_ms for point in found} == {1_700_000_000_000 + ms}


@pytest.mark.parametrize(
    "record",
    [
        {"metrics": [CPU, CPU]},
        [CPU, CPU],
        json.dumps(CPU).encode() + b"\n" + json.dumps(CPU).encode() + b"\n",
    ],
    ids=["batch", "list", "lines"],
)
def test_a_record_may_hold_many_metrics(record: object) -> None:
    """`use_batch_format`, what json_transformation makes of it, and one a line."""
    assert points(record) == points(CPU) * 2


@pytest.mark.parametrize("unit_ns", [10**power for power in range(11)])
def test_the_unit_of_a_timestamp_is_the_one_near_the_records_time(unit_ns: int) -> None:
    """`json_timestamp_units` is any power of ten; a day of lag changes nothing."""
    ms = RECORD_MS - 86_400_000
    (point,) = points({"name": "m", "fields": {"value": 1}, "timestamp": ms * 1_000_000 // unit_ns})
    assert abs(point.time_ms - ms) <= max(1, unit_ns // 1_000_000)


@pytest.mark.parametrize(
    ("timestamp", "ms"), [(1_700_000_000, 1_700_000_000_000), (1_700_000_000_123_000_000, 1_700_000_000_123)]
)
def test_without_a_records_time_its_size_tells_the_unit(timestamp: int, ms: int) -> None:
    """Seconds and nanoseconds, at the least."""
    assert [point.time_ms for point in points({"name": "m", "fields": {"value": 1}, "timestamp": timestamp}, -1)] == [ms]


@pytest.mark.parametrize("text", ["2023-11-14T22:13:20Z", "2023-11-15T00:13:20+02:00", "2023-11-14 22:13:20", "1700000000"])
def test_a_timestamp_may_be_text(text: str) -> None:
    """`json_timestamp_format`: without a zone it is UTC."""
    (point,) = points({"name": "m", "fields": {"value": 1}, "timestamp": text})
    assert point.time_ms == 1_700_000_000_000


def test_truth_is_a_number_and_text_is_none() -> None:
    """Only what can be compared is a point; nested fields are none."""
    assert values(up=True, down=False, note="3", deep={"a": 1}, big=2**64 - 1) == {
        "m_up": 1.0,
        "m_down": 0.0,
        "m_big": float(2**64),
    }


@pytest.mark.parametrize("field", ["value", "gauge", "counter"])
def test_a_field_that_says_nothing_does_not_lengthen_the_name(field: str) -> None:
    """`value`, and what Telegraf calls the one field of a metric that it has from Prometheus."""
    assert values(**{field: 1}) == {"m": 1.0}
    assert values(**{field: 1, "other": 2}) == {"m" if field == "value" else f"m_{field}": 1.0, "m_other": 2.0}


def test_metrics_from_prometheus_keep_their_names() -> None:
    """With metric_version = 2 the measurement is `prometheus` and each field a metric."""
    record = {"name": "prometheus", "fields": {"jvm_memory_used_bytes": 7}, "tags": {"area": "heap"}, "timestamp": AT}
    assert [(point.name, point.labels) for point in points(record)] == [("jvm_memory_used_bytes", (("area", "heap"),))]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "no JSON object"),
        (b"cpu,host=a usage=1 1458229140", "no JSON object"),
        (b"\x0a\x05hello", "no JSON object"),
        (b'{"name": "cpu"', "broken JSON"),
        (b"3", "no JSON object"),
        ({"message": "a log line"}, "a metric without a name"),
        ({"name": "cpu"}, "a metric without fields"),
        ({"metrics": [7]}, "a metric that is no JSON object"),
        ({"name": "cpu", "fields": {}, "tags": [1]}, "a metric whose tags are no object"),
        ({"name": "cpu", "fields": {"a": 1}, "timestamp": "yesterday"}, "a timestamp that is no time"),
        ({"name": "cpu", "fields": {"a": 1}, "timestamp": True}, "a timestamp that is no time"),
        ({"name": "cpu", "fields": {"a": 1}, "timestamp": 1e-320}, "a timestamp that is no time"),
        ({"name": "cpu", "fields": {"a": 1}, "timestamp": "1900-01-01T00:00:00Z"}, "a timestamp that is no time"),
        ({"name": "m", "fields": {"a": 1}, "tags": {f"t{i}": "x" for i in range(200)}}, "more than 128 labels"),
        (
            {"metrics": [{"name": "m", "fields": {f"f{i}": 1 for i in range(100_001)}, "timestamp": AT}]},
            "more than 100000 points in a record",
        ),
    ],
)
def test_a_record_that_is_none_is_refused_with_a_reason(record: object, reason: str) -> None:
    """And no point of it is used."""
    with pytest.raises(ValueError, match="^" + reason):
        points(record)


def test_a_number_that_none_can_hold_is_no_point() -> None:
    """Five thousand digits, and what JSON has no word for: the other fields are read."""
    body = b'{"name":"m","fields":{"a":%b,"b":NaN,"c":1e999,"d":1},"timestamp":1458229140}' % (b"9" * 5000)
    assert [(point.name, point.value) for point in points(body)] == [("m_d", 1.0)]


def test_long_labels_are_cut_and_still_differ() -> None:
    """A series stays itself."""
    long = [points({"name": "m", "fields": {"a": 1}, "tags": {"t": "x" * 9000 + end}})[0].labels[0][1] for end in "ab"]
    assert [len(value) for value in long] == [LONGEST_VALUE] * 2
    assert long[0] != long[1]


def test_a_text_that_is_no_text_stays_a_label() -> None:
    """A lone surrogate and bad UTF-8 are mended as in logs."""
    body = b'{"name":"m","fields":{"a":1},"tags":{"t":"\\ud800x\xff"},"timestamp":1458229140}'
    assert points(body)[0].labels == (("t", "\ufffdx\ufffd"),)


def test_histograms_and_summaries_of_metric_version_1() -> None:
    """A field for each bound: a bucket where one of them is +Inf, else a quantile. What only looks like it keeps its name."""
    tags = {"status": "200"}
    histogram = {"name": "d_seconds", "fields": {"count": 3, "sum": 1.5, "0.5": 2, "+Inf": 3}, "tags": tags, "timestamp": AT}
    assert {(point.name, dict(point.labels).get("le"), point.value) for point in points(histogram)} == {
        ("d_seconds_count", None, 3),
        ("d_seconds_sum", None, 1.5),
        ("d_seconds_bucket", "0.5", 2),
        ("d_seconds_bucket", "+Inf", 3),
    }
    summary = {"name": "d_seconds", "fields": {"count": 3, "sum": 1.5, "0.99": 0.7}, "tags": tags, "timestamp": AT}
    assert {(point.name, dict(point.labels).get("quantile")) for point in points(summary)} == {
        ("d_seconds_count", None),
        ("d_seconds_sum", None),
        ("d_seconds", "0.99"),
    }
    disk = {"name": "disk", "fields": {"0": 1, "1": 2}, "tags": {}, "timestamp": AT}
    assert {point.name for point in points(disk)} == {"disk_0", "disk_1"}
