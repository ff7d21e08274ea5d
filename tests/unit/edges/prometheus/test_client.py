"""Questions to a server that answers what a test says; a real one is asked in tests/integration/test_prometheus.py."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qs

import pytest

from detector.edges.http.client import Unanswered
from detector.edges.prometheus.answers import Found, Refused, Series, joined
from detector.edges.prometheus.client import MOST_POINTS, PrometheusApi, chunks
from tests.unit.edges.sources.scrape.target import Reply, ScriptedTarget

NOW = 1_795_000_000_000


def run(test: Callable[[ScriptedTarget, PrometheusApi], Coroutine[Any, Any, None]], timeout_s: float = 5) -> None:
    async def within() -> None:
        target = ScriptedTarget()
        async with target.serving():
            api = PrometheusApi(f"{target.address}/prom/", timeout_s=timeout_s)
            await test(target, api)
            api.close()

    asyncio.run(within())


def answered(data: object, **more: object) -> Reply:
    return Reply(json.dumps({"status": "success", "data": data, **more}).encode())


def matrix(*result: object) -> dict[str, object]:
    return {"resultType": "matrix", "result": list(result)}


def test_a_range() -> None:
    """As documented: values are texts, times are seconds; asked by POST, below the address's own path."""

    async def test(target: ScriptedTarget, api: PrometheusApi) -> None:
        rows = [[1435781430.781, "1"], [1435781445.781, "NaN"], [1435781460.781, "+Inf"], [1435781475.781, "-Inf"]]
        target.reply = answered(
            matrix({"metric": {"__name__": "up", "job": "p", "a": "b"}, "values": rows}), warnings=["part\nial"]
        )
        found = await api.query_range('up{job="p"}', NOW, NOW + 60_000, 15_000)
        (series,) = found.series
        assert (series.name, series.labels) == ("up", (("a", "b"), ("job", "p")))
        assert series.times_ms == (1435781430781, 1435781445781, 1435781460781, 1435781475781)
        assert (series.values[0], series.values[2:]) == (1.0, (math.inf, -math.inf))
        assert math.isnan(series.values[1])
        assert found.warnings == ("part\\nial",)
        method, path, headers, body = target.requests[0]
        assert (method, path) == ("POST", "/prom/api/v1/query_range")
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        form = {key: values for key, (values,) in parse_qs(body.decode()).items()}
        assert form == {"query": 'up{job="p"}', "start": "1795000000.000", "end": "1795000060.000", "step": "15.000"}

    run(test)


def test_a_proxy_without_post() -> None:
    """Then by GET."""

    async def test(target: ScriptedTarget, api: PrometheusApi) -> None:
        target.reply = Reply(b"no", 405)
        with pytest.raises(Refused, match="http: answered 405: no"):
            await api.query("up")
        assert [(method, path) for method, path, _, _ in target.requests] == [
            ("POST", "/prom/api/v1/query"),
            ("GET", "/prom/api/v1/query?query=up"),
        ]

    run(test)


def test_native_histograms_are_refused_with_words() -> None:
    """The others of the answer stand."""

    async def test(target: ScriptedTarget, api: PrometheusApi) -> None:
        native = {"metric": {"__name__": "d"}, "histograms": [[1, {"count": "1", "sum": "2", "buckets": []}]]}
        target.reply = answered(matrix(native, {"metric": {}, "values": [[1, "2"]]}))
        found = await api.query_range("x", NOW, NOW, 1000)
        assert found.series == (Series("", (), (1000,), (2.0,)),)
        assert found.unusable[0].startswith("d: a native histogram has no single value")

    run(test)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(b'{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution"}', 400), "bad_data: exceeded"),
        (Reply(b'{"status":"error","errorType":"timeout","error":"query timed out"}', 503), "timeout: query timed out"),
        (Reply(b"<html>login</html>", 200), "http: answered 200: <html>login"),
        (Reply(b"[" * 100_000), "http: answered 200"),
        (answered({"resultType": "streams", "result": []}), "data: a streams where values"),
        (answered(matrix({"metric": {}, "values": [[1, 2]]})), "data: the answer is not as documented"),
        (answered(matrix({"metric": {}, "values": [["x", "2"]]})), "data: the answer is not"),
        (answered(matrix({"metric": 1, "values": []})), "data: the answer is not"),
        (answered(None), "data: the answer is not"),
    ],
)
def test_refusals(reply: Reply, why: str) -> None:
    """In the server's own words, or what its answer lacks."""

    async def test(target: ScriptedTarget, api: PrometheusApi) -> None:
        target.reply = reply
        with pytest.raises(Refused) as caught:
            await api.query_range("x", NOW, NOW, 1000)
        assert str(caught.value).startswith(why)

    run(test)


def test_no_answer() -> None:
    """Not within the time."""

    async def test(target: ScriptedTarget, api: PrometheusApi) -> None:
        target.reply = Reply(delay_s=1)
        with pytest.raises(Unanswered, match=r"no answer within 0.1 s"):
            await api.query("x")

    run(test, timeout_s=0.1)


def test_ranges_are_cut_on_one_grid() -> None:
    """Every step once; no request asks for more than Prometheus gives."""
    for steps in (0, 1, MOST_POINTS - 1, MOST_POINTS, 3 * MOST_POINTS + 7):
        parts = list(chunks(NOW, NOW + steps * 1000 + 999, 1000))
        times = [time for begin, end in parts for time in range(begin, end + 1, 1000)]
        assert times == list(range(NOW, NOW + steps * 1000 + 1, 1000))
        assert all((end - begin) // 1000 < MOST_POINTS for begin, end in parts)
    for wrong in ((NOW, NOW - 1, 1000), (NOW, NOW, 0), (0, NOW, 1000)):
        with pytest.raises(ValueError, match="range"):
            list(chunks(*wrong))


def test_parts_are_joined_by_labels() -> None:
    """A series may be missing in some of them."""
    a, b = (("n", "a"),), (("n", "b"),)
    found = joined(
        [
            Found((Series("x", a, (1,), (1.0,)), Series("x", b, (1,), (2.0,))), ("w",)),
            Found((Series("x", a, (2,), (3.0,)),), ("w", "v")),
        ]
    )
    assert found.series == (Series("x", a, (1, 2), (1.0, 3.0)), Series("x", b, (1,), (2.0,)))
    assert found.warnings == ("w", "v")


def test_addresses() -> None:
    """An address that is none, or has a query, is refused before anything is asked."""
    for wrong in ("prometheus:9090", "http://p/?x=1", "http://p /"):
        with pytest.raises(ValueError, match=r"URL|address"):
            PrometheusApi(wrong)
