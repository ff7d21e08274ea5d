"""F13: what the store's files look like after a bad disk, a bad script or a bad day, and what the next start makes of it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.edges.store.database import SCHEMAS, Database
from detector.edges.store.folder import StateFolder
from detector.edges.store.store import Store
from detector.errors import StoreDamaged, StoreTooNew, StoreUnavailable
from detector.records import AlertAction, Checkpoint, Position
from detector.settings import StoreSettings
from tests.unit.edges.records import alerts, checkpoint, incident

NOW_MS = 2_000_000_000_000


@pytest.fixture
def path(settings: StoreSettings) -> Path:
    """The database of a store that was filled and closed well."""
    store = Store.open(settings, 1_000)
    store.write(checkpoint())
    positions = tuple(Position(f"3:{each}:ab", f"/var/log/{each}.log", each) for each in range(300))
    store.write(Checkpoint(1_000, positions=positions, state=tuple((f"part-{each}", b"v" * 900) for each in range(50))))
    store.write(Checkpoint(1_000, incidents=tuple(incident(f"key-{each}") for each in range(40))))
    store.close()
    return Path(settings.path) / "state.db"


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_into_the_header(path: Path) -> None:
    os.truncate(path, 50)


def garble_header(path: Path) -> None:
    write_at(path, 0, random.Random(1).randbytes(100))


def garble_schema(path: Path) -> None:
    write_at(path, 100, b"\xff" * 3000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def delete(path: Path) -> None:
    path.unlink()


def another_program(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")


def drop_a_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE position")


def swap_bodies(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE position SET body = (SELECT body FROM position WHERE stream_key = '3:1:ab') WHERE stream_key = '3:2:ab'"
        )


def write_at(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


DAMAGES = [
    cut_short,
    cut_into_the_header,
    garble_header,
    garble_schema,
    empty,
    delete,
    another_program,
    drop_a_table,
    swap_bodies,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage.__name__))
def test_damage_is_kept_told_and_begun_anew(path: Path, settings: StoreSettings, damage: Callable[[Path], None]) -> None:
    """Whatever happened to the file: it is kept aside, a new store is there and empty, and `loss` says since when."""
    before = path.read_bytes()
    damage(path)
    left = path.read_bytes() if path.exists() else None
    store = Store.open(settings, NOW_MS)
    assert store.loss is not None
    assert store.lost_since_ms is not None
    assert 1_000 <= store.lost_since_ms <= NOW_MS
    assert store.positions() == {}
    assert store.open_incidents() == []
    assert store.state() == {}
    if left is not None:
        assert Path(store.loss.moved_to) == path.with_name(f"state.db.corrupt-{NOW_MS}")
        kept = Path(store.loss.moved_to).read_bytes()
        assert kept == left or len(kept) >= len(before) // 2
    store.write(checkpoint())
    assert len(store.positions()) == 1
    store.close()


def test_a_loss_is_told_until_an_alert_was_written(path: Path, settings: StoreSettings) -> None:
    """Killed before anybody was told, the next start tells of the loss again; after a checkpoint with an alert it does not."""
    empty(path)
    for _ in range(2):
        store = Store.open(settings, NOW_MS)
        assert store.loss is not None
        assert store.loss.reason == "the database is empty"
        store.write(Checkpoint(NOW_MS, state=(("a", b"1"),)))
        store.close()
    store = Store.open(settings, NOW_MS)
    store.write(alerts(AlertAction.TRIGGER))
    assert store.loss is None
    store.close()
    store = Store.open(settings, NOW_MS)
    assert store.lost_since_ms is None
    store.close()


def test_killed_between_loss_and_word(path: Path, settings: StoreSettings) -> None:
    """Killed after the damaged file was moved away, at whatever step: the next start still tells of the loss."""
    empty(path)
    folder = StateFolder(settings.path)
    path.rename(path.with_name("state.db.corrupt-1"))
    for step in ("moved", "new file made"):
        if step == "new file made":
            database = Database(folder)
            database.connect()
            database.close()
        copy = Path(f"{settings.path}-{step}")
        shutil.copytree(settings.path, copy)
        store = Store.open(StoreSettings(path=str(copy)), NOW_MS)
        assert store.loss is not None, step
        store.close()


def test_errors_and_refused_starts_make_no_loss(killed: Path, settings: StoreSettings) -> None:
    """A start that fails, and a run whose disk failed for a while, leave nothing behind that looks like a loss."""
    with sqlite3.connect(killed / "state.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreTooNew):
        Store.open(settings, NOW_MS)
    with sqlite3.connect(killed / "state.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(SCHEMAS)}")
    connection.close()
    store = Store.open(settings, NOW_MS)
    assert store.loss is None
    assert store._database._writer is not None
    store._database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        store.write(checkpoint())
    copy = Path(f"{settings.path}-copy")
    shutil.copytree(killed, copy)  # as a kill at this moment would leave it
    again = Store.open(StoreSettings(path=str(copy)), NOW_MS)
    assert again.loss is None
    assert len(again.positions()) == 1
    again.close()
    store.close()


def test_a_first_start_is_no_loss(settings: StoreSettings) -> None:
    """An empty folder, or one with an empty file and no marker (killed in the very first start), is a first start."""
    Store.open(settings, NOW_MS).close()
    folder = Path(settings.path)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "state.db").touch()
    store = Store.open(settings, NOW_MS)
    assert store.loss is None
    store.close()


def test_a_lost_marker_is_made_again(path: Path, settings: StoreSettings) -> None:
    """The marker alone may go, or be garbage: the database still says who it is."""
    marker = path.with_name("state.json")
    for garbage in (None, b"", b"{}", b'{"instance": 3', b"\xff\xfe"):
        if garbage is None:
            marker.unlink()
        else:
            marker.write_bytes(garbage)
        store = Store.open(settings, NOW_MS)
        assert store.loss is None
        assert len(store.positions()) == 301
        store.close()
        assert b"created_ms" in marker.read_bytes()


@pytest.mark.parametrize("seed", range(25))
def test_garbage_in_a_page_is_never_served(path: Path, settings: StoreSettings, seed: int) -> None:
    """Random bytes anywhere in the file: either they hit nothing that decides, and all of it reads as written, or the store
    begins anew and says so. Wrong data is never served."""
    wanted = _contents(settings)
    generator = random.Random(seed)
    size = path.stat().st_size
    for _ in range(generator.randint(1, 4)):
        write_at(path, generator.randrange(0, size - 64), generator.randbytes(generator.choice((1, 8, 64))))
    store = Store.open(settings, NOW_MS)
    try:
        if store.loss is None:
            found = (store.positions(), store.state(), store.open_incidents(), store.outbox.due("pager", 1 << 60, 100))
            assert found == wanted
        else:
            assert store.positions() == {}
    finally:
        store.close()


def test_damage_seen_while_running_ends_the_process(path: Path, settings: StoreSettings) -> None:
    """A garbled row that is read later is not served: StoreDamaged, and the next start begins anew."""
    store = Store.open(settings, NOW_MS)
    with store._database.transaction() as connection:
        connection.execute("UPDATE incident SET body = CAST('{}' AS BLOB) WHERE dedup_key = 'key-3'")
    with pytest.raises(StoreDamaged):
        store.open_incidents()
    store.close()
    again = Store.open(settings, NOW_MS)
    assert again.loss is not None
    assert "damage" in again.loss.reason
    again.close()


@pytest.fixture
def killed(settings: StoreSettings) -> Path:
    """The folder of a daemon that was killed with its last checkpoints in the write-ahead log alone."""
    code = (
        "import os, signal, sys; from detector.edges.store.store import Store; from detector.settings import StoreSettings;"
        "from tests.unit.edges.records import checkpoint; s = Store.open(StoreSettings(path=sys.argv[1]), 1000);"
        "s.write(checkpoint()); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, settings.path], check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    return Path(settings.path)


def test_a_kill_loses_nothing(killed: Path, settings: StoreSettings) -> None:
    """What was committed is there after SIGKILL, from the log."""
    store = Store.open(settings, NOW_MS)
    assert store.loss is None
    assert len(store.positions()) == 1
    store.close()


def test_a_lost_log_is_noticed(killed: Path, settings: StoreSettings) -> None:
    """Without its -wal the file is an older state, positions perhaps newer than their alerts: it is not trusted."""
    (killed / "state.db-wal").unlink()
    store = Store.open(settings, NOW_MS)
    assert store.loss is not None
    assert store.loss.reason == "the write-ahead log is gone"
    store.close()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage.__name__))
def test_damage_after_a_kill(killed: Path, settings: StoreSettings, damage: Callable[[Path], None]) -> None:
    """The same damages, with a log beside the file and no clean stop before: a new store, or all that was committed."""
    damage(killed / "state.db")
    store = Store.open(settings, NOW_MS)
    assert (store.loss is None) == (len(store.positions()) == 1)
    store.write(checkpoint())
    store.close()
    again = Store.open(settings, NOW_MS)
    assert again.loss is None
    again.close()


def test_an_emptied_log_is_noticed(killed: Path, settings: StoreSettings) -> None:
    """The log may be there and hold nothing."""
    os.truncate(killed / "state.db-wal", 0)
    store = Store.open(settings, NOW_MS)
    assert store.loss is not None
    store.close()


def test_a_log_lost_after_it_was_folded_once(settings: StoreSettings) -> None:
    """What was folded into the database before does not hide that what came later is gone."""
    store = Store.open(settings, 1_000)
    for each in range(200):
        store.write(Checkpoint(each, state=(("windows", bytes([each]) * 9_000),)))
    store.write(checkpoint())
    copy = Path(f"{settings.path}-copy")
    shutil.copytree(settings.path, copy)  # as a kill would leave it
    store.close()
    (copy / "state.db-wal").unlink()
    lost = Store.open(StoreSettings(path=str(copy)), NOW_MS)
    assert lost.loss is not None
    lost.close()


def test_somebody_looked_into_the_file_after_a_kill(killed: Path, settings: StoreSettings) -> None:
    """The sqlite3 tool folds the log in and takes it away: nothing is lost, and nothing is said to be."""
    connection = sqlite3.connect(killed / "state.db")
    assert connection.execute("SELECT count(*) FROM position").fetchone() == (1,)
    connection.close()
    assert not (killed / "state.db-wal").exists()
    store = Store.open(settings, NOW_MS)
    assert store.loss is None
    assert len(store.positions()) == 1
    store.close()


def test_deleted_while_running_nothing_is_lost(path: Path, settings: StoreSettings) -> None:
    """Somebody deletes the files under us: the next checkpoint writes all of it out again from what we hold open."""
    store = Store.open(settings, NOW_MS)
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (path.parent / name).unlink()
    store.write(Checkpoint(NOW_MS, positions=(Position("new", "new.log", 7),)))
    assert store.rescues == 1
    assert len(store.positions()) == 302
    store.close()
    again = Store.open(settings, NOW_MS)
    assert again.loss is None
    assert len(again.positions()) == 302
    again.close()


def test_the_whole_folder_deleted_while_running(path: Path, settings: StoreSettings) -> None:
    """The folder itself may go: it is made again, held again, marked again."""
    store = Store.open(settings, NOW_MS)
    shutil.rmtree(path.parent)
    store.write(Checkpoint(NOW_MS, positions=(Position("new", "new.log", 7),)))
    store.close()
    again = Store.open(settings, NOW_MS)
    assert again.loss is None
    assert len(again.positions()) == 302
    again.close()


def test_another_file_put_in_its_place_while_running(path: Path, settings: StoreSettings) -> None:
    """A file that somebody puts over ours is kept aside; what we know goes on."""
    store = Store.open(settings, NOW_MS)
    other = path.with_name("other")
    other.write_bytes(b"not a database")
    os.replace(other, path)
    store.write(Checkpoint(NOW_MS, positions=(Position("new", "new.log", 7),)))
    assert len(store.positions()) == 302
    assert any(each.name.startswith("state.db.replaced-") for each in path.parent.iterdir())
    store.close()


def test_a_newer_schema_is_refused(path: Path, settings: StoreSettings) -> None:
    """A store of a newer release is left alone: we refuse to start."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="999"):
        Store.open(settings, NOW_MS)
    assert path.read_bytes() == before
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM position").fetchone() == (301,)
        connection.execute(f"PRAGMA user_version = {len(SCHEMAS)}")
    Store.open(settings, NOW_MS).close()


def test_an_older_schema_is_brought_up_to_date(path: Path, settings: StoreSettings) -> None:
    """A file of an older version gets the steps it lacks, once, in one transaction; its rows stay."""
    folder = StateFolder(settings.path)
    newer = (*SCHEMAS, "ALTER TABLE position ADD COLUMN extra TEXT NOT NULL DEFAULT 'x';")
    for _ in range(2):
        database = Database(folder, newer)
        database.connect()
        assert database.rows("SELECT count(*), max(extra) FROM position") == [(301, "x")]
        assert database.rows("PRAGMA user_version") == [(len(newer),)]
        database.close()
    broken = Database(folder, (*newer, "ALTER TABLE position ADD COLUMN more TEXT; SELECT * FROM nowhere;"))
    with pytest.raises(sqlite3.OperationalError):
        broken.connect()
    database = Database(folder, newer)
    database.connect()
    assert database.rows("PRAGMA user_version") == [(len(newer),)]
    database.close()


def _contents(settings: StoreSettings) -> object:
    store = Store.open(settings, NOW_MS)
    found = (store.positions(), store.state(), store.open_incidents(), store.outbox.due("pager", 1 << 60, 100))
    store.close()
    return found
