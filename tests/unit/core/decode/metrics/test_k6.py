"""k6's JSON output: the documented lines, kinds, and that a P99 of many seconds is that of all samples.

Samples: https://grafana.com/docs/k6/latest/results-output/real-time/json
"""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.decode.metrics.k6 import LONGEST_LINE, K6Reader, decode
from detector.core.decode.metrics.sketch import MOST_BUCKETS, Sketch
from detector.records import Distribution, MetricKind, MetricPoint

DOCUMENTED = b"""\
{"type":"Metric","data":{"type":"gauge","contains":"default","tainted":null,"thresholds":[],"submetrics":null},"metric":"vus"}
{"type":"Point","data":{"time":"2017-05-09T14:34:45.625742514+02:00","value":5,"tags":null},"metric":"vus"}
{"type":"Metric","data":{"type":"trend","contains":"time","tainted":null,"thresholds":["avg<1000"],"submetrics":null},"metric":"http_req_duration"}
{"type":"Point","data":{"time":"2017-05-09T14:34:45.239531499+02:00","value":459.865729,"tags":{"group":"::my group::json","method":"GET","status":"200","url":"https://httpbin.test.k6.io/get"}},"metric":"http_req_duration"}
"""
VUS_MS = 1_494_333_285_625


def line(metric: str, value: object, time: str = "2017-05-09T12:34:45.1Z", tags: object = None) -> bytes:
    return json.dumps({"type": "Point", "metric": metric, "data": {"time": time, "value": value, "tags": tags}}).encode() + b"\n"


def told(metric: str, kind: str, contains: str = "default") -> bytes:
    return json.dumps({"type": "Metric", "metric": metric, "data": {"type": kind, "contains": contains}}).encode() + b"\n"


def points(text: bytes) -> tuple[MetricPoint, ...]:
    found, errors = decode(text)
    assert errors == ()
    return found


def quantile(value: Distribution, share: float) -> float:
    """By linear interpolation within the bucket, as PromQL's histogram_quantile."""
    rank, before = share * sum(value.counts), 0.0
    for at, count in enumerate(value.counts):
        if count and before + count >= rank:
            low = value.bounds[at - 1] if at else 0.0
            return low + (value.bounds[at] - low) * (rank - before) / count
        before += count
    raise AssertionError("empty")


def merged(values: list[Distribution]) -> Distribution:
    upper: dict[float, float] = {}
    for value in values:
        for bound, count in zip(value.bounds, value.counts, strict=False):
            upper[bound] = upper.get(bound, 0.0) + count
    bounds = tuple(sorted(upper))
    return Distribution(bounds, (*(upper[bound] for bound in bounds), 0.0), None)


def test_the_documented_lines() -> None:
    """Zones count; nanoseconds are cut to milliseconds."""
    vus, duration = points(DOCUMENTED)
    assert vus == MetricPoint("vus", (), MetricKind.GAUGE, 5.0, VUS_MS)
    assert (duration.name, duration.kind, duration.unit, duration.is_delta) == (
        "http_req_duration",
        MetricKind.HISTOGRAM,
        "ms",
        True,
    )
    assert duration.time_ms == 1_494_333_285_239
    assert dict(duration.labels)["url"] == "https://httpbin.test.k6.io/get"
    assert isinstance(duration.value, Distribution)
    assert duration.value.total == 459.865729
    assert duration.value.bounds[0] < 459.865729 <= duration.value.bounds[1]


def test_kinds_of_ones_own() -> None:
    """As the Metric line says."""
    text = told("my_c", "counter", "data") + told("my_r", "rate") + told("my_g", "gauge", "time") + told("my_t", "trend")
    for name in ("my_c", "my_r", "my_g", "my_t"):
        text += line(name, 2) + line(name, 0, "2017-05-09T12:34:45.2Z")
    found = {point.name: point for point in points(text)}
    assert (found["my_c"].value, found["my_c"].unit, found["my_c"].kind) == (2, "By", MetricKind.COUNTER)
    assert found["my_r"].value == Distribution((0.0,), (1.0, 1.0), 1.0)
    assert (found["my_g"].value, found["my_g"].unit) == (0, "ms")
    assert isinstance(found["my_t"].value, Distribution)


