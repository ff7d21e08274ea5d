"""F25: callers of the API that should not be there, or send what nobody should take."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from detector.edges.api import connection, exchange
from detector.edges.api.exchange import Refused, Request
from detector.edges.api.guard import Guard
from detector.edges.store.store import Store
from detector.settings import ApiSettings, Secret
from tests.unit.edges.api.daemon import Live, live, raw, reply
from tests.unit.edges.records import checkpoint


def resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def with_live(store: Store, ask: Callable[[Live], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        async with live(store, **settings) as daemon:
            await ask(daemon)

    asyncio.run(run())


def test_what_changes_anything_needs_the_token(store: Store) -> None:
    """Without a token 401, with a wrong one 401, also on loopback; nothing was written; reading needs none here."""
    store.write(checkpoint())

    async def ask(daemon: Live) -> None:
        for token in (None, "", "wrong", "right2", "righ", "\u00fcber"):
            for path in ("/-/reload", "/api/v1/incidents/key/acknowledge", "/api/v1/incidents/key/silence"):
                answer = await daemon.post(path, token=token)
                assert answer.status == 401
                assert answer.headers["www-authenticate"].startswith("bearer")
        assert (await daemon.post("/-/reload", token=None, Authorization="Basic right")).status == 401
        assert (await daemon.post("/-/reload?token=right", token=None)).status == 401
        assert daemon.process.reloads == 0
        assert (await daemon.get("/api/v1/incidents")).status == 200

    with_live(store, ask)
    assert store.commands_after(0) == []


def test_without_a_token_in_the_settings_nothing_is_changed(store: Store) -> None:
    """No token set means refused, not open."""

    async def ask(daemon: Live) -> None:
        for token in (None, "", "None"):
            assert (await daemon.post("/-/reload", token=token)).status == 403
        assert daemon.process.reloads == 0

    with_live(store, ask, token=None)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9480", "127.0.0.1.evil.example", "localhost.evil.example", "", "trimwatch"]
)
def test_a_name_pointed_at_our_port_is_refused(store: Store, host: str) -> None:
    """DNS rebinding: whatever name leads here, only addresses, localhost and the names in the settings are ours."""

    async def ask(daemon: Live) -> None:
        assert (await daemon.get("/api/v1/incidents", Host=host)).status == 403
        assert (await daemon.post("/-/reload", Host=host)).status == 403

    with_live(store, ask)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9480", "127.0.0.1", "[::1]:9480", "10.1.2.3:80", "trimwatch.local:9480"]
)
def test_our_own_names_are_taken(store: Store, host: str) -> None:
    """Addresses, localhost and the names in the settings, in any case, with or without a port."""

    async def ask(daemon: Live) -> None:
        assert (await daemon.get("/api/v1/incidents", Host=host)).status == 200

    with_live(store, ask, hosts=("Trimwatch.local",))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_page_of_another_site_is_refused(store: Store, headers: dict[str, str]) -> None:
    """A browser says where a request comes from: another site is refused even with the right token."""

    async def ask(daemon: Live) -> None:
        assert (await daemon.post("/-/reload", **headers)).status == 403
        assert daemon.process.reloads == 0
        own = f"http://127.0.0.1:{daemon.api_port}"
        assert (await daemon.post("/-/reload", Origin=own, Sec_Fetch_Site="same-origin")).status == 200

    with_live(store, ask)


def test_a_form_is_no_json(store: Store) -> None:
    """What a form of another page can send is refused by its type."""
    store.write(checkpoint())

    async def ask(daemon: Live) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            answer = await daemon.post("/api/v1/incidents/key/silence", {"for_s": 60}, Content_Type=kind)
            assert answer.status == 415
        deep = b"[" * 60_000
        headers = {"Authorization": "Bearer right", "Content-Type": "application/json"}
        assert (await daemon.ask("POST", "/api/v1/incidents/key/silence", daemon.api_port, headers, deep)).status == 400

    with_live(store, ask)


def test_a_body_of_two_gigabytes(store: Store) -> None:
    """Announced or chunked, a large body is 413 at once and never held; a body to a path that takes none is not read."""

    async def ask(daemon: Live) -> None:
        before = resident_mb()
        head = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right\r\n"
        announced = await raw(daemon.api_port, f"{head}Content-Length: 2147483648\r\n\r\n".encode())
        assert announced.status == 413
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.api_port)
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(2_000):
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            assert reply(await reader.read()).status in (413, 0)
        writer.close()
        assert daemon.process.reloads == 0
        assert resident_mb() - before < 20
        assert (await daemon.get("/api/v1/status")).status == 200

    with_live(store, ask)


def test_a_head_or_body_that_trickles_in_is_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowloris: a head, a second head and a body that do not arrive in time end with 408."""
    monkeypatch.setattr(connection.connection_class, "__defaults__", (0.2, 128))
    monkeypatch.setattr(exchange, "BODY_LIMIT_S", 0.2)

    async def ask(daemon: Live) -> None:
        assert (await raw(daemon.telemetry_port, b"GET /healthz HT")).status == 408
        assert (await raw(daemon.telemetry_port, b"")).status == 408
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.telemetry_port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"}\n")
        writer.write(b"GET /he")
        assert b"408" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        body = await daemon.ask("POST", "/-/reload", daemon.api_port, {"Authorization": "Bearer right", "Content-Length": "10"})
        assert body.status == 408

    with_live(store, ask)


