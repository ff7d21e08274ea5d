"""Samples whose step is not closed yet, written down with every checkpoint: a process that was killed takes them in again.

A row tells what happened since the row before: the samples that were taken in, and up to where steps were closed. Done again, on
a folding that knows nothing, it leads to the same state, for all that a step needs of the time before it is the last sample of
each series. So rows are kept for as long as two samples of a series may lie apart, and then dropped. No cell is told twice: it
was committed with the row that closed its step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from detector.core.signals.journal_row import GarbledJournal, Known, ReadRow, Row, read_row, read_series, series_body
from detector.core.signals.series import LONGEST_GAP_MS, Series
from detector.records import JournalEntry, Labels, MetricPoint, Remembered

MOST_BYTES = 64 << 20
MOST_DIGESTS = 10_000
_SERIES_BYTES = 250  # about so much a series takes in the store


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    until_ms: int
    size: int


class Journal:
    """`take` and `close` beside the folding, `drain` at every checkpoint. `unkept` counts samples for which there was no room,
    `garbled` rows that could not be read."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.unkept = 0
        self.garbled = 0
        self._row = Row()
        self._next_row = self._next_series = 1
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self._known = 0  # series that the store knows
        self._fresh: list[tuple[int, bytes]] = []
        self._forgotten: list[int] = []
        self._digests: dict[str, None] = {}
        self._restored: dict[int, Known] = {}

    @property
    def size_bytes(self) -> int:
        """What rows and series take in the store, about."""
        return self._bytes + _SERIES_BYTES * self._known

    def take(
        self, points: Sequence[MetricPoint], series: Iterable[Series | None], service: str, closed_ms: int, latest_ms: int
    ) -> None:
        """Those that have a series, and were neither late nor ahead of what is believed. `service` is whose they are where they
        do not say so."""
        pairs = [
            (point, one)
            for point, one in zip(points, series, strict=True)
            if one is not None and closed_ms <= point.time_ms <= latest_ms
        ]
        for point, one in pairs:
            if not one.number:
                one.number = self._next_series
                self._next_series += 1
                self._fresh.append((one.number, series_body(point, service)))
        self._row.add([one.number for _, one in pairs], [point for point, _ in pairs])

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

    def drain(self, closed_ms: int) -> JournalEntry | None:
        """None when nothing happened. Rows go whose last sample nothing can follow any more."""
        is_over = False
        while self._kept and self._kept[0].until_ms < closed_ms - LONGEST_GAP_MS:
            self._bytes -= self._kept.popleft().size
            is_over = True
        if self._row.is_empty and not self._forgotten and not is_over:
            return None
        number, body = self._next_row, b""
        row, self._row = self._row, Row()
        if not row.is_empty:
            body = self._body(row)
            self._kept.append(_Kept(number, max(row.times, default=0), len(body)))
            self._bytes += len(body)
            self._next_row += 1
        self._known += len(self._fresh) - len(self._forgotten)
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
        self._known = len(remembered.series)
        for number, body in remembered.rows:
            self._next_row = number + 1
            try:
                row = read_row(body, series)
            except GarbledJournal:
                self.garbled += 1
                continue
            until_ms = max((point.time_ms for point in row.points if point is not None), default=0)
            self._kept.append(_Kept(number, until_ms, len(body)))
            self._bytes += len(body)
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

    def _body(self, row: Row) -> bytes:
        try:
            body = row.body()
        except TypeError:  # a start beyond 64 bits, say: whoever sends that
            body = b""
        if body and self.size_bytes + len(body) <= self.most_bytes:
            return body
        self.unkept += len(row.times)
        return row.without_samples().body()
