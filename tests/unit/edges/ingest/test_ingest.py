"""What is pushed over HTTP: each protocol's own answers, who may push, and how much."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cramjam
import pytest

from detector.edges.api import exchange
from detector.settings import Secret, Size
from tests.unit.core.decode.metrics import written
from tests.unit.core.decode.metrics.requests import as_protobuf
from tests.unit.edges.api.daemon import raw
from tests.unit.edges.ingest.listening import Pusher, pusher

T0 = 1_764_000_000_000
UP = [("__name__", "up"), ("job", "shop")]
FIRST = {"Content_Type": "application/x-protobuf", "Content_Encoding": "snappy", "X_Prometheus_Remote_Write_Version": "0.1.0"}
SECOND = {
    "Content_Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "Content_Encoding": "snappy",
    "X_Prometheus_Remote_Write_Version": "2.0.0",
}
OTLP_JSON = json.dumps(
    {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "a", "gauge": {"dataPoints": [{"asInt": "3", "timeUnixNano": "1000000"}]}}]}]}
        ]
    }
).encode()


def snappy(content: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(content))


def pushing(story: Callable[[Pusher], Awaitable[None]], **settings: Any) -> None:
    async def told() -> None:
        async with asyncio.timeout(30), pusher(**settings) as agent:
            await story(agent)

    asyncio.run(told())


def test_remote_write_is_kept_and_answered_204() -> None:
    """1.0 and 2.0; 2.0 with counts; the pushes are numbered on from where the store is."""

    async def story(agent: Pusher) -> None:
        answer = await agent.post("/api/v1/write", snappy(written.first([(UP, [(1.0, T0)])])), **FIRST)
        assert (answer.status, answer.body) == (204, b"")
        answer = await agent.post("/api/v1/write", snappy(written.second([(UP, [(1.0, T0), (2.0, T0 + 1)])])), **SECOND)
        assert answer.status == 204
        counts = {name: value for name, value in answer.headers.items() if name.startswith("x-prometheus")}
        assert counts == {
            "x-prometheus-remote-write-samples-written": "2",
            "x-prometheus-remote-write-histograms-written": "0",
            "x-prometheus-remote-write-exemplars-written": "0",
        }
        assert [(each.offset, each.next_offset) for each in agent.inbox.taken] == [(7, 8), (8, 9)]
        assert [point.value for point in agent.inbox.points] == [1.0, 1.0, 2.0]

    pushing(story)


def test_a_bad_remote_write_gets_what_the_specification_says() -> None:
    """415 for another message or encoding, 400 in words for what is none, 400 with counts for a part."""

    async def story(agent: Pusher) -> None:
        good = snappy(written.first([(UP, [(1.0, T0)])]))
        for headers in (
            {**FIRST, "Content_Type": "application/json"},
            {**FIRST, "Content_Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
            {**FIRST, "Content_Encoding": "gzip"},
            {**FIRST, "Content_Encoding": "zstd"},
        ):
            assert (await agent.post("/api/v1/write", good, **headers)).status == 415
        for body in (b"", b"\xff\xff", good[:-3], snappy(b"\x0a\x7f"), snappy(written.second([(UP, [(1.0, T0)])]))):
            if body:
                answer = await agent.post("/api/v1/write", body, **FIRST)
                assert answer.status == 400
                assert answer.json["error"]
        answer = await agent.post("/api/v1/write", good, **SECOND)
        assert (answer.status, answer.headers["x-prometheus-remote-write-samples-written"]) == (400, "0")
        assert agent.inbox.taken == []
        partly = snappy(written.second([(UP, [(1.0, T0)]), ([("job", "shop")], [(1.0, T0)])]))
        answer = await agent.post("/api/v1/write", partly, **SECOND)
        assert (answer.status, answer.headers["x-prometheus-remote-write-samples-written"]) == (400, "1")
        assert b"no __name__" in answer.body
        assert len(agent.inbox.points) == 1
        assert (await agent.ask("GET", "/api/v1/write")).status == 405
        assert (await agent.post("/api/v1/read", good)).status == 404

    pushing(story)


def test_an_answer_waits_for_the_checkpoint() -> None:
    """Nothing is said before what was pushed is in the store."""

    async def story(agent: Pusher) -> None:
        agent.inbox.may_write.clear()
        asking = asyncio.create_task(agent.post("/api/v1/write", snappy(written.first([(UP, [(1.0, T0)])])), **FIRST))
        while not agent.inbox.taken:
            await asyncio.sleep(0)
        done, _ = await asyncio.wait([asking], timeout=0.1)
        assert not done
        agent.inbox.may_write.set()
        assert (await asking).status == 204

    pushing(story)


def test_a_store_that_cannot_be_written_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is told to come again."""
    monkeypatch.setattr(exchange, "ANSWER_LIMIT_S", 0.2)

    async def story(agent: Pusher) -> None:
        agent.inbox.may_write.clear()
        answer = await agent.post("/api/v1/write", snappy(written.first([(UP, [(1.0, T0)])])), **FIRST)
        assert answer.status == 503

    pushing(story)


