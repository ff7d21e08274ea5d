"""What a document looks like in the mirror: ECS fields where they exist, the rest under `trimwatch`, and an `_id` of its own.

The `_id` says what the document tells, not when it was written, so that a document that comes a second time (an answer that was
lost, a store that was lost and its log read again) is the same one:

    finding     the stream, where in it the event and its evidence are, when it happened, rule and dedup key; of a stream that
                others may read too (Kafka, an index) without the daemon, of any other with it
    incident    daemon, dedup key, when it was written down, its whole content
    delivery    daemon, receiver, dedup key, action, number, attempt, result, when
    any other   daemon, key, when it was written down, its whole content
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from detector import __version__
from detector.edges.mirror.base import Document
from detector.edges.store.rows import column
from detector.interface import rfc3339
from detector.plain_text import cut
from detector.records import Severity

ECS_VERSION = "8.17"
LONGEST_TEXT = 8192
MOST_EVIDENCE = 20
_SHARED_STREAMS = ("kafka/", "elasticsearch/")
_OUTCOMES = {"delivered": "success", "failed": "failure", "given_up": "failure"}


@dataclass(frozen=True, slots=True)
class Observer:
    """The daemon that writes."""

    instance: str
    hostname: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One document as it goes out; `source` is JSON in one line."""

    id: str
    source: bytes


def shape_of(document: Document, observer: Observer) -> Shape:
    """Texts are bounded; what JSON has no bytes for (lone surrogates, numbers of more than 64 bits) is spelled out."""
    fields = _FIELDS.get(document.kind, _other)(document)
    id_ = _digest(*_identity(document, observer))
    event = {"id": id_, "module": "trimwatch", "dataset": f"trimwatch.{document.kind}", "created": rfc3339(document.at_ms)}
    whole = {
        **fields,
        "event": event | fields.get("event", {}),
        "ecs": {"version": ECS_VERSION},
        "observer": {
            "name": observer.instance,
            "hostname": observer.hostname,
            "product": "Trimwatch",
            "type": "trimwatch",
            "version": __version__,
        },
    }
    return Shape(id_, _json(whole))


def _finding(document: Document) -> dict[str, Any]:
    body = document.body
    evidence, entity = body["evidence"], body["entity"]
    return {
        "@timestamp": rfc3339(body["time_ms"]),
        **_described(body),
        "event": {
            "kind": "event",
            "severity": _rank(body["severity"]),
            "reason": _text(body["cause"], 1024),
            "start": rfc3339(body["time_ms"]),
        },
        "error": {"message": _text(evidence["text"])},
        "log": {"file": {"path": _text(evidence["source"])}},
        "trimwatch": {
            **_named(
                body, "dedup_key", "severity", "stage", "event_start", "event_end", "is_shadow", "is_startup", "priority", "marks"
            ),
            "stream": body["stream_key"],
            "position": evidence["position"],
            "line": evidence["line"],
            "fix": _text(body["fix"]),
            "entity": None
            if entity is None
            else {"kind": entity["kind"], "name": _text(entity["token"]), "normal": entity["normal"]},
        },
    }


def _incident(document: Document) -> dict[str, Any]:
    body = document.body
    evidence = [{**each, "text": _text(each["text"])} for each in body["evidence"][:MOST_EVIDENCE]]
    return {
        "@timestamp": rfc3339(document.at_ms),
        **_described(body),
        "event": {
            "kind": "alert",
            "severity": _rank(body["severity"]),
            "start": rfc3339(body["first_seen_ms"]),
            "end": rfc3339(body["last_seen_ms"]),
        },
        "log": {"file": {"path": _text(body["source"])}},
        "trimwatch": {
            **_named(body, "dedup_key", "state", "severity", "stage", "count", "is_flapping", "roll_back_to", "cause", "also"),
            "fix": _text(body["fix"]),
            "explanation": _text(body["explanation"]),
            "entity": None if body["entity"] is None else {"kind": body["entity_kind"], "name": _text(body["entity"])},
            "evidence": evidence,
        },
    }


