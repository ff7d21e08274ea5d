"""The daemon as a user runs it: its own process, real files, a real receiver, real signals."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver

HEADER = "2026-11-24T10:00:00.000Z ERROR 1 --- [main] shop.Cart : request failed\n"
RULE = """\
id: own/frobnicator-gone
title: The frobnicator is gone
severity: error
stage: config
entity: {kind: setting, from: name}
patterns: ['frobnicator (?P<name>[a-z]{1,30}) is gone']
cause: It was trimmed.
fix: Put {name} back.
source: own/program:main.c
"""


def trace(name: str) -> str:
    return f"{HEADER}java.lang.ClassNotFoundException: planted.{name}\n\tat a.B.c(B.java:1)\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Place:
    """A folder with a log, settings and a receiver."""

    def __init__(self, folder, receiver: Receiver) -> None:
        self.log = folder / "shop.log"
        self.rules = folder / "rules" / "own"
        self.port = free_port()
        self.receiver = receiver
        self.settings = {
            "sources": [{"type": "file", "paths": [str(self.log)], "poll": "20ms", "look_for_files": "100ms"}],
            "sinks": [{"type": "webhook", "url": receiver.url, "allow_private": True}],
            "rules": {"paths": [str(folder / "rules")]},
            "store": {"path": str(folder / "state")},
            "telemetry": {"listen": f"127.0.0.1:{self.port}"},
            "api": {"listen": ""},
            "log": {"format": "json"},
        }
        self.rules.mkdir(parents=True)
        (self.rules / "frobnicator-gone.yaml").write_text(RULE)
        self.daemon = Daemon(folder, self.settings)

    def write(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text)

    def ask(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def place(tmp_path):
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        yield place
        if not place.daemon.has_ended():
            place.daemon.kill()


def test_a_failure_is_told_while_the_file_is_being_written(place):
    """Written, found, told, and the process stops cleanly on SIGTERM within its grace."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.write(trace("First") + HEADER)
    assert place.receiver.wait_for({"planted.First"}, 10) == set()
    told = place.receiver.told[0]
    assert (told["service"], told["action"], told["stage"]) == ("shop", "trigger", "dependency")
    assert place.ask("/readyz")[0] == 200
    end = time.monotonic() + 10
    while 'trimwatch_notifications_total{sink="webhook"} 1.0' not in place.ask("/metrics")[1]:
        assert time.monotonic() < end, "the answer is counted after the receiver has seen the request"
    assert 'trimwatch_source_lag_seconds{source="file"} ' in place.ask("/metrics")[1]
    assert place.daemon.stop(5) == 0


def test_what_was_written_while_it_was_down_is_told(place):
    """A restart goes on at the checkpoint: what came meanwhile is found, what was told is not told again."""
    place.daemon.start()
    place.write(trace("Before") + HEADER)
    assert place.receiver.wait_for({"planted.Before"}, 10) == set()
    place.daemon.stop()
    place.write(trace("Meanwhile") + HEADER)
    place.daemon.start()
    assert place.receiver.wait_for({"planted.Meanwhile"}, 10) == set()
    assert [body["entity"] for body in place.receiver.told].count("planted.Before") == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"type": "kafka", "servers": ["127.0.0.1:1"], "topics": ["x"]}, "servers: "),
        ({"type": "elasticsearch", "urls": ["http://127.0.0.1:1"], "index": "x"}, "x: 127.0.0.1:1: connection refused"),
        ({"type": "kubernetes", "api": "http://127.0.0.1:1", "pod": "shop-0", "namespace": "shop"}, "shop-0: "),
    ],
    ids=["kafka", "elasticsearch", "kubernetes"],
)
def test_a_source_that_is_not_served_is_shown(place, source, says):
    """In /healthz, by name and cause; the pod stays ready, since a restart mends no broker. Gone with the source."""
    place.settings["sources"].append(source)
    place.daemon.write_settings(place.settings)
    place.daemon.start()
    place.daemon.wait_for_log("_failing" if source["type"] == "kafka" else "_refused")
    assert _troubles_when(place, lambda troubles: troubles != [])[0]["trouble"] == "source_failing"
    (trouble,) = json.loads(place.ask("/healthz")[1])["troubles"]
    assert trouble["subject"] == source["type"]
    assert trouble["text"].startswith(says)
    assert place.ask("/readyz")[0] == 200
    place.settings["sources"].pop()
    place.daemon.write_settings(place.settings)
    place.daemon.signal(signal.SIGHUP)
    assert _troubles_when(place, lambda troubles: troubles == []) == []


