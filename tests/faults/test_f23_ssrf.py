"""F23: a sink connects where the settings say and nowhere else: not to metadata, nor inside, nor where a redirect leads."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Coroutine
from typing import Any

import pytest

from detector.edges.http.address import addresses_of, refusal, target_of
from detector.edges.sinks import sink_for
from detector.edges.sinks.problems import problems_of
from detector.errors import SinkError
from detector.settings import PagerDutySinkSettings, Secret, SlackSinkSettings, WebhookSinkSettings
from tests.contract.scripted_receiver import ScriptedReceiver
from tests.contract.sink_cases import ALERT, NOW_MS

ALWAYS_REFUSED = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "192.0.0.192",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "::ffff:0.0.0.0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "::ffff:192.168.1.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
    "fd12:3456::1",
    "100.64.0.1",
    "198.18.0.1",
    "240.0.0.1",
]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def webhook(url: str, allow_private: bool = False) -> WebhookSinkSettings:
    return WebhookSinkSettings(type="webhook", url=url, allow_private=allow_private)


@pytest.mark.parametrize("address", ALWAYS_REFUSED)
def test_some_addresses_are_refused_whatever_the_settings_say(address: str) -> None:
    """Link-local, metadata, unspecified, multicast, broadcast: in every spelling of IPv6, too."""
    assert refusal(ipaddress.ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_inside_addresses_need_to_be_allowed(address: str) -> None:
    """Loopback and private ones, also wrapped in IPv6."""
    assert refusal(ipaddress.ip_address(address), allow_private=False)
    assert address == "240.0.0.1" or not refusal(ipaddress.ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    """Also through NAT64."""
    assert refusal(ipaddress.ip_address(address), allow_private=False) is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    """Nothing is connected to: it is the resolved address that counts."""

    async def test() -> None:
        async with ScriptedReceiver() as inside:
            with pytest.raises(SinkError, match="allow_private") as caught:
                await sink_for(webhook(f"http://{host}:{inside.port}/")).send(ALERT, "", NOW_MS)
            assert caught.value.retryable is (host == "localhost")
            assert inside.connections == 0
            assert (await sink_for(webhook(inside.url, allow_private=True)).send(ALERT, "", NOW_MS)).note == ""

    run(test())


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name is resolved once an attempt, and the address that was looked at is the one connected to."""
    asked: list[str] = []

    async def test() -> None:
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def rebinding(host: str, port: int, **options: Any) -> Any:
            if host != "rebind.test":
                return await real(host, port, **options)
            asked.append(host)
            address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(loop, "getaddrinfo", rebinding)
        async with ScriptedReceiver() as inside:
            target = target_of(f"http://rebind.test:{inside.port}/")
            assert await addresses_of(target, allow_private=False) == ["93.184.215.14"]
            with pytest.raises(SinkError, match="allow_private") as caught:
                await sink_for(webhook(f"http://rebind.test:{inside.port}/")).send(ALERT, "", NOW_MS)
            assert caught.value.retryable
            assert asked == ["rebind.test"] * 2
            assert inside.connections == 0

    run(test())


def test_of_several_addresses_only_the_allowed_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that also points to the metadata service is reached at its other address."""

    async def test() -> None:
        async def both(host: str, port: int, **_: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("169.254.169.254", "93.184.215.14", "::1")]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        assert await addresses_of(target_of("https://mixed.test/"), allow_private=False) == ["93.184.215.14"]

    run(test())


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://x/",
        "ftp://x/",
        "//x/",
        "x",
        "",
        "http://",
        "http:///p",
        "http://x y/",
        "http://x/\r\nHost: y",
    ],
)
def test_what_is_no_web_address_is_no_sink(url: str) -> None:
    """Refused when it is read, by `check` too, without repeating the URL."""
    with pytest.raises(ValueError, match="URL") as caught:
        sink_for(webhook(url))
    assert not url or url not in str(caught.value)
    assert [field for field, _ in problems_of(webhook(url))] == ["url"]


def test_check_sees_a_refused_address_without_a_network() -> None:
    """An address in the settings is judged as it stands."""
    assert problems_of(webhook("http://127.0.0.1/")) == [("url", "loopback and private addresses need `allow_private: true`")]
    assert problems_of(webhook("http://[::ffff:169.254.169.254]/", allow_private=True))
    assert problems_of(webhook("https://example.org/")) == []
    slack = SlackSinkSettings(type="slack", webhook_url=Secret("http://10.0.0.1/x"))
    assert [field for field, _ in problems_of(slack)] == ["webhook_url"]
    pager = PagerDutySinkSettings(type="pagerduty", routing_key=Secret("x"), url="http://192.168.0.1/")
    assert [field for field, _ in problems_of(pager)] == ["url"]
