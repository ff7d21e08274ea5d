"""What mirrors and topics are still to be told: one queue that several consumers read, each at its own pace.

Rows are written in the transaction of what they tell, and only of kinds that somebody takes. A row goes when every consumer is
past it; of an incident only the newest waits. While a consumer is away the queue is bounded: the oldest findings go, then the
oldest deliveries, counted; an incident waits as long as the store itself holds it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector.edges.store.database import Database
from detector.edges.store.rows import checked, checksum, column, pack
from detector.records import DeadLetter, Incident

FINDING, INCIDENT, DELIVERY, VERDICT, BASELINE = "finding", "incident", "delivery", "verdict", "baseline"
_NEVER_DROPPED = (INCIDENT,)
_DROPPED = "feed_dropped/"
_LOOKS_A_LIMIT = 20  # how often the bound is looked at while so many rows are written


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One thing to tell; `body` is the record as `rows.pack` wrote it."""

    id: int
    kind: str
    key: str
    at_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What comes next for a consumer. `until` is how far it is when it has taken these: what it does not want lies between.
    `is_last`: nothing more waited when the page was read."""

    rows: tuple[FeedRow, ...]
    until: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class FeedBacklog:
    """How many rows a consumer has still to take, and since when the oldest waits (0: none waits)."""

    consumer: str
    pending: int
    oldest_ms: int


class Feed:
    """`use` says who takes what; until then nothing is written. Every method may raise StoreUnavailable and StoreDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._consumers: dict[str, frozenset[str]] = {}
        self._kinds: frozenset[str] = frozenset()
        self._most = 0
        self._unlooked = 0

    def use(
        self, consumers: Mapping[str, frozenset[str]], most_waiting: int, now_ms: int, open_incidents: Sequence[Incident]
    ) -> None:
        """Who takes what from now on. A new consumer begins with the incidents that are open, and the baselines; one that is no
        longer named is forgotten, and what only it had not taken goes."""
        with self._database.transaction() as connection:
            known = {name for (name,) in connection.execute("SELECT consumer FROM feed_cursor")}
            for gone in known - {column(name) for name in consumers}:
                connection.execute("DELETE FROM feed_cursor WHERE consumer = ?", (gone,))
            fresh = [name for name in consumers if column(name) not in known]
            for name in fresh:
                connection.execute("INSERT INTO feed_cursor VALUES (?, ?)", (column(name), _last_id(connection)))
            self._consumers = dict(consumers)
            self._kinds = frozenset().union(*consumers.values())
            self._most = most_waiting
            if any(INCIDENT in consumers[name] for name in fresh):
                self.put_incidents(connection, [(incident.dedup_key, pack(incident)) for incident in open_incidents], now_ms)
            if any(BASELINE in consumers[name] for name in fresh):
                connection.execute("INSERT OR IGNORE INTO baseline_news SELECT digest FROM baseline")
            self._forget_taken(connection)

    def takes(self, kind: str) -> bool:
        """Whether anybody does."""
        return kind in self._kinds

    # -- inside somebody's transaction ------------------------------------------------------------------------------------

    def put(self, connection: sqlite3.Connection, kind: str, bodies: Sequence[tuple[str, bytes]], now_ms: int) -> None:
        """Rows of a kind, (key, packed record) each; nothing where nobody takes the kind."""
        if kind not in self._kinds or not bodies:
            return
        rows = [(kind, column(key), now_ms, body, checksum(column(key), body)) for key, body in bodies]
        connection.executemany("INSERT INTO feed (kind, key, at_ms, body, crc) VALUES (?, ?, ?, ?, ?)", rows)
        self._unlooked += len(rows)
        if self._unlooked * _LOOKS_A_LIMIT >= self._most:
            self._unlooked = 0
            self._bound(connection)

    def put_incidents(self, connection: sqlite3.Connection, bodies: Sequence[tuple[str, bytes]], now_ms: int) -> None:
        """Each takes the place of an older one of its key that still waits."""
        if INCIDENT in self._kinds and bodies:
            older = [(INCIDENT, column(key)) for key, _ in bodies]
            connection.executemany("DELETE FROM feed WHERE kind = ? AND key = ?", older)
            self.put(connection, INCIDENT, bodies, now_ms)

    def drop_oldest(self, connection: sqlite3.Connection, count: int) -> int:
        """So many rows that may go, findings first, counted as dropped. Returns how many went."""
        left = count
        for kind in self._droppable(connection):
            query = "DELETE FROM feed WHERE id IN (SELECT id FROM feed NOT INDEXED WHERE kind = ? ORDER BY id LIMIT ?)"
            gone = connection.execute(query, (kind, max(0, left))).rowcount
            left -= gone
            _count_dropped(connection, kind, gone)
        return count - left

    def forget_incidents(self, connection: sqlite3.Connection) -> None:
        """Those that the store itself has let go of, after `keep` or for `max_size`: counted as dropped."""
        query = "DELETE FROM feed WHERE kind = ? AND NOT EXISTS (SELECT 1 FROM incident WHERE incident.dedup_key = feed.key)"
        _count_dropped(connection, INCIDENT, connection.execute(query, (INCIDENT,)).rowcount)

    # -- a consumer's side ------------------------------------------------------------------------------------------------

    def after(self, consumer: str, limit: int, most_bytes: int) -> Page:
        """What the consumer takes next: at most `limit` rows, and no further one when they have `most_bytes` together."""
        kinds = sorted(self._consumers.get(consumer, ()))
        marks = ", ".join("?" * len(kinds))
        cursor, last = self._database.rows(
            "SELECT coalesce((SELECT id FROM feed_cursor WHERE consumer = ?), 0), coalesce((SELECT max(id) FROM feed), 0)",
            (column(consumer),),
        )[0]
        wanted = f"NOT INDEXED WHERE id > ? AND id <= ? AND kind IN ({marks}) ORDER BY id LIMIT ?"
        found = self._database.rows(
            "SELECT id, kind, key, at_ms, body, crc FROM (SELECT *, sum(length(body)) OVER (ORDER BY id) AS so_far FROM"
            f" (SELECT * FROM feed {wanted})) WHERE so_far - length(body) < ?",
            (cursor, last, *kinds, limit, most_bytes),
        )
        with self._database.vouching():
            rows = tuple(FeedRow(id_, kind, key, at_ms, checked(key, body, crc)) for id_, kind, key, at_ms, body, crc in found)
        is_last = len(rows) < limit and sum(len(row.body) for row in rows) < most_bytes
        return Page(rows, max(cursor, last) if is_last else rows[-1].id, is_last)

    def taken(self, consumer: str, until: int, refused: Iterable[DeadLetter], now_ms: int) -> None:
        """The consumer has everything up to `until`, but what it refused, which becomes dead letters."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE feed_cursor SET id = max(id, ?) WHERE consumer = ?", (until, column(consumer)))
            connection.executemany(
                "INSERT INTO dead_letter (at_ms, stream, position, reason, sample) VALUES (?, ?, ?, ?, ?)",
                [(now_ms, column(each.stream_name), each.position, column(each.reason), each.sample[:1024]) for each in refused],
            )
            self._forget_taken(connection)

    def backlog(self) -> list[FeedBacklog]:
        """What every consumer has still to take."""
        return [self._backlog(name, sorted(kinds)) for name, kinds in self._consumers.items()]

    def dropped(self) -> dict[str, int]:
        """What was dropped and nobody has been told of, by kind; survives a restart."""
        rows = self._database.rows("SELECT name, value FROM meta WHERE name LIKE ?", (f"{_DROPPED}%",))
        return {name.removeprefix(_DROPPED): int(value) for name, value in rows if int(value)}

    def told_of(self, dropped: Mapping[str, int]) -> None:
        """People will hear of so many."""
        with self._database.transaction() as connection:
            for kind, count in dropped.items():
                _count_dropped(connection, kind, -count)

    def _backlog(self, consumer: str, kinds: Sequence[str]) -> FeedBacklog:
        marks = ", ".join("?" * len(kinds))
        waiting = f"kind IN ({marks}) AND id > (SELECT id FROM feed_cursor WHERE consumer = ?)"
        query = f"SELECT count(*), min(id) FROM feed INDEXED BY feed_by_kind WHERE {waiting}"  # reads no body
        count, first = self._database.rows(query, (*kinds, column(consumer)))[0]
        oldest = self._database.rows("SELECT at_ms FROM feed WHERE id = ?", (first,)) if count else []
        return FeedBacklog(consumer, count, oldest[0][0] if oldest else 0)

    def _bound(self, connection: sqlite3.Connection) -> None:
        self._forget_taken(connection)
        (waiting,) = connection.execute("SELECT count(*) FROM feed").fetchone()
        if waiting > self._most:
            self.drop_oldest(connection, waiting - self._most)

    def _droppable(self, connection: sqlite3.Connection) -> list[str]:
        kinds = [kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM feed")]
        first = {FINDING: 0, DELIVERY: 1}
        return sorted((kind for kind in kinds if kind not in _NEVER_DROPPED), key=lambda kind: first.get(kind, 2))

    def _forget_taken(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM feed WHERE id <= coalesce((SELECT min(id) FROM feed_cursor), (SELECT max(id) FROM feed))")


def _last_id(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'feed'").fetchone()
    return int(row[0]) if row else 0


def _count_dropped(connection: sqlite3.Connection, kind: str, count: int) -> None:
    if count:
        connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value",
            (_DROPPED + kind, str(count)),
        )