def test_the_p99_of_many_seconds_is_that_of_all_samples() -> None:
    """However the seconds differ: here each twentieth is twenty times as slow, which no average of 60 P99s would show."""
    chance = random.Random(5)
    samples = [[chance.lognormvariate(4, 0.3) * (20 if second % 20 == 0 else 1) for _ in range(200)] for second in range(60)]
    text = b"".join(
        line("http_req_duration", value, f"2017-05-09T12:34:{second:02d}.{at * 4:03d}Z")
        for second, values in enumerate(samples)
        for at, value in enumerate(values)
    )
    found = points(text)
    assert len(found) == 60
    exact = sorted(value for values in samples for value in values)[60 * 200 * 99 // 100]
    value = merged([point.value for point in found if isinstance(point.value, Distribution)])
    assert quantile(value, 0.99) == pytest.approx(exact, rel=0.022)


def test_a_file_that_grows_gives_the_seconds_that_are_over() -> None:
    """Two seconds late at the most; what comes later still is a further point of the same second."""
    reader = K6Reader()
    assert reader.read(line("http_reqs", 1) + line("http_reqs", 1, "2017-05-09T12:34:46.9Z")) == ((), ())
    (first,), _ = reader.read(line("http_reqs", 1, "2017-05-09T12:34:48.1Z"))
    assert first.value == 1
    (late,), _ = reader.read(line("http_reqs", 5, "2017-05-09T12:34:45.9Z"))
    assert (late.value, late.time_ms - first.time_ms) == (5, 800)
    assert [point.value for point in reader.finish()] == [1, 1]


@pytest.mark.parametrize(
    "text",
    [
        *(b"{", b"[]", b'{"type":"Point"}', b'{"type":"Else","metric":"a","data":{}}', b"\xff\x00", told("a", "x")),
        *(line("a", None), line("a", "1"), line("a", True), line("a", 1, "soon")),
        *(line("a", 1, tags=[1]), line("a", 1, tags={"b": 1}), line("a", 1, tags={"b": {}})),
        *(line("a", 1, tags={f"t{at}": "1" for at in range(200)}), line("a", 1, tags={"b": "x" * LONGEST_LINE})),
    ],
)
def test_a_bad_line_spoils_no_other(text: bytes) -> None:
    """It is told with its number."""
    found, errors = decode(line("vus", 1) + text.rstrip(b"\n") + b"\n\n" + line("vus_max", 2))
    assert [point.name for point in found] == ["vus", "vus_max"]
    assert [error.line for error in errors] == [2]


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=800), st.floats(0.5, 100))
def test_a_sketch_holds_every_value(values: list[float], weight: float) -> None:
    """Bounds rise, counts add up, and it stays small."""
    sketch = Sketch()
    for value in values:
        sketch.add(value, weight)
    held = sketch.distribution()
    assert list(held.bounds) == sorted(set(held.bounds))
    assert len(held.counts) == len(held.bounds) + 1
    assert sum(held.counts) == pytest.approx(len(values) * weight)
    assert len(sketch) <= MOST_BUCKETS
    assert held.total == pytest.approx(sum(value * weight for value in values), rel=1e-6, abs=1e16)


@given(st.floats(1e-9, 1e18) | st.floats(-1e18, -1e-9))
def test_a_values_bucket_is_about_a_fiftieth_wide(value: float) -> None:
    """So that its middle is at most 1.1 % off."""
    sketch = Sketch()
    sketch.add(value)
    (low, high), counts = sketch.distribution().bounds, sketch.distribution().counts
    assert counts == (0.0, 1.0, 0.0)
    assert low - abs(low) * 1e-12 <= value <= high + abs(high) * 1e-12
    assert max(abs(low), abs(high)) / min(abs(low), abs(high)) == pytest.approx(2 ** (1 / 32))
