"""Documents as the feed hands them out."""

from __future__ import annotations

from typing import Any

from detector.edges.mirror.base import Document
from detector.edges.store.rows import pack, parsed
from tests.unit.edges.records import finding, incident


def finding_document(id_: int, key: str = "key", **changes: Any) -> Document:
    """A finding at byte `id_` of its stream."""
    return Document(id_, "finding", key, 1_000, parsed(pack(finding(key, id_))) | changes)


def incident_document(id_: int, key: str = "key", at_ms: int = 1_000, **changes: object) -> Document:
    return Document(id_, "incident", key, at_ms, parsed(pack(incident(key, **changes))))  # type: ignore[arg-type]


def delivery_document(id_: int, **changes: Any) -> Document:
    body = {
        "at_ms": 5_000,
        "receiver": "pager",
        "dedup_key": "key",
        "action": "trigger",
        "seq": 1,
        "result": "delivered",
        "attempt": 1,
        "reason": "",
        "problem": "",
    }
    return Document(id_, "delivery", "key", 5_000, body | changes)