def _troubles_when(place, wanted):
    """The troubles of /healthz as soon as they are as wanted."""
    end = time.monotonic() + 10
    while not wanted(troubles := json.loads(place.ask("/healthz")[1])["troubles"]):
        assert time.monotonic() < end, troubles
        time.sleep(0.05)
    return troubles


def test_ctrl_c_ends_it_cleanly(place):
    """SIGINT is a stop, not a crash."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    place.daemon.signal(signal.SIGINT)
    assert place.daemon.ended_within(5)
    assert "Traceback" not in place.daemon.log.read_text()


def test_a_reload_takes_new_rules_and_loses_nothing(place):
    """SIGHUP: the new rule finds, lines written around the reload are all judged."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    (place.rules / "widget-gone.yaml").write_text(RULE.replace("frobnicator", "widget"))
    for number in range(20):
        place.write(trace(f"N{number}") + HEADER)
        place.daemon.signal(signal.SIGHUP)
        time.sleep(0.05)
    place.daemon.wait_for_log('"reloaded"')
    place.write("widget knob is gone\n" + HEADER)
    wanted = {f"planted.N{number}" for number in range(20)} | {"knob"}
    assert place.receiver.wait_for(wanted, 20) == set()
    assert [body["entity"] for body in place.receiver.told].count("planted.N0") == 1


@pytest.mark.parametrize("broken", ["patterns: ['(unclosed']\n", "severty: error\n", "\0"])
def test_a_broken_reload_changes_nothing(place, broken):
    """The old set stays, health says path and line, and the next good one is taken."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    bad = place.rules / "bad.yaml"
    bad.write_text(f"id: own/bad\n{broken}")
    place.daemon.signal(signal.SIGHUP)
    said = place.daemon.wait_for_log('"reload_failed"')
    assert f"{bad}:" in said
    status, body = place.ask("/healthz")
    assert status == 200
    assert "reload_failed" in body
    place.write("frobnicator lever is gone\n" + HEADER)
    assert place.receiver.wait_for({"lever"}, 10) == set()
    bad.unlink()
    place.daemon.signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while "reload_failed" in place.ask("/healthz")[1]:
        assert time.monotonic() < end


def test_a_reload_follows_another_file(place, tmp_path):
    """Sources that changed start anew; the others go on."""
    place.daemon.start()
    place.daemon.wait_for_log('"source_started"')
    other = tmp_path / "other.log"
    place.settings["sources"].append({"type": "file", "name": "other", "paths": [str(other)], "poll": "20ms"})
    place.daemon.write_settings(place.settings)
    place.daemon.signal(signal.SIGHUP)
    place.daemon.wait_for_log('"source_started"', times=2)
    other.write_text(trace("Other") + HEADER)
    place.write(trace("Same") + HEADER)
    assert place.receiver.wait_for({"planted.Other", "planted.Same"}, 10) == set()


def test_a_receiver_that_is_away_hears_of_it_later(place):
    """503 until it is back: told then, once."""
    place.receiver.is_down = True
    place.daemon.start()
    place.write(trace("Late") + HEADER)
    place.daemon.wait_for_log('"source_started"')
    end = time.monotonic() + 10
    while 'trimwatch_notifications_failed_total{reason="serverError",sink="webhook"} 0' in place.ask("/metrics")[1]:
        assert time.monotonic() < end
    place.receiver.is_down = False
    assert place.receiver.wait_for({"planted.Late"}, 20) == set()
    assert len(place.receiver.told) == 1


def test_a_typo_in_the_settings_is_answered_with_its_line(place):
    """Exit status 2, `path:line: field: problem`, the nearest key, and no traceback."""
    place.daemon.config.write_text("service: shop\nsorces:\n  - type: file\n")
    place.daemon.start()
    assert place.daemon.ended_within(10)
    said = place.daemon.log.read_text()
    assert f"{place.daemon.config}:2: sorces: " in said
    assert "sources" in said.replace("sorces", "")
    assert "Traceback" not in said


def test_standard_input_is_read_to_its_end(tmp_path):
    """`program | trimwatch run`: alerts on standard output in the stable shape, exit status 0 when the input ends."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "detector.cli", "run"],
        input=trace("Piped").encode(),
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "TRIMWATCH_TELEMETRY_LISTEN": "", "TRIMWATCH_API_LISTEN": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["kind"], one["entity"]) for one in said] == [("incident", "planted.Piped")]
