"""F27: a hundred sidecars, one cause, one page."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver
from tests.faults.sidecars import Street, street
from tests.integration.test_run import HEADER, free_port, trace
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh


@pytest.mark.slow
def test_a_hundred_sidecars_are_one_page_and_one_end(
    elasticsearch_node: Elasticsearch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All see the cause in one second and become quiet at different times: one trigger, no resolve before the last of them is
    quiet, one resolve then; the history of each says who told; and nobody owes anything. Three rounds."""

    async def whole(receiver: Receiver) -> None:
        async with street(elasticsearch_node, receiver, tmp_path, fresh("trimwatch"), 100, lease_s=60) as all_of_them:
            for number in (1, 2, 3):
                begin = time.monotonic()
                await one_round(all_of_them, number)
                with capsys.disabled():
                    took = time.monotonic() - begin
                    print(f"\nround {number}: {Counter(all_of_them.told())}, {all_of_them.requests()}, {took:.0f} s")

    with Receiver() as receiver:
        asyncio.run(whole(receiver))
        assert [body["action"] for body in receiver.told] == ["trigger", "resolve"] * 3


async def one_round(all_of_them: Street, number: int) -> None:
    for car in all_of_them.cars:
        car.sees()
        await asyncio.sleep(0)
    await all_of_them.settled()
    assert all_of_them.told() == ["trigger", "resolve"] * (number - 1) + ["trigger"]
    assert all_of_them.is_known_to("open", 100)
    assert all_of_them.document()["round"] == number
    order = Random(number).sample(all_of_them.cars, 100)
    for car in order[:-1]:
        car.is_quiet()
        await asyncio.sleep(0.05)
    await all_of_them.settled()
    assert all_of_them.told().count("resolve") == number - 1
    assert all_of_them.is_known_to("quiet", 99)
    order[-1].is_quiet()
    await all_of_them.settled()
    assert all_of_them.told().count("resolve") == number
    history = Counter((action, result) for car in order for action, result, _ in car.results())
    assert history == {
        ("trigger", "delivered"): number,
        ("trigger", "elsewhere"): 99 * number,
        ("resolve", "delivered"): number,
        ("resolve", "elsewhere"): 99 * number,
    }
    assert {problem[:8] for car in order for _, result, problem in car.results() if result == "elsewhere"} == {"told by "}


