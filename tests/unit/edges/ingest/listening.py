"""The ingest listener on a free port, over an inbox that keeps what it is given when it is let."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from detector.edges.api.server import bound
from detector.edges.ingest.listener import serve_ingest
from detector.records import MetricPoint, Points
from detector.settings import IngestSettings
from tests.unit.edges.api.daemon import Reply, raw


class Kept:
    """Implements `KeptInbox`."""

    def __init__(self) -> None:
        self.taken: list[Points] = []
        self.may_write = asyncio.Event()
        self.may_write.set()

    async def kept(self, points: Points) -> None:
        self.taken.append(points)
        await self.may_write.wait()

    @property
    def points(self) -> list[MetricPoint]:
        return [point for each in self.taken for point in each.points]


class Pusher:
    def __init__(self, inbox: Kept, port: int) -> None:
        self.inbox = inbox
        self.port = port

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        fields = {"Host": "trimwatch", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return await raw(self.port, head.encode() + b"\r\n" + body)

    async def post(self, path: str, body: bytes, **headers: str) -> Reply:
        return await self.ask("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})


@contextlib.asynccontextmanager
async def pusher(**settings: Any) -> AsyncIterator[Pusher]:
    ingest = IngestSettings("127.0.0.1:0", **settings)
    listener = bound(ingest.listen)
    assert listener is not None
    inbox, port = Kept(), listener.getsockname()[1]
    task = asyncio.create_task(serve_ingest(ingest, listener, inbox, 7))
    try:
        yield Pusher(inbox, port)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
