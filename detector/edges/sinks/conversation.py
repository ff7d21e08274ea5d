"""One request and the bytes of its answer on one connection, taken in as they arrive.

A protocol and not a stream reader: a reader forgets what it holds when the connection is reset, and a receiver that said 202 and
went away has said 202.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import h11

MOST_BODY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """The receiver's own words. `body` is at most MOST_BODY_BYTES; `is_whole` says whether that was all of it."""

    status: int
    retry_after: str | None
    body: bytes
    is_whole: bool


class Conversation(asyncio.Protocol):
    """Writes the request when connected; `answer` holds the Answer, or the error where none came."""

    def __init__(self, head: h11.Request, body: bytes) -> None:
        self._connection = h11.Connection(h11.CLIENT)
        self._request = b"".join(self._connection.send(part) or b"" for part in (head, h11.Data(data=body), h11.EndOfMessage()))
        self._head: h11.Response | None = None
        self._body = bytearray()
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.answer.add_done_callback(_look)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self._take(data)

    def eof_received(self) -> None:
        if not self.answer.done():
            self._take(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or EOFError("the connection was closed without an answer"))

    def _take(self, data: bytes) -> None:
        try:
            self._connection.receive_data(data)
            while not self.answer.done() and (event := self._connection.next_event()) is not h11.NEED_DATA:
                self._advance(event)
        except h11.RemoteProtocolError as error:
            self._end(error)

    def _advance(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self._head = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) >= MOST_BODY_BYTES:
                self._end(EOFError("the body is too long"))
        elif isinstance(event, h11.EndOfMessage):
            self._end(None)
        elif not isinstance(event, h11.InformationalResponse):
            self._end(EOFError("the connection was closed without an answer"))

    def _end(self, error: Exception | None) -> None:
        """With a status in hand an error only shortens the body."""
        if self.answer.done():
            return
        if self._head is None:
            self.answer.set_exception(error or EOFError("the answer has no status"))
            return
        retry_after = next((value.decode("latin-1") for key, value in self._head.headers if key == b"retry-after"), None)
        body = bytes(self._body[:MOST_BODY_BYTES])
        self.answer.set_result(Answer(self._head.status_code, retry_after, body, is_whole=error is None))


def _look(answer: asyncio.Future[Answer]) -> None:
    """An error nobody waits for any more (a cancelled send) is no news."""
    if not answer.cancelled():
        answer.exception()
