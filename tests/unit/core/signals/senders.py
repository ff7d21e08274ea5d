"""One truth, sent in every form that we take: what a service did between scrapes, and what each protocol makes of it.

Each sender's function gives the points that the decoder of its protocol reads out of its own bytes.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from detector.core.decode.metrics import decoder_of, line_protocol
from detector.core.decode.metrics.exposition import Exposition
from detector.core.decode.metrics.remote_write import RemoteWrite
from detector.core.decode.metrics.statsd_totals import StatsdTotals
from detector.records import MetricPoint
from tests.unit.core.decode.metrics import written

BEGIN_MS, EVERY_MS, ROUNDS = 1_700_000_010_000, 15_000, 8  # a step begins then
NAME, LABEL = "http_server_duration_milliseconds", "http_status_code"
CLIENTS, EVICTED = "redis_connected_clients", "redis_evicted_keys_total"
BOUNDS = tuple(map(float, range(50, 1001, 50)))
SCALE = 5  # of exponential histograms: bounds 2.2 % apart
Points = list[MetricPoint]


@dataclass(frozen=True)
class Truth:
    """What happened in (time - EVERY_MS, time]: how long requests took, by status, and how many keys were evicted."""

    time_ms: int
    took_ms: dict[str, list[float]]
    evicted: int
    clients: int


def truth(offset_ms: int) -> list[Truth]:
    """The first is where nothing has happened yet."""
    found = [Truth(BEGIN_MS + offset_ms, {"200": [], "500": []}, 0, 5)]
    for at in range(1, ROUNDS + 1):
        ordinary, failed = 200 + 10 * at, at % 3 + 1
        took = {"200": _spread(ordinary), "500": _spread(failed)}
        found.append(Truth(BEGIN_MS + offset_ms + at * EVERY_MS, took, at % 2, 5 + at))
    return found


def _spread(count: int) -> list[float]:
    return [1000 * (at + 0.5) / count for at in range(count)]


@dataclass
class Totals:
    """What a process would have counted since it began."""

    took_ms: dict[str, list[float]]
    evicted: int = 0

    def add(self, more: Truth) -> Totals:
        for status, took in more.took_ms.items():
            self.took_ms.setdefault(status, []).extend(took)
        self.evicted += more.evicted
        return self


def totals(rounds: list[Truth]) -> Iterator[tuple[Truth, Totals]]:
    reached = Totals({})
    for each in rounds:
        yield each, reached.add(each)


def counts(values: list[float]) -> list[int]:
    found = Counter(bisect_left(BOUNDS, value) for value in values)
    return [found[at] for at in range(len(BOUNDS) + 1)]


def buckets(values: list[float]) -> Iterator[tuple[str, int]]:
    below = 0
    for bound, count in zip([*(f"{each:g}" for each in BOUNDS), "+Inf"], counts(values), strict=True):
        below += count
        yield bound, below


def scrape(rounds: list[Truth]) -> Points:
    target, found = Exposition({"service": "cart"}), []
    for now, reached in totals(rounds):
        lines = [f"# TYPE {NAME} histogram"]
        for status, took in reached.took_ms.items():
            lines += [f'{NAME}_bucket{{{LABEL}="{status}",le="{le}"}} {count}' for le, count in buckets(took)]
            lines += [f'{NAME}_sum{{{LABEL}="{status}"}} {math.fsum(took)!r}', f'{NAME}_count{{{LABEL}="{status}"}} {len(took)}']
        lines += [
            f"# TYPE {EVICTED} counter",
            f"{EVICTED} {reached.evicted}",
            f"# TYPE {CLIENTS} gauge",
            f"{CLIENTS} {now.clients}",
        ]
        found += target.read("\n".join([*lines, ""]).encode(), now.time_ms).points
    return found


def _series(rounds: list[Truth], is_classic: bool = True) -> Iterator[tuple[int, list[tuple[str, dict[str, str], float]]]]:
    """Every series with its value, at each time."""
    for now, reached in totals(rounds):
        rows: list[tuple[str, dict[str, str], float]] = []
        for status, took in reached.took_ms.items() if is_classic else ():
            rows += [(f"{NAME}_bucket", {LABEL: status, "le": le}, float(count)) for le, count in buckets(took)]
            rows += [(f"{NAME}_sum", {LABEL: status}, math.fsum(took)), (f"{NAME}_count", {LABEL: status}, float(len(took)))]
        yield now.time_ms, [*rows, (EVICTED, {}, float(reached.evicted)), (CLIENTS, {}, float(now.clients))]


def _rows(
    rows: list[tuple[str, dict[str, str], float]], time_ms: int
) -> list[tuple[list[tuple[str, str]], list[written.Sample]]]:
    return [(sorted({"__name__": name, "service": "cart", **labels}.items()), [(value, time_ms)]) for name, labels, value in rows]


def remote_write_1(rounds: list[Truth]) -> Points:
    decoder = RemoteWrite()
    return [point for at, rows in _series(rounds) for point in decoder.first(written.first(_rows(rows, at))).points]


def remote_write_2(rounds: list[Truth]) -> Points:
    decoder = RemoteWrite()
    return [point for at, rows in _series(rounds) for point in decoder.second(written.second(_rows(rows, at))).points]


def remote_write_native(rounds: list[Truth]) -> Points:
    return _with_native(rounds, is_classic=False)


def remote_write_both(rounds: list[Truth]) -> Points:
    """As Prometheus does it on the way from classic to native histograms."""
    return _with_native(rounds, is_classic=True)


def _with_native(rounds: list[Truth], is_classic: bool) -> Points:
    """Native histograms with bounds of their own, schema -53."""
    decoder, found = RemoteWrite(), []
    for (at, rows), (_, reached) in zip(_series(rounds, is_classic), totals(rounds), strict=True):
        found += decoder.first(written.first(_rows(rows, at))).points
        for status, took in reached.took_ms.items():
            filled = counts(took)
            deltas = [now - before for now, before in zip(filled, [0, *filled], strict=False)]
            value = written.histogram(math.fsum(took), -53, [(0, len(filled))], deltas, at, custom=BOUNDS)
            labels = sorted({"__name__": NAME, "service": "cart", LABEL: status}.items())
            found += decoder.first(written.series(labels, [], written.field(4, value))).points
    return found


def _otlp(rounds: list[Truth], is_delta: bool, is_exponential: bool) -> Points:
    found: Points = []
    decode = decoder_of("otlp_metrics")
    kind = otlp.AGGREGATION_TEMPORALITY_DELTA if is_delta else otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
    for (now, reached), before in zip(totals(rounds), [None, *rounds], strict=False):
        start_ms = before.time_ms if is_delta and before is not None else 0
        times = {"time_unix_nano": now.time_ms * 10**6, "start_time_unix_nano": start_ms * 10**6}
        told = now if is_delta else reached
        metric = otlp.Metric(name="http.server.duration", unit="ms")
        data = metric.exponential_histogram if is_exponential else metric.histogram
        data.aggregation_temporality = kind
        for status, took in told.took_ms.items():
            of = {**times, "count": len(took), "sum": math.fsum(took), "attributes": _attributes("http.status_code", status)}
            if is_exponential:
                data.data_points.append(_exponential(took, of))
            else:
                data.data_points.append(otlp.HistogramDataPoint(**of, explicit_bounds=BOUNDS, bucket_counts=counts(took)))
        evicted = otlp.Metric(name="redis.evicted.keys")
        evicted.sum.aggregation_temporality, evicted.sum.is_monotonic = kind, True
        evicted.sum.data_points.append(otlp.NumberDataPoint(**times, as_int=told.evicted))
        clients = otlp.Metric(name=CLIENTS)
        clients.gauge.data_points.append(otlp.NumberDataPoint(time_unix_nano=now.time_ms * 10**6, as_int=now.clients))
        request = otlp.MetricsData()
        resource = request.resource_metrics.add()
        resource.resource.attributes.extend(_attributes("service", "cart"))
        counted = [] if is_delta and before is None else [metric, evicted]
        resource.scope_metrics.add().metrics.extend([*counted, clients])
        found += decode(request.SerializeToString(), now.time_ms)
    return found


def _attributes(name: str, value: str) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value))]


def _exponential(took: list[float], of: dict[str, object]) -> otlp.ExponentialHistogramDataPoint:
    point = otlp.ExponentialHistogramDataPoint(**of, scale=SCALE)  # type: ignore[arg-type]
    filled = Counter(math.ceil(math.log2(value) * 2**SCALE) - 1 for value in took)
    if filled:
        point.positive.offset = min(filled)
        point.positive.bucket_counts.extend(filled[at] for at in range(min(filled), max(filled) + 1))
    return point


def _telegraf(rounds: list[Truth], version: int) -> Iterator[tuple[int, list[tuple[str, dict[str, str], dict[str, float]]]]]:
    """Measurement, tags and fields as its input `prometheus` makes them: `metric_version` 1 or 2."""
    for at, rows in _series(rounds):
        if version == 2:
            yield at, [("prometheus", {"service": "cart", **labels}, {name: value}) for name, labels, value in rows]
            continue
        by_status: dict[str, dict[str, float]] = {}
        metrics: list[tuple[str, dict[str, str], dict[str, float]]] = []
        for name, labels, value in rows:
            if LABEL in labels:
                field = labels.get("le", name.removeprefix(f"{NAME}_"))
                by_status.setdefault(labels[LABEL], {})[field] = value
            else:
                metrics.append((name, {"service": "cart"}, {"counter" if name == EVICTED else "gauge": value}))
        yield at, [*metrics, *((NAME, {"service": "cart", LABEL: status}, fields) for status, fields in by_status.items())]


def _telegraf_json(rounds: list[Truth], version: int) -> Points:
    decode, found = decoder_of("telegraf"), []
    for at, metrics in _telegraf(rounds, version):
        batch = [{"name": name, "tags": tags, "fields": fields, "timestamp": at // 1000} for name, tags, fields in metrics]
        found += decode(orjson.dumps({"metrics": batch}), at)
    return found


def _telegraf_lines(rounds: list[Truth], version: int) -> Points:
    found: Points = []
    for at, metrics in _telegraf(rounds, version):
        lines = []
        for name, tags, fields in metrics:
            prefix = ",".join([name, *(f"{key}={value}" for key, value in sorted(tags.items()))])
            lines.append(f"{prefix} {','.join(f'{key}={value!r}' for key, value in fields.items())} {at}")
        points, errors = line_protocol.decode("\n".join(lines).encode(), "ms", at)
        assert not errors
        found += points
    return found


def metricbeat(rounds: list[Truth]) -> Points:
    """Its module `prometheus`: a document for each set of labels."""
    decode, found = decoder_of("metricbeat"), []
    for at, rows in _series(rounds):
        documents: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
        for name, labels, value in rows:
            documents.setdefault(tuple(labels.items()), {})[name] = value
        when = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for labels, metrics in documents.items():
            document = {
                "@timestamp": when,
                "@metadata": {"beat": "metricbeat", "type": "_doc", "version": "8.19.0"},
                "event": {"dataset": "prometheus.collector", "module": "prometheus"},
                "metricset": {"name": "collector", "period": EVERY_MS},
                "prometheus": {"labels": {"service": "cart", **dict(labels)}, "metrics": metrics},
            }
            found += decode(orjson.dumps(document), at)
    return found


def statsd(rounds: list[Truth]) -> Points:
    """Every request by itself."""
    flushing, found = StatsdTotals(1000, rounds[0].time_ms), []
    for now in rounds:
        for status, took in now.took_ms.items():
            for value in took:
                flushing.take(f"http.server.duration:{value!r}|ms|#service:cart,{LABEL}:{status}".encode())
        if now is not rounds[0]:
            flushing.take(f"{EVICTED}:{now.evicted}|c|#service:cart".encode())
        flushing.take(f"{CLIENTS}:{now.clients}|g|#service:cart".encode())
        found += flushing.flush(now.time_ms).points
    return found


# How far a quantile may be off: where buckets are not those of the scrape, by the width of theirs.
EXACT, BY_SCALE, BY_SKETCH = 1e-9, 2 ** (2**-SCALE) - 1, 0.022
SENDERS: dict[str, tuple[Callable[[list[Truth]], Points], float]] = {
    "scrape": (scrape, EXACT),
    "remote write 1.0": (remote_write_1, EXACT),
    "remote write 2.0": (remote_write_2, EXACT),
    "remote write, native histograms": (remote_write_native, EXACT),
    "remote write, classic and native": (remote_write_both, EXACT),
    "OTLP": (lambda rounds: _otlp(rounds, False, False), EXACT),
    "OTLP, delta": (lambda rounds: _otlp(rounds, True, False), EXACT),
    "OTLP, exponential": (lambda rounds: _otlp(rounds, False, True), BY_SCALE),
    "OTLP, exponential, delta": (lambda rounds: _otlp(rounds, True, True), BY_SCALE),
    "Telegraf JSON, version 1": (lambda rounds: _telegraf_json(rounds, 1), EXACT),
    "Telegraf JSON, version 2": (lambda rounds: _telegraf_json(rounds, 2), EXACT),
    "line protocol, version 1": (lambda rounds: _telegraf_lines(rounds, 1), EXACT),
    "line protocol, version 2": (lambda rounds: _telegraf_lines(rounds, 2), EXACT),
    "Metricbeat": (metricbeat, EXACT),
    "StatsD": (statsd, BY_SKETCH),
}
