"""The objects that outsiders rely on: one incident or summary as the JSON that never changes its shape.

Fields may be added; none is renamed, retyped or left out. DESIGN calls this the stable interface; replay, the standard output
sink, the webhook and the API all build on it, so that there is one place where it can go wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import orjson

from detector.plain_text import ACTS_UNSEEN
from detector.records import Cause, Change, Counts, Evidence, Finding, Incident, KeptVerdict, Verdict

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"

# What JSON lets through raw although a terminal or an editor acts on it.
_ACTS_UNSEEN = re.compile(f"[{ACTS_UNSEEN}]")


def rfc3339(ms: int) -> str:
    """Milliseconds since the epoch as `2026-11-24T23:22:20.000Z`; times outside the years 1 to 9999 become the nearest one."""
    try:
        moment = _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return _LAST if ms > 0 else _FIRST
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def incident_object(incident: Incident) -> dict[str, Json]:
    """The incident in its present state. Nothing is masked or shortened here: what leaves for a receiver went through
    `edges.sinks.excerpt` before."""
    return {
        "kind": "incident",
        "dedup_key": incident.dedup_key,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "service": incident.service,
        "source": incident.source,
        "rule": incident.rule,
        "title": incident.title,
        "entity": incident.entity,
        "entity_kind": incident.entity_kind,
        "stage": incident.stage.value,
        "first_seen": rfc3339(incident.first_seen_ms),
        "last_seen": rfc3339(incident.last_seen_ms),
        "count": incident.count,
        "cause": None if incident.cause is None else _cause(incident.cause),
        "roll_back_to": incident.roll_back_to,
        "fix": incident.fix,
        "evidence": [_evidence(e) for e in incident.evidence] or [_evidence(_own_words(incident))],
        "explanation": incident.explanation,
        "tags": list(incident.tags),
        "also": list(incident.also),
        "is_flapping": incident.is_flapping,
    }


def finding_object(finding: Finding) -> dict[str, Json]:
    """One hit of one rule. What it shares with an incident has the same name and meaning there."""
    return {
        "kind": "finding",
        "dedup_key": finding.dedup_key,
        "severity": finding.severity.value,
        "service": finding.service,
        "source": finding.evidence.source,
        "rule": finding.rule,
        "title": finding.title,
        "entity": None if finding.entity is None else finding.entity.token,
        "entity_kind": None if finding.entity is None else finding.entity.kind,
        "entity_normal": None if finding.entity is None else finding.entity.normal,
        "stage": finding.stage.value,
        "time": rfc3339(finding.time_ms),
        "time_from": finding.time_from.value,
        "fix": finding.fix,
        "evidence": [_evidence(finding.evidence)],
        "explanation": finding.cause,
        "tags": list(finding.tags),
        "is_shadow": finding.is_shadow,
        "is_startup": finding.is_startup,
        "marks": finding.marks,
    }


def verdict_object(verdict: Verdict) -> dict[str, Json]:
    """How one signal did in one window after a change. What is no number (NaN, infinite) is null: JSON has no word for it."""
    low, high = verdict.interval or (None, None)
    return {
        "kind": "verdict",
        "signal": verdict.signal,
        "layer": verdict.layer or None,
        "window": "all" if verdict.window is None else verdict.window,
        "baseline": _number(verdict.baseline),
        "after": _number(verdict.after),
        "acceptable": verdict.acceptable,
        "observed": _number(verdict.observed),
        "interval": None if verdict.interval is None else [_number(low), _number(high)],
        "unit": verdict.unit or None,
        "verdict": verdict.state.value,
        "reason": verdict.reason,
        "windows_needed": verdict.windows_needed,
    }


def kept_verdict_object(kept: KeptVerdict) -> dict[str, Json]:
    """A verdict of the daemon: whose signal, after which change."""
    return {
        **verdict_object(kept.verdict),
        "service": kept.service,
        "change": kept.change,
        "at": rfc3339(kept.at_ms),
        "until": rfc3339(kept.until_ms),
        "is_required": kept.is_required,
        "before": kept.before or None,
    }


def change_object(change: Change) -> dict[str, Json]:
    """A change without what it took away, of which it says how much that is."""
    manifest = change.manifest
    return {
        "kind": "change",
        "id": change.id,
        "service": change.service,
        "at": rfc3339(change.at_ms),
        "stage": change.stage.value,
        "release_before": change.release_before,
        "release_after": change.release_after,
        "image_before": change.image_before,
        "image_after": change.image_after,
        "manifest": None if manifest is None else {"name": manifest.name, "sha256": manifest.digest, "items": manifest.items},
        "note": change.note,
        "made_by": change.made_by,
        "made": rfc3339(change.made_ms),
        "rollback": change.is_rollback,
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _cause(cause: Cause) -> dict[str, Json]:
    return {
        "item": cause.item,
        "kind": cause.kind,
        "change": cause.change,
        "restore": cause.restore,
        "confidence": min(1.0, max(0.0, cause.confidence)),
    }


def _evidence(evidence: Evidence) -> dict[str, Json]:
    return {"source": evidence.source, "position": evidence.position, "line": evidence.line, "text": evidence.text}


def _own_words(incident: Incident) -> Evidence:
    """An incident about ourselves may have no line that speaks for it; the interface promises an entry."""
    return Evidence(source=incident.source, position="", line=0, text=incident.title)


def summary_object(counts: Counts, incidents: int, seconds: float) -> dict[str, Json]:
    """The last object of a run. `incidents` is how many incident objects came before it, `seconds` the time the run took."""
    return {
        "kind": "summary",
        "lines": counts.lines,
        "bytes": counts.bytes,
        "events": counts.events,
        "hits": counts.hits,
        "incidents": incidents,
        "dead_letters": counts.dead_letters,
        "late": counts.late,
        "lost_bytes": counts.lost_bytes,
        "seconds": round(seconds, 3),
        "findings": counts.findings,
        "cut_lines": counts.cut_lines,
        "loud_lines": counts.loud_lines,
        "repaired": counts.repaired,
        "layouts": dict(counts.layouts),
    }


def json_line(value: Mapping[str, Json]) -> bytes:
    """One object on one line with its newline, safe to print: what a terminal would act on is written as `\\uXXXX`, which means
    the same to every JSON reader. A lone surrogate, which no JSON can carry, becomes `?`."""
    return json_bytes(value) + b"\n"


def json_bytes(value: Mapping[str, Json]) -> bytes:
    """`json_line` without the newline."""
    try:
        encoded = orjson.dumps(value)
    except TypeError:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return _ACTS_UNSEEN.sub(_spelled, encoded.decode()).encode()


def _spelled(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1] if match.group() != "\x7f" else "\\u007f"
