"""`trimwatch change` and `trimwatch baseline` as a user calls them, on a store at rest and beside a running daemon."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint
from detector.settings import StoreSettings
from tests.acceptance.receiver import Receiver
from tests.faults.whole import running, store_of
from tests.integration.test_run import HEADER, Place, trace

COMMAND = Path(sys.executable).with_name("trimwatch")
AT = "2026-11-25T02:00:00Z"
AT_MS = 1_795_572_000_000


def trimwatch(*arguments: object, status: int = 0, stdin: bytes = b"") -> str:
    done = subprocess.run([str(COMMAND), *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == status, said
    assert "Traceback" not in said
    return said


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield place
        if not place.daemon.has_ended():
            place.daemon.kill()


def folder_of(place: Place) -> Path:
    state: Path = place.log.parent / "state"
    return state


def learned_from(state: Path, minutes: int = 30) -> None:
    """A store in which two signals were watched before AT."""
    store = Store.open(StoreSettings(path=str(state)), AT_MS)
    for at in range(minutes * 4):
        now = AT_MS - (minutes * 4 - at) * 15_000
        cells = (Cell("shop", "latency_p99", "ms", now, 400.0 + at % 5, 300.0), Cell("shop", "http_5xx", "", now, 0.001, 300.0))
        store.write(Checkpoint(now, cells=cells))
    store.signals.pack(at_least=10)
    store.close()


def test_a_change_is_written_down_listed_and_shown(state: Path, tmp_path: Path) -> None:
    """On a store that is not there yet: made, with an id that can be said; image tags are the releases; the manifest is kept."""
    manifest = tmp_path / "trim.jsonl"
    manifest.write_text('{"kind":"item","item":"hibernate-validator","item_kind":"artifact"}\n')
    about = ("--stage", "dependency", "--before", "r:5000/shop:1.4.0", "--after", "r:5000/shop:1.4.1", "--note", "trimmed")
    made = json.loads(
        trimwatch("change", "add", "--service", "shop", "--at", AT, *about, "--manifest", manifest, "--store", state, "--json")
    )
    assert (made["kind"], made["id"], made["at"]) == ("change", "shop-20261125-0200", "2026-11-25T02:00:00.000Z")
    assert (made["release_before"], made["release_after"], made["stage"]) == ("1.4.0", "1.4.1", "dependency")
    trimwatch("change", "add", "--service", "shop", "--at", AT, "--store", state)
    trimwatch("change", "add", "--service", "cart", "--at", AT, "--store", state)
    listed = [
        json.loads(line) for line in trimwatch("change", "list", "--service", "shop", "--store", state, "--json").splitlines()
    ]
    assert {each["id"] for each in listed} == {"shop-20261125-0200", "shop-20261125-0200-2"}
    shown = json.loads(trimwatch("change", "show", "shop-20261125-0200", "--store", state, "--json"))
    assert shown["manifest"]["lines"] == [{"kind": "item", "item": "hibernate-validator", "item_kind": "artifact"}]
    assert "trimmed" in trimwatch("change", "show", "shop-20261125-0200", "--store", state)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("change", "add", "--service", " "), "1 to 253"),
        (("change", "add", "--service", "shop", "--at", "yesterday"), "--at"),
        (("change", "add", "--service", "shop", "--at", "2099-01-01T00:00:00Z"), "a day ahead"),
        (("change", "add", "--service", "shop", "--manifest", "/none"), "/none: No such file"),
        (("change", "list"), "there is no store here"),
        (("baseline", "export", "shop"), "there is no store here"),
        (("baseline", "learn", "--service", "shop", "--change", "x", "--until", "now"), "no store"),
    ],
)
def test_what_is_wrong_is_said_with_status_2(arguments: tuple[str, ...], words: str, state: Path) -> None:
    """And no store is made by looking."""
    assert words in trimwatch(*arguments, "--store", state, status=2)
    assert not state.exists() or arguments[1] == "add"


def test_a_baseline_is_learned_pinned_exported_and_imported_elsewhere(state: Path, tmp_path: Path) -> None:
    """The way of a trim: learned before the change, carried in a file, read from another store; never twice, never changed."""
    learned_from(state)
    change = json.loads(trimwatch("change", "add", "--service", "shop", "--at", AT, "--store", state, "--json"))["id"]
    made = json.loads(
        trimwatch("baseline", "learn", "--service", "shop", "--change", change, "--span", "20m", "--store", state, "--json")
    )
    assert (made["version"], made["change"], made["step_seconds"]) == (1, change, 15.0)
    assert made["end"] == "2026-11-25T02:00:00.000Z"
    assert [(each["name"], each["values"], each["missing"]) for each in made["signals"]] == [
        ("http_5xx", 80, 0),
        ("latency_p99", 80, 0),
    ]
    file, other = tmp_path / "shop.json", tmp_path / "other"
    trimwatch("baseline", "export", change, "-o", file, "--store", state)
    assert trimwatch("baseline", "export", made["sha256"][:8], "--store", state).encode() == file.read_bytes()
    trimwatch("baseline", "import", file, "--store", other)
    assert "here already" in trimwatch("baseline", "import", "-", "--store", other, stdin=file.read_bytes())
    (listed,) = [json.loads(line) for line in trimwatch("baseline", "list", "--store", other, "--json").splitlines()]
    assert (listed["sha256"], listed["change"]) == (made["sha256"], change)
    assert trimwatch("baseline", "show", "shop@1", "--json", "--store", other) == trimwatch(
        "baseline", "show", "shop", "--json", "--store", state
    )
    file.write_text(file.read_text().replace("401.0", "301.0", 1))
    assert "changed after it was made" in trimwatch("baseline", "import", file, "--store", other, status=2)
    trimwatch("baseline", "remove", "shop@1", "--store", other)
    assert "No baseline" in trimwatch("baseline", "list", "--store", other)


def test_a_baseline_is_learned_from_a_file(state: Path, tmp_path: Path) -> None:
    """As `trimwatch verdict` reads them; a hole is a hole."""
    file = tmp_path / "before.csv"
    file.write_text("time,p99\n" + "".join(f"{AT_MS // 1000 + at * 15},{'' if at == 3 else 420 + at}\n" for at in range(10)))
    made = json.loads(trimwatch("baseline", "learn", "--service", "shop", "--from", file, "--store", state, "--json"))
    (signal,) = made["signals"]
    assert (signal["name"], signal["source"], signal["values"], signal["missing"]) == ("p99", "file before.csv", 9, 1)


def test_nothing_to_learn_from_is_status_3(state: Path) -> None:
    """It names whose history there is."""
    learned_from(state, 2)
    assert "of: shop" in trimwatch("baseline", "learn", "--service", "cart", "--store", state, status=3)
    assert "it has: http_5xx, latency_p99" in trimwatch(
        "baseline", "learn", "--service", "shop", "--signal", "nope", "--store", state, status=2
    )


def test_a_running_daemon_takes_changes_in_and_goes_on(place: Place) -> None:
    """Many at once, beside its own checkpoints: none is lost, none has the id of another, and alerts go out meanwhile."""
    state = folder_of(place)
    with running(place):
        add = ("change", "add", "--service", "shop", "--at", AT, "--store", state)
        adding = [threading.Thread(target=trimwatch, args=add) for _ in range(6)]
        for each in adding:
            each.start()
        for at in range(20):
            place.write(trace(f"Class{at}") + HEADER)
        for each in adding:
            each.join()
        assert place.receiver.wait_for({f"planted.Class{at}" for at in range(20)}, 20) == set()
        listed = trimwatch("change", "list", "--store", state, "--json").splitlines()
        assert len({json.loads(line)["id"] for line in listed}) == 6
    with store_of(place) as store:
        assert store.loss is None
        assert store.last_command_id == 6
        assert [command.what for command in store.commands_after(0)] == ["change"] * 6


def test_a_change_is_kept_when_the_daemon_is_killed(place: Place) -> None:
    """Written down beside it, then kill -9: the next start has it, and nothing is called damaged."""
    state = folder_of(place)
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    trimwatch("change", "add", "--service", "shop", "--at", AT, "--store", state)
    place.daemon.kill()
    place.daemon.log.unlink()
    trimwatch("change", "add", "--service", "shop", "--at", AT, "--store", state)
    with running(place):
        assert len(trimwatch("change", "list", "--store", state).splitlines()) == 2
    with store_of(place) as store:
        assert store.loss is None


def test_a_store_of_a_newer_release_or_of_another_program_is_left_alone(state: Path) -> None:
    """Refused with what to do; not a byte is changed."""
    trimwatch("change", "add", "--service", "shop", "--store", state)
    database = state / "state.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = database.read_bytes()
    assert "newer release" in trimwatch("change", "add", "--service", "shop", "--store", state, status=2)
    assert database.read_bytes() == before
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA application_id = 7")
    connection.close()
    assert "another program" in trimwatch("change", "list", "--store", state, status=2)
