"""The two listeners on free ports over a real store, and a client that sends exactly the bytes it is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from detector.edges.api.server import ApiParts, bind, serve
from detector.edges.store.store import Store
from detector.interface import Json
from detector.settings import ApiSettings, ListenSettings, Secret
from detector.telemetry import Health, Metrics


@dataclass
class Process:
    """Stands for `app`: what the API may ask of it."""

    faults: list[str] = field(default_factory=list)
    reloads: int = 0
    rings: int = 0

    async def reload(self) -> list[str]:
        self.reloads += 1
        return self.faults

    def ring(self) -> None:
        self.rings += 1

    def status(self) -> Mapping[str, Json]:
        return {"rules": 3}

    def signals(self, service: str | None) -> Mapping[str, Json]:
        return {"service": service}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Live:
    health: Health
    metrics: Metrics
    process: Process
    telemetry_port: int
    api_port: int

    async def get(self, path: str, port: int | None = None, **headers: str) -> Reply:
        return await self.ask("GET", path, port or self.api_port, headers)

    async def post(self, path: str, body: object = None, token: str | None = "right", **headers: str) -> Reply:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and "Content_Type" not in headers:
            headers.setdefault("Content_Type", "application/json")
        return await self.ask("POST", path, self.api_port, headers, b"" if body is None else json.dumps(body).encode())

    async def ask(self, method: str, path: str, port: int, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        fields = {"Host": f"127.0.0.1:{port}", "Connection": "close", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body:
            fields["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return await raw(port, head.encode() + b"\r\n" + body)


async def raw(port: int, data: bytes) -> Reply:
    """Sends the bytes and reads until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        async with asyncio.timeout(20):
            return reply(await reader.read())
    finally:
        writer.close()


def reply(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]) if first else 0, headers, body)


@contextlib.asynccontextmanager
async def live(store: Store, token: Secret | None = Secret("right"), **settings: Any) -> AsyncIterator[Live]:  # noqa: B008
    api = ApiSettings(listen="127.0.0.1:0", token=token, **settings)
    listeners = bind(ListenSettings("127.0.0.1:0"), api)
    assert listeners.telemetry is not None
    assert listeners.api is not None
    parts = ApiParts(store, Health(), Metrics(), Process())
    ports = listeners.telemetry.getsockname()[1], listeners.api.getsockname()[1]
    task = asyncio.create_task(serve(parts, listeners, api))
    try:
        yield Live(parts.health, parts.metrics, parts.daemon, *ports)  # type: ignore[arg-type]
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
