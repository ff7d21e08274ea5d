"""An alert as a Slack message: text for notifications, blocks for the channel.

Log text goes into plain-text objects with `& < >` escaped, `parse: none` and `link_names: false`: nothing in it can be a mention,
a link or a format. https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

from collections.abc import Iterator

from detector.edges.sinks.excerpt import excerpt
from detector.interface import Json, rfc3339
from detector.plain_text import indented, one_line, spell_out
from detector.records import Alert, AlertAction, Evidence, Incident

# https://docs.slack.dev/reference/block-kit/blocks : header 150, section 3,000, field 2,000 characters
_HEADER, _SECTION, _FIELD, _NOTIFICATION = 150, 3000, 2000, 1000
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def slack_message(alert: Alert, link: str | None) -> dict[str, Json]:
    """The part of a message that is the same for a webhook and for the Web API."""
    incident = excerpt(alert.incident)
    return {
        "text": escaped(one_line(f"{_headline(alert, incident)} {_missing(incident)}".strip()), _NOTIFICATION),
        "blocks": list(_blocks(alert, incident, link)),
        "parse": "none",
        "link_names": False,
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str, characters: int) -> str:
    """Control characters spelled, `& < >` escaped, and no longer than so many characters afterwards."""
    parts: list[str] = []
    length = 0
    for character in spell_out(text):
        part = _ESCAPES.get(character, character)
        if length + len(part) > characters - 1:
            return "".join(parts) + "…"
        parts.append(part)
        length += len(part)
    return "".join(parts)


def _blocks(alert: Alert, incident: Incident, link: str | None) -> Iterator[Json]:
    yield {"type": "header", "text": _plain(one_line(_headline(alert, incident)), _HEADER)}
    yield {
        "type": "section",
        "fields": [_plain(f"{name}\n{one_line(value)}", _FIELD) for name, value in _facts(incident) if value],
    }
    if incident.cause is not None:
        cause = f"{incident.cause.item} ({incident.cause.kind}), taken away by {incident.cause.change}"
        yield _section(f"Cause: {one_line(cause)}")
        yield _section(f"Put back: {indented(incident.cause.restore)}")
    if incident.explanation:
        yield _section(f"Why: {indented(incident.explanation)}")
    yield _section(f"Fix: {indented(incident.fix)}")
    if incident.evidence:
        yield _section("\n".join(map(_evidence_line, incident.evidence)))
    if link is not None:
        yield {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": f"<{_in_a_link(link)}|Runbook>"}}


def _headline(alert: Alert, incident: Incident) -> str:
    state = "RESOLVED" if alert.action is AlertAction.RESOLVE else incident.severity.value.upper()
    return f"{state} [{incident.service}] {incident.title}"


def _missing(incident: Incident) -> str:
    return f"({incident.entity_kind or 'entity'} {incident.entity})" if incident.entity else ""


def _facts(incident: Incident) -> list[tuple[str, str]]:
    return [
        ("Missing", f"{incident.entity_kind or ''} {incident.entity or ''}".strip()),
        ("Trimmed", incident.stage.value if incident.stage.value != "none" else ""),
        ("Rule", incident.rule),
        ("Count", str(incident.count)),
        ("First seen", rfc3339(incident.first_seen_ms)),
        ("Last seen", rfc3339(incident.last_seen_ms)),
        ("Roll back to", incident.roll_back_to or ""),
        ("Source", incident.source),
        ("Incident", incident.dedup_key),
    ]


def _section(text: str) -> dict[str, Json]:
    return {"type": "section", "text": _plain(text, _SECTION)}


def _plain(text: str, characters: int) -> dict[str, Json]:
    return {"type": "plain_text", "emoji": False, "text": escaped(text, characters) or "-"}


def _evidence_line(evidence: Evidence) -> str:
    return f"{one_line(evidence.source)}:{evidence.line}: {indented(evidence.text)}"


def _in_a_link(link: str) -> str:
    return "".join({"|": "%7C", **_ESCAPES}.get(character, character) for character in link)
