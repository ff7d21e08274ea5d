"""Scrapes targets, each at its own moment of the interval so that a hundred are not asked at once.

A target that fails is the number `up` = 0, not an error of ours: it is asked again at its next moment, for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping

import structlog

from detector.core.decode.metrics.exposition import Exposed
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.scrape.fetching import Fetching, ScrapeFailed
from detector.edges.sources.scrape.outcome import Outcome
from detector.records import DeadLetter, MetricPoint, Points, Stream
from detector.settings import ScrapeSourceSettings

log = structlog.get_logger()

PIECE = 5000  # points handed over at once: the pipeline takes them in without letting the loop turn


class ScrapeSource:
    """Implements `base.Source` and `base.Bearing`."""

    def __init__(self, settings: ScrapeSourceSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> Mapping[str, str]:
        return dict(self._problems)

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            for url in self._settings.urls:
                group.create_task(self._follow(url, inbox, resume), name=f"source:{self.name}:{url}")

    async def _follow(self, url: str, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        fetching = Fetching(url, self._settings)
        subject = f"{fetching.target}{fetching.target.path.partition('?')[0]}"
        stream = Stream(f"scrape:{self.name}:{url}", subject, self._settings.service)
        before = resume.get(stream.key)
        handing = _Handing(inbox, stream, before.offset if before else 0)
        outcome = Outcome(subject, fetching.labels)
        interval_s = self._settings.interval.total_seconds()
        loop = asyncio.get_running_loop()
        next_s = loop.time() + interval_s * _phase(url)
        try:
            while True:
                await asyncio.sleep(next_s - loop.time())
                await self._scrape(fetching, outcome, handing, subject)
                next_s += interval_s
                if (late_s := loop.time() - next_s) > 0:  # the pipeline was full: those moments are past
                    next_s += (late_s // interval_s + 1) * interval_s
        finally:
            fetching.close()

    async def _scrape(self, fetching: Fetching, outcome: Outcome, handing: _Handing, subject: str) -> None:
        time_ms, begun_s = time.time_ns() // 1_000_000, time.monotonic()
        exposed: Exposed | None = None
        try:
            exposed = await fetching.scrape(time_ms)
        except ScrapeFailed as problem:
            self._complain(subject, str(problem))
        else:
            if exposed.refused:
                first = exposed.broken[0]
                self._complain(subject, f"{exposed.refused} lines cannot be read; line {first.number}: {first.reason}")
            else:
                self._problems.pop(subject, None)
        points = outcome.points(exposed, time_ms, time.monotonic() - begun_s)
        dead = outcome.dead(exposed.broken, time_ms) if exposed is not None else ()
        for at in range(0, len(points), PIECE):
            await handing.hand(points[at : at + PIECE], time_ms, dead if at == 0 else ())

    def _complain(self, subject: str, problem: str) -> None:
        if self._problems.get(subject) != problem:
            log.warning("scrape_failing", source=self.name, target=subject, error=problem)
        self._problems[subject] = problem


class _Handing:
    """Numbers what is handed over: that is all there is of a position."""

    def __init__(self, inbox: Inbox, stream: Stream, offset: int) -> None:
        self._stream = stream
        self._inbox = inbox
        self._offset = offset

    async def hand(self, points: tuple[MetricPoint, ...], time_ms: int, dead: tuple[DeadLetter, ...]) -> None:
        at, self._offset = self._offset, self._offset + 1
        await self._inbox.points(Points(self._stream, points, at, at + 1, time_ms, dead))


def _phase(url: str) -> float:
    """0 to 1, the same at each start."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=4).digest()) / (1 << 32)
