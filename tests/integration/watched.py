"""A target as the real scrape source sees it, folded into cells of the signals that we ship."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from detector.core.signals.catalogue import load_signals
from detector.core.signals.cells import FamilyCell
from detector.core.signals.folding import Folding
from detector.core.signals.found import Found, found
from detector.edges.signal_files import builtin_signal_files
from detector.edges.sources.scrape.source import ScrapeSource
from detector.records import MetricPoint
from detector.settings import ScrapeSourceSettings
from tests.unit.edges.sources.points import PointCollector

INTERVAL = timedelta(milliseconds=100)
STEP_MS = 500
PATIENCE_S = 30


class Watched:
    """What came of a target so far."""

    def __init__(self, source: ScrapeSource) -> None:
        self.inbox = PointCollector()
        self._source = source

    @property
    def problems(self) -> list[str]:
        return list(self._source.problems.values())

    def named(self, name: str, **labels: str) -> list[MetricPoint]:
        wanted = set(labels.items())
        return [point for point in self.inbox.named(name) if wanted <= set(point.labels)]

    def last(self, name: str, **labels: str) -> float | None:
        """None: it ended."""
        value = self.named(name, **labels)[-1].value
        assert value is None or isinstance(value, float)
        return value

    def scrapes(self, more: int = 6) -> None:
        """Returns when so many more are over."""
        wanted = len(self.named("up")) + more
        end = time.monotonic() + PATIENCE_S
        while len(self.named("up")) < wanted:
            assert time.monotonic() < end, self.problems
            time.sleep(0.02)

    def folding(self) -> Folding:
        """Of all that came, every step closed."""
        folding = Folding(load_signals(builtin_signal_files()), step_ms=STEP_MS)
        for piece in list(self.inbox.pieces):
            folding.take(piece.points, piece.observed_ms)
        return folding

    def cells(self, signal: str, after_ms: int = 0) -> list[FamilyCell]:
        folding = self.folding()
        made = folding.close(folding.newest_ms + STEP_MS).cells
        return [cell for cell in made if cell.signal == signal and cell.start_ms >= after_ms]

    def found(self) -> Found:
        folding = self.folding()
        folding.close(folding.newest_ms + STEP_MS)
        return found(folding)


@contextmanager
def watched(url: str, job: str) -> Iterator[Watched]:
    """Scrapes it in a thread of its own. Raises at the end what the source raised."""
    told = Watched(ScrapeSource(ScrapeSourceSettings("scrape", (url,), job, interval=INTERVAL, timeout=INTERVAL * 20)))
    loop = asyncio.new_event_loop()
    raised: list[BaseException] = []

    async def read() -> None:
        try:
            await told._source.read_into(told.inbox, {})
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            raised.append(error)

    reading = loop.create_task(read())
    thread = threading.Thread(target=loop.run_until_complete, args=(reading,))
    thread.start()
    try:
        yield told
    finally:
        loop.call_soon_threadsafe(reading.cancel)
        thread.join()
        loop.close()
    if raised:
        raise raised[0]


def total(cells: list[FamilyCell], scale: float) -> float:
    """How much was added in all of the time of a signal that is a rate; `scale` makes it a rate a second."""
    return sum(cell.value / scale * cell.exposure_s for cell in cells if cell.value == cell.value)
