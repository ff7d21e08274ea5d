"""What the store lets go of: history by age and size, never what is open or owed."""

from __future__ import annotations

from detector.edges.store.database import Database
from detector.edges.store.feed import Feed
from detector.edges.store.signals import SignalHistory
from detector.settings import StoreSettings

ROWS_A_CALL = 5_000
# A file that was quiet for longer than `keep` must not be read from its start again; only a crowd of dead ones is thinned.
POSITIONS_KEPT = 10_000
_HISTORY = ("finding", "delivery", "dead_letter", "lost", "verdict")


def prune(database: Database, feed: Feed, signals: SignalHistory, settings: StoreSettings, now_ms: int) -> int:
    """At most ROWS_A_CALL rows a table. Returns how many went. Raises StoreUnavailable."""
    before_ms = now_ms - int(settings.keep.total_seconds() * 1000)
    dropped = _drop_old(database, feed, before_ms) + signals.prune(before_ms, settings.max_signals_size.bytes)
    if _used_bytes(database) > settings.max_size.bytes:
        dropped += _drop_oldest(database, feed, signals)
    if dropped:
        database.shrink(pages=1000)
    return dropped


def _drop_old(database: Database, feed: Feed, before_ms: int) -> int:
    statements = [
        *(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE at_ms < :at ORDER BY id LIMIT :rows)"
            for table in _HISTORY
        ),
        "DELETE FROM incident WHERE dedup_key IN"
        " (SELECT dedup_key FROM incident WHERE state = 'resolved' AND last_seen_ms < :at ORDER BY last_seen_ms LIMIT :rows)",
        "DELETE FROM command WHERE at_ms < :at AND id <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'command_id')",
        "DELETE FROM note WHERE at_ms < :at AND NOT EXISTS (SELECT 1 FROM incident"
        " WHERE incident.dedup_key = note.dedup_key AND incident.state != 'resolved')",
        "DELETE FROM change WHERE id IN (SELECT id FROM change AS old WHERE at_ms < :at"
        " AND EXISTS (SELECT 1 FROM change WHERE service = old.service AND at_ms > old.at_ms)"
        " AND NOT EXISTS (SELECT 1 FROM baseline WHERE change_id = old.id) LIMIT :rows)",
        "DELETE FROM position WHERE at_ms < :at AND stream_key IN"
        " (SELECT stream_key FROM position ORDER BY at_ms DESC LIMIT :rows OFFSET :positions)",
    ]
    values = {"at": before_ms, "rows": ROWS_A_CALL, "positions": POSITIONS_KEPT}
    with database.transaction() as connection:
        dropped = sum(connection.execute(statement, values).rowcount for statement in statements)
        if dropped:
            feed.forget_incidents(connection)
        return dropped


def _drop_oldest(database: Database, feed: Feed, signals: SignalHistory) -> int:
    """A tenth of each kind of history, and of what waits for a mirror; the next call goes on if that was not enough."""
    dropped, held_bytes = 0, signals.size_bytes()
    with database.transaction() as connection:
        dropped += signals.drop_oldest(connection, ROWS_A_CALL, -(-held_bytes // 10))
        for table in _HISTORY:
            (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            query = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
            dropped += connection.execute(query, (min(ROWS_A_CALL, -(-rows // 10)),)).rowcount
        (rows,) = connection.execute("SELECT count(*) FROM feed").fetchone()
        dropped += feed.drop_oldest(connection, min(ROWS_A_CALL, -(-rows // 10)))
        query = "SELECT dedup_key FROM incident WHERE state = 'resolved' ORDER BY last_seen_ms LIMIT ?"
        dropped += connection.execute(f"DELETE FROM incident WHERE dedup_key IN ({query})", (ROWS_A_CALL // 10,)).rowcount
        feed.forget_incidents(connection)
    return dropped


def _used_bytes(database: Database) -> int:
    ((pages,),) = database.rows("PRAGMA page_count")
    ((free,),) = database.rows("PRAGMA freelist_count")
    ((size,),) = database.rows("PRAGMA page_size")
    return int((pages - free) * size)
