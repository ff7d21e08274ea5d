"""The listener: which path takes which protocol, who may push, and how it is served."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from detector.edges.api.exchange import Answer, App, Refused, Request, asgi
from detector.edges.api.server import Manners, serve_app
from detector.edges.ingest import influxdb, otlp
from detector.edges.ingest.bodies import Room
from detector.edges.ingest.influxdb import InfluxDb
from detector.edges.ingest.otlp import Otlp
from detector.edges.ingest.pushed import KeptInbox, Pushed
from detector.edges.ingest.remote_write import RemoteWrite
from detector.edges.ingest.sender import SenderCheck
from detector.settings import IngestSettings

MOST_CONNECTIONS = 512
KEEP_ALIVE_S = 75  # longer than agents pause between two pushes: an end while they send costs them a retry

Route = Callable[[Request], Awaitable[Answer]]


async def serve_ingest(settings: IngestSettings, listener: socket.socket, inbox: KeptInbox, first: int) -> None:
    """Takes pushes until cancelled; the socket is closed then. `first` is the number of the first push."""
    manners = Manners(MOST_CONNECTIONS, KEEP_ALIVE_S, settings.cert_file, settings.key_file)
    await serve_app(ingest_app(settings, Pushed(inbox, first, settings.service)), listener, manners)


def ingest_app(settings: IngestSettings, pushed: Pushed) -> App:
    return asgi(_Ingest(settings, pushed).handle)


class _Ingest:
    def __init__(self, settings: IngestSettings, pushed: Pushed) -> None:
        most = settings.max_body.bytes
        self._sender = SenderCheck(settings)
        self._room = Room(settings)
        database = InfluxDb(pushed, most)
        self._takes: dict[str, Route] = {
            "/api/v1/write": RemoteWrite(pushed, most).write,
            "/v1/metrics": Otlp(pushed, most).metrics,
            "/write": database.write,
            "/api/v2/write": database.write_v2,
        }
        self._tells: dict[str, Route] = {"/query": database.query, "/ping": database.ping, "/health": database.health}

    async def handle(self, request: Request) -> Answer:
        """Raises Refused."""
        try:
            return await self._answer(request)
        except Refused as refused:
            if request.path.startswith("/v1/"):
                return otlp.status_answer(request, refused)
            if request.path.startswith("/api/v2/"):
                return influxdb.error_v2(refused)
            raise

    async def _answer(self, request: Request) -> Answer:
        if request.path in ("/ping", "/health"):  # clients ask these before they know whether we want a token
            return await self._tells[request.path](request)
        self._sender.check(request)
        if request.path in self._tells:
            return await self._tells[request.path](request)
        route = self._takes.get(request.path)
        if route is None:
            raise Refused(404, f"metrics are taken at {', '.join(self._takes)}")
        if request.method != "POST":
            raise Refused(405, "POST it", (b"allow", b"POST"))
        with self._room.held(request) as counted:
            return await route(counted)