def test_a_thousand_connections_lock_nobody_out(store: Store) -> None:
    """While a thousand connections are held open, a probe gets through and memory stays flat."""

    async def ask(daemon: Live) -> None:
        before = resident_mb()
        held = [await asyncio.open_connection("127.0.0.1", daemon.telemetry_port) for _ in range(1_000)]
        for _, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
        answer = await daemon.get("/healthz", daemon.telemetry_port)
        assert answer.status == 200
        assert resident_mb() - before < 60
        for _, writer in held:
            writer.close()

    with_live(store, ask)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /%00%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/incidents?" + b"a=b&" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/incidents/%f0%28%8c%28 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n",
    ],
)
def test_rubbish_is_refused_and_all_goes_on(store: Store, data: bytes) -> None:
    """TLS, a wrong version, endless heads, smuggled lengths, broken escapes: an answer below 500, and the next is served."""

    async def ask(daemon: Live) -> None:
        for port in (daemon.api_port, daemon.telemetry_port):
            with contextlib.suppress(ConnectionError):
                assert (await raw(port, data)).status < 500
        assert (await daemon.get("/api/v1/status")).status == 200

    with_live(store, ask)


def test_reading_from_another_address_needs_the_token_too(store: Store) -> None:
    """On an address that others can reach, nothing is shown without the token."""

    async def nothing() -> dict[str, object]:
        return {}

    for listen in ("0.0.0.0:9480", "10.0.0.1:9480", "[::]:9480", ":9480"):
        guard = Guard(ApiSettings(listen=listen, token=Secret("right")))
        with pytest.raises(Refused, match="Bearer"):
            guard.check(Request("GET", "/", {}, {"host": "10.0.0.1"}, nothing))
        guard.check(Request("GET", "/", {}, {"host": "10.0.0.1", "authorization": "Bearer right"}, nothing))
    for listen in ("127.0.0.1:9480", "[::1]:9480", "localhost:9480"):
        Guard(ApiSettings(listen=listen)).check(Request("GET", "/", {}, {"host": "127.0.0.1"}, nothing))


def test_every_answer_carries_the_headers(store: Store) -> None:
    """Also refusals are not framed, guessed at or kept."""

    async def ask(daemon: Live) -> None:
        for answer in (await daemon.get("/api/v1/status"), await daemon.get("/nope"), await daemon.post("/-/reload", token=None)):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert "server" not in answer.headers
            assert "access-control-allow-origin" not in answer.headers

    with_live(store, ask)
