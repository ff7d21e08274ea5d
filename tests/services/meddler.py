"""A proxy in front of a real cluster that meddles as a test says: loses an answer, answers in its place, refuses items."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_bulk(self) -> bool:
        return self.target.partition("?")[0].endswith("/_bulk")

    def items(self) -> list[tuple[dict[str, Any], bytes]]:
        """What a bulk request holds: the action, and the document's line."""
        lines = self.body.splitlines()
        return [(json.loads(action), source) for action, source in zip(lines[::2], lines[1::2], strict=True)]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


Forward = Callable[[Request], Awaitable[Answer]]
# Returns what the client is told; None: the connection is closed without a word.
Meddling = Callable[[Request, Forward], Awaitable[Answer | None]]


class Meddler:
    """`plan` holds what is done to the next bulk requests, in order; when it is empty, and with all others, nothing is."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self.plan: deque[Meddling] = deque()
        self.seen: list[Request] = []
        self.address = ""

    async def __aenter__(self) -> Meddler:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = "http://{}:{}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def bulks(self) -> list[Request]:
        return [request for request in self.seen if request.is_bulk]

    async def forward(self, request: Request) -> Answer:
        return await asyncio.to_thread(self._ask, request)

    def _ask(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(str(self._upstream.hostname), self._upstream.port or 80, timeout=60)
        with contextlib.closing(connection):
            connection.request(request.method, request.target, request.body, dict(request.headers))
            answer = connection.getresponse()
            names = ("content-type", "x-elastic-product", "retry-after")
            headers = {name: value for name in names if (value := answer.headers.get(name))}
            return Answer(answer.status, answer.read(), headers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                request = await _read(reader)
                self.seen.append(request)
                meddling = self.plan.popleft() if request.is_bulk and self.plan else _pass
                answer = await meddling(request, self.forward)
                if answer is None:
                    break
                writer.write(_written(request, answer))
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body)


def _written(request: Request, answer: Answer) -> bytes:
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = b"" if request.method == "HEAD" else answer.body
    return f"HTTP/1.1 {answer.status} X\r\n{head}\r\n".encode() + body


async def _pass(request: Request, forward: Forward) -> Answer:
    return await forward(request)


def instead(status: int, body: object = None, **headers: str) -> Meddling:
    """The cluster never hears of it."""

    async def meddle(_request: Request, _forward: Forward) -> Answer:
        said = json.dumps(body or {"error": {"type": "scripted", "reason": "scripted"}, "status": status}).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status, said, {"content-type": "application/json", **names})

    return meddle


async def lose_the_answer(request: Request, forward: Forward) -> None:
    """The cluster has it; the connection breaks before we hear so."""
    await forward(request)


def answer_too_late(seconds: float) -> Meddling:
    """The cluster has it; the answer comes when nobody waits any more."""

    async def meddle(request: Request, forward: Forward) -> Answer:
        answer = await forward(request)
        await asyncio.sleep(seconds)
        return answer

    return meddle


def refuse_items(which: Callable[[int], bool], status: int, kind: str, reason: str = "scripted") -> Meddling:
    """These items are answered with an error in place of the cluster, which gets the others: a 200 all the same."""

    async def meddle(request: Request, forward: Forward) -> Answer:
        items = request.items()
        kept = [item for number, item in enumerate(items) if not which(number)]
        body = b"".join(json.dumps(action).encode() + b"\n" + source + b"\n" for action, source in kept)
        headers = {**request.headers, "content-length": str(len(body))}
        answers: Iterator[Any] = iter(())
        if kept:
            answer = await forward(Request(request.method, request.target, headers, body))
            answers = iter(json.loads(answer.body)["items"])
        refused = {"create": {"status": status, "error": {"type": kind, "reason": reason}}}
        told = [refused if which(number) else next(answers) for number in range(len(items))]
        said = json.dumps({"errors": True, "items": told}).encode()
        return Answer(200, said, {"content-type": "application/json", "x-elastic-product": "Elasticsearch"})

    return meddle
