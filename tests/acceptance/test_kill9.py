"""The process is killed with -9 fifty times; afterwards every planted failure was told, and nothing else."""

from __future__ import annotations

import random
import time
from collections import defaultdict

import pytest

from detector.crash_points import CrashPoint
from tests.acceptance.daemon import Daemon
from tests.acceptance.planter import Planter
from tests.acceptance.receiver import Receiver

KILLS = 50
MOST_MIB = 160


@pytest.mark.slow
def test_kill_minus_nine_anywhere(tmp_path):
    """At every named point, at the first and at a later passing, and at random moments, while lines are written and files rotate:
    every planted failure is delivered at least once under one dedup key, none is invented, memory stays bounded."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with Receiver() as receiver:
        daemon = Daemon(tmp_path, settings(logs, tmp_path, receiver))
        planter = Planter(logs, seed=11)
        planter.start()
        points = [f"{point.value}:{n}" for n in (1, 3) for point in CrashPoint]
        moments = [random.Random(7).uniform(0.4, 1.5) for _ in range(KILLS - len(points))]
        missed = [point for point in points if not dies_at(daemon, point, planter, receiver)]
        for seconds in moments:
            daemon.start()
            time.sleep(seconds)
            daemon.kill()
        planter.stop()
        daemon.start()
        not_told = receiver.wait_for(planter.planted, 60)
        assert daemon.stop() == 0, daemon.log.read_text()[-3000:]
        assert missed == [], "these points were never reached"
        assert not_told == set()
        assert invented(receiver, planter) == set()
        keys = defaultdict(set)
        for body in receiver.told:
            keys[body["entity"]].add(body["dedup_key"])
        assert {entity: k for entity, k in keys.items() if len(k) > 1} == {}
        assert daemon.peak_kib < MOST_MIB * 1024


def dies_at(daemon: Daemon, point: str, planter: Planter, receiver: Receiver) -> bool:
    """Runs the daemon until it kills itself at the point; true if it did."""
    daemon.start(crash_at=point)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if daemon.ended_within(0.1):
            return True
        if planter.in_truncated <= receiver.entities():
            planter.truncate_soon()
    daemon.kill()
    return False


def invented(receiver: Receiver, planter: Planter) -> set[str]:
    about_logs = {body["entity"] for body in receiver.told if body["service"] != "trimwatch"}
    return about_logs - planter.planted


def settings(logs, folder, receiver) -> dict[str, object]:
    return {
        "service": "shop",
        "sources": [
            {
                "type": "file",
                "paths": [f"{logs}/*.log*"],
                "poll": "20ms",
                "look_for_files": "100ms",
                "rotated_quiet": "300ms",
            }
        ],
        "sinks": [{"type": "webhook", "url": receiver.url, "allow_private": True}],
        "store": {"path": str(folder / "state"), "commit_every": "20ms"},
        "outbox": {"first_retry": "100ms"},
        "telemetry": {"listen": ""},
        "api": {"listen": ""},
    }
