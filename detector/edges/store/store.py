"""The store: what we know, in one SQLite file. One transaction a checkpoint: a position never gets ahead of its alerts."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from detector.crash_points import CrashPoint, reach
from detector.edges.store.baseline_news import tell_of_baselines
from detector.edges.store.baselines import Baselines
from detector.edges.store.changes import Changes, write_changes
from detector.edges.store.database import Database
from detector.edges.store.feed import FINDING, VERDICT, Feed
from detector.edges.store.folder import StateFolder
from detector.edges.store.history import History
from detector.edges.store.journal import PointJournal
from detector.edges.store.opening import Loss, open_database
from detector.edges.store.outbox import Outbox
from detector.edges.store.pruning import prune
from detector.edges.store.rows import checked, checksum, column, pack, unpack
from detector.edges.store.signals import SignalHistory
from detector.edges.store.verdicts import Verdicts, write_verdicts
from detector.errors import StoreUnavailable
from detector.records import (
    FINDINGS_A_KEY,
    Checkpoint,
    Command,
    DeadLetter,
    Finding,
    Incident,
    IncidentState,
    LostRange,
    Position,
)
from detector.settings import StoreSettings

DEAD_LETTERS_A_CHECKPOINT = 200


class Store:
    """May be used from any thread: one writes, others read beside it. Every method may raise StoreUnavailable (nothing moved, try
    later) and StoreDamaged (end the process: the next start begins anew and says what was lost)."""

    def __init__(self, settings: StoreSettings, folder: StateFolder, database: Database) -> None:
        """For `open` alone."""
        self._settings = settings
        self._folder = folder
        self._database = database
        self.loss: Loss | None = None
        self.feed = Feed(database)
        self.outbox = Outbox(database, self.feed)
        self.history = History(database)
        self.signals = SignalHistory(database)
        self.journal = PointJournal(database)
        self.changes = Changes(database)
        self.baselines = Baselines(database)
        self.verdicts = Verdicts(database)

    @classmethod
    def open(cls, settings: StoreSettings, now_ms: int) -> Store:
        """Holds the folder until `close`. A damaged or missing database is moved to `*.corrupt-<time>` and `loss` says so.
        Raises StoreInUse, StoreTooNew, StoreUnavailable."""
        folder = StateFolder(settings.path)
        folder.hold()
        store = cls(settings, folder, Database(folder))
        try:
            store.loss = open_database(folder, store._database, store._verify, now_ms)
            store.outbox.doubt_clock(now_ms)
        except BaseException:
            store._database.close()
            folder.release()
            raise
        return store

    def close(self) -> None:
        """Lets go of the file and the folder; may be called twice."""
        self._database.fold(limit_bytes=0)
        self._database.close()
        self._folder.release()

    @property
    def lost_since_ms(self) -> int | None:
        """Since when state is missing; None when all is there. Stays, over restarts too, until a checkpoint with an alert is
        written: the one that tells of it."""
        return None if self.loss is None else self.loss.since_ms

    @property
    def rescues(self) -> int:
        """How often the file was deleted under us and written again from what we held open. Nothing was lost."""
        return self._database.rescues

    @property
    def instance(self) -> str:
        """Who this daemon is to others: made with the state folder, and kept as long as that."""
        return str(self._database.rows("SELECT value FROM meta WHERE name = 'instance'")[0][0])

    @property
    def last_command_id(self) -> int:
        """The last command that a checkpoint consumed; 0 for none."""
        rows = self._database.rows("SELECT value FROM meta WHERE name = 'command_id'")
        return int(rows[0][0]) if rows else 0

    def positions(self) -> dict[str, Position]:
        """How far each stream was read, by stream key."""
        rows = self._database.rows("SELECT stream_key, body, crc FROM position")
        with self._database.vouching():
            found = [unpack(Position, checked(*row)) for row in rows]
        return {position.stream_key: position for position in found}

    def position(self, stream_key: str) -> Position | None:
        """How far one stream was read."""
        rows = self._database.rows("SELECT stream_key, body, crc FROM position WHERE stream_key = ?", (column(stream_key),))
        with self._database.vouching():
            return next((unpack(Position, checked(*row)) for row in rows), None)

    def state(self) -> dict[str, bytes]:
        """The pipeline's memory by key."""
        rows = self._database.rows("SELECT key, body, crc FROM state")
        with self._database.vouching():
            return {key: checked(key, body, crc) for key, body, crc in rows}

    def open_incidents(self) -> list[Incident]:
        """Every incident that is not resolved, oldest first."""
        return self.history.incidents(states=(IncidentState.OPEN, IncidentState.ACKNOWLEDGED), limit=None)[::-1]

    def write(self, checkpoint: Checkpoint) -> range:
        """Writes all of it in one transaction, synced to the disk when somebody must be told. Returns the outbox's ids of its
        alerts. Raises StoreUnavailable: then nothing of it was written, and the same checkpoint may be written again."""
        with self._database.transaction(is_synced=checkpoint.is_urgent) as connection:
            reach(CrashPoint.STORE_BEGIN)
            _write_positions(connection, checkpoint.positions, checkpoint.at_ms)
            _write_state(connection, checkpoint.state)
            reach(CrashPoint.STORE_POSITIONS)
            found = _write_findings(connection, checkpoint.findings, checkpoint.at_ms)
            self.feed.put(connection, FINDING, found, checkpoint.at_ms)
            changed = _write_incidents(connection, checkpoint.incidents)
            self.feed.put_incidents(connection, changed, checkpoint.at_ms)
            self.outbox.settle(connection, checkpoint.incidents)
            alerts = self.outbox.put(connection, checkpoint.alerts, checkpoint.at_ms)
            _write_unused(connection, checkpoint.dead_letters, checkpoint.lost, checkpoint.at_ms)
            _write_told(connection, checkpoint)
            write_changes(connection, checkpoint.changes)
            self.feed.put(connection, VERDICT, write_verdicts(connection, checkpoint.judged), checkpoint.at_ms)
            signal_ids = self.signals.put(connection, checkpoint.cells)
            if checkpoint.journal is not None:
                self.journal.put(connection, checkpoint.journal)
            reach(CrashPoint.STORE_ALERTS)
        self.signals.keep(signal_ids)
        if checkpoint.alerts:
            self.loss = None
        reach(CrashPoint.STORE_COMMITTED)
        if not checkpoint.is_urgent:  # folding takes tens of milliseconds: no alert waits for it
            self._database.fold()
        return alerts

    def add_command(self, at_ms: int, who: str, what: str, arguments: str = "{}") -> int:
        """Writes down what somebody asks for; returns its id. The pipeline consumes commands in this order."""
        with self._database.transaction(is_synced=True) as connection:
            query = "INSERT INTO command (at_ms, who, what, arguments) VALUES (?, ?, ?, ?)"
            cursor = connection.execute(query, (at_ms, column(who), column(what), column(arguments)))
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def commands_after(self, command_id: int, limit: int = 100) -> list[Command]:
        """The next commands in order."""
        query = "SELECT id, at_ms, who, what, arguments FROM command WHERE id > ? ORDER BY id LIMIT ?"
        return [Command(*row) for row in self._database.rows(query, (command_id, limit))]

    def tell_of_baselines(self, now_ms: int) -> int:
        """Feeds mirrors with baselines that were added since, here or by a command beside us; returns how many."""
        return tell_of_baselines(self._database, self.feed, self.baselines, now_ms)

    def prune(self, now_ms: int) -> int:
        """Packs values of signals, then drops history that is older than `keep` or takes more than it may, a bounded piece a
        call; returns how many rows. What is open or owed is never dropped. A store that cannot be written is left to the next
        call."""
        try:
            self.signals.pack()
            dropped = prune(self._database, self.feed, self.signals, self._settings, now_ms)
        except StoreUnavailable:
            return 0
        if dropped:
            self._database.fold(limit_bytes=0)
        return dropped

    def size_bytes(self) -> int:
        """What the database takes on the disk, its log included."""
        return self._folder.size_bytes()

    def _verify(self) -> None:
        self.positions()
        self.state()
        self.open_incidents()
        self.outbox.verify()


