"""The whole daemon in a fault test: started, looked at, and its store read when it has stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.edges.store.store import Store
from detector.settings import StoreSettings
from tests.integration.test_run import HEADER, Place, trace

WITHIN_S = 20  # five seconds by FAULTS, on a machine that others use too


@contextmanager
def running(place: Place) -> Iterator[None]:
    """Follows the log until the block ends, then stops cleanly."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    yield
    assert place.daemon.stop() == 0, place.daemon.log.read_text()[-3000:]


@contextmanager
def store_of(place: Place) -> Iterator[Store]:
    """The store of a daemon that has stopped."""
    store = Store.open(StoreSettings(path=str(place.settings["store"]["path"])), 0)
    try:
        yield store
    finally:
        store.close()


def counts(place: Place) -> dict[str | None, int]:
    """How many events each entity has, as the store of a stopped daemon holds it."""
    with store_of(place) as store:
        return {incident.entity: incident.count for incident in store.history.incidents(limit=None)}


def triggers(place: Place) -> Counter[str]:
    """How often each entity rang the pager."""
    return Counter(body["entity"] for body in place.receiver.told if body["action"] == "trigger")


def finds_something_fresh(place: Place, name: str = "Fresh", path: Path | None = None) -> None:
    with open(path or place.log, "a") as log:
        log.write(trace(name) + HEADER)
    assert place.receiver.wait_for({f"planted.{name}"}, WITHIN_S) == set()
