from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from detector.edges.store import database
from detector.edges.store.store import DEAD_LETTERS_A_CHECKPOINT, FINDINGS_A_KEY, Store
from detector.records import AlertAction, Checkpoint, DeadLetter, IncidentState, Position
from detector.settings import Size, StoreSettings
from tests.unit.edges.records import alert, alerts, checkpoint, finding, incident


def test_everything_comes_back_equal(store: Store, settings: StoreSettings) -> None:
    """What a checkpoint wrote is read back equal in every field after a restart, file names that are no UTF-8 included."""
    written = checkpoint()
    store.write(written)
    store.close()
    again = Store.open(settings, 2_000)
    assert again.lost_since_ms is None
    assert again.positions() == {each.stream_key: each for each in written.positions}
    assert [again.position(each.stream_key) for each in written.positions] == list(written.positions)
    assert again.position("never read") is None
    assert again.state() == dict(written.state)
    assert again.open_incidents() == list(written.incidents)
    assert [row.alert for row in again.outbox.due("pager", 1_000, 10)] == list(written.alerts)
    assert [kept.record for kept in again.history.findings("key")] == list(written.findings)
    assert [kept.record for kept in again.history.dead_letters()] == list(written.dead_letters)
    assert [kept.record for kept in again.history.lost_ranges()] == list(written.lost)
    assert again.last_command_id == 7
    again.close()


def test_a_checkpoint_is_all_or_nothing(store: Store) -> None:
    """When one part of a checkpoint cannot be written, no part of it is there."""
    broken = replace(checkpoint(), state=(("windows", "no bytes"),))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.write(broken)
    assert store.positions() == {}
    assert store.open_incidents() == []
    store.write(checkpoint())
    assert len(store.positions()) == 1


def test_only_what_changed_is_touched(store: Store) -> None:
    """A later checkpoint replaces the keys it names, deletes those it sets to None and leaves the rest."""
    store.write(checkpoint())
    store.write(Checkpoint(2_000, positions=(Position("2:77:ab", "o", 8192),), state=(("windows", None), ("new", b"1"))))
    assert store.positions()["2:77:ab"].offset == 8192
    assert store.state() == {"joins": b"", "new": b"1"}
    assert store.last_command_id == 7


def test_resolved_incidents_are_history(store: Store) -> None:
    """A resolved incident is not open any more and stays readable."""
    store.write(checkpoint())
    over = incident(state=IncidentState.RESOLVED, last_seen_ms=9_000)
    store.write(Checkpoint(3_000, incidents=(over, incident("other", last_seen_ms=5_000), incident("first", last_seen_ms=1))))
    assert [each.dedup_key for each in store.open_incidents()] == ["first", "other"]
    assert store.history.incident("key") == over
    assert store.history.incident_counts() == {IncidentState.RESOLVED: 1, IncidentState.OPEN: 2}


def test_commands_come_in_order(store: Store) -> None:
    """Commands have rising ids and are read from where the pipeline stands."""
    first = store.add_command(5, "api", "acknowledge", '{"key": "k"}')
    second = store.add_command(6, "api", "silence")
    assert second > first
    assert [command.what for command in store.commands_after(0)] == ["acknowledge", "silence"]
    assert [command.id for command in store.commands_after(first)] == [second]


def test_a_storm_is_counted_not_kept(store: Store) -> None:
    """A checkpoint with ten thousand findings and dead letters of one kind keeps a bounded number of them."""
    letters = tuple(DeadLetter("s", str(each), "bad", b"x" * 5_000) for each in range(10_000))
    store.write(Checkpoint(1, findings=tuple(finding(start=each) for each in range(10_000)), dead_letters=letters))
    assert len(store.history.findings("key", 10_000)) == FINDINGS_A_KEY
    kept = store.history.dead_letters(10_000)
    assert len(kept) == DEAD_LETTERS_A_CHECKPOINT
    assert len(kept[0].record.sample) == 1024


