"""The journal of metric points: what the pipeline must take in again after it was killed."""

from __future__ import annotations

import sqlite3

from detector.edges.store.database import Database
from detector.edges.store.rows import GarbledRow, checked, checksum
from detector.records import JournalEntry, Remembered


class PointJournal:
    """Written by a checkpoint, read once by a start. `garbled` counts rows that were not as they were written: points are lost
    then, and nothing else is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.garbled = 0

    def put(self, connection: sqlite3.Connection, entry: JournalEntry) -> None:
        """In the caller's transaction."""
        connection.execute("DELETE FROM journal WHERE number < ?", (entry.kept_from,))
        if entry.body is not None:
            body = entry.body()
            row = (entry.number, body, checksum(str(entry.number), body))
            connection.execute("INSERT OR REPLACE INTO journal VALUES (?, ?, ?)", row)
        known = [(number, body, checksum(str(number), body)) for number, body in entry.series]
        connection.executemany("INSERT OR REPLACE INTO journal_series VALUES (?, ?, ?)", known)
        connection.executemany("DELETE FROM journal_series WHERE number = ?", [(number,) for number in entry.forgotten])

    def read(self) -> Remembered:
        """May raise StoreUnavailable, StoreDamaged."""
        return Remembered(self._read("journal"), self._read("journal_series"))

    def clear(self) -> None:
        """Nobody is going to take them in."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM journal")
            connection.execute("DELETE FROM journal_series")

    def _read(self, table: str) -> tuple[tuple[int, bytes], ...]:
        found = []
        for number, body, crc in self._database.rows(f"SELECT number, body, crc FROM {table} ORDER BY number"):
            try:
                found.append((number, checked(str(number), body, crc)))
            except GarbledRow:
                self.garbled += 1
        return tuple(found)
