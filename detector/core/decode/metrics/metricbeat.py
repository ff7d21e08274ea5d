"""Metricbeat's documents (6.x, 7.x, 8.x): each numeric leaf is a point of the series `a.b.c`; what names the thing is its labels.

Nothing in a document says which strings name a thing and which describe it. Those that do end in one of a few words, all over
Metricbeat's modules: without them the network cards of a host would be one series, with all strings a pod's phase would part it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from detector.core.decode import guarded_json
from detector.core.decode.logs import times
from detector.core.decode.metrics.labels import LONGEST_NAME, bounded, named, sorted_labels
from detector.records import MetricKind, MetricPoint

_MOST_LEAVES = 20_000
_DEEPEST = 32
# fmt: off
_NO_METRICS = frozenset((  # how and by whom it was measured; constants of the user's
    "@timestamp", "@metadata", "event", "metricset", "agent", "ecs", "cloud", "tags", "fields", "labels", "error",
    "orchestrator", "user", "data_stream", "elastic_agent", "type", "input", "observer", "service", "log", "message",
))
_NAMES = frozenset((
    "name", "id", "uid", "uuid", "namespace", "address", "host", "hostname", "image", "topic", "partition", "replica",
    "client_id", "member_id", "device_name", "device", "mount_point", "interface", "path", "queue", "vhost", "database", "db",
    "keyspace", "index", "node", "instance", "pid", "ppid", "pgid", "port",
))
# fmt: on
_WHERE = {  # the newest spelling first
    "host.name": ("host.name", "agent.hostname", "agent.name", "beat.hostname"),
    "service.address": ("service.address", "metricset.host"),
    "service.name": ("service.name",),
    "service.type": ("service.type",),
}
_POD_LABELS = "kubernetes.labels."
_NOT_NAMES = ("kubernetes.annotations.", "kubernetes.node.labels.", "kubernetes.namespace_labels.", "host.", "beat.")
_TYPES = {"counter": MetricKind.COUNTER, "value": MetricKind.GAUGE}  # of Metricbeat's Prometheus module, with `use_types`
Leaf = str | float | bool


def decode(value: bytes, time_ms: int) -> tuple[MetricPoint, ...]:
    """The points of one document, by name. A document that tells of a failed fetch has none. Raises ValueError."""
    leaves = _leaves(guarded_json.load(value))
    dataset = _dataset(leaves)
    when = _time(leaves.get("@timestamp"), time_ms)
    labels = sorted_labels(named([*_identity(leaves, dataset), *_things(leaves)]))
    return tuple(
        MetricPoint(bounded(name, LONGEST_NAME), labels, kind, number, when) for name, kind, number in sorted(_numbers(leaves))
    )


def _leaves(document: Mapping[str, Any]) -> dict[str, Leaf]:
    """By dotted path, however the document nests them. Lists are no leaves."""
    found: dict[str, Leaf] = {}
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if isinstance(value, dict):
            if depth > _DEEPEST or len(waiting) + len(value) > _MOST_LEAVES:
                raise ValueError("a document nested too deep, or of too many fields")
            waiting += [(f"{path}.{key}" if path else key, item, depth + 1) for key, item in value.items()]
        elif isinstance(value, str | int | float):
            if path in found:
                raise ValueError("a document that says a field twice")
            found[path] = value
            if len(found) > _MOST_LEAVES:
                raise ValueError(f"a document of more than {_MOST_LEAVES} fields")
    return found


def _dataset(leaves: Mapping[str, Leaf]) -> tuple[str, str]:
    """The module and what it measured, as 8.x spells it. Raises ValueError when this is no document of Metricbeat's."""
    module = leaves.get("event.module") or leaves.get("metricset.module")
    name = leaves.get("metricset.name")
    dataset = leaves.get("event.dataset") or (f"{module}.{name}" if module and name else None)
    if name is None and leaves.get("@metadata.beat", leaves.get("agent.type")) != "metricbeat":
        raise ValueError("no metricset: this is no document of Metricbeat's")
    if not isinstance(dataset, str):
        raise ValueError("a document without event.dataset and metricset.module")
    return str(module or dataset.partition(".")[0]), dataset


def _identity(leaves: Mapping[str, Leaf], dataset: tuple[str, str]) -> Iterator[tuple[str, str]]:
    yield "event.module", dataset[0]
    yield "event.dataset", dataset[1]
    for name, paths in _WHERE.items():
        if (path := next((path for path in paths if leaves.get(path)), None)) is not None:
            yield name, str(leaves[path])


def _things(leaves: Mapping[str, Leaf]) -> Iterator[tuple[str, str]]:
    """The labels that tell the things of one metricset apart."""
    for path, value in leaves.items():
        if path.startswith("prometheus.") and (label := _prometheus_label(path)):
            yield label, str(value)
        elif path.startswith(_POD_LABELS) or (_names(path) and not path.startswith(_NOT_NAMES)):
            yield path, str(value)


def _names(path: str) -> bool:
    return path.rpartition(".")[2] in _NAMES and path.partition(".")[0] not in _NO_METRICS


def _numbers(leaves: Mapping[str, Leaf]) -> Iterator[tuple[str, MetricKind, float]]:
    for path, value in leaves.items():
        if isinstance(value, str) or not math.isfinite(value) or path.partition(".")[0] in _NO_METRICS:
            continue
        if path.startswith("prometheus."):
            if not _prometheus_label(path):
                yield (*_prometheus_name(path, leaves), float(value))
        elif not (_names(path) or path.startswith((_POD_LABELS, "kubernetes.annotations."))):
            yield path, MetricKind.UNKNOWN, float(value)


def _prometheus_label(path: str) -> str:
    """`prometheus.labels.<name>`, in 6.x `prometheus.<namespace>.label.<name>`: the name. Else nothing."""
    steps = path.split(".", 3)
    if len(steps) > 2 and steps[1] == "labels":
        return path.removeprefix("prometheus.labels.")
    return steps[3] if len(steps) == 4 and steps[2] == "label" else ""


def _prometheus_name(path: str, leaves: Mapping[str, Leaf]) -> tuple[str, MetricKind]:
    """The metric's own name, and its kind where `use_types` says it: `prometheus.<name>.counter`."""
    name = path.removeprefix("prometheus.")
    for holder in ("metrics", leaves.get("metricset.namespace")):
        if holder and name.startswith(f"{holder}."):
            return name.removeprefix(f"{holder}."), MetricKind.UNKNOWN
    base, _, last = name.rpartition(".")
    return (base, _TYPES[last]) if base and last in _TYPES else (name, MetricKind.UNKNOWN)


def _time(value: Leaf | None, record_ms: int) -> int:
    when = times.read_ms(value.encode("utf-8", "replace"), 0) if isinstance(value, str) else None
    if value is not None and (when is None or when < 0):
        raise ValueError("an @timestamp that is no time")
    if when is None and record_ms < 0:
        raise ValueError("a document without a time, in a record without one")
    return record_ms if when is None else when
