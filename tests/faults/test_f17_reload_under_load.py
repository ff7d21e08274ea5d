"""F17: reloads, good and broken, while lines are written and files rotate. Nothing is lost, nothing is counted twice."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from tests.faults.whole import WITHIN_S, counts, finds_something_fresh, running, triggers
from tests.integration.test_run import HEADER, RULE, Place, trace

COUNTED = """\
id: own/pool-tired
title: The pool is tired
severity: error
stage: config
patterns: ['the pool is tired']
count: {at_least: 3}
window: 10m
cause: It was trimmed.
fix: Feed it.
source: own/program:main.c
"""
TIRED = HEADER.replace("request failed", "the pool is tired")


class Writer:
    """Writes numbered failures until it is stopped, and rotates the file by rename now and then."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.written = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join()

    def entities(self) -> set[str]:
        return {f"planted.N{number}" for number in range(self.written)}

    def _run(self) -> None:
        while not self._stop.is_set():
            text = trace(f"N{self.written}") + HEADER
            half = len(text) // 2
            self.place.write(text[:half])
            self.place.write(text[half:])
            self.written += 1
            if self.written % 40 == 0:
                self.place.log.rename(self.place.log.with_name(f"shop.log.{self.written // 40}"))
            time.sleep(0.005)


def outcomes(place: Place) -> tuple[int, int]:
    """How many reloads were taken, and how many refused."""
    log = place.daemon.log.read_text()
    return log.count('"reloaded"'), log.count('"reload_failed"')


@pytest.mark.slow
def test_a_hundred_reloads_a_minute_lose_nothing(place: Place) -> None:
    """Good, broken, unreadable and half-written rules and settings by turns, each followed by SIGHUP, the source's own settings
    among them: every failure that was written is told, and counted exactly once."""
    bad = place.rules / "bad.yaml"
    place.settings["incidents"] = {"max_open": 10_000}
    place.daemon.write_settings(place.settings)
    with running(place), Writer(place) as writer:
        assert place.receiver.wait_for({"planted.N0"}, 60) == set()
        end = time.monotonic() + 60
        for turn in range(600):
            if turn >= 60 and (min(outcomes(place)) > 5 or time.monotonic() > end):
                break
            broken = ["id: own/bad\npatterns: ['(unclosed']\n", RULE.replace("frobnicator", "gadget")[: 20 + turn], "\0", ""]
            bad.write_text(broken[turn % 4])
            bad.chmod(0o000 if turn % 10 == 5 else 0o644)
            place.settings["sources"][0]["poll"] = f"{20 + turn % 3}ms"
            place.daemon.write_settings(place.settings)
            place.daemon.signal(signal.SIGHUP)
            if turn % 5 == 4:
                bad.unlink()
                place.daemon.signal(signal.SIGHUP)
            time.sleep(0.1)
        bad.unlink(missing_ok=True)
        place.daemon.signal(signal.SIGHUP)
        writer.__exit__()
        assert place.receiver.wait_for(writer.entities(), 120) == set()
        finds_something_fresh(place)
        assert min(outcomes(place)) > 5
    found = counts(place)
    assert {entity: found[entity] for entity in writer.entities() if found[entity] != 1} == {}
    assert set(triggers(place).values()) == {1}


def test_other_settings_for_the_only_source_do_not_end_the_daemon(place: Place) -> None:
    """For a moment nobody reads: that is not the end of all input. It goes on, counts nothing twice, and stops when told to."""
    with running(place):
        place.write(trace("Before") + HEADER)
        for poll in (30, 40, 50):
            place.settings["sources"][0]["poll"] = f"{poll}ms"
            place.daemon.write_settings(place.settings)
            place.daemon.signal(signal.SIGHUP)
            place.daemon.wait_for_log('"reloaded"', times=poll // 10 - 2)
        finds_something_fresh(place)
        assert place.ask("/readyz")[0] == 200
    assert counts(place) == {"planted.Before": 1, "planted.Fresh": 1}


def test_an_open_window_survives_a_reload_of_other_rules(place: Place) -> None:
    """Two hits of three, another rule is added, the third hit comes: the story is complete."""
    (place.rules / "pool-tired.yaml").write_text(COUNTED)
    with running(place):
        place.write(TIRED * 2 + HEADER)
        finds_something_fresh(place, "Before")
        (place.rules / "widget-gone.yaml").write_text(RULE.replace("frobnicator", "widget"))
        place.daemon.signal(signal.SIGHUP)
        place.daemon.wait_for_log('"reloaded"')
        place.write(TIRED + HEADER)
        finds_something_fresh(place, "After")
    assert "own/pool-tired" in {body["rule"] for body in place.receiver.told}


@pytest.mark.parametrize("gone", ["unlink", "folder", "nul", "half", "empty"])
def test_settings_that_cannot_be_read_change_nothing(place: Place, gone: str) -> None:
    """Deleted, a folder, rubbish, half written: refused with the path, and the daemon goes on as it was."""
    with running(place):
        spoil(place.daemon.config, gone)
        place.daemon.signal(signal.SIGHUP)
        said = place.daemon.wait_for_log('"reload_failed"', timeout_s=WITHIN_S)
        assert str(place.daemon.config) in said
        finds_something_fresh(place)


def spoil(path: Path, how: str) -> None:
    text = path.read_bytes()
    path.unlink()
    match how:
        case "folder":
            path.mkdir()
        case "nul":
            path.write_bytes(b"\0" * 100)
        case "empty":
            path.write_bytes(b"\n")
        case "half":
            path.write_bytes(text[: len(text) // 2])
