"""One HTTP request and its answer: a connection of its own, to an address that was looked at, every wait timed.

No redirects, no proxies, no cookies, no compression, no connection kept: an alert is rare, and what is not there cannot be
abused.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

import h11

from detector.crash_points import CrashPoint, reach
from detector.edges.http.address import Target, addresses_of
from detector.edges.sinks.answers import refused
from detector.edges.sinks.conversation import Answer, Conversation
from detector.errors import SinkError
from detector.masking import MASK, mask
from detector.plain_text import cut, one_line

_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Request:
    """What to POST where. `secrets` are texts that no error may repeat, also when the receiver echoes them."""

    target: Target
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    content_type: str = "application/json"


class Exchange:
    """Sends requests for one sink: holds its TLS settings and limits, and no connection."""

    def __init__(self, *, timeout_s: float, allow_private: bool, ca_file: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    def open(self, *targets: Target) -> None:
        """Reads the certificates to trust, where a target needs them, so that the first alert does not wait for it. A CA file
        that cannot be read is the next `post`'s trouble: it may be back by then."""
        if any(target.is_tls for target in targets):
            with contextlib.suppress(SinkError):
                self._prepare()

    def _prepare(self) -> None:
        try:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SinkError(f"ca_file: {error}", retryable=True, reason="connectionError") from None

    async def post(self, request: Request, now_ms: int) -> Answer:
        """The answer of a receiver that took the request (2xx). Raises SinkError for every other end."""
        reach(CrashPoint.SINK_BEFORE_SEND)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._converse(request)
        except TimeoutError:
            raise SinkError(
                f"{request.target}: no answer within {self._timeout_s:g} s", retryable=True, reason="contextDeadlineExceeded"
            ) from None
        except (OSError, h11.ProtocolError, EOFError) as error:
            raise SinkError(
                _hide(f"{request.target}: {_words(error)}", request), retryable=True, reason="connectionError"
            ) from None
        reach(CrashPoint.SINK_SENT)
        if 200 <= answer.status < 300:
            return answer
        raise refused(str(request.target), answer.status, answer.retry_after, excerpt_of(answer, request), now_ms)

    async def _converse(self, request: Request) -> Answer:
        head = _head(request)
        transport, conversation = await self._connect(request.target, head, request.body)
        try:
            return await conversation.answer
        finally:
            transport.abort()

    async def _connect(self, target: Target, head: h11.Request, body: bytes) -> tuple[asyncio.Transport, Conversation]:
        """To the first of the allowed addresses that takes us; each gets an equal share of the time."""
        if target.is_tls and self._tls is None:
            await asyncio.to_thread(self._prepare)
        addresses = await addresses_of(target, self._allow_private)
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(self._timeout_s / len(addresses)):
                    return await self._open(address, target, head, body)
            except (OSError, TimeoutError):
                continue
        return await self._open(addresses[-1], target, head, body)

    async def _open(self, address: str, target: Target, head: h11.Request, body: bytes) -> tuple[asyncio.Transport, Conversation]:
        return await asyncio.get_running_loop().create_connection(
            lambda: Conversation(head, body),
            address,
            target.port,
            ssl=self._tls if target.is_tls else None,
            server_hostname=target.host if target.is_tls else None,
        )


def _head(request: Request) -> h11.Request:
    """Raises SinkError where a header holds what no header may (a line break in a secret, say)."""
    own = [
        ("Host", request.target.host_header),
        ("User-Agent", "Trimwatch"),
        ("Content-Type", request.content_type),
        ("Content-Length", str(len(request.body))),
        ("Connection", "close"),
    ]
    if request.target.authorization is not None and not any(name.lower() == "authorization" for name, _ in request.headers):
        own.append(("Authorization", request.target.authorization))
    try:
        return h11.Request(method="POST", target=request.target.path, headers=[*own, *request.headers])
    except (h11.LocalProtocolError, UnicodeEncodeError):
        message = f"{request.target}: a header or the path holds a character that HTTP has no room for"
        raise SinkError(message, retryable=False, reason="clientError") from None


def excerpt_of(answer: Answer, request: Request) -> str:
    """What the receiver said, fit for an error message: its beginning, masked, without anything of ours that is secret."""
    return cut(_hide(one_line(mask(answer.body[:1000].decode("utf-8", "replace").strip())), request), 200)


def _hide(text: str, request: Request) -> str:
    for secret in request.secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    return str(error) or type(error).__name__
