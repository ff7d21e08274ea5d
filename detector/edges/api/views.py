"""Records as the API shows them: times spelled out, secrets that a log line may carry masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.core.judgements.judgement import Judgement
from detector.edges.store.history import Delivery, Kept
from detector.edges.store.outbox import Backlog
from detector.interface import Json, change_object, incident_object, kept_verdict_object, rfc3339
from detector.masking import mask, mask_incident
from detector.records import Change, DeadLetter, Incident, KeptVerdict, LostRange

if TYPE_CHECKING:  # only where there are metrics
    from detector.core.signals.flow import SignalFlow


def incident(record: Incident) -> dict[str, Json]:
    return incident_object(mask_incident(record))


def delivery(record: Delivery) -> dict[str, Json]:
    return {
        "id": record.id,
        "at": rfc3339(record.at_ms),
        "sink": record.receiver,
        "dedup_key": record.dedup_key,
        "action": record.action,
        "seq": record.seq,
        "result": record.result,
        "attempt": record.attempt,
        "reason": record.reason,
        "problem": mask(record.problem),
    }


def signals(flow: SignalFlow | None, service: str | None) -> dict[str, Json]:
    """What is found, and what is missing and why."""
    if flow is None:
        return {"in_use": False, "reason": "no source has metrics, nothing is pushed, and neither verdicts nor alarms are on"}
    found = flow.found(service)
    known = {signal.id: signal for signal in flow.signals}
    figures = flow.figures()
    shown: list[Json] = [
        {"signal": id_, "title": known[id_].title, "unit": known[id_].unit, "required": known[id_].is_required}
        for id_ in found.found
    ]
    return {
        "in_use": True,
        "service": service,
        "services": list(flow.services()),
        "summary": str(found),
        "found": shown,
        "missing": [{"signal": each.signal, "reason": each.reason} for each in found.missing],
        "series": figures.series,
        "unused_points": dict(figures.unused_points),
        "unused_lines": dict(figures.unused_lines),
        "streams_behind": list(figures.behind),
    }


def dead_letter(kept: Kept[DeadLetter]) -> dict[str, Json]:
    letter = kept.record
    return {
        "id": kept.id,
        "at": rfc3339(kept.at_ms),
        "source": letter.stream_name,
        "position": letter.position,
        "reason": letter.reason,
        "sample": mask(letter.sample.decode("utf-8", "replace")),
    }


def lost_range(kept: Kept[LostRange]) -> dict[str, Json]:
    lost = kept.record
    return {
        "id": kept.id,
        "at": rfc3339(kept.at_ms),
        "source": lost.stream.name,
        "begin": lost.begin,
        "end": lost.end,
        "reason": lost.reason,
    }


def verdict(kept: KeptVerdict) -> dict[str, Json]:
    shown = kept_verdict_object(kept)
    return {**shown, "reason": mask(kept.verdict.reason), "before": mask(kept.before) or None}


def judgement(known: Judgement) -> dict[str, Json]:
    """How far the judging of a change is; `held` counts the incidents that it keeps open."""
    return {
        "service": known.change.service,
        "change": known.change.id,
        "window": known.window,
        "windows": known.windows,
        "is_asked": known.asked > 0,
        "is_rollback": known.change.is_rollback,
        "compared_with_before": rfc3339(known.before_ms),
        "held": len(known.held),
    }


def change(record: Change) -> dict[str, Json]:
    return {**change_object(record), "note": mask(record.note)}


def backlog(owed: Backlog, now_ms: int) -> dict[str, Json]:
    return {"sink": owed.receiver, "pending": owed.pending, "oldest_s": max(0, now_ms - owed.oldest_ms) / 1000}
