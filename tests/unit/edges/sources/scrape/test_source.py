"""Scrapes of a target that answers what a test says, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sources.scrape.source import ScrapeSource
from detector.records import MetricKind
from detector.settings import ScrapeSourceSettings, Secret, Size
from tests.unit.edges.sources.points import PointCollector, collecting
from tests.unit.edges.sources.scrape.target import TEXT, Reply, ScriptedTarget

TLS = Path(__file__).parents[4] / "data/tls"
QUICK = timedelta(milliseconds=20)


def settings_of(target: ScriptedTarget, path: str = "/metrics", **more: Any) -> ScrapeSourceSettings:
    return ScrapeSourceSettings("scrape", (target.address + path,), "shop", **{"interval": QUICK, **more})


def run(test: Callable[[ScriptedTarget, PointCollector], Coroutine[Any, Any, None]]) -> None:
    async def within() -> None:
        target = ScriptedTarget()
        async with target.serving():
            await test(target, PointCollector())

    asyncio.run(within())


async def scraped(source: ScrapeSource, inbox: PointCollector, times: int = 1) -> None:
    """Runs until so many scrapes are over."""
    seen = len(inbox.named("up"))
    async with collecting(source, inbox, inbox.positions()):
        await inbox.until(lambda: len(inbox.named("up")) >= seen + times)


def test_a_scrape_that_succeeds() -> None:
    """Its own points with job and instance, and what Prometheus adds."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.expose('# TYPE a gauge\na{job="own"} 1\na{job="own",b="x"} 2\n')
        await scraped(ScrapeSource(settings_of(target, labels=(("zone", "z1"),), service="shop")), inbox)
        instance = target.address.removeprefix("http://")
        first = inbox.named("a")[0]
        assert first.labels == (("exported_job", "own"), ("instance", instance), ("job", "shop"), ("zone", "z1"))
        about = {point.name: point for point in inbox.pieces[0].points[2:]}
        assert set(about) == {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
        assert about["up"].labels == (("instance", instance), ("job", "shop"), ("zone", "z1"))
        assert (about["up"].value, about["scrape_samples_scraped"].value) == (1.0, 2.0)
        assert inbox.pieces[0].stream.service == "shop"
        _, path, headers, _ = target.requests[0]
        assert path == "/metrics"
        assert "openmetrics-text" in headers["accept"]
        assert "text/plain" in headers["accept"]
        assert (headers["x-prometheus-scrape-timeout-seconds"], headers["accept-encoding"]) == ("10", "gzip")
        assert target.connections == 1

    run(test)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(b"down for a while", 503), "answered 503: down for a while"),
        (Reply(b"<html>\n<p>hello</p>\n"), "no metrics: "),
        (Reply(b"a 1\n", headers=(("Content-Type", "application/openmetrics-text; version=1.0.0"),)), "cut off"),
        (Reply(b"a 1\n" * 200), "more than 100 samples"),
        (Reply(b"#" * 20_000), "the answer is longer than 10240 bytes"),
        (Reply(gzip.compress(b"#" * 2_000_000), headers=(("Content-Encoding", "gzip"),)), "unpacks to more than 10240 bytes"),
        (Reply(gzip.compress(b"a 1\n")[:-9], headers=(("Content-Encoding", "gzip"),)), "gzip is cut off"),
        (Reply(b"a 1\n", headers=(("Content-Encoding", "br"),)), "packed in a way nobody asked for: br"),
        (Reply(b"a 1\n", delay_s=1), "no answer within 0.2 s"),
    ],
)
def test_a_scrape_that_fails(reply: Reply, why: str) -> None:
    """`up` is 0, the series of the scrape before end, and the reason is shown until it is over."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        limits: dict[str, Any] = {"max_body": Size(10 << 10), "max_samples": 100, "timeout": timedelta(milliseconds=200)}
        source = ScrapeSource(settings_of(target, **limits))
        target.expose("a 1\nb 2\n")
        async with collecting(source, inbox):
            await inbox.until(lambda: bool(inbox.named("up")))
            target.reply = reply
            await inbox.until(lambda: inbox.named("up")[-1].value == 0)
            (problem,) = source.problems.values()
            assert why in problem
            ended = {point.name: point.value for point in inbox.pieces[-1].points}
            assert ended.keys() >= {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
            assert inbox.named("a")[-1].value is None
            assert inbox.named("b")[-1].value is None
            target.expose("a 1\n")
            await inbox.until(lambda: inbox.named("up")[-1].value == 1)
            assert not source.problems

    run(test)


def test_nobody_there() -> None:
    """Refused, and no HTTP at all."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.raw = b"220 mail.example.org ESMTP\r\n"
        source = ScrapeSource(settings_of(target))
        await scraped(source, inbox)
        assert "does not speak HTTP" in next(iter(source.problems.values()))
        away = ScrapeSource(ScrapeSourceSettings("scrape", ("http://127.0.0.1:1/metrics",), interval=QUICK))
        await scraped(away, inbox)
        assert "http://127.0.0.1:1/metrics" in away.problems
        assert [point.value for point in inbox.named("up")] == [0.0] * len(inbox.named("up"))

    run(test)


