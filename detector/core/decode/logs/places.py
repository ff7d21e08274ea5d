"""Where records lie in the virtual bytes of their stream: the lines of all records that were looked at, one after the other.

The decoding counts bytes; people, brokers and checkpoints count records. Only the runs that may still be asked for are kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

from detector.records import Batch, Labels, Records

BYTE_BITS = 20  # an event's start: the record's offset, then the byte within it


@dataclass(frozen=True, slots=True)
class Place:
    """A byte of a record's lines. `time_ms` is when the record was written, -1 where nobody knows."""

    offset: int
    byte: int
    time_ms: int
    labels: Labels
    name: str = ""

    @property
    def shown(self) -> str:
        """The record, for people."""
        return self.name or str(self.offset)

    @property
    def number(self) -> int:
        """One number that orders places, and tells two events of one record apart."""
        return (self.offset << BYTE_BITS) + min(self.byte, (1 << BYTE_BITS) - 1)


@dataclass(frozen=True, slots=True)
class _Run:
    """`shift` turns an index of the batch's buffer into a virtual byte; the run ends at `end`."""

    begin: int
    end: int
    shift: int
    records: Records
    next_offset: int


class Places:
    """`add` runs in order; then ask for what lies behind the last `drop_before`."""

    def __init__(self) -> None:
        self._runs: deque[_Run] = deque()

    def add(self, batch: Batch, at: int) -> None:
        """The batch's lines begin at virtual byte `at`."""
        assert batch.records is not None
        if batch.size:
            self._runs.append(_Run(at, at + batch.size, at - batch.begin, batch.records, batch.next_offset))

    def drop_before(self, at: int) -> None:
        """Nothing before this virtual byte will be asked for."""
        while self._runs and self._runs[0].end <= at:
            self._runs.popleft()

    def clear(self) -> None:
        self._runs.clear()

    def find(self, at: int) -> Place | None:
        """The record that holds a virtual byte; None when that was dropped, or did not come yet."""
        for run in reversed(self._runs):
            if run.begin <= at < run.end:
                return _place(run, at - run.shift)
        return None

    def reached(self, offset: int, byte: int) -> int | None:
        """The inverse of `find`: the virtual byte of the record's byte, or of what comes next where that record is gone. None
        when it did not come yet."""
        for run in self._runs:
            if offset >= run.next_offset:
                continue
            row = bisect_right(run.records.offsets, offset) - 1
            if row >= 0 and run.records.offsets[row] == offset:
                return run.records.begins[row] + byte + run.shift
            row += 1
            return (run.records.begins[row] + run.shift if row < len(run.records.begins) else run.end) - 1
        return None


def _place(run: _Run, index: int) -> Place:
    records = run.records
    row = bisect_right(records.begins, index) - 1
    labels = records.labels[row] if records.labels else ()
    name = records.names[row] if records.names else ""
    return Place(records.offsets[row], index - records.begins[row], records.times_ms[row], labels, name)
