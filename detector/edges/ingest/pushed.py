"""From a request's content to the checkpoint that holds its points."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from detector.records import MetricPoint, Points, Stream

T = TypeVar("T")
KEY = "push"
_SMALL = 32 << 10  # takes about a millisecond to decode


class KeptInbox(Protocol):
    async def kept(self, points: Points) -> None:
        """Returns when they are in the store."""
        ...


class Pushed:
    """All that is pushed is one stream, a request one record of it. `first` is the number of the next request."""

    def __init__(self, inbox: KeptInbox, first: int, service: str | None = None) -> None:
        self._inbox = inbox
        self._next = first
        self._stream = Stream(KEY, KEY, service, service_fixed=False)
        self._turn = asyncio.Lock()

    async def decoded(self, decode: Callable[[bytes], T], content: bytes) -> T:
        """What the decoder makes of it. One at a time: decoders remember, and only one request is unpacked into points."""
        async with self._turn:
            if len(content) <= _SMALL:
                return decode(content)
            decoding = asyncio.ensure_future(asyncio.to_thread(decode, content))
            try:
                return await asyncio.shield(decoding)
            except asyncio.CancelledError:  # a thread goes on, and until it ends the decoder is not free
                await asyncio.wait([decoding])
                raise

    async def keep(self, points: Sequence[MetricPoint], content: bytes = b"") -> None:
        """Returns when they are in the store. A sender whose wait is cut short, by our death say, comes again with the same
        `content`: what it says was added is then known by its digest, and not added twice."""
        if not points:
            return
        offset, self._next = self._next, self._next + 1
        digest = _digest(points, content) if content and any(point.is_delta for point in points) else ""
        await self._inbox.kept(Points(self._stream, tuple(points), offset, self._next, now_ms(), digest=digest))


def _digest(points: Sequence[MetricPoint], content: bytes) -> str:
    """Of what was sent, and of the times of its points: the same content without times, sent again, is something else."""
    times = str(sum([point.time_ms for point in points])).encode()
    return blake2b(content + times, digest_size=16).hexdigest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000
