"""Changes as they are written down, and the command that tells a running daemon of a new one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, replace

from detector.core.signals.changes import change_id
from detector.edges.store.rows import GarbledRow, checked, checksum, column, pack, unpack
from detector.edges.store.signals import Rows
from detector.errors import StoreDamaged
from detector.records import Change

COMMAND = "change"


class Changes:
    """Every method may raise StoreUnavailable and StoreDamaged."""

    def __init__(self, database: Rows) -> None:
        self._database = database

    def add(self, change: Change, who: str) -> Change:
        """Writes it down under an id that is free, and the command with it. Returns it with its id."""
        with self._database.transaction(is_synced=True) as connection:
            taken = {id_ for (id_,) in connection.execute("SELECT id FROM change WHERE service = ?", (column(change.service),))}
            taken |= {
                id_ for (id_,) in connection.execute("SELECT id FROM change WHERE at_ms / 60000 = ? / 60000", (change.at_ms,))
            }
            named = replace(change, id=change_id(change.service, change.at_ms, taken))
            body = pack(named)
            row = (named.id, column(named.service), named.at_ms, body, checksum(named.id, body))
            connection.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?)", row)
            connection.execute(
                "INSERT INTO command (at_ms, who, what, arguments) VALUES (?, ?, ?, ?)",
                (named.made_ms, column(who), COMMAND, _arguments(named)),
            )
        return named

    def latest(self, service: str | None = None, limit: int = 100) -> list[Change]:
        """The latest first."""
        name = None if service is None else column(service)
        query = "SELECT id, body, crc FROM change WHERE ? IS NULL OR service = ? ORDER BY at_ms DESC, id DESC LIMIT ?"
        return [_read(*row) for row in self._database.rows(query, (name, name, limit))]

    def get(self, id_: str) -> Change | None:
        rows = self._database.rows("SELECT id, body, crc FROM change WHERE id = ?", (column(id_),))
        return _read(*rows[0]) if rows else None


def write_changes(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Inside a checkpoint's transaction: those that the pipeline recognised, and so needs no command for. One whose id is taken
    gets one that is free."""
    for change in changes:
        id_, number = change.id, 1
        while connection.execute("SELECT 1 FROM change WHERE id = ?", (column(id_),)).fetchone():
            number += 1
            id_ = f"{change.id}-{number}"
        body = pack(replace(change, id=id_))
        row = (column(id_), column(change.service), change.at_ms, body, checksum(column(id_), body))
        connection.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?)", row)


def _arguments(change: Change) -> str:
    """All that a running daemon needs to know; what was taken away is in the row."""
    fields = asdict(replace(change, manifest=None))
    return json.dumps({name: value for name, value in fields.items() if value not in ("", None, False)})


def _read(id_: str, body: bytes, crc: int) -> Change:
    try:
        return unpack(Change, checked(id_, body, crc))
    except GarbledRow as error:
        raise StoreDamaged(f"change {id_}: {error}") from error
