"""Receivers are reached and not told anything: what `check --connect` says of them."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from detector.edges.inspected import Inspected
from detector.edges.sinks.inspection import HttpSinkSettings, inspect_sink
from detector.settings import AlertmanagerSinkSettings, PagerDutySinkSettings, Secret, SlackSinkSettings, WebhookSinkSettings
from tests.contract.scripted_receiver import CA_FILE, ScriptedReceiver

SINKS: dict[str, HttpSinkSettings] = {
    "webhook": WebhookSinkSettings("webhook", "", allow_private=True, timeout=timedelta(seconds=2)),
    "pagerduty": PagerDutySinkSettings("pagerduty", Secret("key-key"), allow_private=True, timeout=timedelta(seconds=2)),
    "alertmanager": AlertmanagerSinkSettings("alertmanager", (), allow_private=True, timeout=timedelta(seconds=2)),
    "slack": SlackSinkSettings("slack", bot_token=Secret("xoxb-1"), channel="C", allow_private=True),
    "slack-webhook": SlackSinkSettings("slack", webhook_url=Secret("x"), allow_private=True),
}
FIELDS = {"webhook": "url", "pagerduty": "url", "alertmanager": "urls.0", "slack": "api", "slack-webhook": "webhook_url"}

every_sink = pytest.mark.parametrize("kind", SINKS)


def at(kind: str, url: str, **more: object) -> HttpSinkSettings:
    value: object = {"alertmanager": (url,), "slack-webhook": Secret(f"{url}/T0/secret-path")}.get(kind, url)
    return dataclasses.replace(SINKS[kind], **{FIELDS[kind].partition(".")[0]: value, **more})


async def inspected(settings: HttpSinkSettings, *, is_tls: bool = False, url: str | None = None) -> Inspected:
    """What is said of a sink at a real server, which has heard no request."""
    async with ScriptedReceiver(is_tls=is_tls) as receiver:
        kind = "slack-webhook" if getattr(settings, "webhook_url", None) else settings.type
        said = await inspect_sink(at(kind, url or receiver.url, **_same(settings)))
        assert receiver.requests == []
        return said


def _same(settings: HttpSinkSettings) -> dict[str, object]:
    return {"ca_file": settings.ca_file} if hasattr(settings, "ca_file") else {}


@every_sink
def test_a_receiver_that_answers_is_well_and_hears_nothing(kind: str) -> None:
    """No request is made; what is not tried is said."""
    said = asyncio.run(inspected(SINKS[kind]))
    assert said.problems == ()
    assert "reached" in said.seen
    assert said.untried


@every_sink
def test_a_certificate_that_is_not_trusted(kind: str) -> None:
    """Under ca_file where the sink has one, else under its address; no part of a secret URL is shown."""
    said = asyncio.run(inspected(SINKS[kind], is_tls=True))
    ((field, problem),) = said.problems
    assert field == ("ca_file" if hasattr(SINKS[kind], "ca_file") else FIELDS[kind])
    assert "not trusted" in problem
    assert "secret-path" not in repr(said)


def test_with_the_authoritys_file_it_is_trusted() -> None:
    """And a file without certificates is a fault of its own."""
    trusting = dataclasses.replace(SINKS["webhook"], ca_file=CA_FILE)
    assert asyncio.run(inspected(trusting, is_tls=True)).problems == ()
    ((field, problem),) = asyncio.run(inspected(dataclasses.replace(trusting, ca_file=__file__), is_tls=True)).problems
    assert (field, "holds no certificates" in problem) == ("ca_file", True)


@every_sink
def test_nobody_there(kind: str) -> None:
    """A closed port and a name that does not resolve."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        refused = asyncio.run(inspect_sink(at(kind, f"http://127.0.0.1:{held.getsockname()[1]}")))
    assert [field for field, _ in refused.problems] == [FIELDS[kind]]
    assert "nothing listens" in refused.problems[0][1]
    unknown = asyncio.run(inspect_sink(at(kind, "https://nowhere.invalid")))
    assert "does not resolve" in unknown.problems[0][1]


def test_tls_to_a_plain_port() -> None:
    """Says which scheme to write."""

    async def ask() -> Inspected:
        async with ScriptedReceiver() as receiver:
            return await inspect_sink(at("webhook", receiver.url.replace("http", "https")))

    ((field, problem),) = asyncio.run(ask()).problems
    assert field == "url"
    assert "write http://" in problem


def test_a_private_address_is_not_connected_to() -> None:
    """What the sink would refuse, the check refuses."""
    ((field, problem),) = asyncio.run(inspected(SINKS["webhook"], url="http://169.254.169.254")).problems
    assert field == "url"
    assert "refused" in problem


def test_one_peer_of_two_is_away() -> None:
    """Its address alone is at fault; the other is named as reached."""

    async def ask() -> Inspected:
        async with ScriptedReceiver() as receiver:
            return await inspect_sink(dataclasses.replace(SINKS["alertmanager"], urls=(receiver.url, "http://nowhere.invalid")))

    said = asyncio.run(ask())
    assert [field for field, _ in said.problems] == ["urls.1"]
    assert said.seen.endswith("reached")


def test_a_secret_whose_file_is_empty(tmp_path: Path) -> None:
    """Is said before the first alert finds out."""
    (tmp_path / "key").write_text("\n")
    settings = dataclasses.replace(SINKS["pagerduty"], routing_key=Secret(file=str(tmp_path / "key")))
    said = asyncio.run(inspect_sink(dataclasses.replace(settings, url="http://nowhere.invalid")))
    assert ("routing_key", "is empty") in said.problems