def test_pages_go_on_where_they_ended(store: Store) -> None:
    """History is read newest first, and `before_id` gives the next page without gap or repeat."""
    store.write(Checkpoint(1, dead_letters=tuple(DeadLetter("s", str(each), "bad", b"") for each in range(5))))
    first = store.history.dead_letters(limit=3)
    second = store.history.dead_letters(limit=3, before_id=first[-1].id)
    assert [kept.record.position for kept in first + second] == ["4", "3", "2", "1", "0"]


def test_reads_do_not_wait_for_a_writer(store: Store) -> None:
    """While a transaction is open, reading gives what was committed before it."""
    store.write(checkpoint())
    with store._database.transaction() as connection:
        connection.execute("DELETE FROM position")
        seen: list[int] = []
        reader = threading.Thread(target=lambda: seen.append(len(store.positions())))
        reader.start()
        reader.join(5)
        assert seen == [1]
    assert store.positions() == {}


def test_the_log_is_folded_when_it_grows(store: Store) -> None:
    """Many checkpoints do not let the write-ahead log grow without bound."""
    for each in range(400):
        store.write(Checkpoint(each, state=(("windows", bytes([each % 250]) * 8_000),)))
    assert store._folder.wal_bytes() < 2 * database.WAL_LIMIT_BYTES


def test_old_history_goes(settings: StoreSettings) -> None:
    """Pruning drops history older than `keep` and keeps what is open, owed or still to be consumed."""
    store = Store.open(replace(settings, keep=timedelta(seconds=10)), 1_000)
    store.write(checkpoint())
    store.write(Checkpoint(1_000, incidents=(incident("over", IncidentState.RESOLVED),)))
    store.add_command(1_000, "api", "consumed")
    waiting = [store.add_command(1_000, "api", "waiting") for _ in range(8)][-1]
    assert store.prune(60_000) > 0
    assert store.history.findings("key") == []
    assert store.history.dead_letters() == []
    assert store.history.incident("over") is None
    assert len(store.open_incidents()) == 1
    assert len(store.outbox.due("pager", 60_000, 10)) == 1
    assert len(store.positions()) == 1
    assert [command.id for command in store.commands_after(7)] == [8, waiting]
    assert store.prune(60_000) == 0
    store.close()


def test_the_oldest_goes_when_the_file_is_large(settings: StoreSettings) -> None:
    """Above `max_size` the oldest history is dropped, call by call, until the file is smaller."""
    store = Store.open(replace(settings, max_size=Size(600_000)), 1_000)
    letters = tuple(DeadLetter("s", str(each), "bad", b"x" * 1024) for each in range(100))
    for at_ms in range(20):
        store.write(Checkpoint(at_ms, dead_letters=letters))
    for _ in range(40):
        store.prune(1_000)
    assert store.size_bytes() < 900_000
    kept = store.history.dead_letters(10_000)
    assert 0 < len(kept) < 2_000
    assert kept[0].at_ms == 19
    store.close()


def test_urgent_checkpoints_are_synced(store: Store) -> None:
    """A checkpoint that somebody must hear of is synced to the disk; one without news is not."""
    store.write(Checkpoint(1, state=(("a", b"1"),)))
    assert store._database._writer is not None
    assert store._database._writer.execute("PRAGMA synchronous").fetchone() == (1,)
    store.write(alerts(AlertAction.TRIGGER))
    assert store._database._writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_closing_twice_is_fine(settings: StoreSettings) -> None:
    """The store may be closed twice, and opened again afterwards in the same process."""
    store = Store.open(settings, 1)
    store.close()
    store.close()
    Store.open(settings, 2).close()


def test_odd_names_find_their_rows(store: Store) -> None:
    """Receivers and dedup keys that are no UTF-8 are queued, sent and shown like any other."""
    store.write(
        Checkpoint(1, alerts=(alert(AlertAction.TRIGGER, 1, "key-\udc80", "pager-\udcff"),), incidents=(incident("key-\udc80"),))
    )
    (row,) = store.outbox.due("pager-\udcff", 10, 5)
    assert row.alert.incident.dedup_key == "key-\udc80"
    store.outbox.delivered(row, "note", 20, None)
    assert store.history.deliveries("key-\udc80")[0].result == "delivered"
    assert store.history.incident("key-\udc80") is not None
