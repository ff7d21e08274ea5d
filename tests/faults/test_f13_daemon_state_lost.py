"""F13 and F28 with the whole daemon: what a person hears when the state is gone, and which starts are refused."""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver
from tests.integration.test_run import HEADER, Place, free_port, trace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield place
        if not place.daemon.has_ended():
            place.daemon.kill()


@pytest.fixture
def killed(place: Place) -> Place:
    """A daemon that found one failure, told it, and was killed."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.write(trace("Before") + HEADER)
    assert place.receiver.wait_for({"planted.Before"}, 10) == set()
    place.daemon.kill()
    return place


def garble(database: Path) -> None:
    """Both headers: a log that is whole would give the database its first page back."""
    for path in (database, database.with_name("state.db-wal")):
        with open(path, "r+b") as file:
            file.write(os.urandom(100))


def lose_the_log(database: Path) -> None:
    database.with_name("state.db-wal").unlink()


def empty(database: Path) -> None:
    for each in database.parent.glob("state.db*"):
        each.unlink()
    database.touch()


@pytest.mark.parametrize("damage", [garble, lose_the_log, empty])
def test_lost_state_is_told_and_logs_are_read_again(killed: Place, tmp_path: Path, damage: object) -> None:
    """The next start says that state was lost, /healthz shows it while we are ready, the log is read again from the configured
    point under the same dedup key, and a fresh failure is found within seconds."""
    damage(tmp_path / "state" / "state.db")  # type: ignore[operator]
    killed.write(trace("Meanwhile") + HEADER)
    killed.daemon.start()
    killed.write(trace("Fresh") + HEADER)
    assert killed.receiver.wait_for({"planted.Fresh", "planted.Meanwhile", str(tmp_path / "state")}, 10) == set()
    told = [body for body in killed.receiver.told if body["rule"] == "trimwatch/state-lost"]
    assert [body["state"] for body in told] == ["open"]
    keys = {body["dedup_key"] for body in killed.receiver.told if body["entity"] == "planted.Before"}
    assert len(keys) == 1
    status, body = killed.ask("/healthz")
    assert (status, "state_lost" in body) == (200, True)
    assert killed.ask("/readyz")[0] == 200
    assert killed.daemon.stop() == 0


def test_a_second_daemon_is_refused(killed: Place, tmp_path: Path) -> None:
    """Two on one state directory: the second exits 2 and says why, the first goes on."""
    killed.daemon.start()
    killed.daemon.wait_for_log('"source_started"', 2)
    second = Daemon(tmp_path, killed.settings | {"telemetry": {"listen": ""}})
    second.log = tmp_path / "second.log"
    second.start()
    assert second.ended_within(20)
    assert second.exit_status() == 2
    assert "held by another trimwatch" in second.log.read_text()
    killed.write(trace("After") + HEADER)
    assert killed.receiver.wait_for({"planted.After"}, 10) == set()
    assert killed.daemon.stop() == 0


def test_a_newer_store_is_refused(killed: Place, tmp_path: Path) -> None:
    """A store of a newer release: exit 2 with the reason, and the file stays as it is."""
    killed.daemon.start()
    killed.daemon.wait_for_log('"source_started"', 2)
    assert killed.daemon.stop() == 0
    connection = sqlite3.connect(tmp_path / "state" / "state.db")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = (tmp_path / "state" / "state.db").read_bytes()
    killed.daemon.start()
    assert killed.daemon.ended_within(20)
    assert killed.daemon.exit_status() == 2
    assert "newer release" in killed.daemon.log.read_text()
    assert (tmp_path / "state" / "state.db").read_bytes() == before


def test_the_files_deleted_under_a_running_daemon(killed: Place, tmp_path: Path) -> None:
    """Nothing is lost and nothing told twice: what is held open is written out again."""
    killed.daemon.start()
    killed.daemon.wait_for_log('"source_started"', 2)
    for each in (tmp_path / "state").glob("state.db*"):
        each.unlink()
    killed.write(trace("After") + HEADER)
    assert killed.receiver.wait_for({"planted.After"}, 10) == set()
    assert killed.daemon.stop() == 0
    killed.daemon.start()
    killed.daemon.wait_for_log('"source_started"', 3)
    killed.write(trace("Last") + HEADER)
    assert killed.receiver.wait_for({"planted.Last"}, 10) == set()
    told = [body["entity"] for body in killed.receiver.told]
    assert (told.count("planted.After"), told.count("planted.Last")) == (1, 1)
    assert set(told) == {"planted.Before", "planted.After", "planted.Last"}


def test_a_person_acknowledges_and_silences_through_the_api(killed: Place) -> None:
    """The command goes through the store and the pipeline: the incident is acknowledged, over a restart too; without the token
    nothing happens."""
    port = free_port()
    killed.daemon.write_settings(killed.settings | {"api": {"listen": f"127.0.0.1:{port}", "token": "right"}})
    killed.daemon.start()
    killed.daemon.wait_for_log('"source_started"', 2)
    key = killed.receiver.told[0]["dedup_key"]
    base = f"http://127.0.0.1:{port}/api/v1/incidents/{key}"
    assert _ask(f"{base}/acknowledge", b"", "wrong")[0] == 401
    assert _ask(f"{base}/acknowledge", b"", "right")[0] == 202
    assert _ask(f"{base}/silence", b'{"for_s": 3600}', "right")[0] == 202
    for _ in range(200):
        state = _ask(base)[1]["state"]
        if state == "acknowledged":
            break
    else:
        pytest.fail(f"never acknowledged: {state}")
    killed.daemon.kill()
    killed.daemon.start()
    killed.daemon.wait_for_log('"source_started"', 3)
    assert _ask(base)[1]["state"] == "acknowledged"
    assert killed.daemon.stop() == 0


def _ask(url: str, body: bytes | None = None, token: str = "") -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(url, body)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
