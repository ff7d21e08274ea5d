"""What Alertmanager gets: identity in the labels, everything that changes in annotations."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from detector.edges.sinks.alertmanager import AlertmanagerSink, annotations_of, labels_of
from detector.errors import SinkError
from detector.records import Alert, Severity
from detector.settings import AlertmanagerSinkSettings
from tests.contract.scripted_receiver import Play, ScriptedReceiver
from tests.contract.sink_cases import ALERT, INCIDENT, NOW_MS, RESOLVE, UPDATE


def sink_to(*receivers: ScriptedReceiver) -> AlertmanagerSink:
    urls = tuple(receiver.url for receiver in receivers)
    return AlertmanagerSink(
        AlertmanagerSinkSettings(
            type="alertmanager", urls=urls, allow_private=True, timeout=timedelta(seconds=5), labels=(("namespace", "shop"),)
        )
    )


def posted(receiver: ScriptedReceiver, n: int = -1) -> list[dict[str, Any]]:
    alerts: list[dict[str, Any]] = json.loads(receiver.requests[n].body)
    return alerts


def test_labels_hold_nothing_that_changes_while_the_incident_goes_on() -> None:
    """Same labels whatever the count, the times and the evidence are; two incidents of one rule differ."""
    later = replace(INCIDENT, count=99, last_seen_ms=NOW_MS, evidence=(), title="x", is_flapping=True)
    assert labels_of(later, ()) == labels_of(INCIDENT, ())
    assert labels_of(replace(INCIDENT, dedup_key="other"), ()) != labels_of(INCIDENT, ())
    assert "17" not in labels_of(INCIDENT, ()).values()
    assert annotations_of(INCIDENT, None)["count"] == "17"


def test_labels_and_times_of_an_alert() -> None:
    """The promised labels, `endsAt` three resends ahead, a repeat after one."""

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            delivered = await sink_to(receiver).send(ALERT, "", NOW_MS)
            (alert,) = posted(receiver)
            assert receiver.requests[0].path == "/api/v2/alerts"
            assert delivered.again_after_s == 60
            assert alert["labels"] == {
                "alertname": "JvmClassNotFound",
                "severity": "critical",
                "service": "orders",
                "namespace": "shop",
                "trim_stage": "dependency",
                "change": "trim-12",
                "rule": "jvm/class-not-found",
                "dedup_key": INCIDENT.dedup_key,
            }
            assert (alert["startsAt"], alert["endsAt"]) == ("2025-11-24T23:22:20.000Z", "2025-11-24T23:26:20.000Z")

    asyncio.run(test())


def test_an_identity_that_changed_is_ended_in_the_same_request() -> None:
    """A severity that rises would otherwise leave the old alert firing beside the new one."""

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            sink = sink_to(receiver)
            note = (await sink.send(ALERT, "", NOW_MS)).note
            calmer = replace(UPDATE, incident=replace(INCIDENT, severity=Severity.WARNING))
            await sink.send(calmer, note, NOW_MS)
            new, old = posted(receiver)
            assert (new["labels"]["severity"], old["labels"]["severity"]) == ("warning", "critical")
            assert (new["endsAt"], old["endsAt"]) == ("2025-11-24T23:26:20.000Z", "2025-11-24T23:23:20.000Z")
            await sink.send(UPDATE, note, NOW_MS)
            assert len(posted(receiver)) == 1

    asyncio.run(test())


@pytest.mark.parametrize(("minutes", "is_repeated"), [(0, True), (4, True), (5, False), (60, False)])
def test_a_resolve_is_repeated_for_five_minutes(minutes: int, is_repeated: bool) -> None:
    """With the same end each time."""

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            delivered = await sink_to(receiver).send(RESOLVE, "", RESOLVE.at_ms + minutes * 60_000)
            assert (delivered.again_after_s == 60) is is_repeated
            assert posted(receiver)[0]["endsAt"] == "2025-11-24T23:23:19.500Z"

    asyncio.run(test())


def test_a_log_whose_clock_runs_ahead_still_starts_before_it_ends() -> None:
    """Alertmanager answers 400 otherwise."""

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            ahead = replace(INCIDENT, first_seen_ms=NOW_MS + 86_400_000)
            for alert in (replace(ALERT, incident=ahead), replace(RESOLVE, incident=ahead)):
                await sink_to(receiver).send(alert, "", NOW_MS)
                assert posted(receiver)[0]["startsAt"] < posted(receiver)[0]["endsAt"]

    asyncio.run(test())


def test_every_peer_is_told_and_one_is_enough() -> None:
    """A peer that is away is told with the next resend; with none left, the most hopeful refusal is the answer."""

    async def test(alert: Alert) -> None:
        async with (
            ScriptedReceiver() as well,
            ScriptedReceiver(ever_after=Play(503, headers=(("Retry-After", "9"),))) as busy,
            ScriptedReceiver(ever_after=Play(400)) as refusing,
        ):
            assert (await sink_to(busy, well, refusing).send(alert, "", NOW_MS)).again_after_s == 60
            assert [len(r.requests) for r in (well, busy, refusing)] == [1, 1, 1]
            with pytest.raises(SinkError) as caught:
                await sink_to(refusing, busy).send(alert, "", NOW_MS)
            assert (caught.value.retryable, caught.value.retry_after_s) == (True, 9)

    asyncio.run(test(ALERT))
