"""Alerts that are owed: a queue for each receiver and dedup key, in which a later alert never overtakes an earlier one.

Only the head of a queue is ever due. An update that waits is dropped when something newer is said about its incident; a trigger
or a resolve never is, not even the pair of an incident that opened and closed while its receiver was away: a try may have
arrived although we never heard so, and then the pager would ring for ever.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from detector.edges.store.database import Database
from detector.edges.store.feed import DELIVERY, Feed
from detector.edges.store.rows import checked, checksum, column, pack, unpack
from detector.records import Alert, AlertAction, Incident, IncidentState


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An alert that is owed. `note` is what the sink left with the last alert of the same key; `attempts` counts failures;
    `failing_since_ms` is when its receiver first failed since it was queued. `is_standing`: it was delivered and is repeated."""

    id: int
    alert: Alert
    note: str
    attempts: int
    queued_ms: int
    next_ms: int
    failing_since_ms: int | None
    is_standing: bool


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many alerts a receiver is owed, and since when the oldest waits."""

    receiver: str
    pending: int
    oldest_ms: int


_COLUMNS = (
    "o.id, o.receiver, o.dedup_key, o.body, o.crc, n.text, o.attempts, o.queued_ms, o.next_ms, o.failing_since_ms, o.is_standing"
)
_HEADS = f"""
SELECT {_COLUMNS} FROM outbox o LEFT JOIN note n ON n.receiver = o.receiver AND n.dedup_key = o.dedup_key
WHERE o.id IN (SELECT min(id) FROM outbox WHERE receiver = ? GROUP BY dedup_key)
"""


class Outbox:
    """The courier's side of the store; `put` and `settle` run inside the checkpoint's transaction."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed

    def due(self, receiver: str, now_ms: int, limit: int, skip: Collection[int] = ()) -> list[OutboxRow]:
        """Heads of the receiver's queues whose time has come, best first: what was not tried yet before what has failed (one
        alert that is refused again and again starves no other), news before repeats, triggers and resolves before updates."""
        rows = self._database.rows(
            f"{_HEADS} AND o.next_ms <= ? ORDER BY o.attempts > 0, o.is_standing, o.action = 'update', o.next_ms, o.id LIMIT ?",
            (column(receiver), now_ms, limit + len(skip)),
        )
        return [self._row(row) for row in rows if row[0] not in skip][:limit]

    def next_ms(self, receiver: str, skip: Collection[int] = ()) -> int | None:
        """When the next of the receiver's alerts is due; None when it is owed none."""
        rows = self._database.rows(f"{_HEADS} ORDER BY o.next_ms LIMIT ?", (column(receiver), 1 + len(skip)))
        return next((row[8] for row in rows if row[0] not in skip), None)

    def failing_before(self, receiver: str, since_ms: int, limit: int) -> list[OutboxRow]:
        """Heads of queues whose receiver was failing already at `since_ms`, oldest first. A repeat is none: it was delivered."""
        query = f"{_HEADS} AND o.failing_since_ms <= ? AND NOT o.is_standing ORDER BY o.id LIMIT ?"
        return [self._row(row) for row in self._database.rows(query, (column(receiver), since_ms, limit))]

    def backlog(self) -> list[Backlog]:
        """What every receiver is owed; repeats do not count."""
        query = "SELECT receiver, count(*), min(queued_ms) FROM outbox WHERE NOT is_standing GROUP BY receiver"
        return [Backlog(*row) for row in self._database.rows(query)]

    def receivers(self) -> list[str]:
        """Whoever has a row, also those that the settings no longer name."""
        return [receiver for (receiver,) in self._database.rows("SELECT DISTINCT receiver FROM outbox")]

    def delivered(self, row: OutboxRow, note: str, now_ms: int, again_ms: int | None, fallback: str | None = None) -> None:
        """The receiver has it. With `again_ms` the alert stays and is repeated then, unless something newer was said meanwhile.
        An empty note keeps the one before. If `fallback` heard of this incident in the receiver's place, it hears of the end."""
        replaces = fallback is not None and fallback != row.alert.receiver
        with self._database.transaction() as connection:
            if fallback and replaces and row.alert.action is AlertAction.RESOLVE and _was_given_up(connection, row.alert):
                _insert(connection, replace(row.alert, receiver=fallback, instead_of=row.alert.receiver), now_ms)
            if not row.is_standing:  # a repeat each minute is no news, and would be most of the history
                self._log(connection, row.alert, now_ms, "delivered", row.attempts + 1)
            if note:
                _keep_note(connection, row.alert, note, now_ms)
            if again_ms is None:
                connection.execute("DELETE FROM outbox WHERE id = ?", (row.id,))
                if row.alert.action is AlertAction.RESOLVE:
                    connection.execute("DELETE FROM note WHERE receiver = ? AND dedup_key = ?", _key(row.alert))
            else:
                connection.execute(
                    "UPDATE outbox SET is_standing = 1, attempts = 0, failing_since_ms = NULL, problem = '', next_ms = ?"
                    " WHERE id = ?",
                    (again_ms, row.id),
                )
                _drop_standing_behind_news(connection, row)

    def told_elsewhere(self, row: OutboxRow, by: str, now_ms: int, again_ms: int | None) -> None:
        """Another daemon told the receiver, or will: `by`, or nobody where it need not hear of it any more. With `again_ms` the
        alert stands, for the case that the other one goes."""
        with self._database.transaction() as connection:
            if not row.is_standing:
                problem = f"told by {by}" if by else "nobody need be told"
                self._log(connection, row.alert, now_ms, "elsewhere", row.attempts, problem=problem)
            if again_ms is not None:
                connection.execute("UPDATE outbox SET is_standing = 1, next_ms = ? WHERE id = ?", (again_ms, row.id))
                _drop_standing_behind_news(connection, row)
                return
            connection.execute("DELETE FROM outbox WHERE id = ?", (row.id,))
            if row.alert.action is AlertAction.RESOLVE:
                connection.execute("DELETE FROM note WHERE receiver = ? AND dedup_key = ?", _key(row.alert))

    def wait(self, row: OutboxRow, next_ms: int) -> None:
        """The alert is not to be sent before; that is no failure."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE outbox SET next_ms = ? WHERE id = ?", (next_ms, row.id))

    def adopt(self, alerts: Iterable[Alert], now_ms: int) -> None:
        """Queues alerts that no input of ours has caused: their daemon is gone."""
        with self._database.transaction(is_synced=True) as connection:
            self.put(connection, alerts, now_ms)

    def keys_owed(self) -> set[str]:
        """The dedup keys of all alerts that are neither delivered nor given up."""
        return {key for (key,) in self._database.rows("SELECT DISTINCT dedup_key FROM outbox WHERE NOT is_standing")}

    def told_of(self, dedup_key: str) -> list[str]:
        """Receivers that we have told of the incident, and of its end neither we nor anybody since, as far as the history goes
        back."""
        rows = self._database.rows(
            "SELECT receiver, result = 'delivered' AND action != 'resolve' FROM delivery WHERE dedup_key = ?"
            " AND (result IN ('delivered', 'given_up') OR result = 'elsewhere' AND action = 'resolve') ORDER BY id",
            (column(dedup_key),),
        )
        return [receiver for receiver, is_told in dict(rows).items() if is_told]

    def retry_later(self, row: OutboxRow, next_ms: int, now_ms: int, reason: str, problem: str) -> None:
        """One attempt failed. Everything else the receiver is owed is marked as failing since now, if it was not before."""
        with self._database.transaction() as connection:
            self._log(connection, row.alert, now_ms, "failed", row.attempts + 1, reason, problem)
            connection.execute(
                "UPDATE outbox SET attempts = attempts + 1, next_ms = ?, problem = ? WHERE id = ?",
                (next_ms, column(problem), row.id),
            )
            connection.execute(
                "UPDATE outbox SET failing_since_ms = ? WHERE receiver = ? AND failing_since_ms IS NULL",
                (now_ms, column(row.alert.receiver)),
            )

    def give_up(self, row: OutboxRow, now_ms: int, reason: str, problem: str, fallback: str | None) -> None:
        """The alert will not be tried again; `fallback` is told in its receiver's place, and why."""
        with self._database.transaction(is_synced=True) as connection:
            self._log(connection, row.alert, now_ms, "given_up", row.attempts + 1, reason, problem)
            connection.execute("DELETE FROM outbox WHERE id = ?", (row.id,))
            if fallback is not None and fallback != row.alert.receiver:
                why = f"{row.alert.receiver} could not be told ({reason}). {row.alert.incident.explanation}".rstrip()
                incident = replace(row.alert.incident, explanation=why)
                instead = replace(row.alert, receiver=fallback, incident=incident, instead_of=row.alert.receiver)
                _insert(connection, instead, now_ms)

    def owed(self) -> list[int]:
        """The ids of all alerts that are neither delivered nor given up, ascending."""
        return [id_ for (id_,) in self._database.rows("SELECT id FROM outbox WHERE NOT is_standing ORDER BY id")]

    def put(self, connection: sqlite3.Connection, alerts: Iterable[Alert], now_ms: int) -> range:
        """Queues alerts in the order given; what they make stale leaves. Returns the ids that they got."""
        ids: list[int] = []
        for alert in alerts:
            stale = connection.execute(
                "SELECT id, body, attempts FROM outbox WHERE receiver = ? AND dedup_key = ?"
                " AND action = 'update' AND NOT is_standing",
                _key(alert),
            ).fetchall()
            for row_id, body, attempts in stale:
                with self._database.vouching():
                    self._log(connection, unpack(Alert, body), now_ms, "superseded", attempts)
                connection.execute("DELETE FROM outbox WHERE id = ?", (row_id,))
            connection.execute("DELETE FROM outbox WHERE receiver = ? AND dedup_key = ? AND is_standing", _key(alert))
            ids.append(_insert(connection, alert, now_ms))
        return range(ids[0], ids[-1] + 1) if ids else range(0)

    def settle(self, connection: sqlite3.Connection, incidents: Iterable[Incident]) -> None:
        """Nothing is repeated about an incident that is over, also where the receiver is not told of the end."""
        over = [(column(each.dedup_key),) for each in incidents if each.state is IncidentState.RESOLVED]
        connection.executemany("DELETE FROM outbox WHERE dedup_key = ? AND is_standing AND action != 'resolve'", over)

    def doubt_clock(self, now_ms: int) -> None:
        """At a start: plans that a clock made which was far ahead must not hold an alert back. Within the hour it is tried."""
        latest_ms = now_ms + 3_600_000
        with self._database.transaction() as connection:
            connection.execute("UPDATE outbox SET next_ms = ? WHERE next_ms > ?", (latest_ms, latest_ms))
            connection.execute("UPDATE outbox SET failing_since_ms = ? WHERE failing_since_ms > ?", (now_ms, now_ms))

    def verify(self) -> None:
        """Reads every row. Raises StoreDamaged."""
        for row in self._database.rows(f"SELECT {_COLUMNS} FROM outbox o LEFT JOIN note n USING (receiver, dedup_key)"):
            self._row(row)

    def _log(
        self,
        connection: sqlite3.Connection,
        alert: Alert,
        now_ms: int,
        result: str,
        attempt: int,
        reason: str = "",
        problem: str = "",
    ) -> None:
        receiver, dedup_key = _key(alert)
        names = ("at_ms", "receiver", "dedup_key", "action", "seq", "result", "attempt", "reason", "problem")
        values = (now_ms, receiver, dedup_key, alert.action.value, alert.seq, result, attempt, reason, column(problem[:1000]))
        connection.execute(f"INSERT INTO delivery ({', '.join(names)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._feed.put(connection, DELIVERY, [(dedup_key, pack(dict(zip(names, values, strict=True))))], now_ms)

    def _row(self, row: tuple[int, str, str, bytes, int, str | None, int, int, int, int | None, int]) -> OutboxRow:
        id_, receiver, dedup_key, body, crc, note, attempts, queued_ms, next_ms, failing_since_ms, is_standing = row
        with self._database.vouching():
            alert = unpack(Alert, checked(f"{receiver}/{dedup_key}", body, crc))
        return OutboxRow(id_, alert, note or "", attempts, queued_ms, next_ms, failing_since_ms, bool(is_standing))


def _key(alert: Alert) -> tuple[str, str]:
    return column(alert.receiver), column(alert.incident.dedup_key)


def _insert(connection: sqlite3.Connection, alert: Alert, now_ms: int) -> int:
    receiver, dedup_key = _key(alert)
    body = pack(alert)
    cursor = connection.execute(
        "INSERT INTO outbox (receiver, dedup_key, action, queued_ms, next_ms, body, crc) VALUES (?, ?, ?, ?, 0, ?, ?)",
        (receiver, dedup_key, alert.action.value, now_ms, body, checksum(f"{receiver}/{dedup_key}", body)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _keep_note(connection: sqlite3.Connection, alert: Alert, note: str, now_ms: int) -> None:
    connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", (*_key(alert), column(note[:1024]), now_ms))


def _was_given_up(connection: sqlite3.Connection, alert: Alert) -> bool:
    """Whether an alert of this incident was given up since its receiver last heard the end of it."""
    last = connection.execute(
        "SELECT result FROM delivery WHERE receiver = ? AND dedup_key = ?"
        " AND (result = 'given_up' AND action = 'trigger' OR result = 'delivered' AND action = 'resolve')"
        " ORDER BY id DESC LIMIT 1",
        _key(alert),
    ).fetchone()
    return bool(last == ("given_up",))


def _drop_standing_behind_news(connection: sqlite3.Connection, row: OutboxRow) -> None:
    """A row that was being sent when something newer was queued is not repeated: it would stand at the head of its queue."""
    connection.execute(
        "DELETE FROM outbox WHERE id = ? AND EXISTS (SELECT 1 FROM outbox WHERE receiver = ? AND dedup_key = ? AND id > ?)",
        (row.id, *_key(row.alert), row.id),
    )
