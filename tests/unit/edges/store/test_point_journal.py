"""The journal of metric points: written with the checkpoint, there after a start, and never more than what is needed."""

from detector.edges.store.store import Store
from detector.records import Checkpoint, JournalEntry, Remembered
from detector.settings import StoreSettings


def test_a_checkpoint_appends_and_drops(tmp_path):
    """Rows and series as they were, those that are over gone; a checkpoint that holds nothing else is not empty."""
    settings = StoreSettings(path=str(tmp_path))
    store = Store.open(settings, 0)
    first = Checkpoint(0, journal=JournalEntry(1, lambda: b"one", 1, ((1, b"a"), (2, b"b"))))
    assert not first.is_empty
    store.write(first)
    store.write(Checkpoint(0, journal=JournalEntry(2, lambda: b"two", 1, ((3, b"c"),))))
    store.write(Checkpoint(0, journal=JournalEntry(3, None, 2, (), (2,))))
    store.close()
    store = Store.open(settings, 0)
    assert store.journal.read() == Remembered(((2, b"two"),), ((1, b"a"), (3, b"c")))
    store.journal.clear()
    assert store.journal.read() == Remembered()
    store.close()


def test_a_row_that_is_garbled_is_left_out_and_counted(tmp_path):
    """Nothing but points hangs on it: the store is not damaged for that."""
    store = Store.open(StoreSettings(path=str(tmp_path)), 0)
    store.write(Checkpoint(0, journal=JournalEntry(1, lambda: b"one", 1, ((1, b"a"),))))
    with store._database.transaction() as connection:
        connection.execute("UPDATE journal SET body = x'00'")
    assert store.journal.read() == Remembered((), ((1, b"a"),))
    assert store.journal.garbled == 1
    store.close()
