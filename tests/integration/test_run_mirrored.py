"""The daemon with a mirror, as a user runs it: a real Elasticsearch, or none where there should be one."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.integration.mirrored import Mirrored
from tests.integration.test_run import HEADER, Place, free_port, trace
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh

CANARY = "canary-7f3a9c"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield place
        if not place.daemon.has_ended():
            place.daemon.kill()


@pytest.fixture
def mirrored(elasticsearch_node: Elasticsearch) -> Mirrored:
    return Mirrored(elasticsearch_node, fresh("run"))


def with_mirror(place: Place, url: str, prefix: str) -> None:
    """Into the settings that the daemon reads at its start, or at a SIGHUP."""
    place.settings["elasticsearch"] = {"urls": [url], "prefix": prefix, "timeout": "5s", "username": "shop", "password": CANARY}
    place.daemon.write_settings(place.settings)


def test_what_is_found_told_and_resolved_is_mirrored(place: Place, mirrored: Mirrored, elasticsearch_node: Elasticsearch) -> None:
    """A finding, its incident and the delivery of its alert reach the mirror by themselves; a restart doubles nothing."""
    with_mirror(place, elasticsearch_node.address, mirrored.prefix)
    for name in ("First", "Second"):
        place.daemon.start()
        place.daemon.wait_for_log('"source_started"')
        place.write(trace(name) + HEADER)
        assert place.receiver.wait_for({f"planted.{name}"}, 20) == set()
        mirrored.wait_for(lambda: mirrored.count("deliveries") == len(place.receiver.told))
        assert place.daemon.stop() == 0
    found = {source["trimwatch"]["entity"]["name"] for source in mirrored.sources("findings")}
    assert found == {"planted.First", "planted.Second"}
    assert mirrored.count("findings") == 2
    assert {source["trimwatch"]["state"] for source in mirrored.sources("incidents")} == {"open"}
    assert CANARY not in place.daemon.log.read_text()


def test_a_mirror_may_come_with_a_reload(place: Place, mirrored: Mirrored, elasticsearch_node: Elasticsearch) -> None:
    """SIGHUP: what is open then is mirrored, and what comes after; taken out again, nothing is written any more."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.write(trace("Before") + HEADER)
    assert place.receiver.wait_for({"planted.Before"}, 20) == set()
    with_mirror(place, elasticsearch_node.address, mirrored.prefix)
    place.daemon.signal(signal.SIGHUP)
    mirrored.wait_for(lambda: mirrored.count("incidents") == 1)
    place.write(trace("After") + HEADER)
    mirrored.wait_for(lambda: mirrored.count("findings") == 1)
    mirrored.wait_for(lambda: mirrored.count("deliveries") == 1)
    del place.settings["elasticsearch"]
    place.daemon.write_settings(place.settings)
    place.daemon.signal(signal.SIGHUP)
    place.daemon.wait_for_log('"reloaded"', 2)
    place.write(trace("Without") + HEADER)
    assert place.receiver.wait_for({"planted.Without"}, 20) == set()
    assert place.daemon.stop() == 0
    assert mirrored.count("findings") == 1


def test_without_the_cluster_everything_else_goes_on(place: Place) -> None:
    """Nobody there: alerts go out, the pod is ready, health says what is wrong, and a stop takes no longer for it."""
    with_mirror(place, f"http://127.0.0.1:{free_port()}", "away")
    place.settings["outbox"] = {"first_retry": "10ms", "longest_retry": "100ms"}
    place.daemon.write_settings(place.settings)
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.write(trace("First") + HEADER)
    assert place.receiver.wait_for({"planted.First"}, 20) == set()
    place.daemon.wait_for_log('"mirror_failed"', 3)
    status, body = place.ask("/healthz")
    assert status == 200
    assert ("mirror_failing", "elasticsearch") in [(each["trouble"], each["subject"]) for each in json.loads(body)["troubles"]]
    assert place.ask("/readyz")[0] == 200
    assert 'trimwatch_feed_failed_total{consumer="elasticsearch",reason="connectionError"}' in place.ask("/metrics")[1]
    assert place.daemon.stop(5) == 0
    assert CANARY not in place.daemon.log.read_text()


def test_more_than_may_wait_is_counted_and_told(place: Place) -> None:
    """Beyond `max_waiting` the oldest findings go, and an incident about ourselves says how many."""
    with_mirror(place, f"http://127.0.0.1:{free_port()}", "away")
    place.settings["elasticsearch"]["max_waiting"] = 100
    place.daemon.write_settings(place.settings)
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    for number in range(200):
        place.write(trace(f"N{number}") + HEADER)
        if number % 20 == 19:
            assert place.receiver.wait_for({f"planted.N{number}"}, 20) == set()
    assert place.receiver.wait_for({"elasticsearch.max_waiting"}, 20) == set()
    told = next(body for body in place.receiver.told if body["entity"] == "elasticsearch.max_waiting")
    assert (told["rule"], told["service"]) == ("trimwatch/not-mirrored", "trimwatch")
    assert place.daemon.stop(5) == 0
