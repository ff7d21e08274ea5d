"""JSON records in which log shippers carry a line: Filebeat, Fluent Bit and Fluentd, Vector, Logstash, Google, OpenTelemetry."""

from __future__ import annotations

from typing import Any

import orjson

from detector.core.decode.logs import levels, times
from detector.core.decode.logs.frame import Frame, text

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


def read(record: dict[str, Any]) -> Frame | None:
    """None when the record is no shipper's, or when the shipper has already merged the application's own fields into it."""
    line: Any
    line, name, level = record.get("log"), "fluent", None
    if record.get("source_type") == "otlp":
        line, name, level = _said(record), "otlp", levels.opentelemetry(record.get("severityNumber"))
    elif not isinstance(line, str) or not any(
        key in record for key in ("stream", "kubernetes", "container_name", "container_id", "logtag")
    ):
        line, name = record.get("textPayload"), "google"
    if not isinstance(line, str):
        line, name = record.get("message"), "vector" if "source_type" in record else "beat"
        if not isinstance(line, str) or not _carries(record):
            return None
    where = _kubernetes(record)
    time_ms = _time(record)
    part = record.get("logtag") == "P" or record.get("_p") in ("P", True)
    labels = tuple((key, value) for key, value in zip(("namespace", "pod", "container"), where[:3], strict=True) if value)
    key = "/".join(filter(None, (*where[:3], _file(record), _word(record.get("stream")))))
    return Frame(text(line.removesuffix("\n")), name, key, time_ms, level, _service(record, where), labels, part)


def _said(record: dict[str, Any]) -> object:
    """What `logs.otlp` wrote: a line, or a record of a logging library."""
    said = record.get("record")
    return orjson.dumps(said).decode() if isinstance(said, dict) else record.get("message")


def _carries(record: dict[str, Any]) -> bool:
    """Whether `message` is a line as it was read: a shipper's mark is there, and no level that someone decoded."""
    if "level" in record or "log.level" in record or "severity" in record or "levelname" in record:
        return False
    log = record.get("log")
    if isinstance(log, dict) and "level" in log:
        return False
    return any(key in record for key in _SHIPPERS) or ("@version" in record and "logger_name" not in record)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _kubernetes(record: dict[str, Any]) -> tuple[str, str, str, dict[str, Any]]:
    """Namespace, pod, container and the pod's labels, in whichever of the three spellings."""
    found = record.get("kubernetes")
    if not isinstance(found, dict):
        name = _word(record.get("container_name")) or _word(record.get("container_id"))
        return "", "", name.lstrip("/"), {}
    pod: Any = found.get("pod")
    container: Any = found.get("container")
    pod_name = found.get("pod_name") or (pod.get("name") if isinstance(pod, dict) else "")
    container_name = found.get("container_name") or (container.get("name") if isinstance(container, dict) else "")
    namespace = found.get("namespace_name") or found.get("pod_namespace") or found.get("namespace")
    labels = found.get("labels") or found.get("pod_labels")
    return _word(namespace), _word(pod_name), _word(container_name), labels if isinstance(labels, dict) else {}


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
    return where[2] or None


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
