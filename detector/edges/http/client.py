"""Asks one HTTP server at a time: a bounded answer, gzip undone, redirects followed, one connection kept.

Each address is looked at before it is connected to, also that of a redirect. Credentials go to the origin of the settings alone.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from dataclasses import dataclass
from urllib.parse import urljoin

import h11

from detector.edges.http.access import Access
from detector.edges.http.address import Target, addresses_of, target_of
from detector.edges.http.connection import Connection, Heard, shown_size
from detector.errors import NoCredential, SinkError
from detector.masking import mask
from detector.plain_text import cut, one_line

MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_EXCERPT_BYTES = 1000


class Unanswered(Exception):
    """No answer, in words without secrets: refused, timed out, not trusted, too long, not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is unpacked. Names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def excerpt(self) -> str:
        """What a server says of a failure, fit for people."""
        return cut(one_line(mask(self.body[:_EXCERPT_BYTES].decode("utf-8", "replace").strip())), 200)


class HttpClient:
    """One question after the other. `close` it."""

    def __init__(self, access: Access, most_bytes: int) -> None:
        self._access = access
        self._most_bytes = most_bytes
        self._tls: ssl.SSLContext | None = None
        self._kept: tuple[str, Connection] | None = None

    async def ask(
        self, method: str, target: Target, timeout_s: float, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> Answer:
        """Raises Unanswered. A redirect of a POST is not followed, except by the statuses that keep the method."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._followed(method, target, headers, body)
        except TimeoutError:
            self._tls = None
            raise Unanswered(f"no answer within {timeout_s:g} s") from None
        except (SinkError, NoCredential) as error:
            raise Unanswered(str(error)) from None
        except (OSError, EOFError, h11.ProtocolError, UnicodeError) as error:
            self._tls = None  # certificates may have been replaced
            raise Unanswered(_words(error)) from None

    def close(self) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    async def _followed(self, method: str, target: Target, headers: tuple[tuple[str, str], ...], body: bytes) -> Answer:
        origin = str(target)
        for _ in range(MOST_REDIRECTS + 1):
            head = self._head(method, target, headers, body, is_ours=str(target) == origin)
            answer = self._unpacked(await self._heard(target, head, body))
            place = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not place or (method == "POST" and answer.status < 307):
                return answer
            try:
                target = target_of(urljoin(f"{target}{target.path}", place))
            except ValueError as error:
                raise Unanswered(f"redirected to what is no address: {error}") from None
        raise Unanswered(f"redirected more than {MOST_REDIRECTS} times")

    def _head(self, method: str, target: Target, headers: tuple[tuple[str, str], ...], body: bytes, is_ours: bool) -> h11.Request:
        lines = [("Host", target.host_header), ("User-Agent", "Trimwatch"), ("Accept-Encoding", "gzip"), *headers]
        authorization = (self._access.authorization() or target.authorization) if is_ours else None
        if authorization:
            lines.append(("Authorization", authorization))
        if method == "POST":
            lines.append(("Content-Length", str(len(body))))
        return h11.Request(method=method, target=target.path, headers=lines)

    async def _heard(self, target: Target, head: h11.Request, body: bytes) -> Heard:
        """A server may close an idle connection just as it is used again: then, once, on a new one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            if kept[0] == str(target) and kept[1].is_idle:
                try:
                    return await self._asked(target, kept[1], head, body)
                except (OSError, EOFError):
                    if kept[1].has_heard:
                        raise
            kept[1].close()
        return await self._asked(target, await self._connect(target), head, body)

    async def _asked(self, target: Target, connection: Connection, head: h11.Request, body: bytes) -> Heard:
        heard = await connection.ask(head, body)
        if connection.is_idle:
            self.close()
            self._kept = (str(target), connection)
        return heard

    async def _connect(self, target: Target) -> Connection:
        addresses = await addresses_of(target, self._access.allow_private)
        if target.is_tls and self._tls is None:
            self._tls = await asyncio.to_thread(self._access.trust)
        for address in addresses[:-1]:
            try:
                return await self._open(address, target)
            except OSError:
                continue
        return await self._open(addresses[-1], target)

    async def _open(self, address: str, target: Target) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._most_bytes),
            address,
            target.port,
            ssl=self._tls if target.is_tls else None,
            server_hostname=target.host if target.is_tls else None,
        )
        return connection

    def _unpacked(self, heard: Heard) -> Answer:
        headers = dict(heard.headers)
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding in ("", "identity"):
            return Answer(heard.status, headers, heard.body)
        if coding not in ("gzip", "x-gzip"):
            raise Unanswered(f"the answer is packed in a way nobody asked for: {one_line(coding[:40])}")
        unpacking = zlib.decompressobj(wbits=31)
        try:
            body = unpacking.decompress(heard.body, self._most_bytes + 1)
        except zlib.error:
            raise Unanswered("the answer says that it is gzip, and is none") from None
        if len(body) > self._most_bytes:
            raise Unanswered(f"the answer unpacks to more than {shown_size(self._most_bytes)}")
        if not unpacking.eof:
            raise Unanswered("the answer's gzip is cut off")
        return Answer(heard.status, headers, body)


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    if isinstance(error, h11.LocalProtocolError | UnicodeError):
        return "a header or the path holds a character that HTTP has no room for"
    return one_line(str(error)) or type(error).__name__
