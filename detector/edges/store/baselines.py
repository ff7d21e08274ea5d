"""Baselines as they are kept: added, never changed; read only if their hash still holds."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from detector.core.signals.baseline import Baseline, baseline_of, canonical, digest_of
from detector.edges.store.rows import GarbledRow, checked, checksum, column
from detector.edges.store.signals import Rows
from detector.errors import StoreDamaged

MOST_BASELINES = 500
SHORTEST_DIGEST = 6  # letters of it that may stand for it


@dataclass(frozen=True, slots=True)
class KeptBaseline:
    """What a list shows; `bytes` as it is kept."""

    digest: str
    service: str
    version: int
    change: str
    made_ms: int
    bytes: int


class Baselines:
    """Every method may raise StoreUnavailable and StoreDamaged."""

    def __init__(self, database: Rows) -> None:
        self._database = database

    def learn(self, make: Callable[[int], Baseline], service: str) -> Baseline:
        """Adds what `make` gives for the service's next version. Raises ValueError when there are too many."""
        with self._database.transaction(is_synced=True) as connection:
            query = "SELECT coalesce(max(version), 0) + 1 FROM baseline WHERE service = ?"
            (version,) = connection.execute(query, (column(service),)).fetchone()
            made = make(version)
            _add(connection, made)
        return made

    def add(self, baseline: Baseline) -> bool:
        """Under its own version. Returns False when it was there. Raises ValueError when there are too many."""
        with self._database.transaction(is_synced=True) as connection:
            if connection.execute("SELECT 1 FROM baseline WHERE digest = ?", (digest_of(baseline),)).fetchone():
                return False
            _add(connection, baseline)
        return True

    def remove(self, digest: str) -> None:
        with self._database.transaction(is_synced=True) as connection:
            connection.execute("DELETE FROM baseline WHERE digest = ?", (digest,))

    def kept(self, service: str | None = None) -> list[KeptBaseline]:
        """By service, the newest version first."""
        query = (
            "SELECT digest, service, version, change_id, made_ms, length(body) FROM baseline"
            " WHERE ? IS NULL OR service = ? ORDER BY service, version DESC, made_ms DESC"
        )
        name = None if service is None else column(service)
        return [KeptBaseline(*row) for row in self._database.rows(query, (name, name))]

    def find(self, reference: str) -> list[KeptBaseline]:
        """`shop@3`, `shop` for its newest, the id of a change for the newest one pinned to it, or the first letters of a hash.
        More than one: say which."""
        kept = self.kept()
        service, _, version = reference.rpartition("@")
        named = [each for each in kept if each.service == service and version == str(each.version)]
        if not named:
            named = [each for each in kept if each.service == reference][:1]
        if not named:
            named = [each for each in kept if each.change == reference][:1]
        if not named and len(reference) >= SHORTEST_DIGEST:
            named = [each for each in kept if each.digest.startswith(reference)]
        return named

    def read(self, digest: str) -> Baseline:
        """Raises StoreDamaged when it is gone or not what was kept."""
        rows = self._database.rows("SELECT body, crc FROM baseline WHERE digest = ?", (digest,))
        try:
            body, crc = rows[0]
            baseline = baseline_of(orjson.loads(gzip.decompress(checked(digest, body, crc))))
        except (IndexError, GarbledRow, ValueError, OSError, EOFError, zlib.error) as error:
            raise StoreDamaged(f"baseline {digest[:12]}: {error}") from error
        if digest_of(baseline) != digest:
            raise StoreDamaged(f"baseline {digest[:12]}: its content has another hash")
        return baseline


def _add(connection: sqlite3.Connection, baseline: Baseline) -> None:
    if connection.execute("SELECT count(*) FROM baseline").fetchone()[0] >= MOST_BASELINES:
        raise ValueError(f"there are {MOST_BASELINES} baselines already: remove some with `trimwatch baseline remove`")
    digest, body = digest_of(baseline), gzip.compress(canonical(baseline), 6, mtime=0)
    connection.execute(
        "INSERT INTO baseline VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            digest,
            column(baseline.service),
            baseline.version,
            column(baseline.change),
            baseline.made_ms,
            body,
            checksum(digest, body),
        ),
    )
