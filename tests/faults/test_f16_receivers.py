"""F16: a pager that limits, fails, resets, refuses; a chat that says 200 and no. Store, courier and real sinks together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sinks import sink_for
from detector.edges.sinks.base import Sink
from detector.records import AlertAction
from tests.contract.scripted_receiver import Play, ScriptedReceiver, retry_at
from tests.contract.sink_cases import CASES, NOW_MS, TIMEOUT
from tests.faults.outbox_bench import alert_of, outbox_bench

TRIGGER, UPDATE, RESOLVE = AlertAction.TRIGGER, AlertAction.UPDATE, AlertAction.RESOLVE
ACCEPTED = CASES["pagerduty"].ok


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def a_sink(case: str, name: str, receiver: ScriptedReceiver) -> Sink:
    return sink_for(replace(CASES[case].make(receiver.url, None, TIMEOUT), name=name))


def told(receiver: ScriptedReceiver) -> list[tuple[str, str]]:
    """(dedup key, action) of every PagerDuty event, in order of arrival."""
    events = [json.loads(request.body) for request in receiver.requests]
    return [(event["dedup_key"], event["event_action"]) for event in events]


@pytest.mark.parametrize("header", [("Retry-After", "7"), retry_at(NOW_MS / 1000 + 7)], ids=["seconds", "date"])
def test_retry_after_is_honoured_to_the_second_and_the_order_holds(header: tuple[str, str], tmp_path: Path) -> None:
    """Not at 6.999 s, at 7 s; and the resolve waits for its trigger, however often that fails."""

    async def test() -> None:
        script = [Play(429, headers=(header,)), Play(503), Play(None)]
        async with ScriptedReceiver(script, ever_after=ACCEPTED) as pager:
            with outbox_bench(tmp_path, {"pager": a_sink("pagerduty", "pager", pager)}) as bench:
                bench.owe(alert_of("pager", TRIGGER, 1), alert_of("pager", RESOLVE, 2))
                await bench.send()
                bench.pass_time(6.999)
                await bench.send()
                assert len(pager.requests) == 1
                bench.pass_time(0.001)
                await bench.send()
                assert len(pager.requests) == 2
                for _ in range(5):
                    bench.pass_time(300)
                    await bench.send()
                assert told(pager) == [("a", "trigger")] * 4 + [("a", "resolve")]
                assert bench.pending() == {}

    run(test())


def test_202_and_then_a_reset_pages_once(tmp_path: Path) -> None:
    """The pager has it; it is not sent again."""

    async def test() -> None:
        async with ScriptedReceiver([Play(202, b'{"st', promised=99, then_reset=True)], ever_after=ACCEPTED) as pager:
            with outbox_bench(tmp_path, {"pager": a_sink("pagerduty", "pager", pager)}) as bench:
                bench.owe(alert_of("pager", TRIGGER, 1))
                for _ in range(3):
                    await bench.send()
                    bench.pass_time(300)
                assert told(pager) == [("a", "trigger")]

    run(test())


@pytest.mark.parametrize(
    ("case", "play", "reason"),
    [
        ("pagerduty", Play(400, b'{"status":"invalid event"}'), "clientError"),
        ("pagerduty", Play(401), "authError"),
        ("webhook", Play(403), "authError"),
        ("slack", Play(200, b"no_service"), "clientError"),
        ("slack bot", Play(200, b'{"ok":false,"error":"invalid_auth"}'), "authError"),
        ("alertmanager", Play(400, b'"bad label"'), "clientError"),
    ],
)
def test_a_refusal_for_good_is_given_up_counted_shown_and_told_to_the_fallback(
    case: str, play: Play, reason: str, tmp_path: Path
) -> None:
    """At once, not after a day; a sink beside it never notices."""

    async def test() -> None:
        async with (
            ScriptedReceiver(ever_after=play) as refusing,
            ScriptedReceiver() as fallback,
            ScriptedReceiver(ever_after=ACCEPTED) as well,
        ):
            sinks = {
                "refusing": a_sink(case, "refusing", refusing),
                "fallback": a_sink("webhook", "fallback", fallback),
                "well": a_sink("pagerduty", "well", well),
            }
            with outbox_bench(tmp_path, sinks, fallback="fallback") as bench:
                bench.owe(alert_of("refusing", TRIGGER, 1), alert_of("well", TRIGGER, 2))
                await bench.send()
                await bench.send()
                assert len(refusing.requests) == 1
                assert [json.loads(request.body)["dedup_key"] for request in fallback.requests] == ["a"]
                assert told(well) == [("a", "trigger")]
                assert bench.metric("trimwatch_notifications_failed_total", sink="refusing", reason=reason) == 1
                assert bench.metric("trimwatch_notifications_failed_total", sink="well", reason=reason) == 0
                assert bench.pending() == {}
                assert any(report.subject == "refusing" for report in bench.health.reports())

    run(test())


def test_a_receiver_that_is_away_holds_up_nobody_else(tmp_path: Path) -> None:
    """DNS failure, TLS failure and a closed port: each stays owed, the one that works is told, and all hear of it later."""

    async def test() -> None:
        async with (
            ScriptedReceiver(ever_after=ACCEPTED, is_tls=True) as untrusted,
            ScriptedReceiver(ever_after=ACCEPTED) as well,
        ):
            nowhere = ScriptedReceiver()
            nowhere.url = "http://receiver.invalid"
            sinks = {
                "untrusted": a_sink("pagerduty", "untrusted", untrusted),
                "nowhere": a_sink("webhook", "nowhere", nowhere),
                "well": a_sink("pagerduty", "well", well),
            }
            with outbox_bench(tmp_path, sinks) as bench:
                bench.owe(*(alert_of(name, TRIGGER, n) for n, name in enumerate(sinks, 1)))
                for _ in range(4):
                    await bench.send()
                    bench.pass_time(300)
                assert told(well) == [("a", "trigger")]
                assert bench.pending() == {"untrusted": 1, "nowhere": 1}
                assert bench.metric("trimwatch_notifications_failed_total", sink="nowhere", reason="connectionError") == 4

    run(test())


def test_alertmanager_hears_again_while_it_fires_and_five_minutes_of_the_end(tmp_path: Path) -> None:
    """It forgets what is not repeated: each minute while firing, each minute for five after the end, then silence."""

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            with outbox_bench(tmp_path, {"am": a_sink("alertmanager", "am", receiver)}) as bench:
                bench.owe(alert_of("am", TRIGGER, 1))
                for _ in range(3):
                    await bench.send()
                    bench.pass_time(60)
                ends = [json.loads(request.body)[0]["endsAt"] for request in receiver.requests]
                assert ends == ["2025-11-24T23:26:20.000Z", "2025-11-24T23:27:20.000Z", "2025-11-24T23:28:20.000Z"]
                resolve = replace(alert_of("am", RESOLVE, 2), at_ms=bench.clock_ms[0])
                bench.owe(resolve)
                for _ in range(10):
                    await bench.send()
                    bench.pass_time(60)
                ends = [json.loads(request.body)[0]["endsAt"] for request in receiver.requests[3:]]
                assert ends == ["2025-11-24T23:26:20.000Z"] * 6
                assert bench.pending() == {}

    run(test())


def test_one_message_an_incident_where_the_chat_allows_it(tmp_path: Path) -> None:
    """The bot's message is updated in place, also after a restart: the outbox keeps where it stands."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=CASES["slack bot"].ok) as chat:
            for actions in ((TRIGGER, UPDATE), (RESOLVE,)):
                with outbox_bench(tmp_path, {"chat": a_sink("slack bot", "chat", chat)}) as bench:
                    bench.owe(*(alert_of("chat", action, 10 * len(actions) + n) for n, action in enumerate(actions)))
                    await bench.send()
            methods = [request.path for request in chat.requests]
            assert methods == ["/api/chat.postMessage", "/api/chat.update", "/api/chat.update"]
            assert json.loads(chat.requests[2].body)["ts"] == "1503435956.000247"

    run(test())
