"""A real HTTP or HTTPS server on loopback that records what it is told and answers as a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

import h11

TLS = Path(__file__).parents[1] / "data" / "tls"
CA_FILE = str(TLS / "ca.pem")


@dataclass(frozen=True)
class Play:
    """One answer. `status` None: the connection closes without one. `then_reset`: the connection is reset after what was said;
    with `promised` more bytes of body announced than come. `hangs`: says nothing until the sender leaves."""

    status: int | None = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    promised: int = 0
    then_reset: bool = False
    hangs: bool = False
    endless: bool = False


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def retry_at(unix_s: float) -> tuple[str, str]:
    """A `Retry-After` header with an HTTP date."""
    return ("Retry-After", formatdate(unix_s, usegmt=True))


@dataclass
class ScriptedReceiver:
    """Plays `script` one answer a request, then `ever_after`. Use as an async context manager; `url` is valid inside it."""

    script: Iterable[Play] = ()
    ever_after: Play = field(default_factory=Play)
    is_tls: bool = False
    requests: list[Received] = field(default_factory=list)
    connections: int = 0

    async def __aenter__(self) -> ScriptedReceiver:
        self._plays = iter(self.script)
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=_tls() if self.is_tls else None)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.url = f"{'https' if self.is_tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def received(self) -> list[Received]:
        """Every request so far."""
        return self.requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.requests.append(await _read_request(reader))
            self.asked.set()
            await self._answer(next(self._plays, self.ever_after), reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            self.left.set()
            writer.close()

    async def _answer(self, play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if play.hangs:
            await reader.read()
            return
        if play.status is not None:
            length = len(play.body) + play.promised
            lines = [f"HTTP/1.1 {play.status} X", *(f"{k}: {v}" for k, v in play.headers)]
            lines += [] if play.endless else [f"Content-Length: {length}"]
            writer.write("\r\n".join([*lines, "", ""]).encode() + play.body)
            await writer.drain()
        while play.endless and not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()
        if play.then_reset:
            writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader) -> Received:
    connection = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in head.headers}
            return Received(head.method.decode(), head.target.decode(), headers, body)
        else:
            raise EOFError


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    return context
