"""One connection to a server: asks one thing after the other, and takes the answers in as they arrive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import h11


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole answer; names of headers are in small letters."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Connection(asyncio.Protocol):
    """Made by `loop.create_connection`. `is_idle`: another question may be asked."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._state = h11.Connection(h11.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Heard] | None = None
        self._head: h11.Response | None = None
        self._body = bytearray()
        self.has_heard = False  # anything since the last question

    @property
    def is_idle(self) -> bool:
        is_open = self._transport is not None and not self._transport.is_closing()
        return is_open and self._answer is None and self._state.our_state is h11.IDLE

    async def ask(self, head: h11.Request, body: bytes) -> Heard:
        """Raises OSError, EOFError, h11.RemoteProtocolError when no whole answer came; h11.LocalProtocolError when the question
        cannot be written. After an error, or when cancelled, the connection is closed."""
        assert self._transport is not None
        self._head, self._body, self.has_heard = None, bytearray(), False
        self._answer = asyncio.get_running_loop().create_future()
        try:
            for part in (head, h11.Data(data=body), h11.EndOfMessage()):
                self._transport.write(self._state.send(part) or b"")
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None
            self._body = bytearray()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- what the loop calls ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.has_heard = True
        self._take(data)

    def eof_received(self) -> None:
        self._take(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or EOFError("disconnected before the answer was whole"))

    def _take(self, data: bytes) -> None:
        try:
            self._state.receive_data(data)
            while (event := self._state.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                self._advance(event)
                if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    break
        except h11.RemoteProtocolError as error:
            self._fail(error if self._head is not None else self._nothing_said())

    def _advance(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self._head = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > self._most_bytes:
                self._fail(EOFError(f"the answer is longer than {shown_size(self._most_bytes)}"))
        elif isinstance(event, h11.EndOfMessage):
            self._end()
        elif isinstance(event, h11.ConnectionClosed):
            self._fail(self._nothing_said())

    def _end(self) -> None:
        assert self._head is not None
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers)
        heard = Heard(self._head.status_code, headers, bytes(self._body))
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        else:
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(heard)

    def _nothing_said(self) -> EOFError:
        return EOFError("what answers does not speak HTTP" if self.has_heard else "disconnected without an answer")

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()


def shown_size(size: int) -> str:
    return f"{size >> 20} MiB" if size and size % (1 << 20) == 0 else f"{size} bytes"
