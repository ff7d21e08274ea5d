"""The values of signals over time: written with the checkpoint, packed by signal later, the oldest dropped at the limits.

What was committed is there after a kill, packed or not. A row whose bytes are not what we wrote is refused with words, and the
rest is read: a hole in the past is no reason to end.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from detector.core.signals.chunks import Cells, GarbledChunk, decode, encode
from detector.edges.store.fresh_cells import SIGNALS_A_GROUP, FreshCell, group_of, grouped, pack_fresh, unpack_fresh
from detector.edges.store.rows import GarbledRow, checked, checksum, column
from detector.records import Cell

DAY_MS = 86_400_000
CELLS_A_CHUNK = 480  # two hours at 15 s: shorter ones pay for their heads, longer ones wait longer to be packed
MOST_FRESH_ROWS = 4_096  # of a group: then it is packed whatever it holds
MOST_SIGNALS = 10_000
ROWS_A_CALL = 5_000
_ROW_BYTES = 40  # of a packed row beside its body, index included
_DROPPED, _REFUSED = "signal_cells/dropped", "signal_cells/refused"


class Rows(Protocol):
    """The store's database, or one that is only looked into."""

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]: ...
    def transaction(self, *, is_synced: bool = False) -> AbstractContextManager[sqlite3.Connection]: ...


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of a service; one whose unit changed is another."""

    service: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Past:
    """Cells of a signal in time order; `refused` says in words which rows could not be read."""

    signal: Signal
    cells: Cells
    refused: tuple[str, ...] = ()


class SignalHistory:
    """Every method may raise StoreUnavailable and StoreDamaged."""

    def __init__(self, database: Rows) -> None:
        self._database = database
        self._ids: dict[Signal, int] = {}

    def put(self, connection: sqlite3.Connection, cells: Iterable[Cell]) -> dict[Signal, int]:
        """In the caller's transaction. Returns the ids that hold once that is committed: hand them to `keep`."""
        ids = dict[Signal, int]()
        fresh, refused = [], 0
        for cell in cells:
            signal = Signal(cell.service, cell.signal, cell.unit)
            id_ = self._ids.get(signal) or ids.get(signal) or self._id(connection, signal)
            if id_ is None:
                refused += 1
                continue
            ids[signal] = id_
            fresh.append(FreshCell(id_, cell.time_ms, cell.value, cell.evidence))
        for group, members in grouped(fresh):
            body = pack_fresh(members)
            connection.execute(
                "INSERT INTO fresh_cells (group_id, cells, body, crc) VALUES (?, ?, ?, ?)",
                (group, len(members), body, checksum(str(group), body)),
            )
        _count(connection, _REFUSED, refused)
        return ids

    def keep(self, ids: dict[Signal, int]) -> None:
        self._ids |= ids

    def signals(self, service: str | None = None) -> list[Signal]:
        """All that there is a history of, by service and name."""
        query = "SELECT service, name, unit FROM signal WHERE ? IS NULL OR service = ? ORDER BY service, name, id"
        name = None if service is None else column(service)
        return [Signal(*row) for row in self._database.rows(query, (name, name))]

    def read(self, signal: Signal, begin_ms: int, end_ms: int) -> Past:
        """Its cells from `begin_ms` up to but without `end_ms`; none when there is no such signal."""
        return next(self.read_all([signal], begin_ms, end_ms))

    def read_all(self, signals: Iterable[Signal], begin_ms: int, end_ms: int) -> Iterator[Past]:
        """As `read`, of many, in the store's order; what waits to be packed is opened once a group, not once a signal."""
        query = "SELECT id FROM signal WHERE service = ? AND name = ? AND unit = ?"
        found: list[tuple[int, Signal]] = []
        for signal in signals:
            rows = self._database.rows(query, (column(signal.service), column(signal.name), column(signal.unit)))
            found.append((rows[0][0] if rows else -1, signal))
        group, fresh = -1, dict[int, list[FreshCell]]()
        refused: list[str] = []
        for id_, signal in sorted(found, key=lambda each: each[0]):
            if id_ < 0:
                yield Past(signal, _cells({}))
                continue
            if group != group_of(id_):
                group = group_of(id_)
                fresh, refused = self._fresh(group)
            yield self._read(id_, signal, begin_ms, end_ms, fresh.get(id_, []), refused)

    def cells(self, names: Collection[str], begin_ms: int, end_ms: int) -> Iterator[Cell]:
        """Those of signals of these names, of all services, in time order for each."""
        wanted = [signal for signal in self.signals() if signal.name in names]
        for past in self.read_all(wanted, begin_ms, end_ms):
            signal, cells = past.signal, past.cells
            for time_ms, value, evidence in zip(cells.times_ms, cells.values, cells.evidence, strict=True):
                yield Cell(signal.service, signal.name, signal.unit, time_ms, value, evidence)

    def pack(self, most_groups: int = 2, at_least: int = CELLS_A_CHUNK) -> int:
        """Turns fresh cells into chunks for the groups that have enough of them, `at_least` so many a signal. Returns how many
        cells. Not for two threads at once."""
        query = "SELECT group_id, count(*), sum(cells) FROM fresh_cells GROUP BY group_id ORDER BY 3 DESC"
        packed = 0
        for group, rows, cells in self._database.rows(query)[:most_groups]:
            first = group * SIGNALS_A_GROUP
            span = (first, first + SIGNALS_A_GROUP)
            ((members,),) = self._database.rows("SELECT count(*) FROM signal WHERE id >= ? AND id < ?", span)
            if cells >= at_least * max(1, members) or rows >= MOST_FRESH_ROWS:
                packed += self._pack(group)
        return packed

    def prune(self, before_ms: int, most_bytes: int) -> int:
        """Drops whole days from before then, and the oldest rows while all take more than `most_bytes`; a bounded piece a call.
        Returns how many rows; cells dropped for their size are counted."""
        old = self._database.rows("SELECT day FROM packed_day WHERE day < ? ORDER BY day LIMIT 1", (before_ms // DAY_MS,))
        ((held,),) = self._database.rows("SELECT coalesce(sum(bytes), 0) FROM packed_day")
        if not old and held <= most_bytes:
            return 0
        with self._database.transaction() as connection:
            dropped = 0
            if old:
                query = "SELECT id, day, cells, length(body) FROM packed_cells WHERE day = ? LIMIT ?"
                dropped += _drop(connection, connection.execute(query, (old[0][0], ROWS_A_CALL)).fetchall())
                if not connection.execute("SELECT 1 FROM packed_cells WHERE day = ? LIMIT 1", old[0]).fetchone():
                    connection.execute("DELETE FROM packed_day WHERE day = ?", old[0])
            else:
                dropped += self.drop_oldest(connection, ROWS_A_CALL, held - most_bytes)
            self._forget_signals(connection)
        return dropped

    def drop_oldest(self, connection: sqlite3.Connection, most_rows: int, most_bytes: int) -> int:
        """At most so many rows, and no more than it takes to free so many bytes; counted. Returns how many rows."""
        oldest = connection.execute("SELECT min(day) FROM packed_day").fetchone()[0]
        query = "SELECT id, day, cells, length(body) FROM packed_cells WHERE day = ? ORDER BY first_ms LIMIT ?"
        rows, freed = [], 0
        for row in connection.execute(query, (oldest, most_rows)):
            if freed >= most_bytes:
                break
            rows.append(row)
            freed += row[3] + _ROW_BYTES
        _count(connection, _DROPPED, sum(row[2] for row in rows))
        return _drop(connection, rows)

    def size_bytes(self) -> int:
        """What packed cells take, by our own count."""
        return int(self._database.rows("SELECT coalesce(sum(bytes), 0) FROM packed_day")[0][0])

    def dropped(self) -> int:
        """Cells that went for want of room, ever."""
        return self._counted(_DROPPED)

    def refused(self) -> int:
        """Cells that were not kept because there were too many signals, or their row was garbled, ever."""
        return self._counted(_REFUSED)

    def _counted(self, name: str) -> int:
        rows = self._database.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def _id(self, connection: sqlite3.Connection, signal: Signal) -> int | None:
        key = (column(signal.service), column(signal.name), column(signal.unit))
        found = connection.execute("SELECT id FROM signal WHERE service = ? AND name = ? AND unit = ?", key).fetchone()
        if found:
            return int(found[0])
        if connection.execute("SELECT count(*) FROM signal").fetchone()[0] >= MOST_SIGNALS:
            return None
        return connection.execute("INSERT INTO signal (service, name, unit) VALUES (?, ?, ?)", key).lastrowid

    def _fresh(self, group: int) -> tuple[dict[int, list[FreshCell]], list[str]]:
        cells: dict[int, list[FreshCell]] = {}
        refused = []
        query = "SELECT id, body, crc FROM fresh_cells WHERE group_id = ? ORDER BY id"
        for id_, body, crc in self._database.rows(query, (group,)):
            try:
                for cell in unpack_fresh(checked(str(group), body, crc)):
                    cells.setdefault(cell.signal_id, []).append(cell)
            except GarbledRow as error:
                refused.append(f"fresh row {id_}: {error}")
        return cells, refused

    def _read(
        self, id_: int, signal: Signal, begin_ms: int, end_ms: int, fresh: Sequence[FreshCell], refused: Sequence[str]
    ) -> Past:
        days = [
            day for (day,) in self._database.rows("SELECT day FROM packed_day WHERE day BETWEEN ? AND ?", _days(begin_ms, end_ms))
        ]
        query = (
            f"SELECT id, signal_id, first_ms, body, crc FROM packed_cells WHERE day IN ({', '.join('?' * len(days))})"
            " AND signal_id = ? AND last_ms >= ? AND first_ms < ? ORDER BY first_ms, id"
        )
        rows = self._database.rows(query, (*days, id_, begin_ms, end_ms)) if days else []
        chunks, garbled = _decoded(rows)
        late = {cell.time_ms: (cell.value, cell.evidence) for cell in fresh}
        return Past(signal, _within(_joined(chunks, late), begin_ms, end_ms), (*refused, *garbled))

    def _pack(self, group: int) -> int:
        """What is encoded is read before the transaction begins: checkpoints do not wait for it."""
        (last,) = self._database.rows("SELECT max(id) FROM fresh_cells WHERE group_id = ?", (group,))[0]
        fresh, garbled = self._fresh(group)
        days: dict[tuple[int, int], dict[int, tuple[float, float]]] = {}
        for id_, cells in fresh.items():
            for cell in cells:
                days.setdefault((cell.time_ms // DAY_MS, id_), {})[cell.time_ms] = (cell.value, cell.evidence)
        old, new = [], []
        for (day, id_), late in days.items():
            replaced, chunks = self._repacked(day, id_, late)
            old += replaced
            new += chunks
        with self._database.transaction() as connection:
            _drop(connection, old)
            for row in new:
                _add(connection, row)
            connection.execute("DELETE FROM fresh_cells WHERE group_id = ? AND id <= ?", (group, last))
            _count(connection, _REFUSED, len(garbled))
        return sum(len(cells) for cells in fresh.values())

    def _repacked(
        self, day: int, id_: int, late: dict[int, tuple[float, float]]
    ) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, Cells]]]:
        """The rows that are replaced, because they overlap or are short, and what stands in their place."""
        query = (
            "SELECT id, signal_id, first_ms, body, crc, cells FROM packed_cells WHERE day = ? AND signal_id = ?"
            " AND (cells < ? OR (last_ms >= ? AND first_ms <= ?)) ORDER BY first_ms, id"
        )
        rows = self._database.rows(query, (day, id_, CELLS_A_CHUNK // 2, min(late), max(late)))
        readable = [row for row in rows if not _decoded([row[:5]])[1]]
        cells = _joined(_decoded([row[:5] for row in readable])[0], late)
        replaced = [(row[0], day, row[5], len(row[3])) for row in readable]
        parts = -(-len(cells) // CELLS_A_CHUNK)
        size = -(-len(cells) // parts)
        return replaced, [(day, id_, _part(cells, at, at + size)) for at in range(0, len(cells), size)]

    def _forget_signals(self, connection: sqlite3.Connection) -> None:
        """Those without a cell. The group of a fresh row holds them all."""
        connection.execute(
            "DELETE FROM signal WHERE id NOT IN (SELECT signal_id FROM packed_cells)"
            " AND id / ? NOT IN (SELECT group_id FROM fresh_cells)",
            (SIGNALS_A_GROUP,),
        )
        self._ids.clear()


def _days(begin_ms: int, end_ms: int) -> tuple[int, int]:
    return begin_ms // DAY_MS, (end_ms - 1) // DAY_MS


def _decoded(rows: Iterable[tuple[int, int, int, bytes, int]]) -> tuple[list[Cells], list[str]]:
    chunks, garbled = [], []
    for id_, signal_id, first_ms, body, crc in rows:
        try:
            chunks.append(decode(checked(f"{signal_id}/{first_ms}", body, crc)))
        except (GarbledRow, GarbledChunk) as error:
            garbled.append(f"chunk {id_} of signal {signal_id} at {first_ms}: {error}")
    return chunks, garbled


def _joined(chunks: Sequence[Cells], late: dict[int, tuple[float, float]]) -> Cells:
    """In time order; of two cells of one time the one that was written last."""
    times, values, evidence = array("q"), array("d"), array("d")
    is_rising = True
    for chunk in chunks:
        is_rising &= not times or times[-1] < chunk.times_ms[0]
        times += chunk.times_ms
        values += chunk.values
        evidence += chunk.evidence
    if late and is_rising and (not times or times[-1] < min(late)):
        in_order = sorted(late)
        times.extend(in_order)
        values.extend(late[time][0] for time in in_order)
        evidence.extend(late[time][1] for time in in_order)
        return Cells(times, values, evidence)
    if is_rising and not late:
        return Cells(times, values, evidence)
    return _cells(dict(zip(times, zip(values, evidence, strict=True), strict=True)) | late)


def _cells(by_time: dict[int, tuple[float, float]]) -> Cells:
    times = sorted(by_time)
    columns = [by_time[time] for time in times]
    return Cells(array("q", times), array("d", [each[0] for each in columns]), array("d", [each[1] for each in columns]))


def _within(cells: Cells, begin_ms: int, end_ms: int) -> Cells:
    return _part(cells, bisect_left(cells.times_ms, begin_ms), bisect_left(cells.times_ms, end_ms))


def _part(cells: Cells, begin: int, end: int) -> Cells:
    return Cells(cells.times_ms[begin:end], cells.values[begin:end], cells.evidence[begin:end])


def _add(connection: sqlite3.Connection, row: tuple[int, int, Cells]) -> None:
    day, id_, cells = row
    body, first_ms = encode(cells), cells.times_ms[0]
    connection.execute(
        "INSERT INTO packed_cells (day, signal_id, first_ms, last_ms, cells, body, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (day, id_, first_ms, cells.times_ms[-1], len(cells), body, checksum(f"{id_}/{first_ms}", body)),
    )
    connection.execute(
        "INSERT INTO packed_day VALUES (?, ?, ?) ON CONFLICT (day) DO UPDATE"
        " SET cells = cells + excluded.cells, bytes = bytes + excluded.bytes",
        (day, len(cells), len(body) + _ROW_BYTES),
    )


def _drop(connection: sqlite3.Connection, rows: Sequence[tuple[int, int, int, int]]) -> int:
    """Rows as (id, day, cells, bytes of the body)."""
    connection.executemany("DELETE FROM packed_cells WHERE id = ?", [(row[0],) for row in rows])
    taken = [(row[2], row[3] + _ROW_BYTES, row[1]) for row in rows]
    connection.executemany("UPDATE packed_day SET cells = cells - ?, bytes = bytes - ? WHERE day = ?", taken)
    connection.execute("DELETE FROM packed_day WHERE cells <= 0")
    return len(rows)


def _count(connection: sqlite3.Connection, name: str, count: int) -> None:
    if count:
        connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value",
            (name, str(count)),
        )
