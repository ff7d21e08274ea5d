"""OTLP over HTTP: `POST /v1/metrics`, protobuf or JSON. Errors are a google.rpc.Status in the request's own form.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. A request is taken whole or not at all, so no success is a partial one.
"""

from __future__ import annotations

import json

from detector.core.decode.otlp import wire
from detector.edges.api.exchange import Answer, Refused, Request
from detector.edges.ingest.bodies import unpacked
from detector.edges.ingest.pushed import Pushed, now_ms
from detector.records import MetricPoint

PROTOBUF, JSON = "application/x-protobuf", "application/json"
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}
_UNKNOWN = 2


class Otlp:
    def __init__(self, pushed: Pushed, most: int) -> None:
        self._pushed = pushed
        self._most = most

    async def metrics(self, request: Request) -> Answer:
        """Raises Refused."""
        form = _form(request)
        if form is None:
            raise Refused(415, f"send {PROTOBUF} or {JSON}")
        content = unpacked(await request.body(self._most), request.headers.get("content-encoding", ""), self._most)
        try:
            points = await self._pushed.decoded(_points_of_json if form == JSON else _points, content)
        except ValueError as problem:
            raise Refused(400, str(problem)) from None
        await self._pushed.keep(points, content)
        return Answer(b"{}" if form == JSON else b"", 200, form)


def status_answer(request: Request, refused: Refused) -> Answer:
    """What a client of OTLP understands."""
    code = _CODES.get(refused.status, _UNKNOWN)
    headers = (*refused.headers, (b"connection", b"close"))
    if _form(request) == JSON:
        body = json.dumps({"code": code, "message": refused.problem}, ensure_ascii=False).encode()
        return Answer(body, refused.status, JSON, headers)
    return Answer(_status(code, refused.problem), refused.status, PROTOBUF, headers)


def _points(content: bytes) -> tuple[MetricPoint, ...]:
    """Protobuf and its JSON form tell themselves apart. The module is imported with the first request."""
    from detector.core.decode.metrics.otlp import decode

    return decode(content, now_ms())


def _points_of_json(content: bytes) -> tuple[MetricPoint, ...]:
    if content.lstrip()[:1] != b"{":
        raise ValueError("the body is no JSON object")
    return () if content.split() in ([b"{}"], [b"{", b"}"]) else _points(content)


def _form(request: Request) -> str | None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind if kind in (PROTOBUF, JSON) else None


def _status(code: int, message: str) -> bytes:
    """google.rpc.Status: code = 1, message = 2."""
    return bytes([1 << 3, code]) + wire.field(2, message.encode("utf-8", "replace"))
