"""StatsD from a socket, and topics of Telegraf, Metricbeat and OTLP from a real broker, through the daemon into the history."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.records import Cell
from tests.integration.test_replay_metrics import kept
from tests.integration.test_signals_run import Watched
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka
from tests.services.kafka_records import Sent, send
from tests.services.process import free_port

ROUNDS, EVERY_S, STEP_MS = 40, 15, 15_000
WITHIN_S = 60
Cells = dict[tuple[str, str, int], Cell]


@pytest.fixture
def begin_s() -> int:
    """An hour ago, where a step begins."""
    return (int(time.time()) - 3600) // 900 * 900


def of(cells: Cells, service: str, signal: str) -> dict[int, float]:
    return {time_ms: cell.value for (whose, name, time_ms), cell in cells.items() if (whose, name) == (service, signal)}


def test_statsd(tmp_path: Path, begin_s: int) -> None:
    """Counters and gauges that a client added up itself and sends with their times, as DogStatsD 1.3 does."""
    port = free_port()
    sources = [{"type": "statsd", "listen": f"127.0.0.1:{port}", "service": "cart", "interval": "1s"}]
    place = Watched(tmp_path, sources=sources, ingest={})
    place.daemon.start()
    place.daemon.until(lambda: place.figure("trimwatch_up") >= 0 and "source_started" in place.daemon.log.read_text(), WITHIN_S)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for at in range(ROUNDS):
        when = begin_s + at * EVERY_S
        lines = [f"http_requests_total:{count}|c|#code:{code}|T{when}" for code, count in ((200, 27), (503, 3))]
        lines.append(f"redis_connected_clients:{5 + at % 3}|g|T{when}")
        sender.sendto("\n".join(lines).encode(), ("127.0.0.1", port))
    sender.close()
    place.daemon.until(lambda: place.figure("trimwatch_source_points_total") >= 3 * ROUNDS, WITHIN_S)
    place.daemon.until(lambda: place.figure("trimwatch_signal_cells_total") >= 3 * (ROUNDS - 6), WITHIN_S)
    assert place.daemon.stop() == 0
    cells = kept(place.state)
    steps = [begin_s * 1000 + at * STEP_MS for at in range(ROUNDS - 6)]
    assert [of(cells, "cart", "application/request-rate")[at] for at in steps] == pytest.approx([2.0] * len(steps))
    assert [of(cells, "cart", "application/http-5xx-share")[at] for at in steps] == pytest.approx([0.1] * len(steps))
    assert [of(cells, "cart", "storage/redis-clients")[at] for at in steps] == [5.0 + at % 3 for at in range(len(steps))]


@pytest.mark.parametrize("format", ["telegraf", "metricbeat", "otlp_metrics"])
def test_a_topic_of_metrics(tmp_path: Path, begin_s: int, kafka_broker: Kafka, format: str) -> None:
    """Ten minutes of it wait in the topic, and become what was sent."""
    made, expected = TOPICS[format]
    name = fresh(format)
    kafka_broker.create_topic(name)
    send(kafka_broker.address, name, [Sent(made(begin_s + at * EVERY_S, at)) for at in range(ROUNDS)])
    source = {"type": "kafka", "format": format, "topics": [name], "servers": [kafka_broker.address], "group": name}
    place = Watched(tmp_path, sources=[{**source, "start_at": "earliest"}], ingest={})
    place.daemon.start()
    steps = [begin_s * 1000 + at * STEP_MS for at in range(ROUNDS - 7)]
    place.daemon.until(lambda: place.figure("trimwatch_signal_cells_total") >= len(expected) * len(steps), WITHIN_S)
    assert place.daemon.stop() == 0
    cells = kept(place.state)
    for (service, signal), value in expected.items():
        found = of(cells, service, signal)
        assert [found[at] for at in steps] == pytest.approx([value + (at if value > 1e6 else 0) for at in range(len(steps))]), (
            signal
        )


def test_two_topics_of_a_backlog(tmp_path: Path, begin_s: int, kafka_broker: Kafka) -> None:
    """Ten minutes of each wait when they are read first: which is read first does not make the other late."""
    names = {format: fresh(format) for format in ("telegraf", "otlp_metrics")}
    for format, name in names.items():
        kafka_broker.create_topic(name)
        made = TOPICS[format][0]
        send(kafka_broker.address, name, [Sent(made(begin_s + at * EVERY_S, at)) for at in range(ROUNDS)])
    common = {"type": "kafka", "servers": [kafka_broker.address], "start_at": "earliest"}
    sources = [{**common, "name": format, "format": format, "topics": [name], "group": name} for format, name in names.items()]
    place = Watched(tmp_path, sources=sources, ingest={}, signals={"wait": "10s"})
    place.daemon.start()
    steps = [begin_s * 1000 + at * STEP_MS for at in range(ROUNDS - 7)]
    expected = {key: value for format in names for key, value in TOPICS[format][1].items()}
    place.daemon.until(lambda: place.figure("trimwatch_signal_cells_total") >= len(expected) * len(steps), WITHIN_S)
    assert place.figure('trimwatch_signal_points_unused_total{reason="late"}') == 0
    assert place.daemon.stop() == 0
    cells = kept(place.state)
    for (service, signal), value in expected.items():
        found = of(cells, service, signal)
        assert [found[at] for at in steps] == pytest.approx([value] * len(steps)), signal


def telegraf(when: int, number: int) -> bytes:
    """Thirty requests a scrape, three of which fail; with `metric_version = 1`."""
    tags = {"application": "shop", "method": "GET"}
    metrics = []
    for status, count in (("200", 27 * number), ("503", 3 * number)):
        fields = {"count": count, "sum": count / 4, "0.5": count, "+Inf": count}
        metrics.append(
            {"name": "http_server_requests_seconds", "fields": fields, "tags": {**tags, "status": status}, "timestamp": when}
        )
    return json.dumps({"metrics": metrics}).encode()


def metricbeat(when: int, number: int) -> bytes:
    document = {
        "@timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(when)),
        "@metadata": {"beat": "metricbeat", "type": "_doc", "version": "8.19.0"},
        "event": {"dataset": "kubernetes.container", "module": "kubernetes"},
        "metricset": {"name": "container", "period": 15000},
        "kubernetes": {
            "namespace": "shop",
            "pod": {"name": "shop-1"},
            "container": {"name": "app", "memory": {"workingset": {"bytes": 100_000_000 + number}}},
        },
    }
    return json.dumps(document).encode()


def otlp(when: int, number: int) -> bytes:
    """What was added since the request before."""
    point = {
        "startTimeUnixNano": str((when - EVERY_S) * 10**9),
        "timeUnixNano": str(when * 10**9),
        "count": "30",
        "sum": 7.5,
        "bucketCounts": ["30", "0"],
        "explicitBounds": [0.5],
    }
    metric = {
        "name": "http.server.request.duration",
        "unit": "s",
        "histogram": {"aggregationTemporality": 1, "dataPoints": [point]},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "pay"}}]}
    return json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}).encode()


# What each makes, in which service and signal; a value of memory grows by one a round.
TOPICS: dict[str, tuple[Callable[[int, int], bytes], dict[tuple[str, str], float]]] = {
    "telegraf": (
        telegraf,
        {
            ("shop", "application/request-rate"): 2.0,
            ("shop", "application/http-5xx-share"): 0.1,
            ("shop", "application/latency-p99"): 495.0,
        },
    ),
    "metricbeat": (metricbeat, {("app", "container/working-set"): 1e8}),
    "otlp_metrics": (otlp, {("pay", "application/request-rate"): 2.0, ("pay", "application/latency-p99"): 495.0}),
}
