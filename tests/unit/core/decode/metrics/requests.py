"""OTLP requests as tests write them: a metric, and the request around it in both forms."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from detector.core.decode.metrics import decoder_of
from detector.records import MetricPoint

RECORD_MS = 1_795_000_000_000
NS = 1_544_712_660_300_000_000
AT = {"startTimeUnixNano": str(NS - 60_000_000_000), "timeUnixNano": str(NS)}
CUMULATIVE = {"aggregationTemporality": 2}
SERVICE = {"key": "service.name", "value": {"stringValue": "my.service"}}


def request(*metrics: dict[str, Any], resource: Any = (SERVICE,), scope: Any = None) -> dict[str, Any]:
    scoped = {"scope": scope or {"name": "my.library", "version": "1.0.0"}, "metrics": list(metrics)}
    return {"resourceMetrics": [{"resource": {"attributes": list(resource)}, "scopeMetrics": [scoped]}]}


def as_protobuf(record: dict[str, Any]) -> bytes:
    """By protobuf's own reading of JSON."""
    return json_format.ParseDict(record, ExportMetricsServiceRequest()).SerializeToString()


def points(value: bytes | dict[str, Any], record_ms: int = RECORD_MS) -> tuple[MetricPoint, ...]:
    """Of a request that is given as JSON: as JSON and as protobuf, which must be equal."""
    decode = decoder_of("otlp_metrics")
    if isinstance(value, bytes):
        return decode(value, record_ms)
    found = decode(json.dumps(value).encode(), record_ms)
    assert repr(decode(as_protobuf(value), record_ms)) == repr(found)  # NaN differs from itself
    return found


def gauge(name: str = "g", **more: Any) -> dict[str, Any]:
    value = {} if "asInt" in more else {"asDouble": 1.5}
    return {"name": name, "gauge": {"dataPoints": [{"timeUnixNano": str(NS), **value, **more}]}}
