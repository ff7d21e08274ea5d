"""OTLP metrics, protobuf or JSON: `ExportMetricsServiceRequest`, as the OpenTelemetry Collector writes it to Kafka.

A point keeps the name and unit that OpenTelemetry gave it; what Prometheus would call it follows from both. Attributes of the
resource, the scope and the point are its labels, the nearer one where two have a name; the scope's name is `otel.scope.name`.
https://opentelemetry.io/docs/specs/otel/metrics/data-model
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from detector.core.decode.metrics import histograms
from detector.core.decode.metrics.labels import LONGEST_NAME, MOST_POINTS, bounded, named, sorted_labels
from detector.core.decode.otlp import attributes
from detector.core.decode.otlp.parts import Part, parts_of
from detector.records import Distribution, Labels, MetricKind, MetricPoint

_DELTA = AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE = 1  # DataPointFlags.NO_RECORDED_VALUE
_STALE = struct.pack("<Q", 0x7FF0000000000002)  # Prometheus' mark for the same
_NS = 1_000_000
AnyPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint
By = Mapping[str, str]


def decode(value: bytes, time_ms: int) -> tuple[MetricPoint, ...]:
    """The points of one request, in its order. A point without a time has the record's. Raises ValueError."""
    found: list[MetricPoint] = []
    for resource in parts_of(value, MetricsData):
        common = named(attributes.pairs(part.read(Resource).attributes)) if (part := resource.one("resource")) else {}
        for scope in resource.each("scope_metrics"):
            by_scope = dict(sorted_labels(common, _scope(scope)))  # sorted already, a point's labels are sorted sooner
            for metric in scope.each("metrics"):
                for piece in metric.pieces(Metric, "data_points"):
                    found += _points(piece, by_scope, time_ms)
                    if len(found) > MOST_POINTS:
                        raise ValueError(f"more than {MOST_POINTS} points in a record")
    return tuple(found)


def _scope(part: Part) -> dict[str, str]:
    found = part.one("scope")
    if found is None:
        return {}
    scope = found.read(InstrumentationScope)
    return named([("otel.scope.name", scope.name), *attributes.pairs(scope.attributes)])


@dataclass(frozen=True, slots=True)
class _Series:
    """What the points of a metric have in common."""

    name: str
    unit: str
    common: By
    time_ms: int
    kind: MetricKind = MetricKind.GAUGE
    is_delta: bool = False

    def point(self, of: AnyPoint, value: float | Distribution | None, name: str = "", *more: tuple[str, str]) -> MetricPoint:
        """`more` are labels that the kind of point adds."""
        own = named(attributes.pairs(of.attributes))
        labels: Labels = sorted_labels(self.common, own, dict(more)) if more else sorted_labels(self.common, own)
        return MetricPoint(
            name or self.name,
            labels,
            self.kind,
            value,
            of.time_unix_nano // _NS or self.time_ms,
            of.start_time_unix_nano // _NS or None,
            self.is_delta,
            self.unit,
        )


def _points(metric: Metric, common: By, time_ms: int) -> Iterator[MetricPoint]:
    """A metric of a kind that came with a later version has no points here: OTLP wants it passed over."""
    if not metric.name:
        raise ValueError("a metric without a name")
    if time_ms < 0 and _lacks_a_time(metric):
        raise ValueError("a point without a time, in a record without one")
    data = metric.WhichOneof("data")
    if data is not None:
        unit = bounded(metric.unit, LONGEST_NAME)
        yield from _KINDS[data](metric, bounded(metric.name, LONGEST_NAME), unit, common, time_ms)


def _gauge(metric: Metric, name: str, unit: str, common: By, time_ms: int) -> Iterator[MetricPoint]:
    series = _Series(name, unit, common, time_ms)
    for point in metric.gauge.data_points:
        yield series.point(point, _number(point))


def _sum(metric: Metric, name: str, unit: str, common: By, time_ms: int) -> Iterator[MetricPoint]:
    """A sum that may fall is a gauge: what it was at that time, or with delta how far it moved."""
    data = metric.sum
    kind = MetricKind.COUNTER if data.is_monotonic else MetricKind.GAUGE
    series = _Series(name, unit, common, time_ms, kind, data.aggregation_temporality == _DELTA)
    for point in data.data_points:
        yield series.point(point, _number(point))


def _histogram(metric: Metric, name: str, unit: str, common: By, time_ms: int) -> Iterator[MetricPoint]:
    data = metric.histogram if metric.HasField("histogram") else metric.exponential_histogram
    series = _Series(name, unit, common, time_ms, MetricKind.HISTOGRAM, data.aggregation_temporality == _DELTA)
    for point in data.data_points:
        yield series.point(point, None if point.flags & _NO_VALUE else histograms.distribution(point))


def _summary(metric: Metric, name: str, unit: str, common: By, time_ms: int) -> Iterator[MetricPoint]:
    """As Prometheus writes one: a point a quantile, then `_count` and `_sum`. Its totals are cumulative."""
    quantiles = _Series(name, unit, common, time_ms, MetricKind.SUMMARY)
    count = _Series(f"{name}_count", "", common, time_ms, MetricKind.COUNTER)
    total = _Series(f"{name}_sum", unit, common, time_ms, MetricKind.COUNTER)
    for point in metric.summary.data_points:
        is_over = bool(point.flags & _NO_VALUE)
        for each in point.quantile_values:
            yield quantiles.point(point, None if is_over else each.value, "", ("quantile", f"{each.quantile:g}"))
        yield count.point(point, None if is_over else float(point.count))
        yield total.point(point, None if is_over else point.sum)


_KINDS: dict[str, Callable[[Metric, str, str, By, int], Iterator[MetricPoint]]] = {
    "gauge": _gauge,
    "sum": _sum,
    "histogram": _histogram,
    "exponential_histogram": _histogram,
    "summary": _summary,
}


def _number(point: NumberDataPoint) -> float | None:
    """NaN and infinity are values; Prometheus' mark of an ended series, and a point that holds none, are not."""
    which = point.WhichOneof("value")
    if point.flags & _NO_VALUE or which is None:
        return None
    if which == "as_int":
        return float(point.as_int)
    value = point.as_double
    return None if value != value and struct.pack("<d", value) == _STALE else value


def _lacks_a_time(metric: Metric) -> bool:
    data = metric.WhichOneof("data")
    return data is not None and not all(point.time_unix_nano for point in getattr(metric, data).data_points)
