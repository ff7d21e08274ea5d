"""Everything Apprise knows, best effort: no dedup, no resolve, no proof of delivery, and no say in where it connects.

Apprise is blocking and knows no `Retry-After`; it runs in a worker thread that ends with its own socket timeouts. Its targets
differ in what they make of markup, so characters that could mention, link or format become look-alikes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from detector.crash_points import CrashPoint, reach
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.credentials import revealed
from detector.edges.sinks.excerpt import excerpt
from detector.errors import SinkError
from detector.plain_text import cut, indented, one_line
from detector.records import Alert, AlertAction, Evidence, Incident, Severity
from detector.settings import AppriseSinkSettings

# Fullwidth and angle look-alikes: readable, and no chat acts on them.
_DEFUSED = str.maketrans(
    {"@": "＠", "<": "‹", ">": "›", "`": "ˋ", "[": "［", "]": "］", "#": "＃", "!": "！", "*": "∗", "|": "∣"}
)
_KINDS = {Severity.CRITICAL: "failure", Severity.ERROR: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}
_TITLE, _BODY = 250, 6000


class AppriseSink:
    def __init__(self, settings: AppriseSinkSettings) -> None:
        self.name = settings.name
        self._settings = settings

    async def open(self) -> None:
        # Its own log lines hold addresses with their secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        url = revealed(self._settings.url, "url")
        title, body = apprise_text(alert)
        kind = "success" if alert.action is AlertAction.RESOLVE else _KINDS[alert.incident.severity]
        reach(CrashPoint.SINK_BEFORE_SEND)
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                is_told = await asyncio.to_thread(_notify, url, title, body, kind)
        except TimeoutError:
            raise SinkError("apprise: no answer in time", retryable=True, reason="contextDeadlineExceeded") from None
        reach(CrashPoint.SINK_SENT)
        if not is_told:
            raise SinkError("apprise: the target did not take it", retryable=True, reason="serverError")
        return Delivered()

    async def close(self) -> None:
        return


def _notify(url: str, title: str, body: str, kind: str) -> bool:
    """Raises SinkError where no retry helps: Apprise is not installed, or does not know the address."""
    try:
        import apprise
    except ImportError:
        raise SinkError("apprise is not installed: trimwatch[apprise]", retryable=False, reason="clientError") from None
    notifier: Any = apprise.Apprise()
    if not notifier.add(url):
        raise SinkError("apprise does not know this address", retryable=False, reason="clientError")
    try:
        return bool(notifier.notify(body=body, title=title, notify_type=kind, body_format="text", interpret_escapes=False))
    except Exception as error:  # a plugin of some 170; its text may hold the address
        raise SinkError(f"apprise: {type(error).__name__}", retryable=True, reason="serverError") from None


def apprise_text(alert: Alert) -> tuple[str, str]:
    """Title and body without anything that a chat could take for a mention, a link or a format."""
    incident = excerpt(alert.incident)
    state = "RESOLVED" if alert.action is AlertAction.RESOLVE else incident.severity.value.upper()
    title = one_line(f"{state} {incident.service}: {incident.title}").translate(_DEFUSED)
    return cut(title, _TITLE), cut("\n".join(map(indented, _lines(incident))).translate(_DEFUSED), _BODY)


def _lines(incident: Incident) -> list[str]:
    missing = [f"Missing {incident.entity_kind or 'entity'}: {incident.entity}"] if incident.entity else []
    cause = [f"Cause: {incident.cause.item}, taken away by {incident.cause.change}"] if incident.cause else []
    return [*missing, *cause, f"Fix: {incident.fix}", f"Count: {incident.count}", *map(_evidence_line, incident.evidence)]


def _evidence_line(evidence: Evidence) -> str:
    return f"{one_line(evidence.source)}:{evidence.line}: {evidence.text}"
