"""The real Alertmanager takes what our sink sends, tells its own receivers, and forgets nothing we repeat."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sinks.alertmanager import AlertmanagerSink
from detector.errors import SinkError
from detector.records import Alert, AlertAction, Incident, Severity
from detector.settings import AlertmanagerSinkSettings
from tests.contract.scripted_receiver import ScriptedReceiver
from tests.contract.sink_cases import INCIDENT
from tests.golden.hostile_incident import CANARY, HOSTILE
from tests.integration.alertmanager import Alertmanager, running_alertmanager

pytestmark = pytest.mark.service


def now() -> int:
    return time.time_ns() // 1_000_000


def sink_for(alertmanager: Alertmanager, label: str = "team") -> AlertmanagerSink:
    return AlertmanagerSink(
        AlertmanagerSinkSettings(
            type="alertmanager",
            urls=(alertmanager.url,),
            allow_private=True,
            timeout=timedelta(seconds=5),
            labels=((label, "x"),),
        )
    )


def an_alert(action: AlertAction = AlertAction.TRIGGER, incident: Incident = INCIDENT) -> Alert:
    at_ms = now()
    recent = replace(incident, first_seen_ms=at_ms - 60_000, last_seen_ms=at_ms)
    return Alert("am", action, recent, seq=1, at_ms=at_ms)


def tell(folder: Path, story: Callable[[Alertmanager, ScriptedReceiver], Coroutine[Any, Any, None]]) -> None:
    """Runs the story with a hook that Alertmanager notifies."""

    async def with_hook() -> None:
        async with ScriptedReceiver() as hook, running_alertmanager(folder, hook.url) as alertmanager:
            await story(alertmanager, hook)

    asyncio.run(with_hook())


async def notified(hook: ScriptedReceiver, status: str) -> dict[str, Any]:
    """The first notified alert of that status."""
    async with asyncio.timeout(20):
        while True:
            hook.asked.clear()
            for request in hook.requests:
                for alert in json.loads(request.body)["alerts"]:
                    if alert["status"] == status:
                        return dict(alert)
            await hook.asked.wait()


def test_it_fires_is_repeated_and_resolves(tmp_path: Path) -> None:
    """One alert however often it is repeated; its receivers hear firing and resolved once each."""

    async def story(alertmanager: Alertmanager, hook: ScriptedReceiver) -> None:
        sink = sink_for(alertmanager)
        note = (await sink.send(an_alert(), "", now())).note
        for _ in range(3):
            await sink.send(an_alert(AlertAction.UPDATE), note, now())
        (held,) = await alertmanager.alerts()
        assert held["labels"]["alertname"] == "JvmClassNotFound"
        assert held["annotations"]["restore"] == "<artifactId>spring-boot-starter-validation</artifactId>"
        await notified(hook, "firing")
        resolve = an_alert(AlertAction.RESOLVE)
        for _ in range(2):
            await sink.send(resolve, note, now())
        assert (await notified(hook, "resolved"))["labels"] == held["labels"]
        assert await alertmanager.alerts() == []
        assert len(hook.requests) == 2

    tell(tmp_path, story)


def test_an_identity_that_changed_leaves_one_alert_firing(tmp_path: Path) -> None:
    """The severity rises: the old alert ends, the new one fires."""

    async def story(alertmanager: Alertmanager, hook: ScriptedReceiver) -> None:
        sink = sink_for(alertmanager)
        note = (await sink.send(an_alert(incident=replace(INCIDENT, severity=Severity.WARNING)), "", now())).note
        await sink.send(an_alert(AlertAction.UPDATE), note, now())
        assert [held["labels"]["severity"] for held in await alertmanager.alerts()] == ["critical"]

    tell(tmp_path, story)


def test_hostile_text_arrives_as_text(tmp_path: Path) -> None:
    """Quotes, newlines, braces and template syntax in labels and annotations are taken and handed on unchanged."""

    async def story(alertmanager: Alertmanager, hook: ScriptedReceiver) -> None:
        await sink_for(alertmanager).send(an_alert(incident=HOSTILE), "", now())
        alert = await notified(hook, "firing")
        assert "{{ .Labels }}" in alert["annotations"]["fix"]
        assert CANARY not in json.dumps(alert)
        assert {"forged", "info"}.isdisjoint({alert["labels"]["dedup_key"], alert["labels"]["severity"]})

    tell(tmp_path, story)


def test_what_it_refuses_is_given_up_with_its_own_words(tmp_path: Path) -> None:
    """A label name that Prometheus does not know, and a message that says so."""

    async def story(alertmanager: Alertmanager, hook: ScriptedReceiver) -> None:
        with pytest.raises(SinkError, match="invalid label") as caught:
            await sink_for(alertmanager, "no-name").send(an_alert(), "", now())
        assert (caught.value.retryable, caught.value.reason) == (False, "clientError")

    tell(tmp_path, story)
