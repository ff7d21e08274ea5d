"""Prometheus Alertmanager, API v2: every peer is told, again and again while the incident is open.

An alert's identity is its label set, so labels hold nothing that changes by itself (counts, times); the dedup key is one of them,
or two incidents of one rule would be one alert. Where a label does change (a severity rises, a cause becomes known) the old
identity is ended in the same request. Alertmanager forgets what is not repeated: a firing alert ends three resends from now, and
a resolved one is repeated for five minutes. Delivered means that one peer at least took it (peers gossip); one that did not is
logged and told with the next resend.
"""

from __future__ import annotations

import asyncio
import re

import orjson

from detector.edges.http.address import Target, target_of
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.credentials import bearer
from detector.edges.sinks.excerpt import excerpt
from detector.edges.sinks.exchange import Exchange, Request
from detector.edges.sinks.runbook import runbook_link
from detector.errors import SinkError
from detector.interface import Json, rfc3339
from detector.plain_text import indented, one_line, spell_out, unmentioned
from detector.records import Alert, AlertAction, Evidence, Incident, IncidentState
from detector.settings import AlertmanagerSinkSettings
from detector.telemetry import logger

REPEAT_RESOLVED_MS = 300_000
_NOTE_BYTES = 1024
_LABEL_CHARACTERS = 200


class AlertmanagerSink:
    def __init__(self, settings: AlertmanagerSinkSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._targets = [target_of(url).below("/api/v2/alerts") for url in settings.urls]
        self._exchange = Exchange(
            timeout_s=settings.timeout.total_seconds(), allow_private=settings.allow_private, ca_file=settings.ca_file
        )

    async def open(self) -> None:
        self._exchange.open(*self._targets)

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        resend_s = self._settings.resend.total_seconds()
        labels = labels_of(alert.incident, self._settings.labels)
        alerts = posted_alerts(alert, labels, _labels_in(note), now_ms, resend_s, self._settings.runbook_url)
        await self._tell_peers(orjson.dumps(alerts), bearer(self._settings.token), now_ms)
        is_told_again = alert.action is not AlertAction.RESOLVE or now_ms < alert.at_ms + REPEAT_RESOLVED_MS
        return Delivered(_note(labels), resend_s if is_told_again else None)

    async def close(self) -> None:
        return

    async def _tell_peers(self, body: bytes, headers: tuple[tuple[str, str], ...], now_ms: int) -> None:
        ends = await asyncio.gather(*(self._tell(target, body, headers, now_ms) for target in self._targets))
        failures = [end for end in ends if end is not None]
        if len(failures) == len(self._targets):
            raise _most_hopeful(failures)
        for failure in failures:
            logger.warning("peer_failed", sink=self.name, reason=failure.reason, error=str(failure))

    async def _tell(self, target: Target, body: bytes, headers: tuple[tuple[str, str], ...], now_ms: int) -> SinkError | None:
        """One peer; its refusal is returned, so that the others' answers are waited for."""
        secrets = tuple(value.removeprefix("Bearer ") for _, value in headers)
        try:
            await self._exchange.post(Request(target, body, headers, secrets), now_ms)
        except SinkError as error:
            return error
        return None


def _most_hopeful(failures: list[SinkError]) -> SinkError:
    """Of all peers' refusals the one that may be tried again soonest."""
    return min(failures, key=lambda error: (not error.retryable, error.retry_after_s or 0.0))


def labels_of(incident: Incident, added: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The alert's identity. Labels from the settings come first, so that none of ours can be forged or hidden by them."""
    labels = {name: label_value(value) for name, value in added}
    labels |= {
        "alertname": _camel_case(incident.rule),
        "severity": incident.severity.value,
        "service": label_value(incident.service),
        "trim_stage": incident.stage.value,
        "rule": label_value(incident.rule),
        "dedup_key": label_value(incident.dedup_key),
    }
    if incident.cause is not None:
        labels["change"] = label_value(incident.cause.change)
    return {name: value for name, value in labels.items() if value}


def label_value(text: str) -> str:
    return unmentioned(one_line(text))[:_LABEL_CHARACTERS]


def _camel_case(rule: str) -> str:
    """`jvm/class-not-found` is JvmClassNotFound."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", rule))[:_LABEL_CHARACTERS] or "Trimwatch"


def posted_alerts(
    alert: Alert, labels: dict[str, str], told_labels: dict[str, str] | None, now_ms: int, resend_s: float, runbook: str | None
) -> list[Json]:
    """The request's body: the alert as it is now and, where its identity changed since it was told, the end of the old one."""
    ends_ms = alert.at_ms if alert.action is AlertAction.RESOLVE else now_ms + round(3000 * resend_s)
    posted = [_posted(alert.incident, labels, ends_ms, runbook)]
    if told_labels is not None and told_labels != labels and told_labels.get("dedup_key") == labels.get("dedup_key"):
        posted.append(_posted(alert.incident, told_labels, min(now_ms, ends_ms), runbook))
    return list(posted)


def _posted(incident: Incident, labels: dict[str, str], ends_ms: int, runbook: str | None) -> dict[str, Json]:
    """`startsAt` lies before `endsAt` also where the log's clock runs ahead of ours: Alertmanager refuses it otherwise."""
    return {
        "labels": dict(labels),
        "annotations": annotations_of(incident, runbook),
        "startsAt": rfc3339(min(incident.first_seen_ms, ends_ms - 1)),
        "endsAt": rfc3339(ends_ms),
    }


def annotations_of(incident: Incident, runbook: str | None) -> dict[str, Json]:
    """Everything that may change while the alert stays the same. Chats get it as it is, so mentions are defused."""
    incident = excerpt(incident)
    cause = incident.cause
    said = {
        "summary": one_line(f"[{incident.service}] {incident.title}"),
        "description": spell_out(incident.explanation),
        "entity": one_line(incident.entity or ""),
        "entity_kind": incident.entity_kind or "",
        "fix": spell_out(incident.fix),
        "cause": one_line(f"{cause.item} ({cause.kind}), taken away by {cause.change}") if cause else "",
        "restore": spell_out(cause.restore) if cause else "",
        "roll_back_to": one_line(incident.roll_back_to or ""),
        "count": str(incident.count),
        "first_seen": rfc3339(incident.first_seen_ms),
        "last_seen": rfc3339(incident.last_seen_ms),
        "source": one_line(incident.source),
        "evidence": "\n".join(map(_evidence_line, incident.evidence)),
        "runbook_url": runbook_link(runbook, incident) or "",
        "acknowledged": "true" if incident.state is IncidentState.ACKNOWLEDGED else "",
    }
    return {name: unmentioned(value) for name, value in said.items() if value}


def _evidence_line(evidence: Evidence) -> str:
    return f"{one_line(evidence.source)}:{evidence.line}: {indented(evidence.text)}"


def _note(labels: dict[str, str]) -> str:
    """The identity we told, so that it can be ended when it changes; without room for it, it ends by itself."""
    note = orjson.dumps(labels).decode()
    return note if len(note.encode()) <= _NOTE_BYTES else ""


def _labels_in(note: str) -> dict[str, str] | None:
    try:
        labels = orjson.loads(note)
    except orjson.JSONDecodeError:
        return None
    is_ours = isinstance(labels, dict) and all(isinstance(value, str) for value in labels.values())
    return labels if is_ours else None
