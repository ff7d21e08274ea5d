"""The daemon dies with -9 on the way from a change to its page, again and again; the page comes, once, and so do the verdicts."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from detector.edges.store.store import Store
from detector.records import Cell, Checkpoint
from detector.settings import StoreSettings
from tests.acceptance.daemon import Daemon
from tests.acceptance.receiver import Receiver
from tests.integration.test_run import free_port
from tests.unit.core.judgements.course import MINUTE, P99
from tests.unit.judge.case import CHANGE_MS, STEP_MS, noisy

# In the order of the way: the change is known and asked about, the answer is being written, is written, is being told.
DEATHS = ("store_begin:1", "store_committed:1", "store_alerts:2", "store_committed:2", "sink_before_send", "sink_sent")


class Killed:
    """A daemon whose shop was trimmed eleven minutes ago, and is slower since; its store knows both."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.receiver, self.api = receiver, free_port()
        store = StoreSettings(path=str(folder / "state"))
        self.change_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS - 11 * MINUTE
        before, after = noisy(420.0, 9.0, 1), noisy(620.0, 9.0, 2)
        opened = Store.open(store, self.change_ms)
        opened.write(Checkpoint(self.change_ms, cells=tuple(self.cells(before, -180, 0)) + tuple(self.cells(after, 0, 10))))
        opened.close()
        self.daemon = Daemon(
            folder,
            {
                "sources": [],
                "sinks": [{"type": "webhook", "name": "hook", "url": receiver.url, "allow_private": True}],
                "store": {"path": store.path, "commit_every": "50ms"},
                "telemetry": {"listen": ""},
                "api": {"listen": f"127.0.0.1:{self.api}"},
                "ingest": {"listen": f"127.0.0.1:{free_port()}"},
                "verdicts": {"enabled": True, "own_history": True, "lateness": "0s", "window": "10m", "windows": 1, "span": "3h"},
                "outbox": {"first_retry": "100ms"},
            },
        )

    def cells(self, value, begin_min: int, end_min: int):
        begin_ms, end_ms = (self.change_ms + minutes * MINUTE for minutes in (begin_min, end_min))
        for at in range(begin_ms, end_ms, STEP_MS):
            yield Cell("shop", P99, "ms", at, value(at - self.change_ms + CHANGE_MS), 400.0)

    def change(self) -> None:
        """`trimwatch change add`, beside nobody: the daemon is not there yet."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.change_ms // 1000))
        command = [sys.executable, "-P", "-m", "detector.cli", "change", "add", "--config", str(self.daemon.config)]
        more = ["--service", "shop", "--at", at, "--before", "shop:1.4.0", "--after", "shop:1.4.1"]
        subprocess.run([*command, *more], check=True, capture_output=True, timeout=30)

    def ask(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        connection.request("GET", path)
        said = json.loads(connection.getresponse().read())
        connection.close()
        return said


@pytest.mark.slow
def test_a_page_comes_through_every_death(tmp_path: Path) -> None:
    """One dedup key, one number, whatever was asked and told again; the verdicts are kept once; it stays open after all that."""
    with Receiver() as receiver:
        one = Killed(tmp_path, receiver)
        one.change()
        survived = []
        for point in DEATHS:
            one.daemon.start(crash_at=point)
            if not one.daemon.ended_within(20):
                survived.append(point)
                one.daemon.kill()
        one.daemon.start()
        try:
            one.daemon.wait_for_log(f":{one.api}", len(DEATHS) + 1)
            assert receiver.wait_for({P99}, 30) == set(), one.daemon.log.read_text()[-4000:]
            assert survived == []
            told = [each for each in receiver.told if each["entity"] == P99]
            assert {(each["action"], each["dedup_key"], each["seq"]) for each in told} == {
                ("trigger", told[0]["dedup_key"], told[0]["seq"])
            }
            assert told[0]["roll_back_to"] == "1.4.0"
            verdicts = one.ask("/api/v1/verdicts?limit=100")["verdicts"]
            assert sorted((each["signal"], str(each["window"]), each["verdict"]) for each in verdicts) == [
                (P99, "1", "fail"),
                (P99, "all", "fail"),
            ]
            (judgement,) = one.ask("/api/v1/status")["judgements"]
            assert (judgement["window"], judgement["is_asked"], judgement["held"]) == (1, False, 1)
            (incident,) = one.ask("/api/v1/incidents?state=open")["incidents"]
            assert incident["entity"] == P99
        finally:
            one.daemon.kill()
