"""F26: a sidecar gets SIGTERM and, before it can do anything, SIGKILL. What was read but not written is found by the next."""

from __future__ import annotations

import signal

from tests.faults.whole import counts, finds_something_fresh, running, triggers
from tests.integration.test_run import HEADER, Place, trace

LINES = 50


def test_no_drain_is_needed(place: Place) -> None:
    """Ten times over, in the middle of a storm: every failure is told under one key and counted once."""
    wanted = set()
    for life in range(10):
        place.daemon.start()
        place.daemon.wait_for_log('"source_started"', times=life + 1)
        for number in range(LINES):
            name = f"L{life}N{number}"
            place.write(trace(name) + HEADER)
            wanted.add(f"planted.{name}")
        place.daemon.signal(signal.SIGTERM)
        place.daemon.kill()
    with running(place):
        assert place.receiver.wait_for(wanted, 60) == set()
        finds_something_fresh(place)
    found = counts(place)
    assert {entity: found[entity] for entity in wanted if found[entity] != 1} == {}
    keys = {(body["entity"], body["dedup_key"]) for body in place.receiver.told}
    assert len(keys) == len({entity for entity, _ in keys})
    assert set(triggers(place)) == wanted | {"planted.Fresh"}


def test_the_last_words_of_a_dying_application_are_read_in_the_next_life(place: Place) -> None:
    """The application dies with an open trace and no newline, the sidecar with it: told at the next start."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.write(trace("LastWords").rstrip("\n"))
    place.daemon.signal(signal.SIGTERM)
    place.daemon.kill()
    place.write("\n" + HEADER)
    with running(place):
        assert place.receiver.wait_for({"planted.LastWords"}, 20) == set()
        finds_something_fresh(place)
    assert counts(place)["planted.LastWords"] == 1
