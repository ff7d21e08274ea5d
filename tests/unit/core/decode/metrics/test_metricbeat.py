"""Metricbeat's documents in the shapes of 6.x, 7.x and 8.x; the shapes follow elastic/beats' own `_meta/data.json`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from detector.core.decode.metrics import decoder_of
from detector.records import MetricKind, MetricPoint

RECORD_MS = 1_795_000_000_000
AT, AT_MS = "2018-06-20T16:47:49.597Z", 1_529_513_269_597
CONTAINER: dict[str, Any] = {
    "namespace": "shop",
    "node": {"name": "n1"},
    "pod": {"name": "cart-7c9d", "uid": "ba46"},
    "labels": {"app": "cart"},
    "annotations": {"revision": "7"},
    "container": {
        "name": "app",
        "status": {"restarts": 5, "phase": "running", "ready": True},
        "memory": {"workingset": {"bytes": 16404480}},
    },
}
OLD = {
    "@timestamp": AT,
    "@metadata": {"beat": "metricbeat", "type": "doc", "version": "6.8.0"},
    "metricset": {"name": "container", "module": "kubernetes", "rtt": 68697, "host": "n1:10255"},
    "beat": {"name": "n1", "hostname": "n1", "version": "6.8.0"},
    "kubernetes": CONTAINER,
}
NEW = {
    "@timestamp": AT,
    "event": {"dataset": "kubernetes.container", "module": "kubernetes", "duration": 115000},
    "metricset": {"name": "container", "period": 10000},
    "service": {"address": "n1:10255"},
    "host": {"name": "n1", "os": {"name": "Debian"}, "ip": ["10.0.0.1"], "cpu": {"usage": 0.25}},
    "agent": {"type": "metricbeat", "version": "8.19.0", "name": "n1"},
    "ecs": {"version": "8.0.0"},
    "cloud": {"instance": {"id": "i-1"}, "account": {"id": 17}},
    "fields": {"rank": 3},
    "kubernetes": CONTAINER,
}


def points(document: object, record_ms: int = RECORD_MS) -> tuple[MetricPoint, ...]:
    value = document if isinstance(document, bytes) else json.dumps(document).encode()
    return decoder_of("metricbeat")(value, record_ms)


def of(module: str, name: str, **found: object) -> dict[str, object]:
    return {"@timestamp": AT, "event": {"dataset": f"{module}.{name}", "module": module}, "metricset": {"name": name}, **found}


def names(document: object) -> dict[str, object]:
    return {point.name: point.value for point in points(document)}


def test_numeric_leaves_are_points_and_nothing_else_is() -> None:
    """Timings of the fetch, versions, the user's constants and annotations are none; truth is a number."""
    assert names(OLD) == {
        "kubernetes.container.memory.workingset.bytes": 16404480.0,
        "kubernetes.container.status.ready": 1.0,
        "kubernetes.container.status.restarts": 5.0,
    }
    assert names(NEW) == names(OLD) | {"host.cpu.usage": 0.25}


def test_labels_name_the_thing_alike_in_every_version() -> None:
    """A pod's phase and the host's system name nothing."""
    labels = (
        ("event.dataset", "kubernetes.container"),
        ("event.module", "kubernetes"),
        ("host.name", "n1"),
        ("kubernetes.container.name", "app"),
        ("kubernetes.labels.app", "cart"),
        ("kubernetes.namespace", "shop"),
        ("kubernetes.node.name", "n1"),
        ("kubernetes.pod.name", "cart-7c9d"),
        ("kubernetes.pod.uid", "ba46"),
        ("service.address", "n1:10255"),
    )
    assert {point.labels for point in points(OLD) + points(NEW)} == {labels}
    assert {(point.time_ms, point.kind) for point in points(OLD) + points(NEW)} == {(AT_MS, MetricKind.UNKNOWN)}


def test_dotted_and_nested_fields_are_one() -> None:
    """Some that pass documents on flatten them."""
    flat = {"@timestamp": AT, "event.dataset": "system.load", "metricset.name": "load", "system.load.1": 0.5}
    assert points(flat) == points(of("system", "load", system={"load": {"1": 0.5}}))