def test_too_much_at_once_is_sent_away_to_come_again() -> None:
    """429 with Retry-After while pushes wait for the store; a lone one always gets in; then all is well again."""

    async def story(agent: Pusher) -> None:
        body = snappy(written.first([([*UP, ("pod", str(at) * 40)], [(float(at), T0 + at)]) for at in range(2000)]))
        agent.inbox.may_write.clear()
        asking = asyncio.create_task(agent.post("/api/v1/write", body, **FIRST))
        while not agent.inbox.taken:
            await asyncio.sleep(0)
        for path in ("/api/v1/write", "/v1/metrics", "/write", "/api/v2/write"):
            answer = await agent.post(path, body, **FIRST)
            assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        agent.inbox.may_write.set()
        assert (await asking).status == 204
        assert (await agent.post("/api/v1/write", body, **FIRST)).status == 204

    pushing(story, max_waiting=Size(1))


def test_bombs_are_refused_before_they_unpack() -> None:
    """A declared size of snappy, a gzip that grows, a body that is too large: 413."""

    async def story(agent: Pusher) -> None:
        bomb = b"\xff\xff\xff\xff\x0f" + b"\x00" * 20
        assert (await agent.post("/api/v1/write", bomb, **FIRST)).status == 413
        assert (await agent.post("/api/v1/write", snappy(bytes(1 << 20)), **FIRST)).status == 413
        zipped = gzip.compress(bytes(1 << 20))
        kind = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
        assert (await agent.post("/v1/metrics", zipped, **kind)).status == 413
        assert (await agent.post("/write", zipped, Content_Encoding="gzip")).status == 413
        assert (await agent.post("/write", b"x" * (65 << 10))).status == 413
        assert (await agent.post("/write", b"x", Content_Length="9999999999")).status == 413
        assert (await agent.post("/v1/metrics", gzip.compress(OTLP_JSON)[:-9], **kind)).status == 400
        assert agent.inbox.taken == []

    pushing(story, max_body=Size(64 << 10))


def test_otlp_is_answered_in_its_own_form() -> None:
    """Protobuf and JSON, packed or not; errors are a google.rpc.Status."""

    async def story(agent: Pusher) -> None:
        for body, kind in ((as_protobuf(json.loads(OTLP_JSON)), "application/x-protobuf"), (OTLP_JSON, "application/json")):
            for content, encoding in ((body, "identity"), (gzip.compress(body), "gzip")):
                answer = await agent.post("/v1/metrics", content, Content_Type=kind, Content_Encoding=encoding)
                assert (answer.status, answer.headers["content-type"]) == (200, kind)
                assert answer.body == (b"{}" if kind == "application/json" else b"")
        assert len(agent.inbox.taken) == 4
        answer = await agent.post("/v1/metrics", b"{}", Content_Type="application/json; charset=utf-8")
        assert (answer.status, answer.json) == (200, {})
        answer = await agent.post("/v1/metrics", b'{"resourceMetrics": 5}', Content_Type="application/json")
        assert (answer.status, answer.json["code"], bool(answer.json["message"])) == (400, 3, True)
        answer = await agent.post("/v1/metrics", b"\xff\xff", Content_Type="application/x-protobuf")
        assert (answer.status, answer.headers["content-type"]) == (400, "application/x-protobuf")
        assert answer.body[:3] == b"\x08\x03\x12"
        assert (await agent.post("/v1/metrics", OTLP_JSON, Content_Type="text/plain")).status == 415

    pushing(story)


