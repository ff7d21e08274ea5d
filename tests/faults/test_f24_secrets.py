"""F24: a canary in settings, addresses, answers and log lines is in nothing that a sink sends, says or shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sinks import sink_for
from detector.errors import SinkError
from detector.records import AlertAction
from detector.settings import Secret, WebhookSinkSettings
from tests.contract.scripted_receiver import Play, ScriptedReceiver
from tests.contract.sink_cases import ALERT, CASES, HTTP_CASES, NOW_MS, SECRET, TIMEOUT
from tests.faults.outbox_bench import alert_of, outbox_bench
from tests.golden.hostile_incident import CANARY, HOSTILE
from tests.golden.sent_bodies import sent_body

every_sink = pytest.mark.parametrize("name", CASES)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


@every_sink
@pytest.mark.parametrize("action", list(AlertAction))
def test_a_secret_in_a_log_line_leaves_in_no_alert(name: str, action: AlertAction) -> None:
    """Evidence, title, fix, explanation and cause are masked for every receiver."""
    assert CANARY.encode() not in sent_body(name, HOSTILE, action)


@pytest.mark.parametrize("at", range(440, 560, 7))
def test_a_secret_at_the_cut_is_masked_before_it_is_cut(at: int) -> None:
    """Half a token is a secret too."""
    token = "ghp_" + "Zq7Zq7Zq7" * 4
    line = "x" * at + " " + token
    incident = replace(HOSTILE, title=line, evidence=(replace(HOSTILE.evidence[0], text=line),))
    assert b"Zq7" not in sent_body("webhook", incident)


@pytest.mark.parametrize("name", HTTP_CASES)
@pytest.mark.parametrize(
    "play",
    [
        Play(400, f"no such key: {SECRET}".encode()),
        Play(403, b'{"error":"' + SECRET.encode() + b'"}'),
        Play(500, SECRET.encode()),
        Play(302, headers=(("Location", f"http://evil.test/{SECRET}"),)),
        Play(200, f"invalid {SECRET}".encode()),
        Play(None),
        Play(hangs=True),
    ],
)
def test_no_error_says_a_secret(name: str, play: Play, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not the exception nor what caused it, not our own log, not the metrics, not what health shows, not the store's files."""

    async def test() -> None:
        async with ScriptedReceiver(ever_after=play) as receiver:
            settings = CASES[name].make(receiver.url, None, timedelta(milliseconds=200))
            with outbox_bench(tmp_path, {"pager": sink_for(replace(settings, name="pager"))}) as bench:
                bench.owe(alert_of("pager", AlertAction.TRIGGER, 1))
                await bench.send()
                seen = [repr(bench.health.reports()), repr(list(bench.metrics.registry.collect()))]
            seen += [file.read_bytes().decode("latin-1") for file in (tmp_path / "state").iterdir() if file.is_file()]
            assert [text for text in seen if SECRET in text] == []

    run(test())
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err


def test_settings_never_print_their_secrets() -> None:
    """A sink's settings in an exception or a debugger's view."""
    for name in ("pagerduty", "slack", "slack bot", "apprise", "alertmanager"):
        assert SECRET not in repr(CASES[name].make("http://127.0.0.1:1", None, TIMEOUT)).replace(f"127.0.0.1:1/{SECRET}", "")


def test_a_secret_file_is_read_again_and_its_absence_says_no_path(tmp_path: Path) -> None:
    """A rotated key is enough; a missing or empty file is tried again later, and named by its field."""
    file = tmp_path / "key"
    settings = WebhookSinkSettings(type="webhook", url="", token=Secret(file=str(file)), allow_private=True)

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            sink = sink_for(replace(settings, url=receiver.url))
            for content in (None, "", "  \n"):
                if content is not None:
                    file.write_text(content)
                with pytest.raises(SinkError, match=r"^token: ") as caught:
                    await sink.send(ALERT, "", NOW_MS)
                assert (caught.value.retryable, caught.value.reason) == (True, "authError")
            for key in ("first", "second"):
                file.write_text(f"{key}\n")
                await sink.send(ALERT, "", NOW_MS)
            assert [request.headers["authorization"] for request in receiver.requests] == ["Bearer first", "Bearer second"]

    run(test())


def test_a_secret_with_a_line_break_inside_does_not_split_the_request() -> None:
    """It is refused, without its text."""
    settings = WebhookSinkSettings(type="webhook", url="", token=Secret(f"{SECRET}\r\nX-Forged: 1"), allow_private=True)

    async def test() -> None:
        async with ScriptedReceiver() as receiver:
            with pytest.raises(SinkError) as caught:
                await sink_for(replace(settings, url=receiver.url)).send(ALERT, "", NOW_MS)
            assert SECRET not in str(caught.value)
            assert receiver.requests == []

    run(test())


def test_apprise_does_not_log_addresses(caplog: pytest.LogCaptureFixture) -> None:
    """Its own warnings hold the URL it could not reach."""

    async def test() -> None:
        sink = sink_for(CASES["apprise"].make("http://127.0.0.1:1", None, TIMEOUT))
        await sink.open()
        with pytest.raises(SinkError) as caught:
            await sink.send(ALERT, "", NOW_MS)
        assert SECRET not in str(caught.value)

    with caplog.at_level(logging.DEBUG):
        run(test())
    assert SECRET not in caplog.text
