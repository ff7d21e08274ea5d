"""The store's file beside the daemon that may hold it: looked into, and added to, by a command that ends."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from detector.edges.store.database import APPLICATION_ID, SCHEMAS
from detector.edges.store.folder import StateFolder
from detector.edges.store.store import Store
from detector.errors import NoSuchInput, StoreDamaged, StoreInUse, StoreTooNew, StoreUnavailable
from detector.settings import StoreSettings

WAIT_S = 10.0  # for a checkpoint that is being written


class Beside:
    """SQLite lets one write at a time, whoever it is: a checkpoint waits for us no longer than one insert takes."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """For `open` alone."""
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, settings: StoreSettings, now_ms: int, *, is_made: bool) -> Beside:
        """With `is_made` a store that is not there is made. Raises NoSuchInput, StoreTooNew, StoreDamaged, StoreInUse,
        StoreUnavailable."""
        folder = StateFolder(settings.path)
        if folder.inode() is None:
            if not is_made:
                raise NoSuchInput(f"{settings.path}: there is no store here; name its folder with --store, or the settings file")
            Store.open(settings, now_ms).close()
        connection = _connected(folder)
        try:
            version = _version(connection, folder)
            if version < len(SCHEMAS):
                connection.close()
                _bring_up_to_date(settings, now_ms)
                connection = _connected(folder)
        except BaseException:
            connection.close()
            raise
        return cls(connection, str(folder.database))

    def close(self) -> None:
        self._connection.close()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with _explained(self._path):
            return self._connection.execute(query, parameters).fetchall()

    @contextlib.contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, and on the disk when this returns."""
        with _explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _connected(folder: StateFolder) -> sqlite3.Connection:
    with _explained(str(folder.database)):
        connection = sqlite3.connect(folder.database, isolation_level=None, timeout=WAIT_S)
        connection.executescript(
            "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL;"
        )
        return connection


def _version(connection: sqlite3.Connection, folder: StateFolder) -> int:
    with _explained(str(folder.database)):
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
    if application != APPLICATION_ID:
        raise StoreDamaged(f"{folder.database}: this is a database of another program")
    if version > len(SCHEMAS):
        raise StoreTooNew(f"the store has schema {version}, this release knows {len(SCHEMAS)}: use a newer release")
    return int(version)


def _bring_up_to_date(settings: StoreSettings, now_ms: int) -> None:
    try:
        Store.open(settings, now_ms).close()
    except StoreInUse:
        raise StoreInUse(f"{settings.path} is held by a daemon of an older release: start it anew with this one first") from None


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StoreDamaged(f"{path}: {error}") from error
        if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE):
            raise
        raise StoreUnavailable(f"{path}: {error}") from error
