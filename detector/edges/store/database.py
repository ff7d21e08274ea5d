"""Two connections to one SQLite file: one writes, one reads beside it. What SQLite reports becomes our errors here."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from detector.crash_points import CrashPoint, reach
from detector.edges.store.folder import SIDE_FILES, StateFolder
from detector.edges.store.rows import GarbledRow
from detector.errors import StoreDamaged, StoreTooNew, StoreUnavailable

# Version n of the schema is what the first n texts make: a new file runs all of them, an older one the rest.
SCHEMAS = tuple(
    files("detector.edges.store").joinpath(name).read_text(encoding="utf-8")
    for name in ("schema.sql", "schema_feed.sql", "schema_signals.sql", "schema_verdicts.sql", "schema_journal.sql")
)
APPLICATION_ID = 0x54524D57  # "TRMW", in the file's header
WAL_LIMIT_BYTES = 1 << 20
# Whoever writes folds the log when it is this long, deliveries included: a log that filled a small disk left the database no room
# to take it in, and nothing could be written any more.
MOST_WAL_BYTES = 4 << 20
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# Our own mistakes, or a schema that is not ours. Everything else SQLite says is about the disk, and may pass.
_NOT_THE_DISK = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
)
_CAREFUL = "PRAGMA cache_size = -1024; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 0;"
_OURS = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"


class Database:
    """Opened by `connect`; may be used from any thread afterwards. Every call may raise StoreUnavailable or StoreDamaged."""

    def __init__(self, folder: StateFolder, schemas: Sequence[str] = SCHEMAS) -> None:
        self.rescues = 0
        self._folder = folder
        self._schemas = schemas
        self._write_lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._is_synced: bool | None = None  # how the writer is set; None: as SQLite pleases
        self._reader: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    def connect(self) -> None:
        """Opens the file, and brings it to our schema. Raises StoreTooNew, StoreDamaged, StoreUnavailable."""
        with self._write_lock, self._read_lock, self._explained():
            try:
                self._writer, self._is_synced = _connection(self._folder), None
                _bring_up_to_date(self._writer, self._schemas)
                self._reader = _connection(self._folder)
                self._inode = self._folder.inode()
                self._check_epoch(self._writer)
                self._begin_epoch(self._writer)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Lets go of the file; may be called twice."""
        with self._write_lock, self._read_lock:
            if self._writer is not None:
                self._folder.forget_epoch()
            for connection in (self._reader, self._writer):
                if connection is not None:
                    with contextlib.suppress(sqlite3.Error):
                        connection.close()
            self._reader = self._writer = None

    @contextlib.contextmanager
    def transaction(self, *, is_synced: bool = False) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. `is_synced`: on the disk when this returns; without it a power cut may take the last ones back,
        a killed process does not."""
        with self._write_lock, self._explained():
            connection = self._ready()
            if is_synced is not self._is_synced:
                connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
                self._is_synced = is_synced
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLITE_FULL and SQLITE_IOERR may have rolled back already
                    connection.execute("ROLLBACK")
                raise
        self.fold(MOST_WAL_BYTES)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, as of the last transaction; does not wait for one that is being written."""
        with self._explained():
            if self._reader is None:
                with self._write_lock:
                    self._ready()
            with self._read_lock:
                if self._reader is None:
                    raise StoreUnavailable("the store is closed")
                return self._reader.execute(query, parameters).fetchall()

    def fold(self, limit_bytes: int = WAL_LIMIT_BYTES) -> None:
        """Writes the write-ahead log into the database when it is longer. What was committed stays committed if that fails, so
        a full disk is not reported here: the next transaction will."""
        if self._folder.wal_bytes() <= limit_bytes:
            return
        reach(CrashPoint.STORE_WAL)
        with self._write_lock, contextlib.suppress(sqlite3.Error):
            if self._writer is not None:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._begin_epoch(self._writer)

    def shrink(self, pages: int) -> None:
        """Gives free pages at the file's end back. A script, because `execute` steps this statement once: one page a call."""
        with self._write_lock, self._explained():
            self._ready().executescript(f"PRAGMA incremental_vacuum({pages});")

    @contextlib.contextmanager
    def vouching(self) -> Iterator[None]:
        """Around the reading of rows: a garbled one is damage."""
        try:
            yield
        except GarbledRow as error:
            raise self._damaged(error) from error

    def _damaged(self, problem: object) -> StoreDamaged:
        self._folder.suspect()
        return StoreDamaged(f"{self._folder.database}: {problem}")

    def _check_epoch(self, writer: sqlite3.Connection) -> None:
        """A log that was taken away or emptied leaves an older state, with positions perhaps newer than their alerts. A log that
        another program folded in (somebody looked into the file) is no loss, so its absence alone says nothing: an epoch is
        begun in each new log, and noted beside the database. Raises StoreDamaged."""
        found = writer.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        if int(found[0] if found else 0) < self._folder.noted_epoch():
            raise StoreDamaged("the write-ahead log is gone")

    def _begin_epoch(self, writer: sqlite3.Connection) -> None:
        writer.execute("INSERT INTO meta VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1")
        (epoch,) = writer.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        self._folder.note_epoch(int(epoch))

    def _ready(self) -> sqlite3.Connection:
        if self._writer is not None and self._folder.inode() != self._inode:
            self._rescue(self._writer)
        if self._writer is None:
            self.connect()
        assert self._writer is not None
        return self._writer

    def _rescue(self, writer: sqlite3.Connection) -> None:
        """The file was deleted or replaced under us. Our open file still holds everything: it is written out under its name
        again. The old connections are closed first, because SQLite deletes the log of that name with the last of them."""
        draft = self._folder.path / "state.db.rescued"
        self._folder.hold_again()
        draft.unlink(missing_ok=True)
        writer.execute("VACUUM INTO ?", (str(draft),))
        self.close()
        if self._folder.inode() is not None:
            self._folder.move_aside("replaced", int(time.time() * 1000))
        for suffix in SIDE_FILES:
            self._folder.database.with_name(self._folder.database.name + suffix).unlink(missing_ok=True)
        os.replace(draft, self._folder.database)
        self.rescues += 1

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = _primary_code(error)
            if code in _DAMAGE:
                raise self._damaged(error) from error
            if code in _NOT_THE_DISK:
                raise
            if code not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
                self.close()  # after an I/O error a connection can stay broken; the next call opens a new one
            raise StoreUnavailable(f"{self._folder.database}: {error}") from error
        except UnicodeDecodeError as error:  # what SQLite complains about is no text any more
            raise self._damaged(error) from error
        except OSError as error:
            raise StoreUnavailable(f"{self._folder.database}: {error.strerror}") from error


