"""Metric points read out of records, by format: a record as its producer batches them, points a CPU second."""

from __future__ import annotations

import time

import orjson
from google.protobuf import json_format
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from detector.core.decode.metrics import decoder_of
from detector.core.decode.metrics.remote_write import RemoteWrite
from tests.bench.bench import Bench, told
from tests.unit.core.decode.metrics import written

AT = 1_700_000_000
MEASURED_S = 1.0
SAMPLES = 500_000  # of remote write, a CPU second
BOUNDS = {"telegraf": 200_000, "metricbeat": 100_000, "otlp_metrics": 80_000, "otlp_metrics, JSON": 30_000}


def points_row(bench: Bench) -> bool:
    """The best of the rounds: other work on the machine only makes it slower."""
    records = {"telegraf": telegraf(), "metricbeat": metricbeat(), "otlp_metrics": otlp(), "otlp_metrics, JSON": otlp_json()}
    kept = True
    for name, value in records.items():
        speed = max(_speed(name.partition(",")[0], value) for _ in range(bench.rounds))
        bound = BOUNDS[name]
        kept &= told(
            f"points, {name}", f"{bound:,} a CPU second", speed >= bound, f"{speed:,.0f} ({len(value):,} bytes a record)"
        )
    return kept


def _speed(format: str, value: bytes) -> float:
    decode, count = decoder_of(format), 0
    began = time.process_time()
    while time.process_time() - began < MEASURED_S:
        count += len(decode(value, AT * 1000))
    return count / (time.process_time() - began)


def remote_write_row(bench: Bench) -> bool:
    """Requests of 2,000 samples, as Prometheus sends them: series of eleven labels that are known, a third of the values zero."""
    kept = True
    for version in ("1.0", "2.0"):
        requests = [written.first(rows) if version == "1.0" else written.second(rows, 1) for rows in map(scrape, range(20))]
        speed = max(_speed_of_writes(version, requests) for _ in range(bench.rounds))
        size = len(requests[0])
        kept &= told(
            f"remote write {version}, decoded",
            f"{SAMPLES:,} a CPU second",
            speed >= SAMPLES,
            f"{speed:,.0f} ({size:,} bytes a request)",
        )
    return kept


def _speed_of_writes(version: str, requests: list[bytes]) -> float:
    decoder, count = RemoteWrite(), 0
    decode = decoder.first if version == "1.0" else decoder.second
    decode(requests[0])
    began = time.process_time()
    while time.process_time() - began < MEASURED_S:
        for request in requests:
            count += len(decode(request).points)
    return count / (time.process_time() - began)


def scrape(round_: int) -> list[tuple[list[tuple[str, str]], list[tuple[float, int]]]]:
    common = {"application": "orders", "exception": "None", "job": "kubernetes-pods", "method": "GET", "namespace": "shop"}
    rows = []
    for at in range(2000):
        own = {"__name__": "http_server_requests_seconds_count", "instance": f"10.0.{at // 250}.{at % 250}:8080"}
        more = {"outcome": "SUCCESS", "pod": f"orders-7d9f-{at}", "status": "200", "uri": f"/api/{at % 40}"}
        value = 0.0 if at % 10 < 3 else at * 1.25 + round_
        rows.append((sorted({**common, **own, **more}.items()), [(value, (AT + 15 * round_) * 1000 + at % 20)]))
    return rows


def telegraf() -> bytes:
    """A batch of a hundred metrics of ten fields."""
    tags = {"host": "n1", "cpu": "cpu-total", "region": "eu"}
    fields = {f"usage_{number}": number * 1.5 for number in range(10)}
    return orjson.dumps({"metrics": [{"name": "cpu", "fields": fields, "tags": tags, "timestamp": AT}] * 100})


def metricbeat() -> bytes:
    """One document of twenty numbers, with what the agent puts around it."""
    numbers = {f"f{number}": {"bytes": number, "pct": number / 7} for number in range(10)}
    return orjson.dumps(
        {
            "@timestamp": "2023-11-14T22:13:20.000Z",
            "@metadata": {"beat": "metricbeat", "type": "_doc", "version": "8.19.0"},
            "event": {"dataset": "kubernetes.container", "module": "kubernetes", "duration": 115000},
            "metricset": {"name": "container", "period": 10000},
            "agent": {"type": "metricbeat", "version": "8.19.0", "name": "n1", "id": "e3b0"},
            "host": {"name": "n1", "os": {"name": "Debian", "kernel": "6.1"}, "ip": ["10.0.0.1"], "mac": ["00-00"]},
            "kubernetes": {
                "namespace": "shop",
                "pod": {"name": "cart-1", "uid": "ba46"},
                "container": {"name": "app", **numbers},
            },
        }
    )


def otlp_json() -> bytes:
    """A hundred metrics of ten points with three attributes, under a resource of eight."""
    points = [{"timeUnixNano": str(AT * 10**9), "asDouble": 1.5 * row, "attributes": _pairs("abc", row)} for row in range(10)]
    metrics = [{"name": f"jvm.memory.used.{number}", "unit": "By", "gauge": {"dataPoints": points}} for number in range(100)]
    resource = {"attributes": _pairs("defghijk", 0)}
    return orjson.dumps(
        {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "lib"}, "metrics": metrics}]}]}
    )


def otlp() -> bytes:
    return json_format.ParseDict(orjson.loads(otlp_json()), MetricsData()).SerializeToString()


def _pairs(names: str, row: int) -> list[dict[str, object]]:
    return [{"key": f"attribute.{name}", "value": {"stringValue": f"value-{name}-{row}"}} for name in names]
