"""Verdicts as they are kept: a row a signal and window of a change, the newest in the place of an older one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from detector.edges.store.rows import GarbledRow, checked, checksum, column, pack, unpack
from detector.edges.store.signals import Rows
from detector.errors import StoreDamaged
from detector.interface import json_bytes, kept_verdict_object
from detector.records import Judged, KeptVerdict


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """`id` rises with each time it was written."""

    id: int
    record: KeptVerdict


class Verdicts:
    """Every method may raise StoreUnavailable and StoreDamaged."""

    def __init__(self, database: Rows) -> None:
        self._database = database

    def latest(self, service: str, change: str | None = None) -> list[KeptVerdict]:
        """Of each signal the verdict on the newest window and that on all of them, of the change that was judged last, or the one
        that is named; by signal."""
        if change is None:
            query = "SELECT change_id FROM verdict WHERE service = ? ORDER BY id DESC LIMIT 1"
            rows = self._database.rows(query, (column(service),))
            if not rows:
                return []
            change = rows[0][0]
        query = (
            "SELECT id, signal, body, crc FROM verdict AS one WHERE service = ? AND change_id = ? AND (in_window = 0"
            " OR in_window = (SELECT max(in_window) FROM verdict WHERE service = one.service AND change_id = one.change_id"
            " AND signal = one.signal)) ORDER BY signal, in_window = 0"
        )
        return [_read(*row).record for row in self._database.rows(query, (column(service), column(change)))]

    def page(
        self, service: str | None = None, change: str | None = None, limit: int = 100, before_id: int | None = None
    ) -> list[VerdictRow]:
        """All that are kept, what was written last first."""
        names = [None if name is None else column(name) for name in (service, change)]
        query = (
            "SELECT id, signal, body, crc FROM verdict WHERE (? IS NULL OR service = ?) AND (? IS NULL OR change_id = ?)"
            " AND id < ? ORDER BY id DESC LIMIT ?"
        )
        before = (1 << 62) if before_id is None else before_id
        rows = self._database.rows(query, (names[0], names[0], names[1], names[1], before, limit))
        return [_read(*row) for row in rows]


def write_verdicts(connection: sqlite3.Connection, judged: Iterable[Judged]) -> list[tuple[str, bytes]]:
    """Inside a checkpoint's transaction. Returns what was written for those who are told, key and body."""
    rows, bodies = [], []
    for each in judged:
        request = each.request
        for verdict in each.verdicts:
            kept = KeptVerdict(
                request.service,
                request.change,
                each.at_ms,
                request.until_ms,
                verdict,
                verdict.signal in each.required,
                each.before,
            )
            body, signal = pack(kept), column(verdict.signal)
            place = (column(request.service), column(request.change), signal, verdict.window or 0)
            rows.append((*place, verdict.state.value, each.at_ms, body, checksum(signal, body)))
            window = "all" if verdict.window is None else verdict.window
            bodies.append((f"{request.change}/{verdict.signal}/{window}", json_bytes(kept_verdict_object(kept))))
    names = "(service, change_id, signal, in_window, state, at_ms, body, crc)"
    connection.executemany(f"INSERT OR REPLACE INTO verdict {names} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return bodies


def _read(id_: int, signal: str, body: bytes, crc: int) -> VerdictRow:
    try:
        return VerdictRow(id_, unpack(KeptVerdict, checked(signal, body, crc)))
    except GarbledRow as error:
        raise StoreDamaged(f"a verdict on {signal}: {error}") from error
