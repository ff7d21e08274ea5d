"""The daemon with topics as its receiver: its own process, a real broker, both killed with -9."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from detector.crash_points import CrashPoint
from detector.interface_schema import SCHEMAS
from tests.acceptance.daemon import Daemon
from tests.contract.topic_receiver import records_in
from tests.services.fixtures import fresh
from tests.services.kafka import Kafka

HEADER = "2026-11-24T10:00:00.000Z ERROR 1 --- [main] shop.Cart : request failed\n"
PLANTED = 60
SECRET = "c4nary-kafka-passw0rd"


def trace(number: int) -> str:
    return f"{HEADER}java.lang.ClassNotFoundException: planted.Class{number}\n\tat a.B.c(B.java:1)\n"


def settings(folder: Path, **sink: Any) -> dict[str, object]:
    return {
        "sources": [{"type": "file", "paths": [str(folder / "shop.log")], "poll": "20ms", "look_for_files": "100ms"}],
        "sinks": [{"type": "kafka", "timeout": "2s", **sink}],
        "outbox": {"first_retry": "50ms", "longest_retry": "200ms"},
        "store": {"path": str(folder / "state")},
        "telemetry": {"listen": ""},
        "api": {"listen": ""},
        "log": {"format": "json"},
    }


class Topics:
    """What stands in both topics of the sink."""

    def __init__(self, broker: Kafka) -> None:
        self.broker = broker
        self.incidents, self.findings = fresh("incidents"), fresh("findings")
        for name in (self.incidents, self.findings):
            broker.create_topic(name)

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(record.value) for record in asyncio.run(records_in(self.broker.address, topic))]

    def wait_for(self, topic: str, is_there: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        end = time.monotonic() + 30
        while not is_there(found := self.of(topic)):
            assert time.monotonic() < end, f"{len(found)} records, and not those that were waited for"
        return found


def _has_all(found: list[dict[str, Any]]) -> bool:
    return {each["entity"] for each in found} >= {f"planted.Class{number}" for number in range(PLANTED)}


@pytest.mark.service
def test_incidents_and_findings_survive_kills_of_both(own_kafka: Kafka, tmp_path: Path) -> None:
    """Planted failures while the daemon is killed, then the broker, then both: each has its incident and its finding in the
    topics, what comes twice is known again, and each value is what the schema says."""
    topics = Topics(own_kafka)
    log = (tmp_path / "shop.log").open("a", buffering=1)
    daemon = Daemon(
        tmp_path,
        settings(tmp_path, servers=[own_kafka.address], topic=topics.incidents, findings_topic=topics.findings),
    )
    steps = [lambda: None, daemon.kill, own_kafka.kill, lambda: (own_kafka.kill(), daemon.kill())]
    daemon.start()
    daemon.wait_for_log('"source_started"')
    for at, step in enumerate(steps):
        for number in range(at * 15, at * 15 + 15):
            log.write(trace(number) + HEADER)
        step()
        if not own_kafka.answers():
            own_kafka.start()
        if daemon.has_ended():
            daemon.start()
    incidents = topics.wait_for(topics.incidents, _has_all)
    findings = topics.wait_for(topics.findings, _has_all)
    assert daemon.stop() == 0
    validators = {kind: jsonschema.Draft202012Validator(SCHEMAS[kind]()) for kind in ("incident", "finding")}
    for each in (*incidents, *findings):
        validators[each["kind"]].validate(each)
    told = Counter((each["dedup_key"], each["seq"], each["action"]) for each in incidents)
    assert len({key for key, _, action in told if action == "trigger"}) == PLANTED
    assert len({(each["instance"], each["id"]) for each in findings}) == PLANTED
    twice = len(incidents) - len(told), len(findings) - PLANTED
    print(f"{PLANTED} planted: {len(incidents)} incident records, {twice[0]} twice; {len(findings)} findings, {twice[1]} twice")


@pytest.mark.service
def test_what_was_sent_and_not_noted_comes_again_as_itself(kafka_broker: Kafka, tmp_path: Path) -> None:
    """Killed between the broker's answer and the note of it: the same record twice, same key and same seq."""
    topics = Topics(kafka_broker)
    (tmp_path / "shop.log").write_text(trace(1) + HEADER)
    daemon = Daemon(tmp_path, settings(tmp_path, servers=[kafka_broker.address], topic=topics.incidents))
    daemon.start(crash_at=CrashPoint.SINK_SENT.value)
    assert daemon.ended_within(20)
    daemon.start()
    first, second = topics.wait_for(topics.incidents, lambda found: len(found) > 1)
    daemon.stop()
    assert (first["dedup_key"], first["seq"], first["action"]) == (second["dedup_key"], second["seq"], "trigger")


@pytest.mark.service
def test_a_wrong_password_is_shown_and_never_written(kafka_broker: Kafka, tmp_path: Path) -> None:
    """In the daemon's own log, in words; the alert is given up, since nobody mends a password by waiting."""
    (tmp_path / "shop.log").write_text(trace(1) + HEADER)
    sink = {"servers": [kafka_broker.sasl], "sasl": "scram-sha-256", "username": "writer", "password": SECRET}
    daemon = Daemon(tmp_path, settings(tmp_path, **sink))
    daemon.start()
    said = daemon.wait_for_log("user or password is wrong")
    daemon.stop()
    assert "authError" in said
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != daemon.config]
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
