"""InfluxDB's ways in, as Telegraf and k6 use them: `/write` of 1.x, `/api/v2/write` of 2.x, and what clients ask beside.

Database, bucket and organisation are not looked at: there is one stream here. Of a body with bad lines the good ones are kept and
the answer is 400 "partial write", which clients do not send again.
https://docs.influxdata.com/influxdb/v1/tools/api, https://docs.influxdata.com/influxdb/v2/api
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from detector.core.decode.metrics import line_protocol
from detector.edges.api.exchange import Answer, Refused, Request, json_answer
from detector.edges.ingest.bodies import unpacked
from detector.edges.ingest.pushed import Pushed, now_ms

_MOST_TOLD = 3
_VERSION = (b"x-influxdb-version", b"1.8.10")  # clients choose by it how they write; we take what this one takes
_FIRST = {"": "ns", "n": "ns", "ns": "ns", "u": "us", "us": "us", "\u00b5": "us", "ms": "ms", "s": "s", "m": "m", "h": "h"}
_SECOND = {"": "ns", "ns": "ns", "us": "us", "ms": "ms", "s": "s"}
_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    415: "invalid",
    429: "too many requests",
    503: "unavailable",
}
# k6 and Telegraf make their database before they write; there is nothing to make.
_MAKES = re.compile(r"\s*(CREATE\s+(DATABASE|RETENTION\s+POLICY)|ALTER\s+RETENTION\s+POLICY)\s", re.IGNORECASE)


class InfluxDb:
    def __init__(self, pushed: Pushed, most: int) -> None:
        self._pushed = pushed
        self._most = most

    async def write(self, request: Request) -> Answer:
        """Raises Refused."""
        return await self._write(request, _FIRST)

    async def write_v2(self, request: Request) -> Answer:
        """Raises Refused."""
        return await self._write(request, _SECOND)

    async def query(self, request: Request) -> Answer:
        """Raises Refused: what is asked for here cannot be read back."""
        asked = request.query.get("q", "")
        if request.method == "POST" and not asked:
            asked = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=20).get("q", [""])[0]
        if not _MAKES.match(asked):
            raise Refused(400, "only CREATE DATABASE is understood: metrics are taken here, not read", _VERSION)
        return json_answer({"results": [{"statement_id": 0}]}, 200, _VERSION)

    async def ping(self, request: Request) -> Answer:
        """With `verbose` a client wants a body."""
        if request.query.get("verbose", "false") not in ("false", "0"):
            return json_answer({"version": _VERSION[1].decode()}, 200, _VERSION)
        return Answer(b"", 204, headers=(_VERSION,))

    async def health(self, _request: Request) -> Answer:
        return json_answer({"name": "trimwatch", "status": "pass", "message": "ready for writes"})

    async def _write(self, request: Request, precisions: dict[str, str]) -> Answer:
        asked = request.query.get("precision", "")
        precision = precisions.get(asked)
        if precision is None:
            raise Refused(400, f"invalid precision {asked[:20]!r} (use {', '.join(filter(None, precisions))})")
        content = unpacked(await request.body(self._most), request.headers.get("content-encoding", ""), self._most)
        arrived_ms = now_ms()
        points, errors = await self._pushed.decoded(lambda body: line_protocol.decode(body, precision, arrived_ms), content)
        await self._pushed.keep(points, content)
        if errors:
            dropped = sum(error.lines for error in errors)
            told = "; ".join(str(error) for error in errors[:_MOST_TOLD])
            raise Refused(400, f"{'partial write' if points else 'unable to parse'}: {told} dropped={dropped}")
        return Answer(b"", 204, headers=(_VERSION,))


def error_v2(refused: Refused) -> Answer:
    """What a client of 2.x understands."""
    code = _CODES.get(refused.status, "internal error")
    headers = (*refused.headers, (b"connection", b"close"))
    return json_answer({"code": code, "message": refused.problem}, refused.status, *headers)
