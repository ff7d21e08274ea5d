"""F12 with the whole daemon: the disk of its state fills up while lines come in, and later has room again."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from tests.acceptance.receiver import Receiver
from tests.integration.test_run import HEADER, Place, trace

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@pytest.fixture
def small_disk(tmp_path):
    """16 MiB for the state and the compiled rules."""
    disk = tmp_path / "state"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def fill(path) -> None:
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            return


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path, small_disk):
    """No position moves, /readyz says 503 and /healthz 200 with the reason, people are told past the store, and when space
    returns everything that was written meanwhile is delivered."""
    with Receiver() as receiver:
        place = Place(tmp_path, receiver)
        place.daemon.start()
        try:
            place.daemon.wait_for_log('"source_started"')
            place.write(trace("Before") + HEADER)
            assert receiver.wait_for({"planted.Before"}, 10) == set()
            fill(small_disk / "filler")
            for number in range(400):
                place.write(trace(f"During{number}") + HEADER)
            until(lambda: place.ask("/readyz")[0] == 503)
            status, body = place.ask("/healthz")
            assert (status, "store_unavailable" in body) == (200, True)
            assert receiver.wait_for({"store"}, 30) == set(), "the emergency alert"
            (small_disk / "filler").unlink()
            assert receiver.wait_for({f"planted.During{number}" for number in range(400)}, 60) == set()
            until(lambda: place.ask("/readyz")[0] == 200)
            until(lambda: [b["action"] for b in receiver.told if b["entity"] == "store"] == ["trigger", "resolve"])
            assert place.daemon.stop() == 0
        finally:
            if not place.daemon.has_ended():
                place.daemon.kill()