def test_influxdb_is_answered_as_it_would() -> None:
    """What k6 and Telegraf do: make a database, ping, write; bad lines are told and the good ones kept."""

    async def story(agent: Pusher) -> None:
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        answer = await agent.post("/query", b"q=CREATE+DATABASE+%22k6%22", **form)
        assert (answer.status, answer.json) == (200, {"results": [{"statement_id": 0}]})
        assert (await agent.post("/query", b"q=DROP+DATABASE+k6", **form)).status == 400
        assert (await agent.ask("GET", "/query?q=SHOW+DATABASES")).status == 400
        answer = await agent.ask("GET", "/ping")
        assert (answer.status, "x-influxdb-version" in answer.headers) == (204, True)
        assert (await agent.ask("HEAD", "/ping")).status == 204
        assert (await agent.ask("GET", "/health")).json["status"] == "pass"
        line = b"cpu,host=a usage=1.5 1764000000000\n"
        assert (await agent.post("/write?db=k6&precision=ms", line)).status == 204
        assert (
            await agent.post("/api/v2/write?bucket=k6&precision=ms", gzip.compress(line), Content_Encoding="gzip")
        ).status == 204
        assert [(point.name, point.value, point.time_ms) for point in agent.inbox.points] == [("cpu_usage", 1.5, T0)] * 2
        answer = await agent.post("/write?precision=ms", line + b"cpu,host= nonsense\n")
        assert answer.status == 400
        assert answer.json["error"].startswith("partial write")
        assert answer.json["error"].endswith("dropped=1")
        assert len(agent.inbox.points) == 3
        answer = await agent.post("/api/v2/write?precision=h", line)
        assert (answer.status, answer.json["code"]) == (400, "invalid")
        assert (await agent.post("/api/v2/write", b"nonsense")).json["message"].startswith("unable to parse")

    pushing(story)


def test_who_has_no_token_is_refused(tmp_path: Path) -> None:
    """Bearer, basic and InfluxDB's Token are understood; each token in the file is right; a new one counts at once."""
    file = tmp_path / "tokens"
    file.write_text("old-token\nnew-token\n")

    async def story(agent: Pusher) -> None:
        line = b"cpu usage=1.5\n"
        basic = base64.b64encode(b"prometheus:new-token").decode()
        for right in ("Bearer old-token", "bearer new-token", "Token new-token", f"Basic {basic}"):
            assert (await agent.post("/write", line, Authorization=right)).status == 204
        wrong = base64.b64encode(b"new-token:").decode()
        for bad in (
            "",
            "Bearer",
            "Bearer ",
            "Bearer new",
            "Bearer new-token2",
            f"Basic {wrong}",
            "Basic ?",
            "new-token",
            "Digest new-token",
        ):
            answer = await agent.post("/write", line, Authorization=bad)
            assert answer.status == 401
            assert "www-authenticate" in answer.headers
        for path in ("/api/v1/write", "/v1/metrics", "/api/v2/write", "/query", "/nowhere"):
            assert (await agent.post(path, line)).status == 401
        assert (await agent.post("/v1/metrics", OTLP_JSON, Content_Type="application/json")).json["code"] == 16
        assert (await agent.ask("GET", "/ping")).status == 204
        file.write_text("third-token")
        assert (await agent.post("/write", line, Authorization="Bearer old-token")).status == 401
        assert (await agent.post("/write", line, Authorization="Bearer third-token")).status == 204
        file.unlink()
        assert (await agent.post("/write", line, Authorization="Bearer third-token")).status == 503
        assert len(agent.inbox.taken) == 5

    pushing(story, token=Secret(file=str(file)))


def test_a_web_page_cannot_push() -> None:
    """A browser names the page's origin: it is refused even where no token is needed."""

    async def story(agent: Pusher) -> None:
        for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
            assert (await agent.post("/write", b"cpu usage=1\n", Content_Type="text/plain", **headers)).status == 403
        assert agent.inbox.taken == []

    pushing(story)


def test_a_body_without_a_size_is_counted_as_it_comes() -> None:
    """Telegraf writes so. Bounded all the same, and the room is free again."""

    async def story(agent: Pusher) -> None:
        line = b"cpu usage=1\n"

        async def chunked(body: bytes) -> int:
            head = b"POST /write HTTP/1.1\r\nhost: trimwatch\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            return (await raw(agent.port, head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))).status

        assert await chunked(line) == 204
        assert await chunked(b"#" * (65 << 10)) == 413
        agent.inbox.may_write.clear()
        asking = asyncio.create_task(chunked(line))
        while len(agent.inbox.taken) < 2:
            await asyncio.sleep(0)
        assert await chunked(line) == 429
        agent.inbox.may_write.set()
        assert await asking == 204
        assert await chunked(line) == 204

    pushing(story, max_waiting=Size(1), max_body=Size(64 << 10))


def test_a_body_that_trickles_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and its room is free again."""
    monkeypatch.setattr(exchange, "BODY_LIMIT_S", 0.1)

    async def story(agent: Pusher) -> None:
        assert (await agent.post("/write", b"cpu", Content_Length="60000")).status == 408
        assert (await agent.post("/write", b"cpu usage=1\n")).status == 204

    pushing(story, max_waiting=Size(1))
