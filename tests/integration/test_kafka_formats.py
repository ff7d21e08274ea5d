"""Topics of metrics and of OTLP logs, from a real broker through the daemon: points counted, findings told, and what a topic did
not promise kept with its topic, partition, offset and reason."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.integration.test_run import Place, free_port
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka
from tests.services.kafka_records import Sent, send
from tests.services.otlp_producer import missing_module, three_points

WITHIN_S = 40
FORMATS = ("telegraf", "metricbeat", "otlp_metrics", "otlp_logs")
CPU = {"name": "cpu", "fields": {"usage_idle": 97.1, "usage_user": 2}, "tags": {"host": "a"}, "timestamp": 1_795_000_000}
LOAD = {
    "@timestamp": "2026-11-18T10:00:00.000Z",
    "@metadata": {"beat": "metricbeat", "version": "8.19.0"},
    "event": {"module": "system", "dataset": "system.load", "duration": 9},
    "metricset": {"name": "load", "period": 10000},
    "system": {"load": {"1": 0.5, "5": 0.25, "15": 0.125, "cores": 4}},
}


def shipped(lines: list[str]) -> bytes:
    """A log file's lines, as the Collector writes them in JSON."""
    attributes = [{"key": "log.file.path", "value": {"stringValue": "/var/log/shop.log"}}]
    logs = [
        {"body": {"stringValue": line}, "attributes": attributes, "observedTimeUnixNano": "1795000000000000000"} for line in lines
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": logs}]}]}).encode()


class Topics:
    """A topic of each format, and the daemon that reads them."""

    def __init__(self, place: Place, broker: Kafka) -> None:
        self.place, self.broker = place, broker
        self.api, self._starts = free_port(), 1
        self.names = {format: fresh(format) for format in FORMATS}
        for name in self.names.values():
            broker.create_topic(name)
        place.settings["api"] = {"listen": f"127.0.0.1:{self.api}"}
        place.settings["sources"] = [
            {"type": "kafka", "name": format, "format": format, "topics": [name], "servers": [broker.address], "group": name}
            for format, name in self.names.items()
        ]
        place.settings["sources"] = [{**source, "start_at": "earliest"} for source in place.settings["sources"]]
        place.daemon.write_settings(place.settings)

    def start(self) -> None:
        self.place.daemon.start()
        self.place.daemon.wait_for_log('"source_started"', self._starts * len(FORMATS))
        self._starts += 1

    def send(self, format: str, *values: bytes) -> None:
        send(self.broker.address, self.names[format], [Sent(value) for value in values])

    def counted(self, what: str, format: str) -> float:
        found = re.search(rf'^trimwatch_source_{what}_total{{source="{format}"}} (\S+)$', self.place.ask("/metrics")[1], re.M)
        return float(found[1]) if found else 0

    def until_counted(self, what: str, **wanted: int) -> None:
        end = time.monotonic() + WITHIN_S
        while (found := {format: self.counted(what, format) for format in wanted}) != wanted:
            assert time.monotonic() < end, (what, found, self.place.daemon.log.read_text()[-3000:])
            time.sleep(0.05)

    def dead_letters(self) -> set[tuple[str, str, str]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/api/v1/dead-letters", timeout=5) as answer:
            return {(each["source"], each["position"], each["reason"]) for each in json.load(answer)["dead_letters"]}


@pytest.fixture
def topics(tmp_path: Path, kafka_broker: Kafka) -> Iterator[Topics]:
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield Topics(place, kafka_broker)
        if not place.daemon.has_ended():
            place.daemon.kill()


def test_points_are_counted_and_the_rest_is_kept_with_its_place(topics: Topics) -> None:
    """Two good records, one that the topic did not promise and one of twenty megabytes; those behind are read all the same."""
    cpu, load = json.dumps(CPU).encode(), json.dumps(LOAD).encode()
    topics.send("telegraf", json.dumps({"metrics": [CPU, CPU]}).encode(), b"cpu usage=1 17")
    topics.send("telegraf", b'{"name":"%b"}' % (b"x" * (20 << 20)))
    topics.send("telegraf", cpu)
    topics.send("metricbeat", load, b'{"message":"a line"}', load)
    topics.send("otlp_metrics", three_points(), missing_module("psycopg2"), three_points())
    topics.start()
    topics.until_counted("points", telegraf=6, metricbeat=8, otlp_metrics=6)
    topics.until_counted("dead_letters", telegraf=2, metricbeat=1, otlp_metrics=1)
    places = {format: f"{topics.names[format]}/0" for format in FORMATS}
    end = time.monotonic() + WITHIN_S
    while len(found := topics.dead_letters()) < 4:
        assert time.monotonic() < end, found
    assert found == {
        (places["telegraf"], "1", "no JSON object"),
        (places["telegraf"], "2", "20971531 bytes of JSON; at most 16777216 are read"),
        (places["metricbeat"], "1", "no metricset: this is no document of Metricbeat's"),
        (places["otlp_metrics"], "1", "no Metric of OTLP"),
    }
    assert topics.place.daemon.stop() == 0


def test_otlp_logs_are_judged(topics: Topics) -> None:
    """A library's exception, and a trace shipped line by line that goes on in the next record; after a restart it goes on."""
    topics.start()
    head = "2026-11-24T10:00:00.000Z ERROR 1 --- [main] shop.Cart : request failed"
    trace = [head, "java.lang.ClassNotFoundException: planted.First", "\tat a.B.c(B.java:1)"]
    topics.send("otlp_logs", missing_module("psycopg2"), b"plain text", shipped(trace[:1]), shipped([*trace[1:], head]))
    assert topics.place.receiver.wait_for({"psycopg2", "planted.First"}, WITHIN_S) == set()
    told = {body["entity"]: body for body in topics.place.receiver.told}
    assert {body["service"] for body in told.values()} == {"shop"}
    assert {body["source"] for body in told.values()} == {f"{topics.names['otlp_logs']}/0"}
    topics.until_counted("dead_letters", otlp_logs=1)
    assert topics.place.daemon.stop() == 0
    topics.send("otlp_logs", shipped([head, "java.lang.ClassNotFoundException: planted.Second", "\tat a.B.c(B.java:1)", head]))
    topics.start()
    assert topics.place.receiver.wait_for({"planted.Second"}, WITHIN_S) == set()
    assert [body["entity"] for body in topics.place.receiver.told].count("planted.First") == 1
    assert topics.place.daemon.stop() == 0


def test_points_are_counted_once_over_a_restart(topics: Topics) -> None:
    """The position is in the checkpoint: what was read is not read again."""
    for _ in range(2):
        topics.send("telegraf", json.dumps(CPU).encode())
        topics.start()
        topics.until_counted("points", telegraf=2)
        assert topics.place.daemon.stop() == 0
