"""What the API shows: incidents, findings, deliveries, dead letters, lost ranges; newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from detector.edges.store.database import Database
from detector.edges.store.rows import checked, column, unpack
from detector.records import DeadLetter, Finding, Incident, IncidentState, LostRange

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to tell a receiver. `result` is delivered, failed, given_up, superseded, or elsewhere: another daemon tells,
    and `problem` says which. `reason` is a word of SinkError."""

    id: int
    at_ms: int
    receiver: str
    dedup_key: str
    action: str
    seq: int
    result: str
    attempt: int
    reason: str
    problem: str


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A record as it was written down: `id` rises, `at_ms` is the checkpoint's time."""

    id: int
    at_ms: int
    record: T


class History:
    """Reads beside the writer. `before_id` goes on where a page ended. May raise StoreUnavailable, StoreDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self, states: Sequence[IncidentState] = tuple(IncidentState), limit: int | None = 100) -> list[Incident]:
        """Incidents in one of the states, the last seen first."""
        marks = ", ".join("?" * len(states))
        order = "ORDER BY last_seen_ms DESC, dedup_key DESC LIMIT ?"
        query = f"SELECT dedup_key, body, crc FROM incident WHERE state IN ({marks}) {order}"
        rows = self._database.rows(query, (*(state.value for state in states), -1 if limit is None else limit))
        return [self._record(Incident, *row) for row in rows]

    def incident(self, dedup_key: str) -> Incident | None:
        rows = self._database.rows("SELECT dedup_key, body, crc FROM incident WHERE dedup_key = ?", (column(dedup_key),))
        return self._record(Incident, *rows[0]) if rows else None

    def incident_counts(self) -> dict[IncidentState, int]:
        rows = self._database.rows("SELECT state, count(*) FROM incident GROUP BY state")
        return {IncidentState(state): count for state, count in rows}

    def findings(self, dedup_key: str, limit: int = 100) -> list[Kept[Finding]]:
        query = "SELECT id, at_ms, dedup_key, body, crc FROM finding WHERE dedup_key = ? ORDER BY id DESC LIMIT ?"
        rows = self._database.rows(query, (column(dedup_key), limit))
        return [Kept(id_, at_ms, self._record(Finding, *row)) for id_, at_ms, *row in rows]

    def deliveries(self, dedup_key: str | None = None, limit: int = 100, before_id: int | None = None) -> list[Delivery]:
        wanted = "dedup_key = ?" if dedup_key is not None else "? IS NULL"
        key = None if dedup_key is None else column(dedup_key)
        query = f"SELECT * FROM delivery WHERE {wanted} AND id < ? ORDER BY id DESC LIMIT ?"
        return [Delivery(*row) for row in self._database.rows(query, (key, _before(before_id), limit))]

    def dead_letters(self, limit: int = 100, before_id: int | None = None) -> list[Kept[DeadLetter]]:
        query = "SELECT id, at_ms, stream, position, reason, sample FROM dead_letter WHERE id < ? ORDER BY id DESC LIMIT ?"
        rows = self._database.rows(query, (_before(before_id), limit))
        return [Kept(id_, at_ms, DeadLetter(*row)) for id_, at_ms, *row in rows]

    def lost_ranges(self, limit: int = 100, before_id: int | None = None) -> list[Kept[LostRange]]:
        query = "SELECT id, at_ms, body, crc FROM lost WHERE id < ? ORDER BY id DESC LIMIT ?"
        rows = self._database.rows(query, (_before(before_id), limit))
        return [Kept(id_, at_ms, self._record(LostRange, "", body, crc)) for id_, at_ms, body, crc in rows]

    def _record(self, kind: type[T], key: str, body: bytes, crc: int) -> T:
        with self._database.vouching():
            return unpack(kind, checked(key, body, crc))


def _before(id_: int | None) -> int:
    return (1 << 62) if id_ is None else id_