def _primary_code(error: sqlite3.Error) -> int:
    """Python reports text that is no UTF-8 by itself, without a code: nothing that we wrote."""
    if not hasattr(error, "sqlite_errorcode"):
        return sqlite3.SQLITE_CORRUPT if isinstance(error, sqlite3.OperationalError) else sqlite3.SQLITE_MISUSE
    return error.sqlite_errorcode & 0xFF


def _connection(folder: StateFolder) -> sqlite3.Connection:
    connection = sqlite3.connect(folder.database, isolation_level=None, check_same_thread=False, timeout=5)
    connection.executescript(_CAREFUL)
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, schemas: Sequence[str]) -> None:
    """Changes nothing before it knows that the file is ours. Raises StoreTooNew, or StoreDamaged when it is somebody else's."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if objects and application != APPLICATION_ID:
        raise StoreDamaged("the file is a database of another program")
    if version > len(schemas):
        raise StoreTooNew(
            f"the store has schema {version}, this release knows {len(schemas)}: use a newer release or another folder"
        )
    connection.executescript(_OURS)
    if version < len(schemas):
        _run_schemas(connection, schemas[version:], len(schemas))


def _run_schemas(connection: sqlite3.Connection, steps: Sequence[str], version: int) -> None:
    stamp = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    try:
        connection.executescript("\n".join(("BEGIN IMMEDIATE;", *steps, stamp, "COMMIT;")))
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
