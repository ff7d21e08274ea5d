"""PagerDuty Events API v2: one PagerDuty alert a dedup key, triggered, updated and resolved.

https://developer.pagerduty.com/docs/events-api-v2/ : at most 512 KB a body, 1,024 characters of summary, about 120 calls a minute
and integration key. An update is a trigger under the same key: PagerDuty shows its details and rings nobody.
"""

from __future__ import annotations

import hashlib

import orjson

from detector.edges.http.address import target_of
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.conversation import Answer
from detector.edges.sinks.credentials import revealed
from detector.edges.sinks.excerpt import excerpt
from detector.edges.sinks.exchange import Exchange, Request, excerpt_of
from detector.edges.sinks.runbook import runbook_link
from detector.edges.sinks.sending_rate import SendingRate
from detector.errors import SinkError
from detector.interface import Json, incident_object, json_bytes, rfc3339
from detector.plain_text import cut, one_line, spell_out
from detector.records import Alert, AlertAction, Incident
from detector.settings import PagerDutySinkSettings

MOST_BYTES = 512_000
_SUMMARY, _SOURCE, _KEY = 1024, 255, 255
_DETAILS = (
    "entity", "entity_kind", "cause", "fix", "roll_back_to", "count", "first_seen", "last_seen", "stage", "rule", "source",
    "explanation", "evidence", "tags", "also", "is_flapping",
)  # fmt: skip


class PagerDutySink:
    def __init__(self, settings: PagerDutySinkSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._target = target_of(settings.url)
        self._rate = SendingRate(settings.per_minute)
        self._exchange = Exchange(timeout_s=settings.timeout.total_seconds(), allow_private=settings.allow_private)

    async def open(self) -> None:
        self._exchange.open(self._target)

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        key = revealed(self._settings.routing_key, "routing_key")
        body = event_body(alert, key, runbook_link(self._settings.runbook_url, alert.incident))
        can_wait = alert.action is AlertAction.UPDATE
        wait_s = self._rate.take(now_ms, is_urgent=not can_wait)
        if wait_s:
            message = f"our own limit of {self._settings.per_minute} events a minute"
            raise SinkError(message, retryable=True, reason="rateLimited", retry_after_s=wait_s, only_this=can_wait)
        request = Request(self._target, body, secrets=(key,))
        _refuse_an_error(await self._exchange.post(request, now_ms), request)
        return Delivered()

    async def close(self) -> None:
        return


def event_body(alert: Alert, routing_key: str, link: str | None) -> bytes:
    """The request's body, at most MOST_BYTES. A resolve carries nothing but the key it resolves."""
    event: dict[str, Json] = {
        "routing_key": routing_key,
        "event_action": "resolve" if alert.action is AlertAction.RESOLVE else "trigger",
        "dedup_key": _fitting_key(alert.incident.dedup_key),
    }
    if alert.action is AlertAction.RESOLVE:
        return json_bytes(event)
    incident = excerpt(alert.incident)
    event |= {"payload": _payload(incident), "client": "Trimwatch"}
    if link is not None:
        event["links"] = [{"href": link, "text": "Runbook"}]
    details = _details(incident)
    return json_bytes(_with_details(event, _trimmed(details, MOST_BYTES - len(json_bytes(_with_details(event, {}))))))


def _payload(incident: Incident) -> dict[str, Json]:
    return {
        "summary": cut(one_line(f"[{incident.service}] {incident.title}"), _SUMMARY),
        "source": cut(one_line(incident.source or incident.service), _SOURCE),
        "severity": incident.severity.value,
        "timestamp": rfc3339(incident.first_seen_ms),
        "component": one_line(incident.service),
        "group": incident.stage.value,
        "class": one_line(incident.rule),
    }


def _with_details(event: dict[str, Json], details: dict[str, Json]) -> dict[str, Json]:
    payload = event["payload"]
    assert isinstance(payload, dict)
    return event | {"payload": payload | {"custom_details": details}}


def _details(incident: Incident) -> dict[str, Json]:
    """What the page shows below the summary: the fields of the interface that say something, spelled out."""
    row = incident_object(incident)
    return {name: _spelled(row[name]) for name in _DETAILS if row[name] not in (None, "", [], False)}


def _spelled(value: Json) -> Json:
    if isinstance(value, str):
        return spell_out(value)
    if isinstance(value, list):
        return [_spelled(one) for one in value]
    return {name: _spelled(one) for name, one in value.items()} if isinstance(value, dict) else value


def _trimmed(details: dict[str, Json], room_bytes: int) -> dict[str, Json]:
    """Field by field, the largest first, each replaced by a note of its size until the rest fits."""
    sizes = {name: len(json_bytes({name: value})) for name, value in details.items()}
    total = sum(sizes.values())
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= room_bytes:
            break
        details = details | {name: f"left out, {sizes[name]} bytes"}
        total += len(json_bytes({name: details[name]})) - sizes[name]
    return details


def _fitting_key(dedup_key: str) -> str:
    return dedup_key if len(dedup_key) <= _KEY else hashlib.sha256(dedup_key.encode("utf-8", "replace")).hexdigest()


def _refuse_an_error(answer: Answer, request: Request) -> None:
    """Something in between may answer 200 for PagerDuty; PagerDuty's own body says `success`."""
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return
    if isinstance(said, dict) and said.get("status", "success") != "success":
        raise SinkError(f"{request.target}: {excerpt_of(answer, request)}", retryable=False, reason="clientError")
