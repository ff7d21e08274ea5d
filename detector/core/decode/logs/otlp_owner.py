"""Whose log record it is: the resource's attributes of OpenTelemetry, in the words of log shippers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.core.decode.otlp.attributes import Plain

LONGEST_NAME = 512
_MOST_HEADS = 1024
_POD_LABELS = ("k8s.pod.labels.", "k8s.pod.label.")
_WORKLOADS = ("deployment", "statefulset", "daemonset", "cronjob", "job")
_OF_A_RECORD = (  # what a log record may say of itself, nearer than its resource
    *(f"k8s.{kind}.name" for kind in ("namespace", "pod", "container", *_WORKLOADS)),
    *("k8s.pod.uid", "k8s.container.restart_count", "container.name", "log.file.path", "log.file.name"),
    *("service.name", "service.instance.id", "host.name"),
)
_WHERE = frozenset(_OF_A_RECORD)
Record = dict[str, Any]


class Owner:
    """One a resource; the log records of a file have one head."""

    def __init__(self, attributes: Mapping[str, Plain]) -> None:
        self.attributes = attributes
        self._head = _head(attributes)
        self._heads: dict[tuple[Plain, ...], Record] = {}

    def head(self, own: Mapping[str, Plain]) -> Record:
        """What the line of a log record with these attributes begins with."""
        if own.keys().isdisjoint(_WHERE):
            return self._head
        key = tuple(map(own.get, _OF_A_RECORD))
        try:
            found = self._heads.get(key)
        except TypeError:  # a list or map where a name belongs
            return self._head
        if found is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            nearer = {name: value for name, value in zip(_OF_A_RECORD, key, strict=True) if value is not None}
            found = self._heads[key] = _head({**self.attributes, **nearer})
        return found


def _head(found: Mapping[str, Plain]) -> Record:
    """Whose line it is, as shippers say it."""
    container = word(found, "k8s.container.name") or word(found, "container.name")
    head: Record = {"source_type": "otlp"}
    where = {
        "namespace_name": word(found, "k8s.namespace.name"),
        "pod_name": word(found, "k8s.pod.name") or word(found, "k8s.pod.uid"),
        "container_name": container,
        "labels": _pod_labels(found),
    }
    if where := {name: value for name, value in where.items() if value}:
        head["kubernetes"] = where
    file = word(found, "log.file.path") or word(found, "log.file.name")
    again = word(found, "k8s.container.restart_count")
    head["file"] = "/".join(filter(None, (file or _instance(found), again)))
    service = word(found, "service.name")
    if service and not service.startswith("unknown_service"):  # what SDKs say when nobody told them
        head["service.name"] = service
    elif not container and "labels" not in where and (workload := _workload(found)):
        head["service.name"] = workload
    return head


def _instance(found: Mapping[str, Plain]) -> str:
    """Whose lines follow one another, where no file says it."""
    return "/".join(filter(None, (word(found, name) for name in ("host.name", "service.instance.id", "service.name"))))


def _workload(found: Mapping[str, Plain]) -> str:
    names = (f"k8s.{kind}.name" for kind in _WORKLOADS)
    return next((name for each in names if (name := word(found, each))), "")


def _pod_labels(found: Mapping[str, Plain]) -> dict[str, str]:
    return {
        name.removeprefix(start): value[:LONGEST_NAME]
        for name, value in found.items()
        for start in _POD_LABELS
        if name.startswith(start) and isinstance(value, str)
    }


def word(found: Mapping[str, Plain], name: str) -> str:
    """A text or whole number as text; "" where there is none."""
    value = found.get(name)
    return value[:LONGEST_NAME] if isinstance(value, str) else str(value) if isinstance(value, int) else ""