def test_a_series_that_vanishes_ends() -> None:
    """Once, with its kind; a series with a time of its own does not."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.expose("# TYPE a counter\na 1\nb 2 1795000000000\nc 3\n")
        async with collecting(ScrapeSource(settings_of(target)), inbox):
            await inbox.until(lambda: bool(inbox.named("up")))
            target.expose("c 3\n")
            await inbox.until(lambda: None in [point.value for point in inbox.named("a")])
            seen = len(inbox.named("up"))
            await inbox.until(lambda: len(inbox.named("up")) >= seen + 2)
        assert [point.value for point in inbox.named("a")].count(None) == 1
        assert inbox.named("a")[-1].kind is MetricKind.COUNTER
        assert None not in [point.value for point in inbox.named("b")]

    run(test)


def test_broken_lines_are_told_once() -> None:
    """The rest counts; a line that is broken at each scrape is one dead letter."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.expose("a 1\nb{ 2\n")
        source = ScrapeSource(settings_of(target))
        await scraped(source, inbox, 3)
        assert [letter.reason for letter in inbox.dead] == ["not a name, labels, a number and perhaps a time"]
        assert {point.value for point in inbox.named("up")} == {1.0}
        assert "1 lines cannot be read; line 2" in next(iter(source.problems.values()))

    run(test)


def test_gzip_and_a_series_that_stands_there_twice() -> None:
    """Unpacked; the later line counts."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.reply = Reply(gzip.compress(b"a 1\na 2\n"), headers=(("Content-Type", TEXT), ("Content-Encoding", "gzip")))
        await scraped(ScrapeSource(settings_of(target)), inbox)
        assert [point.value for point in inbox.named("a")][:1] == [2.0]

    run(test)


def test_redirects_and_credentials(tmp_path: Path) -> None:
    """Followed, and the token goes to the origin of the settings alone; a circle ends, and so does a metadata address."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        (tmp_path / "token").write_text("secret-1\n")
        other = ScriptedTarget(Reply(b"a 1\n"))
        async with other.serving():
            target.replies["/metrics"] = Reply(status=302, headers=(("Location", "/moved"),))
            target.replies["/moved"] = Reply(status=307, headers=(("Location", f"{other.address}/there"),))
            token = Secret(file=str(tmp_path / "token"))
            await scraped(ScrapeSource(settings_of(target, token=token)), inbox)
            assert inbox.named("a")[0].value == 1.0
            assert [headers.get("authorization") for _, _, headers, _ in target.requests[:2]] == ["Bearer secret-1"] * 2
            assert other.requests[0][2].get("authorization") is None
            for place, why in (
                ("/metrics", "redirected more than"),
                ("http://169.254.169.254/x", "refused"),
                ("ftp://x", "begins"),
            ):
                target.replies["/metrics"] = Reply(status=302, headers=(("Location", place),))
                source = ScrapeSource(settings_of(target, token=token))
                await scraped(source, inbox)
                assert why in next(iter(source.problems.values()))
            (tmp_path / "token").unlink()
            source = ScrapeSource(settings_of(target, token=token))
            await scraped(source, inbox)
            assert "token: its file cannot be read" in next(iter(source.problems.values()))

    run(test)


def test_basic_authentication_and_private_addresses() -> None:
    """The header, and `allow_private: false` refuses loopback."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.expose("a 1\n")
        await scraped(ScrapeSource(settings_of(target, username="u", password=Secret("p"))), inbox)
        assert target.requests[0][2]["authorization"] == "Basic dTpw"
        source = ScrapeSource(settings_of(target, allow_private=False))
        await scraped(source, inbox)
        assert "allow_private" in next(iter(source.problems.values()))

    run(test)


def test_tls() -> None:
    """A certificate that is not trusted fails the scrape; with its authority it succeeds."""

    async def test() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
        target, inbox = ScriptedTarget(Reply(b"a 1\n")), PointCollector()
        async with target.serving(context):
            source = ScrapeSource(settings_of(target))
            await scraped(source, inbox)
            assert "not trusted" in next(iter(source.problems.values()))
            await scraped(ScrapeSource(settings_of(target, ca_file=str(TLS / "ca.pem"))), inbox)
            assert inbox.named("a")[0].value == 1.0

    asyncio.run(test())


def test_many_points_are_handed_over_in_pieces() -> None:
    """The pipeline takes in no more than some thousand at once; positions rise with each."""

    async def test(target: ScriptedTarget, inbox: PointCollector) -> None:
        target.expose("".join(f'a{{n="{number}"}} 1\n' for number in range(12_000)))
        await scraped(ScrapeSource(settings_of(target, interval=timedelta(seconds=1))), inbox)
        assert [len(piece.points) for piece in inbox.pieces[:3]] == [5000, 5000, 2003]
        assert [piece.offset for piece in inbox.pieces[:3]] == [0, 1, 2]

    run(test)
