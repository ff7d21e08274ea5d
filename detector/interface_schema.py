"""JSON Schemas (2020-12) of what is written for programs: incidents, findings, verdicts. Fields may be added within a version, so
a schema refuses none that it does not know; every field that it names is always there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detector.records import AlertAction, IncidentState, Severity, Stage, TimeFrom, VerdictState

Schema = dict[str, Any]

_TIME = {"type": "string", "format": "date-time", "description": "UTC, milliseconds, like 2026-11-24T23:22:20.000Z."}


def incident_schema() -> Schema:
    """A value of the incidents' topic, the body of a webhook, a line of standard output. A replay and the API leave out `action`
    and `seq`: nobody is told."""
    fields = {
        "kind": {"const": "incident"},
        "dedup_key": _KEY,
        "state": _one_of(IncidentState, "acknowledged: somebody works on it; resolved: quiet for long enough."),
        **_WHAT,
        "first_seen": _TIME | {"description": "Event time of its first finding."},
        "last_seen": _TIME | {"description": "Event time of its last finding."},
        "count": {"type": "integer", "minimum": 0, "description": "Distinct events with a finding of this key."},
        "cause": {"anyOf": [{"type": "null"}, _object(_CAUSE)], "description": "What took the entity away, where that is known."},
        "roll_back_to": _maybe("The release to go back to, where that is known."),
        "also": _texts("Other rules that the same events hit."),
        "is_flapping": {"type": "boolean", "description": "It opened and resolved too often; it is told less often."},
    }
    told = {
        "action": _one_of(AlertAction, "Why this was sent."),
        "seq": {
            "type": "integer",
            "minimum": 1,
            "description": "Rises within a dedup key: of two records the higher is the news.",
        },
    }
    return _schema("incident", "A problem with a life, in its present state.", fields | told, optional=tuple(told))


def finding_schema() -> Schema:
    """A value of the findings' topic."""
    fields = {
        "kind": {"const": "finding"},
        **_ENVELOPE,
        "dedup_key": _KEY,
        **_WHAT,
        "entity_normal": _maybe("The form of the entity that is equal wherever the same thing is meant."),
        "time": _TIME | {"description": "When it happened."},
        "time_from": _one_of(TimeFrom, "Where that time was read: the line itself, the frame around it, or when we saw it."),
        "is_shadow": {"type": "boolean", "description": "Counted only: it opens no incident."},
        "is_startup": {"type": "boolean", "description": "It keeps the application from starting."},
        "marks": _maybe("Set where the rule finds no fault but a turn for the better, such as start_succeeded."),
    }
    return _schema("finding", "One hit of one rule in one event.", fields)


def verdict_schema() -> Schema:
    """A value of the verdicts' topic, and a line of `trimwatch verdict --json`, which leaves the envelope and what
    the daemon alone knows out."""
    fields = {
        "kind": {"const": "verdict"},
        "signal": _text("What was judged: the column of a file, the name of a series."),
        "layer": _maybe("Where it is measured: application, container, network, storage or monitoring, where that is known."),
        "window": {
            "anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}],
            "description": "The window after the change, or all of them together.",
        },
        "baseline": _maybe_number("The level before, in `unit`."),
        "after": _maybe_number("The level after, in `unit`."),
        "acceptable": _text("The deviation that is accepted, as it was written, like +15% or >=+10pp."),
        "observed": _maybe_number("The deviation, in the unit of `acceptable`: 15.5 for 15.5 % or pp."),
        "interval": {
            "anyOf": [
                {"type": "null"},
                {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": ["number", "null"]}},
            ],
            "description": "The 95 % interval of `observed`: low and high; null on a side that is not known.",
        },
        "unit": _maybe("The unit of `baseline` and `after`, where it is known."),
        "verdict": _one_of(VerdictState, "inconclusive: the evidence allows neither."),
        "reason": _text("Why, in a sentence with the numbers."),
        "windows_needed": {
            "type": ["integer", "null"],
            "description": "How many further windows would settle an inconclusive verdict, where that can be said.",
        },
    }
    told = {
        **_ENVELOPE,
        "key": {"type": "string", "description": "What was judged, as change/signal/window; the record's key."},
        "service": _text("Whose signal it is."),
        "change": _text("The id of the change after which it was judged."),
        "until": _TIME | {"description": "The end of the newest window."},
        "is_required": {"type": "boolean", "description": "Whether the change needs it to pass."},
        "before": _maybe("Where the time before the change was read."),
    }
    return _schema("verdict", "What a comparison before and after a change came to.", fields | told, optional=tuple(told))


SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "incident": incident_schema,
    "finding": finding_schema,
    "verdict": verdict_schema,
}


def _schema(name: str, says: str, fields: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:trimwatch:{name}:1",
        "title": name,
        "description": says,
        **_object(fields, optional),
    }


def _object(fields: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    return {"type": "object", "required": [name for name in fields if name not in optional], "properties": dict(fields)}


def _one_of(words: Any, says: str) -> Schema:
    return {"enum": [word.value for word in words], "description": says}


def _text(says: str) -> Schema:
    return {"type": "string", "description": says}


def _maybe(says: str) -> Schema:
    return {"type": ["string", "null"], "description": says}


def _maybe_number(says: str) -> Schema:
    return {"type": ["number", "null"], "description": says}


def _texts(says: str) -> Schema:
    return {"type": "array", "items": {"type": "string"}, "description": says}


_KEY = _text("One cause in one service: equal for all that belongs together. The record's key.")
_CAUSE = {
    "item": _text("What was trimmed."),
    "kind": _text("What kind of thing that is."),
    "change": _text("The change that took it away."),
    "restore": _text("What to put back."),
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
}
_EVIDENCE = {
    "source": _text("File, pod, topic/partition or index."),
    "position": _text("Where in it: a byte, or a record's offset."),
    "line": {"type": "integer", "minimum": 0, "description": "Its number in the source, from 1; 0 where there is none."},
    "text": _text("What it says; secrets are masked."),
}
_WHAT: dict[str, Schema] = {
    "severity": _one_of(Severity, "How loud it is."),
    "service": _text("Whose log it is."),
    "source": _text("Where the first line of it was read."),
    "rule": _text("The rule, as pack/name."),
    "title": _text("What went wrong, in a line."),
    "entity": _maybe("The missing thing, as the log printed it."),
    "entity_kind": _maybe("What it is: class, library, module, file, ..."),
    "stage": _one_of(Stage, "Which kind of trim it points to; none claims no trim."),
    "fix": _text("What to do."),
    "evidence": {"type": "array", "minItems": 1, "items": _object(_EVIDENCE), "description": "Lines that speak for it."},
    "explanation": _text("Why it happens."),
    "tags": _texts("The rule's tags."),
}
_ENVELOPE: dict[str, Schema] = {
    "id": {"type": "integer", "minimum": 1, "description": "Rises within an instance; with it, the same record is known again."},
    "instance": _text("Which daemon wrote it."),
    "at": _TIME | {"description": "When it was written down."},
}
