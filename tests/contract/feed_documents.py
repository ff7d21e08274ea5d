"""A finding, and the document in which the feed hands it to a mirror."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from detector.edges.mirror.base import Document
from detector.records import Entity, Evidence, Finding, Severity, Stage, TimeFrom
from tests.contract.sink_cases import NOW_MS

FINDING = Finding(
    rule="jvm/class-not-found",
    stream_key="file/1",
    event_start=1024,
    event_end=2048,
    service="orders",
    severity=Severity.CRITICAL,
    stage=Stage.DEPENDENCY,
    entity=Entity("class", "jakarta/validation/Validator", "jakarta.validation.Validator"),
    title="A class that was trimmed away is loaded at run time",
    cause="The shrinker saw no static use of the class.",
    fix="Keep it.",
    tags=("x",),
    time_ms=NOW_MS,
    time_from=TimeFrom.EVENT,
    evidence=Evidence("/var/log/orders.log", "1024", 12, "java.lang.ClassNotFoundException: jakarta.validation.Validator"),
    dedup_key="5f2c9a7be1d04c33",
)


def document(number: int, **changed: Any) -> Document:
    """The finding, changed, as the store writes it down."""
    body = json.loads(json.dumps(asdict(replace(FINDING, **changed))))
    return Document(number, "finding", FINDING.dedup_key, NOW_MS + number, body)
