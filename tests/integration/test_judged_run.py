"""Metrics in, a change, a signal that gets worse: an incident at a real receiver; when it is well again, its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.receiver import Receiver
from tests.integration.shop_pushed import ERRORS, LATENCY, MINUTE_MS, SLOWER, Judged, Traffic


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    with Receiver() as receiver:
        judged = Judged(tmp_path, receiver, window="60s", windows=3, span="3h")
        yield judged
        if not judged.daemon.has_ended():
            judged.daemon.kill()


def slow_since_a_trim(judged: Judged) -> None:
    """An hour of traffic, slower for the last five minutes: since a change that the daemon knows of."""
    trimmed = judged.now_ms - 5 * MINUTE_MS
    judged.start()
    traffic = Traffic(judged.now_ms - 60 * MINUTE_MS)
    judged.push(traffic.upto(trimmed))
    judged.push(traffic.upto(judged.now_ms + 2 * MINUTE_MS, SLOWER))
    judged.change(trimmed)


def test_worse_after_a_change_and_well_after_going_back(judged: Judged) -> None:
    """A trim makes the shop slower: one page with what to go back to, and why, in numbers. It is rolled back, the shop is as it
    was: the page is over. What did not move opens nothing."""
    trimmed, back = judged.now_ms - 10 * MINUTE_MS, judged.now_ms - 5 * MINUTE_MS
    judged.start()
    traffic = Traffic(judged.now_ms - 190 * MINUTE_MS)
    judged.push(traffic.upto(trimmed))
    judged.push(traffic.upto(back, SLOWER))
    judged.push(traffic.upto(judged.now_ms + 2 * MINUTE_MS))  # ahead of the clock, so that what came before is over
    judged.change(trimmed, "--before", "shop:1.4.0", "--after", "shop:1.4.1", "--stage", "dependency")
    page = judged.told("trigger", LATENCY)
    assert page["service"] == "shop"
    assert page["roll_back_to"] == "1.4.0"
    assert page["stage"] == "dependency"
    assert "accepted +15%" in page["title"]
    judged.change(back, "--before", "shop:1.4.1", "--after", "shop:1.4.0")
    assert judged.told("resolve", LATENCY)["dedup_key"] == page["dedup_key"]
    assert ERRORS not in judged.receiver.entities()
    assert 'trimwatch_judge_runs_total{what="verdict",result="answered"} 2' in judged.metrics()
    assert judged.daemon.stop() == 0


def test_the_daemon_stays_small(judged: Judged) -> None:
    """With verdicts on and one made, its own memory holds no library of numbers: that ended with the judge."""
    slow_since_a_trim(judged)
    judged.told("trigger", LATENCY)
    maps = judged.daemon.mapped_files()
    assert "python" in maps
    assert not [name for name in ("numpy", "scipy", "pandas", "sklearn") if name in maps]
    judged.daemon.kill()
    assert judged.daemon.peak_kib < 80 << 10


def test_a_kill_of_the_daemon_ends_its_judge_and_loses_no_verdict(judged: Judged) -> None:
    """With -9 while the judge works: the judge is gone, the next start asks again, and the page leaves."""
    slow_since_a_trim(judged)
    judge = judged.until(lambda: judged.daemon.children("detector.judge"))[0]
    judged.daemon.kill()
    judged.until_gone(judge)
    assert not judged.receiver.told
    judged.start()
    assert "is worse after" in judged.told("trigger", LATENCY)["title"]


def test_a_kill_of_the_judge_is_no_verdict(judged: Judged) -> None:
    """With -9 while it works: the daemon goes on, says why there is no answer, and asks again later."""
    slow_since_a_trim(judged)
    os.kill(judged.until(lambda: judged.daemon.children("detector.judge"))[0], signal.SIGKILL)
    judged.daemon.wait_for_log("the judge was killed")
    judged.until(lambda: 'trimwatch_judge_runs_total{what="verdict",result="failed"} 1' in judged.metrics())
    assert not judged.receiver.told
    assert judged.daemon.stop() == 0