@pytest.mark.parametrize(
    ("document", "label"),
    [
        (of("system", "network", system={"network": {"name": "eth0", "in": {"bytes": 1}}}), ("system.network.name", "eth0")),
        (of("system", "core", system={"core": {"id": 3, "user": {"pct": 0.1}}}), ("system.core.id", "3")),
        (of("redis", "keyspace", redis={"keyspace": {"id": "db0", "keys": 1}}), ("redis.keyspace.id", "db0")),
        (
            of("kafka", "consumergroup", kafka={"consumergroup": {"topic": "orders", "partition": 2, "offset": 9}}),
            ("kafka.consumergroup.partition", "2"),
        ),
        (
            of("system", "filesystem", system={"filesystem": {"mount_point": "/data", "used": {"pct": 0.5}}}),
            ("system.filesystem.mount_point", "/data"),
        ),
        (of("docker", "cpu", container={"name": "db", "cpu": {"usage": 0.2}}), ("container.name", "db")),
        (of("system", "process", process={"pid": 7, "name": "java", "cpu": {"pct": 1}}), ("process.pid", "7")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_things_of_one_metricset_are_told_apart(document: object, label: tuple[str, str]) -> None:
    """One document each: a card, a core, a partition, a disk, a container, a process."""
    (point,) = points(document)
    assert label in point.labels


@pytest.mark.parametrize(
    ("prometheus", "name", "kind"),
    [
        ({"metrics": {"http_requests_total": 5}, "labels": {"job": "cart"}}, "http_requests_total", MetricKind.UNKNOWN),
        ({"http_requests_total": {"counter": 5}, "labels": {"job": "cart"}}, "http_requests_total", MetricKind.COUNTER),
        ({"queue": {"value": 5}, "labels": {"job": "cart"}}, "queue", MetricKind.GAUGE),
        ({"collector": {"label": {"job": "cart"}, "queue": 5}}, "queue", MetricKind.UNKNOWN),
    ],
    ids=["7.x", "use_types", "use_types gauge", "6.x"],
)
def test_metrics_from_prometheus_keep_their_names(prometheus: object, name: str, kind: MetricKind) -> None:
    """And their labels' names."""
    document = of("prometheus", "collector", prometheus=prometheus)
    document["metricset"] = {"name": "collector", "namespace": "collector"}
    (point,) = points(document)
    assert (point.name, point.kind, point.value) == (name, kind, 5.0)
    assert ("job", "cart") in point.labels


def test_a_failed_fetch_has_no_points() -> None:
    """It is a document all the same."""
    assert points(of("redis", "info", error={"message": "connection refused", "code": 7})) == ()


def deep(levels: int) -> dict[str, object]:
    found: dict[str, object] = {"v": 1}
    for _ in range(levels):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"plain text", "no JSON object"),
        ({"@timestamp": AT, "message": "a line", "agent": {"type": "filebeat"}}, "no metricset"),
        ({"@timestamp": AT, "metricset": {"name": "load"}}, "a document without event.dataset"),
        (of("m", "s") | {"@timestamp": "tomorrow"}, "an @timestamp that is no time"),
        (of("m", "s", m={"s": {"a": 1}}) | {"m.s.a": 2}, "a document that says a field twice"),
        (of("m", "s", m=deep(60)), "a document nested too deep"),
        (of("m", "s", m={f"f{number}": number for number in range(20_001)}), "a document nested too deep, or of too many"),
    ],
)
def test_a_record_that_is_none_is_refused_with_a_reason(document: object, reason: str) -> None:
    """Without a metricset it is another Beat's."""
    with pytest.raises(ValueError, match="^" + reason):
        points(document)


def test_without_a_time_it_has_the_records() -> None:
    """And without that it is refused."""
    document = of("m", "s", m={"s": {"a": 1}})
    del document["@timestamp"]
    assert points(document)[0].time_ms == RECORD_MS
    with pytest.raises(ValueError, match="a document without a time"):
        points(document, -1)
