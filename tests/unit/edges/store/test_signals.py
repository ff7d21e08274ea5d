from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from detector.edges.store import database, signals
from detector.edges.store.signals import DAY_MS, Past, Signal
from detector.edges.store.store import Store
from detector.errors import StoreTooNew
from detector.records import Cell, Checkpoint
from detector.settings import Size, StoreSettings

STEP = 15_000
DAY = 20_000 * DAY_MS
P99 = Signal("shop", "latency_p99", "ms")


def cell(time_ms: int, value: float = 420.0, name: str = "latency_p99", evidence: float = 300.0) -> Cell:
    return Cell("shop", name, "ms", time_ms, value, evidence)


def written(store: Store, begin_ms: int, count: int, names: tuple[str, ...] = ("latency_p99",)) -> None:
    """`count` checkpoints, a step apart, each with a cell of every name."""
    for at in range(count):
        now = begin_ms + at * STEP
        store.write(Checkpoint(now, cells=tuple(cell(now, 400.0 + at % 7, name) for name in names)))


def whole(store: Store, name: Signal = P99) -> Past:
    return store.signals.read(name, 0, 1 << 60)


def packed_rows(store: Store) -> int:
    return int(store._database.rows("SELECT count(*) FROM packed_cells")[0][0])


def test_cells_are_read_back_before_and_after_packing(store: Store) -> None:
    """The same cells, in time order, whether they wait or stand in chunks, or both."""
    written(store, DAY, 600)
    before = whole(store)
    assert len(before.cells) == 600
    assert packed_rows(store) == 0
    assert store.signals.pack() == 600
    assert packed_rows(store) == 2
    assert whole(store) == before
    written(store, DAY + 600 * STEP, 10)
    after = whole(store)
    assert len(after.cells) == 610
    assert list(after.cells.times_ms) == [DAY + at * STEP for at in range(610)]
    assert list(after.cells.values) == [400.0 + at % 7 for at in range(600)] + [400.0 + at % 7 for at in range(10)]
    assert all(abs(each - 300) <= 300 / 128 for each in after.cells.evidence)


def test_a_range_is_cut_at_its_edges(store: Store) -> None:
    """From `begin` up to but without `end`, across chunks, days and what waits."""
    written(store, DAY - 20 * STEP, 40)
    store.signals.pack(at_least=1)
    written(store, DAY + 20 * STEP, 5)
    got = store.signals.read(P99, DAY - 3 * STEP, DAY + 22 * STEP).cells
    assert list(got.times_ms) == [DAY + at * STEP for at in range(-3, 22)]
    assert len(store.signals.read(P99, DAY + 100 * STEP, DAY + 200 * STEP).cells) == 0
    assert len(store.signals.read(Signal("shop", "none", "ms"), 0, 1 << 60).cells) == 0


def test_a_missing_value_stays_missing(store: Store) -> None:
    store.write(Checkpoint(1, cells=(cell(DAY), cell(DAY + STEP, math.nan, evidence=0), cell(DAY + 2 * STEP))))
    store.signals.pack(at_least=1)
    got = whole(store).cells
    assert [math.isnan(value) for value in got.values] == [False, True, False]
    assert got.evidence[1] == 0