def _write_positions(connection: sqlite3.Connection, positions: Iterable[Position], at_ms: int) -> None:
    rows = []
    for position in positions:
        key, body = column(position.stream_key), pack(position)
        rows.append((key, at_ms, body, checksum(key, body)))
    connection.executemany("INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)", rows)


def _write_state(connection: sqlite3.Connection, state: Iterable[tuple[str, bytes | None]]) -> None:
    for name, body in state:
        key = column(name)
        if body is None:
            connection.execute("DELETE FROM state WHERE key = ?", (key,))
        else:
            connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (key, bytes(body), checksum(key, bytes(body))))


def _write_findings(connection: sqlite3.Connection, findings: Iterable[Finding], at_ms: int) -> list[tuple[str, bytes]]:
    """Returns what was written, key and body."""
    kept: Counter[str] = Counter()
    rows = []
    for finding in findings:
        kept[finding.dedup_key] += 1
        if kept[finding.dedup_key] > FINDINGS_A_KEY:
            continue
        rows.append((column(finding.dedup_key), pack(finding)))
    query = "INSERT INTO finding (dedup_key, at_ms, body, crc) VALUES (?, ?, ?, ?)"
    connection.executemany(query, [(key, at_ms, body, checksum(key, body)) for key, body in rows])
    return rows


def _write_incidents(connection: sqlite3.Connection, incidents: Iterable[Incident]) -> list[tuple[str, bytes]]:
    """Returns what was written, key and body."""
    rows, bodies = [], []
    for incident in incidents:
        key, body = column(incident.dedup_key), pack(incident)
        rows.append((key, incident.state.value, incident.last_seen_ms, body, checksum(key, body)))
        bodies.append((key, body))
    connection.executemany("INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?)", rows)
    return bodies


def _write_unused(connection: sqlite3.Connection, letters: tuple[DeadLetter, ...], lost: Iterable[LostRange], at_ms: int) -> None:
    for letter in letters[:DEAD_LETTERS_A_CHECKPOINT]:
        connection.execute(
            "INSERT INTO dead_letter (at_ms, stream, position, reason, sample) VALUES (?, ?, ?, ?, ?)",
            (at_ms, column(letter.stream_name), column(letter.position), column(letter.reason), letter.sample[:1024]),
        )
    for lost_range in lost:
        body = pack(lost_range)
        connection.execute("INSERT INTO lost (at_ms, body, crc) VALUES (?, ?, ?)", (at_ms, body, checksum("", body)))


def _write_told(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    if checkpoint.command_id is not None:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('command_id', ?)", (str(checkpoint.command_id),))
    if checkpoint.alerts:
        connection.execute("DELETE FROM meta WHERE name LIKE 'lost_%'")
