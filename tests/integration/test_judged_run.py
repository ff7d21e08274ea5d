"""Metrics in, a change, a signal that gets worse: an incident at a real receiver; when it is well again, its end."""

from __future__ import annotations

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
    trimmed = judged.now_ms - 5 * MINUTE_MS
    judged.start()
    traffic = Traffic(judged.now_ms - 60 * MINUTE_MS)
    judged.push(traffic.upto(trimmed))
    judged.push(traffic.upto(judged.now_ms + 2 * MINUTE_MS, SLOWER))
    judged.change(trimmed)
    judged.told("trigger", LATENCY)
    maps = judged.daemon.mapped_files()
    assert "python" in maps
    assert not [name for name in ("numpy", "scipy", "pandas", "sklearn") if name in maps]
    judged.daemon.kill()
    assert judged.daemon.peak_kib < 80 << 10
