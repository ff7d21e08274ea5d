"""JSON records in which log shippers carry a line, on the way to a topic or as an index has them: Filebeat, Fluent Bit and
Fluentd, Vector, Logstash, OpenShift, CloudWatch, Google, OpenTelemetry."""

from __future__ import annotations

from typing import Any

import orjson

from detector.core.decode.logs import levels, stored, times
from detector.core.decode.logs.frame import Frame, text
from detector.records import Level

_SHIPPERS = (
    "@metadata",
    "agent",
    "beat",
    "input",
    "source_type",
    "logtag",
    "_p",
    "kubernetes",
    "docker",
    "container_name",
    "container_id",
)
_NAMES = ("app.kubernetes.io/name", "app", "k8s-app", "app_kubernetes_io/name", "com.docker.compose.service", "name")


# What a record holds at most, beside its line, that nobody but a shipper could have written.
_BARE = frozenset(
    ("@timestamp", "date", "message", "log", "host", "hostname", "path", "filename", "file", "type", "tag", "tags", "source")
)


def read(record: dict[str, Any]) -> Frame | None:
    """None when the record is no shipper's, or when the shipper has already merged the application's own fields into it."""
    if record.get("source_type") == "otlp":
        said = _said(record)
        return (
            _frame(record, text(said), "otlp", levels.opentelemetry(record.get("severityNumber"))) if said is not None else None
        )
    if (found := stored.otel(record)) is not None:
        return found
    if (inner := stored.decoded(record)) is not None:
        return _frame(record, orjson.dumps(inner[1]), "decoded")
    if (line := stored.original(record)) is not None:
        return _frame(record, text(line), "original", stored.level(record))
    if (whole := stored.gathered(record)) is not None:
        return _frame(record, orjson.dumps(whole), "gathered")
    carried = _carried(record)
    if carried is None:
        return None
    line, name = carried
    return _frame(record, text(line), name, stored.level(record) if name == "openshift" else None)


def _carried(record: dict[str, Any]) -> tuple[str, str] | None:
    """The line, and how it is carried."""
    line: Any
    line, name = record.get("log"), "fluent"
    if not isinstance(line, str) or not (
        any(key in record for key in ("stream", "kubernetes", "container_name", "container_id", "logtag")) or _is_bare(record)
    ):
        line, name = record.get("textPayload"), "google"
    if not isinstance(line, str):
        line, name = record.get("@message"), "cloudwatch"
        if "@log_stream" not in record:
            line = None
    if not isinstance(line, str):
        line, name = record.get("message"), "vector" if "source_type" in record else "beat"
        if "log_type" in record and "kubernetes" in record:
            name = "openshift"
        elif isinstance(line, str) and not _carries(record):
            return None
    return (line, name) if isinstance(line, str) else None


def _frame(record: dict[str, Any], payload: bytes, name: str, level: Level | None = None) -> Frame:
    where = _kubernetes(record)
    part = record.get("logtag") == "P" or record.get("_p") in ("P", True)
    labels = tuple((key, value) for key, value in zip(("namespace", "pod", "container"), where[:3], strict=True) if value)
    place = record.get("@log_stream") if name == "cloudwatch" else record.get("stream")
    key = "/".join(filter(None, ("" if where[1] else _host(record), *where[:3], _file(record), _word(place))))
    return Frame(payload.removesuffix(b"\n"), name, key, _time(record), level, _service(record, where), labels, part)


def _said(record: dict[str, Any]) -> str | None:
    """What `logs.otlp` wrote: a line, or a record of a logging library."""
    said, message = record.get("record"), record.get("message")
    if isinstance(said, dict):
        return orjson.dumps(said).decode()
    return message if isinstance(message, str) else None


def _carries(record: dict[str, Any]) -> bool:
    """Whether `message` is a line as it was read: a shipper's mark is there, and no level that someone decoded. (Docker's GELF
    driver says by a number which of the two streams it was.)"""
    if "image_name" in record and "container_id" in record and isinstance(record.get("level"), int):
        return True
    if any(name in record for name in ("level", "log.level", "severity", "levelname")):
        return False
    log = record.get("log")
    if isinstance(log, dict) and "level" in log:
        return False
    if any(key in record for key in _SHIPPERS) or ("@version" in record and "logger_name" not in record):
        return True
    return any(key.startswith(("agent.", "kubernetes.")) for key in record) or _is_bare(record)


def _is_bare(record: dict[str, Any]) -> bool:
    """A line, when it was read and where: nothing that an application would have written."""
    return "@timestamp" in record and record.keys() <= _BARE and ("message" in record) != ("log" in record)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _kubernetes(record: dict[str, Any]) -> tuple[str, str, str, dict[str, Any]]:
    """Namespace, pod, container and the pod's labels, in whichever of the three spellings."""
    found = record.get("kubernetes")
    if not isinstance(found, dict):
        if "kubernetes.pod.name" in record:
            return _dotted(record)
        name = _word(record.get("container_name")) or _word(record.get("container_id"))
        return "", "", name.lstrip("/"), {}
    pod: Any = found.get("pod")
    container: Any = found.get("container")
    pod_name = found.get("pod_name") or (pod.get("name") if isinstance(pod, dict) else "")
    container_name = found.get("container_name") or (container.get("name") if isinstance(container, dict) else "")
    namespace = found.get("namespace_name") or found.get("pod_namespace") or found.get("namespace")
    labels = found.get("labels") or found.get("pod_labels")
    return _word(namespace), _word(pod_name), _word(container_name), labels if isinstance(labels, dict) else {}


def _dotted(record: dict[str, Any]) -> tuple[str, str, str, dict[str, Any]]:
    """The same where every name was flattened."""
    names = ("kubernetes.namespace", "kubernetes.pod.name", "kubernetes.container.name")
    prefix = "kubernetes.labels."
    labels = {name.removeprefix(prefix): value for name, value in record.items() if name.startswith(prefix)}
    namespace, pod, container = (_word(record.get(name)) for name in names)
    return namespace, pod, container, labels


def _service(record: dict[str, Any], where: tuple[str, str, str, dict[str, Any]]) -> str | None:
    service = record.get("service")
    name = record.get("service.name") or (service.get("name") if isinstance(service, dict) else service)
    if isinstance(name, str) and name:
        return name
    labels = where[3]
    for label in _NAMES:
        nested: Any = labels.get(label)
        if nested is None and label.startswith("app.kubernetes"):
            nested = labels.get("app_kubernetes_io/name") or labels.get("app_kubernetes_io_name")
        if isinstance(nested, str) and nested:
            return nested
    unit = record.get("systemd")
    return where[2] or (_word(unit.get("unit")) if isinstance(unit, dict) else "") or None


def _host(record: dict[str, Any]) -> str:
    host = record.get("host")
    if isinstance(host, dict):
        host = host.get("name") or host.get("hostname")
    return _word(host) or _word(record.get("host.name")) or _word(record.get("hostname"))


def _file(record: dict[str, Any]) -> str:
    log = record.get("log")
    path = log.get("file") if isinstance(log, dict) else record.get("file") or record.get("source") or record.get("filename")
    if isinstance(path, dict):
        path = path.get("path")
    return _word(path) or _word(record.get("log.file.path"))


def _time(record: dict[str, Any]) -> int | None:
    for key in ("time", "timestamp", "@timestamp", "date"):
        value = record.get(key)
        if isinstance(value, str):
            moment = times.read(value.encode(), 0) if value[:4].isdigit() else None
            if moment is not None:
                return moment.ms
        elif isinstance(value, int | float):
            return times.number(value)
    return None
