"""One HTTP connection: uvicorn's, with the bounds it lacks. A head that trickles in is ended, and of too many the oldest goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_LIMIT_S = 10.0
MOST_CONNECTIONS = 128
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def connection_class(head_limit_s: float = HEAD_LIMIT_S, most: int = MOST_CONNECTIONS) -> Callable[..., H11Protocol]:
    """For one listener, whose connections are counted together. A newcomer is let in and the oldest is let go: a probe must get
    through whoever holds connections open."""
    held: dict[Connection, None] = {}
    return lambda **arguments: Connection(held, head_limit_s, most, **arguments)


class Connection(H11Protocol):
    """Waits `head_limit_s` for a request's head: from the connection's begin, and from the first byte of a further head."""

    def __init__(self, held: dict[Connection, None], head_limit_s: float, most: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._held = held
        self._head_limit_s = head_limit_s
        self._most = most
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._held[self] = None
        while len(self._held) > self._most:
            oldest = next(iter(self._held))
            del self._held[oldest]
            oldest.transport.abort()
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.pop(self, None)
        self._stop_expecting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        else:
            self._stop_expecting()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._head_limit_s, self._too_slow)

    def _stop_expecting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
