"""A request as the apps see it, and an answer: just enough HTTP above ASGI, with every bound in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from detector.interface import Json, json_bytes

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT_BYTES = 64 << 10
BODY_LIMIT_S = 10.0
ANSWER_LIMIT_S = 30.0

# No page of ours is framed, guessed at, or may load anything but from here.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"frame-ancestors 'none'; base-uri 'none'",
    ),
)


class Refused(Exception):
    """The request gets this status; `problem` says what to do about it."""

    def __init__(self, status: int, problem: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    receive: Receive

    async def body(self, most: int = BODY_LIMIT_BYTES) -> bytes:
        """All of it. Raises Refused: 413 when it is larger than `most` bytes, 408 when it takes too long."""
        if self.declared_bytes > most:
            raise Refused(413, f"a body of at most {most} bytes is taken")
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_LIMIT_S):
                while True:
                    message = await self.receive()
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise Refused(413, f"a body of at most {most} bytes is taken")
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as error:
            raise Refused(408, "the body did not arrive in time") from error

    @property
    def declared_bytes(self) -> int:
        """What the request announces; the server has checked that it is a number."""
        return int(self.headers.get("content-length", "0"))


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


Handler = Callable[[Request], Awaitable[Answer]]


def json_answer(value: Mapping[str, Json], status: int = 200, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(json_bytes(value) + b"\n", status, headers=headers)


def asgi(handle: Handler) -> App:
    """The handler as an ASGI app: refusals become answers, a handler that takes too long is ended with 503."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_bare = scope["method"] in ("GET", "HEAD")
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer = await handle(_request(scope, receive))
        except Refused as refused:
            answer = json_answer({"error": refused.problem}, refused.status, *refused.headers, (b"connection", b"close"))
        except TimeoutError:
            answer = json_answer({"error": "this took too long; try again"}, 503, (b"connection", b"close"))
        async with asyncio.timeout(ANSWER_LIMIT_S):
            await _send(send, answer, has_unread=is_bare and has_body)

    return app


def _request(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
    return Request(scope["method"], scope["path"], _query(scope["query_string"]), headers, receive)


def _query(text: bytes) -> Mapping[str, str]:
    try:
        fields = parse_qs(text.decode("latin-1"), max_num_fields=20)
    except ValueError as error:
        raise Refused(400, f"the query: {error}") from error
    return {name: values[0] for name, values in fields.items()}


async def _send(send: Send, answer: Answer, *, has_unread: bool) -> None:
    own = (
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *(((b"connection", b"close"),) if has_unread else ()),
    )
    await send({"type": "http.response.start", "status": answer.status, "headers": [*own, *answer.headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": answer.body})
