"""F30: state that another release wrote. A newer store is refused before anything is read; one of this format goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detector.edges.store.store import Store
from detector.records import Checkpoint
from detector.settings import StoreSettings
from tests.faults.whole import counts, finds_something_fresh, running, triggers
from tests.integration.test_run import HEADER, Place, trace


def database_of(place: Place) -> Path:
    return Path(place.settings["store"]["path"]) / "state.db"


@pytest.fixture
def stopped(place: Place) -> Place:
    """A daemon that told of one failure and was stopped."""
    with running(place):
        place.write(trace("Before") + HEADER)
        assert place.receiver.wait_for({"planted.Before"}, 20) == set()
    return place


def test_a_store_of_a_newer_release_is_refused_and_left_alone(stopped: Place) -> None:
    """Exit status 2 and what to do, no traceback, and not a byte of it is changed."""
    with sqlite3.connect(database_of(stopped)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
    database.close()
    before = database_of(stopped).read_bytes()
    stopped.daemon.log.unlink()
    stopped.daemon.start()
    assert stopped.daemon.ended_within(20)
    assert stopped.daemon.exit_status() == 2
    said = stopped.daemon.log.read_text()
    assert "newer" in said
    assert "Traceback" not in said
    assert database_of(stopped).read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [("stream/", b'5\n{"version":99}'), ("life/", b'{"v":99}'), ("life/", b'{"v":1}'), ("engine/", b"[]"), ("silences", b"[]")],
)
def test_a_memory_that_is_not_understood_ends_nothing(stopped: Place, kind: str, body: bytes) -> None:
    """Another release wrote the state of streams, incidents, rules or silences in its own way: a fresh failure is told."""
    rewrite_state(stopped, kind, body)
    with running(stopped):
        finds_something_fresh(stopped)
    assert counts(stopped)["planted.Fresh"] == 1


def rewrite_state(place: Place, kind: str, body: bytes) -> None:
    """Through the store, so that checksums are right."""
    store = Store.open(StoreSettings(path=str(place.settings["store"]["path"])), 0)
    keys = [key for key in store.state() if key.startswith(kind)] or [kind]
    store.write(Checkpoint(at_ms=0, state=tuple((key, body) for key in keys)))
    store.close()


def test_the_state_of_this_release_goes_on(stopped: Place) -> None:
    """Incident, position and what was told are taken up: the same cause again rings nobody, and counts on."""
    with running(stopped):
        stopped.write(trace("Before") + HEADER)
        finds_something_fresh(stopped)
    assert counts(stopped)["planted.Before"] == 2
    assert triggers(stopped) == {"planted.Before": 1, "planted.Fresh": 1}
