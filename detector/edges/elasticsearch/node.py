"""How one node is spoken to: an error keeps its cause and says what was asked, an answer has a limit, and OpenSearch passes for
Elasticsearch as far as that goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp
from elastic_transport import AiohttpHttpNode, ApiResponseMeta, HttpHeaders, TransportError
from elastic_transport.client_utils import DEFAULT, DefaultType

if TYPE_CHECKING:
    from elastic_transport._node import NodeApiResponse  # the library names it nowhere else

MOST_BYTES = 64 << 20
ASKED = "x-trimwatch-asked"  # our own note among the headers of an answer: method and path
_VENDORED = re.compile(r"application/vnd\.elasticsearch\+(x-ndjson|json)(?:\s*;\s*compatible-with=\d+)?")


class _BoundedResponse(aiohttp.ClientResponse):
    """An answer of more than MOST_BYTES, unpacked, is no answer."""

    async def read(self) -> bytes:
        whole = bytearray()
        async for chunk in self.content.iter_any():
            whole += chunk
            if len(whole) > MOST_BYTES:
                self.close()
                raise aiohttp.ClientPayloadError(f"the answer is longer than {MOST_BYTES >> 20} MiB")
        return bytes(whole)


class ElasticsearchNode(AiohttpHttpNode):
    """The library's node forgets why a connection failed and what an answer was about; this one keeps both."""

    async def perform_request(  # type: ignore[override]
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        asked = f"{method} {target.partition('?')[0]}"
        try:
            response = await super().perform_request(method, target, body, headers, request_timeout)
        except TransportError as error:
            error.add_note(asked)
            error.add_note(f"{self.host}:{self.port}")
            raise error from (error.errors[0] if error.errors else None)
        except (aiohttp.InvalidURL, ValueError) as error:
            raise TransportError(f"the request cannot be written: {type(error).__name__}") from error
        return response._replace(meta=_noting(response.meta, {ASKED: asked}))

    def _create_aiohttp_session(self) -> None:
        super()._create_aiohttp_session()
        assert self.session is not None
        self.session._response_class = _BoundedResponse  # no argument leads there from the library's node


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
        return response._replace(meta=_noting(response.meta, names))


def _noting(meta: ApiResponseMeta, names: dict[str, str]) -> ApiResponseMeta:
    return ApiResponseMeta(
        status=meta.status,
        http_version=meta.http_version,
        headers=HttpHeaders({**meta.headers, **names}),
        duration=meta.duration,
        node=meta.node,
    )
