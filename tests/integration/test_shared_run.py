"""Daemons as processes that share their incidents: settings that change under them, partitions that change hands."""

from __future__ import annotations

import signal
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.receiver import Receiver
from tests.integration.test_run import HEADER, Place, trace
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield place
        if not place.daemon.has_ended():
            place.daemon.kill()


def shared(node: Elasticsearch, prefix: str) -> list[dict[str, Any]]:
    """The incidents that daemons have agreed on."""
    try:
        found = node.ask("GET", f"/{prefix}-incidents-shared/_search")["hits"]["hits"]
    except urllib.error.HTTPError:
        return []
    return [hit["_source"] for hit in found]


def is_there(node: Elasticsearch, index: str) -> bool:
    """Whether documents of the index can be written."""
    try:
        return bool(node.ask("GET", f"/_cluster/health/{index}?timeout=1s")["status"] == "green")
    except urllib.error.HTTPError:
        return False


def until(holds: Callable[[], bool], timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "never came"
        time.sleep(0.1)


def test_a_reload_begins_and_ends_to_share(place: Place, elasticsearch_node: Elasticsearch) -> None:
    """`always`, then `shared`, then `always`: each new incident is told once, and the others hear only of those between. (Of the
    first one they hear where its receiver's answer was not written down yet at the reload.)"""
    prefix = fresh("trimwatch")
    cluster = {"urls": [elasticsearch_node.address], "prefix": prefix, "lease": "30s"}
    told = []
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"', timeout_s=60)
    for number, (name, changes) in enumerate(
        (
            ("Alone", {}),
            ("Shared", {"elasticsearch": cluster, "incidents": {"resolve": "shared"}}),
            ("Mirrored", {"elasticsearch": cluster}),
            ("Again", {}),
        )
    ):
        place.daemon.write_settings(place.settings | changes)
        place.daemon.signal(signal.SIGHUP)
        place.daemon.wait_for_log('"reloaded"', times=number + 1, timeout_s=60)
        if name == "Shared":
            until(lambda: is_there(elasticsearch_node, f"{prefix}-incidents-shared"))
        place.write(trace(name) + HEADER)
        assert place.receiver.wait_for({f"planted.{name}"}, 60) == set()
        told.append(name)
    assert [body["entity"] for body in place.receiver.told] == [f"planted.{name}" for name in told]
    until(
        lambda: (
            {each["incident"]["entity"] for each in shared(elasticsearch_node, prefix)} - {"planted.Alone"} == {"planted.Shared"}
        )
    )
    assert place.daemon.stop() == 0, place.daemon.log.read_text()[-2000:]
    assert '"mirror_failing"' not in place.daemon.log.read_text()


def test_a_stop_leaves_the_incident_to_whoever_comes_back(place: Place, elasticsearch_node: Elasticsearch) -> None:
    """A clean stop and a start: the same daemon goes on as reporter, tells nothing twice, and ends it when it is quiet."""
    prefix = fresh("trimwatch")
    place.daemon.write_settings(
        place.settings
        | {
            "elasticsearch": {"urls": [elasticsearch_node.address], "prefix": prefix, "lease": "30s"},
            "incidents": {"resolve": "shared", "quiet": "5s"},
        }
    )
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"', timeout_s=60)
    place.write(trace("Stopped") + HEADER)
    assert place.receiver.wait_for({"planted.Stopped"}, 60) == set()
    until(lambda: [each["state"] for each in shared(elasticsearch_node, prefix)] == ["open"])
    assert place.daemon.stop() == 0
    place.daemon.start()
    until(lambda: [each["state"] for each in shared(elasticsearch_node, prefix)] == ["resolved"])
    assert [body["action"] for body in place.receiver.told] == ["trigger", "resolve"]
    assert place.daemon.stop() == 0