def test_sidecars_whose_cluster_is_killed_go_on(
    own_elasticsearch: Elasticsearch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty sidecars have told once; the cluster is killed, half of them become quiet, and one that saw nothing yet sees the
    cause: its page leaves in seconds, no end does. When the cluster is back and the last is quiet, there is one end."""

    async def whole(receiver: Receiver) -> None:
        async with street(own_elasticsearch, receiver, tmp_path, fresh("trimwatch"), 20, lease_s=30) as some:
            *others, late = some.cars
            for car in others:
                car.sees()
            await some.settled()
            assert some.told() == ["trigger"]
            own_elasticsearch.kill()
            for car in others[:10]:
                car.is_quiet()
            begin = time.monotonic()
            late.sees()
            await some.until(lambda: some.told() == ["trigger", "trigger"], 10)
            alone_s = time.monotonic() - begin
            assert all(car.owes() for car in others[:10])
            await asyncio.to_thread(own_elasticsearch.start)
            await some.settled()
            await some.until(lambda: some.is_known_to("open", 10))
            assert some.told() == ["trigger", "trigger"]
            for car in others[10:]:
                car.is_quiet()
            await some.settled()
            assert some.told() == ["trigger", "trigger"]
            late.is_quiet()
            await some.settled()
            assert some.told() == ["trigger", "trigger", "resolve"]
            with capsys.disabled():
                print(f"\ncluster away: {Counter(some.told())}; the trigger left after {alone_s:.1f} s; {some.requests()}")

    with Receiver() as receiver:
        asyncio.run(whole(receiver))


def test_daemons_as_processes_are_one_page(
    elasticsearch_node: Elasticsearch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five daemons, a log each, the same class missing in all of them. The one that told is killed with -9 and comes back: no
    second page. Then all become quiet: one end. What a person says to one of them is known to all."""
    prefix = fresh("trimwatch")
    with Receiver() as receiver:
        # The one that is killed must be back before the others are quiet, on a busy machine too.
        daemons = [_daemon(tmp_path / f"car-{n}", elasticsearch_node, receiver, prefix, quiet="20s") for n in range(5)]
        try:
            for daemon in daemons:
                daemon.start()
            for daemon in daemons:
                daemon.wait_for_log('"source_started"', timeout_s=60)
                _write(daemon, trace("Shared") + HEADER)
            _until(lambda: _reporters(elasticsearch_node, prefix) == {"open": 5})
            assert [body["action"] for body in receiver.told] == ["trigger"]
            _acknowledge(daemons[0], _document(elasticsearch_node, prefix)["key"])
            for daemon in daemons[1:]:
                daemon.wait_for_log('"silence_shared"', timeout_s=60)
            told_by = _teller(elasticsearch_node, prefix)
            (teller,) = [daemon for daemon in daemons if told_by in (daemon.folder / "state" / "state.json").read_text()]
            teller.kill()
            teller.start()
            teller.wait_for_log('"source_started"', times=2, timeout_s=60)
            _write(teller, trace("Shared") + HEADER)
            _until(lambda: _reporters(elasticsearch_node, prefix) == {"quiet": 5}, 60)
            _until(lambda: any(body["action"] == "resolve" for body in receiver.told))
            for daemon in daemons:
                assert daemon.stop() == 0, daemon.log.read_text()[-2000:]
            told = [body["action"] for body in receiver.told if body["action"] != "update"]
            assert told == ["trigger", "resolve"]
            with capsys.disabled():
                print(f"\n5 processes: {Counter(told)}")
        finally:
            for daemon in daemons:
                if not daemon.has_ended():
                    daemon.kill()


@pytest.mark.parametrize(("crash_at", "triggers"), [("sink_before_send", 1), ("sink_sent", 2)])
def test_who_dies_in_mid_send_is_replaced(
    elasticsearch_node: Elasticsearch, tmp_path: Path, crash_at: str, triggers: int
) -> None:
    """The daemon whose turn it is is killed with -9 before it sends, or when the pager has it and nobody knows: another one that
    sees the cause tells after a lease. Only in the second case the pager hears it twice."""
    prefix = fresh("trimwatch")
    with Receiver() as receiver:
        dies, lives = (_daemon(tmp_path / name, elasticsearch_node, receiver, prefix, lease="5s") for name in ("dies", "lives"))
        try:
            lives.start()
            dies.start(crash_at)
            for daemon in (lives, dies):
                daemon.wait_for_log('"source_started"', timeout_s=60)
            _write(dies, trace("Shared") + HEADER)
            assert dies.ended_within(60)
            _write(lives, trace("Shared") + HEADER)
            _until(lambda: [body["action"] for body in receiver.told].count("trigger") == triggers, 60)
            _until(lambda: [body["action"] for body in receiver.told] == ["trigger"] * triggers + ["resolve"], 60)
            assert lives.stop() == 0
        finally:
            for daemon in (dies, lives):
                if not daemon.has_ended():
                    daemon.kill()


def _daemon(folder: Path, node: Elasticsearch, receiver: Receiver, prefix: str, lease: str = "30s", quiet: str = "8s") -> Daemon:
    folder.mkdir()
    return Daemon(
        folder,
        {
            "service": "shop",
            "sources": [{"type": "file", "paths": [str(folder / "shop.log")], "poll": "20ms", "look_for_files": "100ms"}],
            "sinks": [{"type": "webhook", "url": receiver.url, "allow_private": True}],
            "incidents": {"resolve": "shared", "quiet": quiet},
            "store": {"path": str(folder / "state")},
            "elasticsearch": {"urls": [node.address], "prefix": prefix, "lease": lease, "poll": "1s"},
            "telemetry": {"listen": "127.0.0.1:0"},
            "api": {"listen": f"127.0.0.1:{free_port()}", "token": "open sesame"},
            "log": {"format": "json"},
        },
    )


def _write(daemon: Daemon, text: str) -> None:
    with open(daemon.folder / "shop.log", "a") as log:
        log.write(text)


def _acknowledge(daemon: Daemon, key: object) -> None:
    """As a person would, by the API of one daemon."""
    address = json.loads(daemon.config.read_text())["api"]["listen"]
    headers = {"Authorization": "Bearer open sesame", "Content-Type": "application/json"}
    url = f"http://{address}/api/v1/incidents/{key}/acknowledge"
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=10) as answer:
        assert answer.status == 202


def _document(node: Elasticsearch, prefix: str) -> dict[str, object]:
    try:
        found = node.ask("GET", f"/{prefix}-incidents-shared/_search?q=state:*")["hits"]["hits"]
    except OSError:
        return {}
    return found[0]["_source"] if found else {}


def _reporters(node: Elasticsearch, prefix: str) -> dict[str, int]:
    reporters = _document(node, prefix).get("reporters", {})
    return dict(Counter(each["state"] for each in reporters.values()))  # type: ignore[attr-defined]


def _teller(node: Elasticsearch, prefix: str) -> str:
    return str(_document(node, prefix)["told"]["webhook"]["by"])  # type: ignore[index]


def _until(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "never came"
        time.sleep(0.1)