def test_a_cell_that_came_late_or_again_takes_its_place(store: Store) -> None:
    """Filled in afterwards, from a Prometheus say: one cell a time, the one written last."""
    written(store, DAY, 20)
    store.signals.pack(at_least=1)
    late = (cell(DAY - STEP, 1.0), cell(DAY + STEP // 2, 2.0), cell(DAY + STEP, 3.0))
    store.write(Checkpoint(1, cells=late))
    for _ in range(2):
        got = whole(store).cells
        assert len(got) == 22
        assert list(got.times_ms) == sorted(set(got.times_ms))
        assert [got.values[got.times_ms.index(each.time_ms)] for each in late] == [1.0, 2.0, 3.0]
        store.signals.pack(at_least=1)


def test_short_chunks_are_joined(store: Store) -> None:
    """Packed every few minutes, a day has no more chunks than packed at once."""
    for at in range(30):
        written(store, DAY + at * 10 * STEP, 10)
        store.signals.pack(at_least=1)
    assert packed_rows(store) <= 2
    assert len(whole(store).cells) == 300


def test_a_unit_that_changed_begins_another_signal(store: Store) -> None:
    """420 ms and 0.42 s never stand in one row."""
    store.write(Checkpoint(1, cells=(cell(DAY), Cell("shop", "latency_p99", "s", DAY + STEP, 0.42, 300.0))))
    assert store.signals.signals("shop") == [P99, Signal("shop", "latency_p99", "s")]
    assert [len(past.cells) for past in store.signals.read_all(store.signals.signals(), 0, 1 << 60)] == [1, 1]


def test_a_checkpoint_that_fails_leaves_no_cell(store: Store) -> None:
    """Cells go with the rest of the checkpoint; the same one may be written again."""
    good = Checkpoint(1, cells=(cell(DAY),))
    with pytest.raises(AttributeError):
        store.write(Checkpoint(1, cells=(cell(DAY), None)))  # type: ignore[arg-type]
    assert store.signals.signals() == []
    store.write(good)
    store.write(good)
    assert len(whole(store).cells) == 1


def test_a_garbled_row_is_refused_with_words_and_the_rest_is_read(store: Store) -> None:
    """A chunk and a waiting row that somebody changed: no error, no invented value; packing counts what it could not read."""
    written(store, DAY, 20)
    store.signals.pack(at_least=1)
    written(store, DAY + DAY_MS, 20)
    store.signals.pack(at_least=1)
    written(store, DAY + 2 * DAY_MS, 3)
    with store._database.transaction() as connection:
        connection.execute("UPDATE packed_cells SET body = x'0102' WHERE id = 1")
        connection.execute("UPDATE fresh_cells SET body = zeroblob(40) WHERE id = (SELECT max(id) FROM fresh_cells)")
    got = whole(store)
    assert len(got.cells) == 22
    assert [refused.split(":")[0] for refused in got.refused] == ["fresh row 43", "chunk 1 of signal 1 at 1728000000000"]
    store.signals.pack(at_least=1)
    assert store.signals.refused() == 1
    assert len(whole(store).cells) == 22


def test_a_chunk_of_another_signal_is_refused(store: Store) -> None:
    """A row that was moved under another signal's number is not its past."""
    written(store, DAY, 20, ("latency_p99", "other"))
    store.signals.pack(at_least=1)
    with store._database.transaction() as connection:
        connection.execute("UPDATE packed_cells SET signal_id = 3 - signal_id")
    got = whole(store)
    assert len(got.cells) == 0
    assert "checksum" in got.refused[0]


def test_days_that_are_too_old_go(settings: StoreSettings) -> None:
    """14 days by default; their signals are forgotten when nothing of them is left."""
    store = Store.open(settings, 1_000)
    written(store, DAY, 20, ("old",))
    written(store, DAY + 10 * DAY_MS, 20)
    store.signals.pack(most_groups=9, at_least=1)
    store.prune(DAY + 15 * DAY_MS + 1)
    assert store.signals.signals() == [P99]
    assert store.signals.dropped() == 0
    written(store, DAY + 15 * DAY_MS, 1, ("old",))
    assert len(store.signals.signals()) == 2
    store.prune(DAY + 40 * DAY_MS)
    store.close()


def test_the_oldest_go_first_when_there_is_no_room(tmp_path: Path) -> None:
    """Within the limit, counted, and of every signal the newest is there."""
    store = Store.open(StoreSettings(path=str(tmp_path / "state"), max_signals_size=Size(4_000)), 1_000)
    names = tuple(f"s{at}" for at in range(8))
    for day in range(6):
        written(store, DAY + day * DAY_MS, 40, names)
        store.signals.pack(at_least=1)
    assert store.signals.size_bytes() > 4_000
    for _ in range(10):
        store.prune(DAY + 6 * DAY_MS)
    assert 2_000 < store.signals.size_bytes() <= 4_000
    kept = [whole(store, Signal("shop", name, "ms")).cells for name in names]
    assert all(cells.times_ms[-1] == DAY + 5 * DAY_MS + 39 * STEP for cells in kept)
    assert store.signals.dropped() == 8 * 6 * 40 - sum(map(len, kept)) > 0
    store.close()


def test_too_many_signals_are_refused_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of names costs nothing; the known ones go on."""
    monkeypatch.setattr(signals, "MOST_SIGNALS", 2)
    written(store, DAY, 2, ("latency_p99", "b", "c", "d"))
    assert [each.name for each in store.signals.signals()] == ["b", "latency_p99"]
    assert store.signals.refused() == 4
    assert len(whole(store).cells) == 2


def test_a_store_of_the_release_before_gets_the_tables(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schema 2 becomes 3 in place, and is refused by the release before from then on."""
    all_three = database.SCHEMAS
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (all_three[:2],))
    old = Store.open(settings, 1_000)
    instance = old.instance
    old.close()
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (all_three,))
    new = Store.open(settings, 2_000)
    assert new.loss is None
    assert new.instance == instance
    written(new, DAY, 3)
    assert len(whole(new).cells) == 3
    new.close()
    monkeypatch.setattr(database.Database.__init__, "__defaults__", (all_three[:2],))
    with pytest.raises(StoreTooNew):
        Store.open(settings, 3_000)


WRITER = """
import sys
from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint
from detector.settings import StoreSettings
store = Store.open(StoreSettings(path=sys.argv[1]), 1000)
at = 0
while True:
    now = 20_000 * 86_400_000 + at * 15_000
    store.write(Checkpoint(now, cells=tuple(Cell("shop", f"s{n}", "ms", now, float(at), 1.0) for n in range(40))))
    at += 1
    print(at, flush=True)
    if at % 50 == 0:
        store.signals.pack(at_least=1)
"""


def test_a_kill_loses_at_most_what_was_not_committed(settings: StoreSettings) -> None:
    """Killed with -9 amid writing and packing: every cell of every checkpoint that returned is there, and none twice."""
    for wanted in (37, 130, 263):
        writer = subprocess.Popen(
            [sys.executable, "-P", "-c", WRITER, settings.path], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= wanted:
                writer.send_signal(signal.SIGKILL)
                break
        said = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        written_at_least = max([wanted, *said])
        store = Store.open(settings, 2_000)
        assert store.loss is None
        for past in store.signals.read_all(store.signals.signals(), 0, 1 << 60):
            assert past.refused == ()
            assert len(past.cells) >= written_at_least
            assert list(past.cells.values) == [float(at) for at in range(len(past.cells))]
        store.close()
