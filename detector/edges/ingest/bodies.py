"""The body of a push: bounded as it arrives, bounded again as it is unpacked, and bounded together with all the others."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import cramjam

from detector.edges.api.exchange import Refused, Request
from detector.settings import IngestSettings

_AGAIN = (b"retry-after", b"1")


class Room:
    """How many bytes of pushes may be here at once. Somebody who finds it empty is let in with any body that is not too large."""

    def __init__(self, settings: IngestSettings) -> None:
        self._most = settings.max_waiting.bytes
        self._most_each = settings.max_body.bytes
        self._held = 0

    @contextlib.contextmanager
    def held(self, request: Request) -> Iterator[Request]:
        """From before the first byte is read until the push is in the store. Gives the request, whose bytes are counted as they
        come where its size is not declared. Raises Refused: 413, 429; so does reading the body."""
        own, arrived = request.declared_bytes, 0
        if own > self._most_each:
            raise Refused(413, f"a push of at most {self._most_each} bytes is taken: send smaller ones")
        self._expect(self._held, own)
        self._held += own

        async def receive() -> Mapping[str, Any]:
            nonlocal own, arrived
            message = await request.receive()
            arrived += len(message.get("body", b""))
            if arrived > own:
                self._expect(self._held - own, arrived)
                self._held += arrived - own
                own = arrived
            return message

        try:
            yield replace(request, receive=receive)
        finally:
            self._held -= own

    def _expect(self, others: int, size: int) -> None:
        if others and others + size > self._most:
            raise Refused(429, "too much is being taken in: come again", _AGAIN)


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """The content of a body in this Content-Encoding. Raises Refused: 400 when it is none, 413 when it is larger than `most`, 415
    for an encoding that we do not know."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflated(body, most)
        case "snappy":
            return _unsnapped(body, most)
    raise Refused(415, "send Content-Encoding gzip, snappy (block format) or none", (b"accept-encoding", b"gzip, snappy"))


def _unsnapped(body: bytes, most: int) -> bytes:
    """The block format. It begins with the size that it unpacks to, which is looked at before anything of that size is made."""
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > most:
            raise Refused(413, f"it unpacks to {size} bytes; at most {most} are taken: send smaller ones")
        content = bytearray(size)
        if cramjam.snappy.decompress_raw_into(body, content) != size:
            raise Refused(400, "the body is shorter than its snappy block says")
        return bytes(content)
    except cramjam.DecompressionError:
        raise Refused(400, "the body is no snappy block (the block format, not the framed one)") from None


def _inflated(body: bytes, most: int) -> bytes:
    """One gzip member, or several one after the other."""
    parts: list[bytes] = []
    room = most
    while body:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            parts.append(unpacker.decompress(body, room + 1))
        except zlib.error:
            raise Refused(400, "the body is no gzip") from None
        room -= len(parts[-1])
        if room < 0:
            raise Refused(413, f"it unpacks to more than {most} bytes: send smaller ones")
        if not unpacker.eof:
            raise Refused(400, "the body's gzip is cut off")
        body = unpacker.unused_data
    return b"".join(parts)
