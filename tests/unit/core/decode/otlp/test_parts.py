"""Requests taken apart: in either form, with what producers get wrong, and with what nobody should send."""

from __future__ import annotations

import json
import resource

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from detector.core.decode.logs.otlp import lines_of
from detector.core.decode.metrics import decoder_of
from detector.core.decode.otlp import wire
from detector.core.decode.otlp.parts import parts_of
from tests.unit.core.decode.metrics.requests import as_protobuf, gauge, points, request

MIB = 1 << 20


@pytest.mark.parametrize("before", [b"\n", b" \r\n\t", b"\xef\xbb\xbf"], ids=repr)
def test_json_may_have_space_before_it(before: bytes) -> None:
    """A newline is also how protobuf begins."""
    assert points(before + json.dumps(request(gauge())).encode()) == points(request(gauge()))


def test_a_resource_that_is_said_twice_is_both() -> None:
    """As protobuf merges messages."""
    one = as_protobuf({"resourceMetrics": [{"resource": {"attributes": [{"key": "a", "value": {"stringValue": "1"}}]}}]})
    two = as_protobuf(request(gauge(), resource=[{"key": "b", "value": {"stringValue": "2"}}]))
    inner = b"".join(one_of(each) for each in (one, two))
    (point,) = points(wire.field(1, b"") + wire.field(1, inner))
    assert {"a", "b"} <= dict(point.labels).keys()


def one_of(value: bytes) -> bytes:
    (field,) = wire.fields(value)
    return value[field.at : field.end]


def test_labels_that_are_no_text_do_not_lose_the_points() -> None:
    """They are marked."""
    record = request(gauge(attributes=[{"key": "k", "value": {"stringValue": "####"}}]))
    (point,) = points(as_protobuf(record).replace(b"####", b"\xff\xfe\xfd\xfc"))
    assert dict(point.labels)["k"] == "\ufffd" * 4


def test_nothing_is_read_before_it_is_asked_for() -> None:
    """A broken second resource does not hide what is wrong with the first."""
    good = as_protobuf(request(gauge()))
    parts = parts_of(good + b"\x0a\x02\x12\x7f", MetricsData)
    assert next(parts).one("resource") is not None
    with pytest.raises(ValueError, match="cut off"):
        list(next(parts).each("scope_metrics"))


def nested(*levels: int, content: bytes) -> bytes:
    for number in reversed(levels):
        content = wire.field(number, content)
    return content


def nested_json(points: bytes) -> bytes:
    return b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[%b]}}]}]}]}' % points


EMPTY = b"\x0a\x00"
HOSTILE = {
    "resources": lambda: EMPTY * MIB,
    "scopes": lambda: nested(1, content=b"\x12\x00" * MIB),
    "metrics": lambda: nested(1, 2, content=b"\x12\x00" * MIB),
    "points": lambda: nested(1, 2, 2, content=b"\x0a\x01a" + nested(5, content=EMPTY * MIB)),
    "exponential": lambda: nested(1, 2, 2, content=b"\x0a\x01a" + nested(10, content=EMPTY * MIB)),
    "attributes": lambda: nested(1, 1, content=EMPTY * 4 * MIB),
    "a point's attributes": lambda: nested(1, 2, 2, content=b"\x0a\x01a" + nested(5, 1, content=b"\x3a\x00" * 4 * MIB)),
    "json objects": lambda: b'{"resourceMetrics":[' + b"{}," * MIB + b"{}]}",
    "json points": lambda: nested_json(b"{}," * 300_000 + b"{}"),
    "deep json": lambda: b'{"resourceMetrics":' * 100_000,
    "forty megabytes": lambda: EMPTY * 20 * MIB,
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_request_is_refused_in_little_memory(hostile: str) -> None:
    """As one would be if it were read at once: two bytes of an empty message are a hundred in memory."""
    value = HOSTILE[hostile]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"\w"):
        decoder_of("otlp_metrics")(value, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10


@pytest.mark.parametrize(
    "hostile",
    [
        nested(1, 2, content=b"\x12\x00" * MIB),
        nested(1, 2, 2, content=b"\x32\x00" * 4 * MIB),
        nested(1, 2, content=b"\x12\x02\x10\x01" * 150_000),
    ],
    ids=["log records", "attributes", "many small"],
)
def test_hostile_logs_are_refused_too(hostile: bytes) -> None:
    """At a hundred thousand lines, at the latest."""
    with pytest.raises(ValueError, match=r"more than|at most"):
        lines_of(hostile, 0, MIB)
