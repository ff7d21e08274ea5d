"""How soon a followed file is looked at again."""

from __future__ import annotations

import time

import pytest

from detector.edges.sources.file.schedule import BUSY_S, S_A_FILE, TOGETHER_S, Schedule
from detector.edges.sources.file.tail import Tail

POLL_S = 0.1


def pause(idle_s: float, files: int = 1, poll_s: float = POLL_S) -> float:
    """Of a schedule with one file that last changed so long ago."""
    schedule, tail = Schedule(poll_s), Tail("app.log", "app.log", (1, 1))
    tail.modified_ns = time.time_ns() - int(idle_s * 1e9)
    schedule.look_when_quiet(tail, files)
    return schedule._looks[0][0] - time.monotonic()


def test_a_file_that_is_being_written_is_looked_at_soon():
    """Sooner than a quiet one, which waits for `poll`; never sooner than `poll` itself where that is shorter."""
    assert pause(0.0) == pytest.approx(BUSY_S, abs=0.02)
    assert pause(3600.0) == pytest.approx(POLL_S, abs=0.02)
    assert pause(0.0, poll_s=0.01) == pytest.approx(0.01, abs=0.009)


def test_thousands_of_files_share_the_looks():
    """Each waits longer, and looks that fall due within a moment are one turn."""
    assert pause(3600.0, files=10_000) == pytest.approx(10_000 * S_A_FILE, abs=0.1)
    schedule = Schedule(POLL_S)
    for _ in range(100):
        schedule.look_later(Tail("app.log", "app.log", (1, 1)), 0.0)
    assert schedule.pause_s() == TOGETHER_S


def test_with_nothing_to_look_at_it_waits_for_poll():
    assert Schedule(POLL_S).pause_s() == POLL_S
