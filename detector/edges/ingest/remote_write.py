"""Prometheus remote write, 1.0 and 2.0: `POST /api/v1/write`.

Answers 204, with counts in the headers for 2.0; 400 (never sent again) with words for a request that is none, and for one with
bad series: then the others are kept. 415 for a message that we do not know, 429 and 5xx to be sent again.
"""

from __future__ import annotations

from email.message import Message

from detector.core.decode.metrics.remote_write import RemoteWrite as Decoder
from detector.core.decode.metrics.remote_write import Written
from detector.edges.api.exchange import Answer, Refused, Request
from detector.edges.ingest.bodies import unpacked
from detector.edges.ingest.pushed import Pushed

_FIRST, _SECOND = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
_TYPE = "application/x-protobuf"


class RemoteWrite:
    def __init__(self, pushed: Pushed, most: int) -> None:
        self._pushed = pushed
        self._most = most
        self._decoder = Decoder()

    async def write(self, request: Request) -> Answer:
        """Raises Refused."""
        is_second = _message(request.headers.get("content-type", "")) == _SECOND
        encoding = request.headers.get("content-encoding", "snappy")
        if encoding.strip().lower() != "snappy":
            raise Refused(415, "remote write is sent with Content-Encoding: snappy")
        content = unpacked(await request.body(self._most), encoding, self._most)
        try:
            written = await self._pushed.decoded(self._decoder.second if is_second else self._decoder.first, content)
        except ValueError as problem:
            counts = _counts(Written()) if is_second else ()
            raise Refused(400, str(problem), *counts) from None
        await self._pushed.keep(written.points)
        headers = _counts(written) if is_second else ()
        if written.refused:
            refused = f"{written.refused} series or samples were refused, the others are kept: {'; '.join(written.problems)}"
            return Answer(refused.encode() + b"\n", 400, "text/plain; charset=utf-8", headers)
        return Answer(b"", 204, headers=headers)


def _message(content_type: str) -> str:
    """Which of the two messages it is; without a parameter the older one. Raises Refused."""
    parsed = Message()
    parsed["content-type"] = content_type.replace("\r", "").replace("\n", "")
    name = parsed.get_param("proto", _FIRST)
    if parsed.get_content_type() != _TYPE or name not in (_FIRST, _SECOND):
        raise Refused(415, f"send {_TYPE}, or {_TYPE};proto={_SECOND}")
    return str(name)


def _counts(written: Written) -> tuple[tuple[bytes, bytes], ...]:
    """Exemplars are read by nobody here: none was written."""
    counts = (("samples", written.samples), ("histograms", written.histograms), ("exemplars", 0))
    return tuple((f"x-prometheus-remote-write-{name}-written".encode(), b"%d" % count) for name, count in counts)
