"""How one node is spoken to: HTTP/1.1 on connections that stay open. OpenSearch passes for Elasticsearch as far as that goes.

The library's own nodes forget why a connection failed and what an answer was about, read answers of any length, and the
asynchronous ones bring 10 MB of a client that does what h11 does.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

import h11

from detector.edges.elasticsearch.library import (
    DEFAULT,
    ApiResponseMeta,
    BaseAsyncNode,
    ConnectionError,
    ConnectionTimeout,
    DefaultType,
    HttpHeaders,
    NodeConfig,
    TlsError,
    TransportError,
)
from detector.edges.http.connection import Connection, Heard

if TYPE_CHECKING:
    from elastic_transport._node import NodeApiResponse  # the library names it nowhere else

MOST_BYTES = 64 << 20
MOST_IDLE = 4
ASKED = "x-trimwatch-asked"  # our own note among the headers of an answer: method and path
_VENDORED = re.compile(r"application/vnd\.elasticsearch\+(x-ndjson|json)(?:\s*;\s*compatible-with=\d+)?")
# Asked again, once, when a connection that stood idle turns out to be closed: it makes no difference to be asked twice.
_MAY_BE_ASKED_TWICE = ("GET", "HEAD")


class Response(NamedTuple):
    """What the transport expects of a node."""

    meta: ApiResponseMeta
    body: bytes


class ElasticsearchNode(BaseAsyncNode):
    """Errors carry their cause, and two notes: what was asked, and the node's address."""

    _CLIENT_META_HTTP_CLIENT: ClassVar[tuple[str, str]] = ("h1", "0")

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._tls: ssl.SSLContext | None = None
        if config.scheme == "https":
            self._tls = config.ssl_context or ssl.create_default_context()
        self._idle: list[Connection] = []

    async def perform_request(  # type: ignore[override]
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """Raises ConnectionTimeout, TlsError, ConnectionError, TransportError."""
        asked = f"{method} {target.partition('?')[0]}"
        timeout_s = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        started_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(timeout_s):
                heard = await self._ask(method, target, body or b"", headers or HttpHeaders())
        except (OSError, EOFError, h11.ProtocolError, UnicodeError) as error:
            failure = _failure(error)
            failure.add_note(asked)
            failure.add_note(f"{self.host}:{self.port}")
            raise failure from error
        meta = ApiResponseMeta(
            status=heard.status,
            http_version="1.1",
            headers=HttpHeaders({**dict(heard.headers), ASKED: asked}),
            duration=asyncio.get_running_loop().time() - started_s,
            node=self.config,
        )
        return cast("NodeApiResponse", Response(meta, heard.body))

    async def close(self) -> None:  # type: ignore[override]
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _ask(self, method: str, target: str, body: bytes, headers: HttpHeaders) -> Heard:
        head = self._head(method, target, body, headers)
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_idle:
                continue
            try:
                return await self._ask_on(connection, head, body)
            except (OSError, EOFError):
                if connection.has_heard or method not in _MAY_BE_ASKED_TWICE:
                    raise
        return await self._ask_on(await self._connect(), head, body)

    async def _ask_on(self, connection: Connection, head: h11.Request, body: bytes) -> Heard:
        heard = await connection.ask(head, body)
        if connection.is_idle and len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return heard

    async def _connect(self) -> Connection:
        """To the first address of the name that takes us."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.host, self.port, type=1)  # SOCK_STREAM
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses[:-1]:
            try:
                return await self._open(address)
            except ConnectionRefusedError:
                continue
        return await self._open(addresses[-1])

    async def _open(self, address: str) -> Connection:
        name = self.host if self._tls is not None else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(MOST_BYTES), address, self.port, ssl=self._tls, server_hostname=name
        )
        return connection

    def _head(self, method: str, target: str, body: bytes, headers: HttpHeaders) -> h11.Request:
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = {"host": f"{host}:{self.port}", **self.headers, **headers, "content-length": str(len(body))}
        return h11.Request(method=method, target=self.path_prefix + target, headers=list(lines.items()))


class OpenSearchNode(ElasticsearchNode):
    """Best effort: OpenSearch refuses Elastic's media types, and does not say the name that the client asks for."""

    async def perform_request(  # type: ignore[override]
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        plain = HttpHeaders({name: _VENDORED.sub(r"application/\1", value) for name, value in (headers or {}).items()})
        response = await super().perform_request(method, target, body, plain, request_timeout)
        names = {"x-elastic-product": "Elasticsearch"}
        if kind := response.meta.headers.get("content-type"):
            names["content-type"] = _VENDORED.sub(r"application/\1", kind)
        meta = response.meta
        told = ApiResponseMeta(
            status=meta.status,
            http_version=meta.http_version,
            headers=HttpHeaders({**meta.headers, **names}),
            duration=meta.duration,
            node=meta.node,
        )
        return cast("NodeApiResponse", Response(told, response.body))


def _failure(error: Exception) -> TransportError:
    if isinstance(error, TimeoutError):
        return ConnectionTimeout("no answer in time", errors=(error,))
    if isinstance(error, ssl.SSLError):
        return TlsError(str(error), errors=(error,))
    if isinstance(error, h11.LocalProtocolError | UnicodeError):
        return TransportError("a header or the address holds a character that HTTP has no room for", errors=(error,))
    return ConnectionError(str(error), errors=(error,))
