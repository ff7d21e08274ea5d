"""Opens the store, or finds out that it is damaged or gone, keeps what is left of it, and begins a new one that says so."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from detector.edges.store.database import Database
from detector.edges.store.folder import Marker, StateFolder
from detector.errors import StoreDamaged

# A full check reads the whole file: 60 ms for so much. Above it the rows' own checksums must do.
CHECKED_WHOLE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Loss:
    """State that is gone: since when, why, and where the damaged file was put (`""` if there was none)."""

    since_ms: int
    reason: str
    moved_to: str


def open_database(folder: StateFolder, database: Database, verify: Callable[[], None], now_ms: int) -> Loss | None:
    """Connects, on a new file when the old one is damaged or gone. `verify` reads every row that decides anything and raises
    StoreDamaged. Raises StoreTooNew, StoreUnavailable."""
    marker = folder.marker()
    loss = _loss_before_opening(folder, marker, now_ms) or _loss_in_opening(folder, database, verify, now_ms)
    if loss is not None:
        database.connect()
    elif marker is not None and not database.rows("SELECT 1 FROM meta WHERE name = 'instance'"):
        loss = Loss(marker.created_ms, "a start after a loss was ended before it could say so", "")
    _sign(folder, database, marker, loss, now_ms)
    return loss or _untold(database)


def _loss_before_opening(folder: StateFolder, marker: Marker | None, now_ms: int) -> Loss | None:
    if marker is None:
        return None
    if folder.inode() is None:
        return _set_aside(folder, "the database is gone", now_ms)
    if os.path.getsize(folder.database) == 0:
        return _set_aside(folder, "the database is empty", now_ms)
    if folder.is_suspect():
        return _set_aside(folder, "SQLite reported damage in the last run", now_ms)
    return None


def _loss_in_opening(folder: StateFolder, database: Database, verify: Callable[[], None], now_ms: int) -> Loss | None:
    try:
        database.connect()
        _check_whole(folder, database)
        verify()
    except StoreDamaged as error:
        database.close()
        return _set_aside(folder, str(error), now_ms)
    except sqlite3.Error as error:  # a table or column is missing: the file says it is ours, and is not
        database.close()
        return _set_aside(folder, str(error), now_ms)
    return None


def _check_whole(folder: StateFolder, database: Database) -> None:
    if os.path.getsize(folder.database) > CHECKED_WHOLE_BYTES:
        return
    problems = [problem for (problem,) in database.rows("PRAGMA quick_check(3)") if problem != "ok"]
    if problems:
        raise StoreDamaged("; ".join(problems))


def _set_aside(folder: StateFolder, reason: str, now_ms: int) -> Loss:
    marker = folder.marker()
    since_ms = folder.last_write_ms() or (marker.created_ms if marker else now_ms)
    moved_to = folder.move_aside("corrupt", now_ms)
    folder.forget_epoch()
    return Loss(min(since_ms, now_ms), reason, str(moved_to or ""))


def _sign(folder: StateFolder, database: Database, marker: Marker | None, loss: Loss | None, now_ms: int) -> None:
    """Writes who we are into the file, and only then the marker that would miss it."""
    known = dict(database.rows("SELECT name, value FROM meta"))
    instance = known.get("instance") or (marker.instance if marker else uuid.uuid4().hex)
    created_ms = int(known.get("created_ms", now_ms))
    values = {"instance": instance, "created_ms": str(created_ms), "opened_ms": str(now_ms)}
    if loss is not None:
        values |= {"lost_since_ms": str(loss.since_ms), "lost_reason": loss.reason, "lost_moved_to": loss.moved_to}
    with database.transaction(is_synced=True) as connection:
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))
    folder.sync()
    folder.mark(Marker(instance, created_ms))
    folder.trust()


def _untold(database: Database) -> Loss | None:
    """A loss that an earlier start found and was killed before anybody was told."""
    known = dict(database.rows("SELECT name, value FROM meta WHERE name LIKE 'lost_%'"))
    if "lost_since_ms" not in known:
        return None
    return Loss(int(known["lost_since_ms"]), known["lost_reason"], known["lost_moved_to"])
