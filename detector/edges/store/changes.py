"""Changes as they are written down, and the command that tells a running daemon of a new one."""

from __future__ import annotations

import json
from dataclasses import replace

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
                (named.made_ms, column(who), COMMAND, json.dumps({"id": named.id})),
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


def _read(id_: str, body: bytes, crc: int) -> Change:
    try:
        return unpack(Change, checked(id_, body, crc))
    except GarbledRow as error:
        raise StoreDamaged(f"change {id_}: {error}") from error
