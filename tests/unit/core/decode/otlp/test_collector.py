"""What the Collector itself writes: tests/data/otlp is the output of its pdata library (1.71), in both forms."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from detector.core.decode.logs.otlp import lines_of
from detector.core.decode.metrics import decoder_of
from detector.records import Distribution, Level, MetricKind
from tests.unit.core.decode.logs.marking import events

DATA = Path(__file__).parents[4] / "data" / "otlp"
FORMS = pytest.mark.parametrize("form", ["json", "pb"])
AT = 1_700_000_000_123


@FORMS
def test_metrics(form: str) -> None:
    """Every kind of point, and values that JSON has no numbers for."""
    points = decoder_of("otlp_metrics")((DATA / f"metrics.{form}").read_bytes(), -1)
    used, ended, nan, infinite, half, histogram, exponential, quantile, count, total = points
    assert (used.name, used.unit, used.kind, used.value) == ("jvm.memory.used", "By", MetricKind.GAUGE, 2.0**63)
    assert dict(used.labels) == {
        "heap": "true",
        "jvm.memory.pool.name": "G1 Old Gen",
        "otel.scope.name": "cart",
        "process.command_args": '["java","-jar"]',
        "process.pid": "7",
        "raw": "AP8=",
        "service.name": "shop",
    }
    assert (ended.value, infinite.value, half.value) == (None, -math.inf, 0.5)
    assert isinstance(nan.value, float)
    assert math.isnan(nan.value)
    assert (histogram.value, histogram.is_delta) == (Distribution((0.5, 1.0), (1.0, 2.0, 3.0), 4.5), True)
    root = math.sqrt(2)
    assert exponential.value == Distribution(
        (-root, -1.0, -0.001, 0.001, 0.5, root / 2, 1.0, root), (0.0, 4.0, 0.0, 2.0, 0.0, 1.0, 0.0, 3.0, 0.0), None
    )
    assert [(each.name, each.value) for each in (quantile, count, total)] == [("s", 9.0), ("s_count", 3.0), ("s_sum", 7.5)]
    assert {point.time_ms for point in points} == {AT}
    assert (used.start_ms, half.start_ms) == (1_699_999_000_000, None)


@FORMS
def test_logs(form: str) -> None:
    """A trace line by line, a line that is no text, and a record whose body is a map."""
    lines = lines_of((DATA / f"logs.{form}").read_bytes(), -1, 1 << 20)
    trace, bad, record = events(lines.text, "ClassNotFound", "bytes", "/etc/x")
    assert trace.text == b"failed\njava.lang.ClassNotFoundException: planted.First\n\tat a.B.c(B.java:1)"
    assert bad.text == "bad \ufffd\ufffd bytes".encode()
    assert record.text == b"cannot start\nopen /etc/x: no such file or directory"
    assert [event.level for event in (trace, bad, record)] == [Level.ERROR, None, Level.ERROR]
    assert [event.time_ms for event in (bad, record)] == [AT, AT]
    assert {event.service for event in (trace, bad, record)} == {"shop"}
