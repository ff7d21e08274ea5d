"""The StatsD source on real UDP sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from detector.edges.sources.statsd.receiver import Receiver
from detector.edges.sources.statsd.source import StatsdSource
from detector.records import Distribution, LostRange
from detector.settings import StatsdSourceSettings
from tests.unit.edges.sources.points import PointCollector, collecting
from tests.unit.edges.sources.statsd.sending import free_port, send


class Keeping(PointCollector):
    """Keeps what was lost, too."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[LostRange] = []

    async def lost(self, lost: LostRange) -> None:
        self.losses.append(lost)


@asynccontextmanager
async def listening(interval_ms: int = 50, max_series: int = 10_000) -> AsyncIterator[tuple[Keeping, int]]:
    source = StatsdSource(
        StatsdSourceSettings("statsd", "127.0.0.1:0", interval=timedelta(milliseconds=interval_ms), max_series=max_series)
    )
    async with collecting(source, Keeping()) as inbox:
        assert isinstance(inbox, Keeping)
        async with asyncio.timeout(5):
            while source.port is None:
                await asyncio.sleep(0.001)
        yield inbox, source.port


def added(inbox: Keeping, name: str) -> float:
    return sum(point.value for point in inbox.named(name) if isinstance(point.value, float))


def test_what_is_sent_is_added_up() -> None:
    """However the intervals cut it; offsets count datagrams."""

    async def test() -> None:
        async with listening() as (inbox, port):
            for _ in range(10):
                await asyncio.to_thread(send, port, *[b"hits:1|c\nhits:1|c\nlatency:320|ms|@0.5|#service:cart"] * 100)
                await asyncio.sleep(0.02)
            await inbox.until(lambda: added(inbox, "hits") >= 2000)
            assert added(inbox, "hits") == 2000
            timers = [point.value for point in inbox.named("latency")]
            assert sum(sum(value.counts) for value in timers if isinstance(value, Distribution)) == 2000
            assert inbox.streams["statsd:127.0.0.1:0"].offset == 1000
            assert inbox.losses == []
            starts = [point.start_ms for point in inbox.named("hits")]
            ends = [point.time_ms for point in inbox.named("hits")]
            assert starts[1:] == ends[:-1]

    asyncio.run(test())


def test_rubbish_and_too_many_series_are_dead_letters() -> None:
    """The rest goes on."""

    async def test() -> None:
        async with listening(max_series=3) as (inbox, port):
            send(port, b"rubbish", b"known:1|c", b"_sc|Redis|2", b"\n".join(b"flood%d:1|c" % at for at in range(10)))
            await inbox.until(lambda: len(inbox.dead) >= 2)
            await asyncio.sleep(0)
            send(port, b"known:1|c")
            await inbox.until(lambda: added(inbox, "known") == 2)
            reasons = [dead.reason for dead in inbox.dead]
            assert any(reason.startswith("no StatsD") for reason in reasons)
            assert any("more series than max_series" in reason for reason in reasons)

    asyncio.run(test())


def test_what_the_kernel_threw_away_is_told() -> None:
    """Counted by the kernel for our socket, as lost datagrams."""
    receiver = Receiver("127.0.0.1", 0, 4096)
    try:
        send(receiver.port, *[b"x" * 1000] * 500)
        received = 0
        while receiver.receive() is not None:
            received += 1
        lost = receiver.dropped()
        if lost == 0 and received < 500:
            pytest.skip("this kernel does not tell of drops")
        assert received + lost == 500
        assert received < 500
        assert receiver.dropped() == 0
    finally:
        receiver.close()


def test_a_slow_pipeline_loses_datagrams_and_says_so() -> None:
    """Those that came and those that were lost are all there were."""

    async def test() -> None:
        async with listening() as (inbox, port):
            inbox.has_room.clear()
            send(port, b"first:1|c")
            await inbox.until_begun()
            sent = 20_000
            await asyncio.to_thread(send, port, *[b"hits:1|c|#" + b"x" * 1000] * sent)
            inbox.has_room.set()
            await inbox.until(lambda: added(inbox, "hits") + sum((lost.end or 0) - lost.begin for lost in inbox.losses) >= sent)
            lost = sum((lost.end or 0) - lost.begin for lost in inbox.losses)
            assert added(inbox, "hits") + lost == sent
            if lost:
                assert {(each.unit, each.reason) for each in inbox.losses} == {("records", "receive_buffer_full")}

    asyncio.run(test())


def test_an_address_in_use_is_borne() -> None:
    """It says so, and listens once the address is free."""

    async def test() -> None:
        port = free_port()
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("127.0.0.1", port))
        source = StatsdSource(StatsdSourceSettings("statsd", f"127.0.0.1:{port}", interval=timedelta(milliseconds=20)))
        async with collecting(source, Keeping()):
            while not source.problems:
                await asyncio.sleep(0.001)
            assert source.problems == {f"127.0.0.1:{port}": "cannot listen: address already in use"}
            other.close()
            async with asyncio.timeout(10):
                while source.port is None:
                    await asyncio.sleep(0.01)
            assert not source.problems

    asyncio.run(test())


def test_ipv6() -> None:
    """Where the machine has it."""

    async def test() -> None:
        source = StatsdSource(StatsdSourceSettings("statsd", "[::1]:0", interval=timedelta(milliseconds=20)))
        async with collecting(source, Keeping()) as inbox:
            await asyncio.sleep(0.05)
            if source.problems:
                pytest.skip("no IPv6 here")
            assert source.port is not None
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"hits:1|c", ("::1", source.port))
            await inbox.until(lambda: bool(inbox.named("hits")))

    asyncio.run(test())
