"""The two listeners: health and metrics for everybody, the API for this machine. They run until they are cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from detector.edges.api.api import Api
from detector.edges.api.connection import MOST_CONNECTIONS, connection_class
from detector.edges.api.daemon import Daemon
from detector.edges.api.exchange import App
from detector.edges.api.telemetry import telemetry_app
from detector.edges.store.store import Store
from detector.errors import StoreDamaged, StoreUnavailable, TrimwatchError
from detector.settings import ApiSettings, ListenSettings
from detector.telemetry import Health, Metrics, logger

GOODBYE_S = 1


class CannotListen(TrimwatchError):
    """The address is in use or not ours."""


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What the two apps show and ask."""

    store: Store
    health: Health
    metrics: Metrics
    daemon: Daemon


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets that are bound, before anything is answered: a port in use ends the start, not the run. None: switched off."""

    telemetry: socket.socket | None
    api: socket.socket | None


def bind(telemetry: ListenSettings, api: ApiSettings) -> Listeners:
    """Raises CannotListen."""
    first = bound(telemetry.listen)
    try:
        return Listeners(first, bound(api.listen))
    except CannotListen:
        if first is not None:
            first.close()
        raise


async def serve(parts: ApiParts, listeners: Listeners, settings: ApiSettings) -> None:
    """Answers until cancelled; the sockets are closed then."""
    telemetry = telemetry_app(parts.metrics, parts.health, lambda: _refresh(parts))
    api = Api(settings, parts.store, parts.health, parts.daemon).app
    async with asyncio.TaskGroup() as group:
        for app, listener, name in ((telemetry, listeners.telemetry, "telemetry"), (api, listeners.api, "api")):
            if listener is not None:
                group.create_task(serve_app(app, listener), name=name)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a listener treats those who connect. `certificate` and `key` are files; with both it speaks TLS."""

    most_connections: int = MOST_CONNECTIONS
    keep_alive_s: int = 5
    certificate: str | None = None
    key: str | None = None


async def serve_app(app: App, listener: socket.socket, manners: Manners = Manners()) -> None:
    """Answers until cancelled; the socket is closed then."""
    config = uvicorn.Config(
        app,
        http=connection_class(most=manners.most_connections),  # type: ignore[arg-type]
        ssl_certfile=manners.certificate,
        ssl_keyfile=manners.key,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=16 << 10,
        timeout_keep_alive=manners.keep_alive_s,
        timeout_graceful_shutdown=GOODBYE_S,
    )
    server = _Server(config)
    address = listener.getsockname()
    logger.info("listening", address=f"{address[0]}:{address[1]}")
    try:
        await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        if server.started:
            await server.shutdown(sockets=[listener])
        raise
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """Leaves the signals to `app` and ends by being cancelled."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await asyncio.Event().wait()


def _refresh(parts: ApiParts) -> None:
    """Gauges of the store. While it cannot be read they keep their last values."""
    with contextlib.suppress(StoreUnavailable, StoreDamaged, OSError):
        parts.metrics.incidents(parts.store.history.incident_counts())
        parts.metrics.store_size(parts.store.size_bytes())


def bound(listen: str) -> socket.socket | None:
    """None for an empty address. Raises CannotListen."""
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    host = host.strip("[]") or "0.0.0.0"
    try:
        if not 0 <= int(port) <= 65535:  # getaddrinfo would take the rest of the division
            raise ValueError(f"{port} is no port")
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)  # without it Linux lets two sockets be bound, and callers would be refused until we answer
        listener.setblocking(False)
    except (OSError, ValueError, OverflowError) as error:
        raise CannotListen(f"cannot listen on {listen}: {error}") from error
    return listener
