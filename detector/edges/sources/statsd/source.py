"""Listens for StatsD and DogStatsD datagrams, and hands over what they add up to, an interval at a time.

Nobody can ask for a datagram again: what was not handed over when the process dies is lost, an interval at the most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from detector.core.decode.metrics.statsd_totals import StatsdTotals
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.statsd.receiver import Receiver
from detector.records import LostRange, Points, Stream
from detector.settings import StatsdSourceSettings
from detector.settings.statsd import host_and_port

log = structlog.get_logger()

BURST = 256  # datagrams until others have their turn: about 2 ms
RETRY_S = 1.0
_BUFFER_BYTES = 4 << 20


class StatsdSource:
    """Implements `base.Source`. An address that is in use is borne: the source tries again for ever. Offsets count datagrams."""

    def __init__(self, settings: StatsdSourceSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._stream = Stream(f"statsd:{settings.listen}", settings.name, settings.service)
        self._problems: dict[str, str] = {}
        self.port: int | None = None  # while it listens

    @property
    def problems(self) -> Mapping[str, str]:
        return self._problems

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        """Never returns."""
        receiver = await self._bound()
        try:
            self.port = receiver.port
            known = resume.get(self._stream.key)
            await self._listen(receiver, inbox, 0 if known is None else known.offset)
        finally:
            self.port = None
            receiver.close()

    async def _bound(self) -> Receiver:
        host, port = host_and_port(self._settings.listen)
        while True:
            try:
                receiver = Receiver(host, port, _BUFFER_BYTES)
            except OSError as error:
                problem = f"cannot listen: {(error.strerror or 'no such address').lower()}"
                if self._problems.get(self._settings.listen) != problem:
                    log.warning("statsd_not_listening", source=self.name, listen=self._settings.listen, problem=problem)
                self._problems[self._settings.listen] = problem
                await asyncio.sleep(RETRY_S)
            else:
                self._problems.clear()
                return receiver

    async def _listen(self, receiver: Receiver, inbox: Inbox, offset: int) -> None:
        interval_s = self._settings.interval.total_seconds()
        totals = StatsdTotals(self._settings.max_series, _now_ms())
        begin, due_s = offset, time.monotonic() + interval_s
        while True:
            left_s = due_s - time.monotonic()
            if left_s > 0 and not totals.is_full:
                offset += await _burst(receiver, totals, left_s)
                continue
            if lost := receiver.dropped():
                await inbox.lost(LostRange(self._stream, offset, offset + lost, "receive_buffer_full", "records"))
                offset += lost
            now_ms = _now_ms()
            flushed = totals.flush(now_ms)
            if offset > begin:
                dead = flushed.dead_letters(self._stream.name, str(begin))
                await inbox.points(Points(self._stream, flushed.points, begin, offset, now_ms, dead))
            if flushed.skipped.events:
                log.debug("statsd_events_skipped", source=self.name, events=flushed.skipped.events)
            begin, due_s = offset, max(due_s + interval_s, time.monotonic())


async def _burst(receiver: Receiver, totals: StatsdTotals, wait_s: float) -> int:
    """Waits for datagrams and takes some of those that are there; how many."""
    taken = 0
    while taken < BURST and not totals.is_full:
        datagram = receiver.receive()
        if datagram is None:
            break
        taken += 1
        totals.take(datagram)
    if taken:
        await asyncio.sleep(0)
    else:
        await _until_readable(receiver, wait_s)
    return taken


async def _until_readable(receiver: Receiver, wait_s: float) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(receiver, ready.set)
    try:
        async with asyncio.timeout(wait_s):
            await ready.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(receiver)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