def _delivery(document: Document) -> dict[str, Any]:
    body = document.body
    return {
        "@timestamp": rfc3339(body["at_ms"]),
        "message": f"{body['action']} to {body['receiver']}: {body['result']}",
        "event": {
            "kind": "event",
            "action": body["action"],
            "outcome": _OUTCOMES.get(body["result"], "unknown"),
            "reason": body["reason"],
        },
        "error": {"message": _text(body["problem"])} if body["problem"] else None,
        "trimwatch": _named(body, "dedup_key", "receiver", "result", "seq", "attempt"),
    }


def _verdict(document: Document) -> dict[str, Any]:
    body = document.body
    if not {"at", "until", "reason", "service", "window", "before"} <= body.keys():
        return _other(document)
    numbers = _named(body, "baseline", "after", "observed", "interval", "windows_needed")
    return {
        "@timestamp": body["at"],
        "message": _text(body["reason"]),
        "event": {"kind": "metric", "end": body["until"]},
        "service": {"name": body["service"]},
        "trimwatch": {
            **_named(body, "signal", "layer", "verdict", "acceptable", "unit", "change", "is_required"),
            "window": str(body["window"]),
            "before": _text(body["before"] or ""),
            **numbers,
        },
    }


def _baseline(document: Document) -> dict[str, Any]:
    body = document.body
    if not {"at", "begin", "end", "service", "version", "signals"} <= body.keys():
        return _other(document)
    return {
        "@timestamp": body["at"],
        "message": f"{body['service']}@{body['version']}: {len(body['signals'])} signals from {body['begin']} to {body['end']}",
        "event": {"kind": "state", "start": body["begin"], "end": body["end"]},
        "service": {"name": body["service"]},
        "trimwatch": {
            **_named(body, "change", "digest", "made_by", "version", "step_s"),
            "signal": [each["name"] for each in body["signals"]],
            "body": {"signals": body["signals"]},
        },
    }


def _other(document: Document) -> dict[str, Any]:
    texts = {name: each for name, each in document.body.items() if isinstance(each, str)}
    return {
        "@timestamp": rfc3339(document.at_ms),
        "event": {"kind": "state"},
        "service": {"name": texts["service"]} if "service" in texts else None,
        "trimwatch": {**_named(texts, "verdict", "signal"), "body": document.body},
    }


_FIELDS: Mapping[str, Callable[[Document], dict[str, Any]]] = {
    "finding": _finding,
    "incident": _incident,
    "delivery": _delivery,
    "verdict": _verdict,
    "baseline": _baseline,
}


def _described(body: Mapping[str, Any]) -> dict[str, Any]:
    pack, _, _ = body["rule"].partition("/")
    return {
        "message": _text(body["title"]),
        "service": {"name": body["service"]},
        "rule": {"id": body["rule"], "ruleset": pack, "name": body["rule"]},
        "tags": [*body["tags"]],
    }


def _named(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


def _rank(severity: str) -> int:
    return Severity(severity).rank


def _text(text: str, longest: int = LONGEST_TEXT) -> str:
    return cut(text, longest)


def _identity(document: Document, observer: Observer) -> tuple[object, ...]:
    body = document.body
    if document.kind == "finding":
        scope = "" if body["stream_key"].startswith(_SHARED_STREAMS) else observer.instance
        place = (body["stream_key"], body["event_start"], body["evidence"]["position"], body["evidence"]["line"])
        return ("finding", scope, *place, body["time_ms"], body["rule"], document.key)
    if document.kind == "delivery":
        names = ("receiver", "dedup_key", "action", "seq", "attempt", "result", "at_ms")
        return ("delivery", observer.instance, *(body[name] for name in names))
    return (document.kind, observer.instance, document.key, document.at_ms, json.dumps(body, sort_keys=True))


def _digest(*parts: object) -> str:
    """120 bits as 20 characters; what Elasticsearch makes by itself is as long."""
    text = "\0".join(map(str, parts)).encode("utf-8", "backslashreplace")
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:15]).decode("ascii")


def _json(whole: dict[str, Any]) -> bytes:
    present = {name: value for name, value in whole.items() if value is not None}
    try:
        return orjson.dumps(present)
    except TypeError:
        return orjson.dumps(_spelled(present))


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {column(str(name)): _spelled(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    return column(value) if isinstance(value, str) else value
