"""Samples whose step is not closed yet, written down with every checkpoint: a process that was killed takes them in again.

A row tells what happened since the row before: the samples that were taken in, and up to where steps were closed. Done again, on
a folding that knows nothing, it leads to the same state, for all that a step needs of the time before it is the last sample of
each series. So rows are kept for as long as two samples of a series may lie apart, and then dropped. No cell is told twice: it
was committed with the row that closed its step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from detector.core.signals.journal_row import GarbledJournal, Known, ReadRow, Row, read_row, read_series, series_body
from detector.core.signals.series import LONGEST_GAP_MS, Series, Taken
from detector.records import JournalEntry, Labels, Remembered

MOST_POINTS = 8_000_000  # 28 to 64 MiB in the store, for the most part
MOST_DIGESTS = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    until_ms: int
    points: int


class Journal:
    """Fills `taken`, which is handed to the folding, and is told of the rest; `drain` at every checkpoint. `unkept` counts
    samples for which there was no room, `garbled` rows that could not be read, `points` those that are kept."""

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        self.most_points = most_points
        self.points = self.unkept = self.garbled = 0
        self._next_row = self._next_series = 1
        self._kept: deque[_Kept] = deque()
        self._fresh: list[tuple[int, bytes]] = []
        self._forgotten: list[int] = []
        self._digests: dict[str, None] = {}
        self._restored: dict[int, Known] = {}
        self._begin()

    def number(self, service: str) -> None:
        """After points were taken: series that are new get their numbers. `service` is whose they are where they do not say
        so."""
        for series, point in self.taken.fresh:
            series.number = self._next_series
            self._next_series += 1
            self._fresh.append((series.number, series_body(point, service)))
        self.taken.fresh.clear()

    def close(self, closed_ms: int) -> None:
        """Steps were closed up to then."""
        self._row.close(closed_ms)

    def forget(self, numbers: Iterable[int]) -> None:
        """Series that are remembered no more."""
        self._forgotten += numbers

    def has_come(self, digest: str) -> bool:
        """Whether a push with this digest was taken in lately; from now on it was."""
        if digest in self._digests:
            return True
        self._digests[digest] = None
        if len(self._digests) > MOST_DIGESTS:
            del self._digests[next(iter(self._digests))]
        self._row.digests.append(digest)
        return False

    def drain(self, closed_ms: int, newest_ms: int) -> JournalEntry | None:
        """None when nothing happened. Rows go whose last sample nothing can follow any more. The row is written out where
        someone asks for its bytes: that need not be where points are waited for."""
        is_over = False
        while self._kept and self._kept[0].until_ms < closed_ms - LONGEST_GAP_MS:
            self.points -= self._kept.popleft().points
            is_over = True
        row = self._row
        if row.is_empty and not self._forgotten and not is_over:
            return None
        number, body = self._next_row, None
        if not row.is_empty:
            if self.points + len(row.points) > self.most_points:
                self.unkept += len(row.points)
                row = row.without_samples()
            self._keep(number, newest_ms, len(row.points))
            self._begin()
            body = row.body
        kept_from = self._kept[0].number if self._kept else self._next_row
        made = JournalEntry(number, body, kept_from, tuple(self._fresh), tuple(self._forgotten))
        self._fresh, self._forgotten = [], []
        return made

    def restore(self, remembered: Remembered) -> Iterable[ReadRow]:
        """What happened, row by row; called once, before anything else. Then `settle`."""
        series = self._restored
        for number, body in remembered.series:
            try:
                series[number] = read_series(body)
            except GarbledJournal:
                self.garbled += 1
        self._next_series = max((number for number, _ in remembered.series), default=0) + 1
        for number, body in remembered.rows:
            self._next_row = number + 1
            try:
                row = read_row(body, series)
            except GarbledJournal:
                self.garbled += 1
                continue
            self._keep(number, max((point.time_ms for point in row.points if point is not None), default=0), len(row.points))
            for digest in row.digests:
                self._digests[digest] = None
            yield row

    def settle(self, find: Callable[[str, Labels], Series | None]) -> None:
        """After all rows were done again: series that are there have their numbers, the others are forgotten."""
        for number, known in self._restored.items():
            series = find(known.name, known.labels)
            if series is None:
                self._forgotten.append(number)
            else:
                series.number = number
        self._restored = {}

    def _keep(self, number: int, until_ms: int, points: int) -> None:
        self._kept.append(_Kept(number, until_ms, points))
        self.points += points
        self._next_row = number + 1

    def _begin(self) -> None:
        self.taken = Taken()
        self._row = Row(self.taken.series, self.taken.points)
