"""Which moments are asked for, and where the answers belong."""

from __future__ import annotations

import numpy as np

from detector.analysis.baselines.places.base import Wanted
from detector.analysis.baselines.places.grid import Grid, grid_of
from tests.unit.analysis.baselines.places.made import CHANGE_MS, HOUR_MS, wanted


def made(
    interval_ms: int = 15_000, span_ms: int = HOUR_MS, window_ms: int = 900_000, known_ms: int = CHANGE_MS + 9 * HOUR_MS
) -> Grid:
    about = wanted(span_ms=span_ms)
    return grid_of(Wanted("shop", "", CHANGE_MS, CHANGE_MS + HOUR_MS, window_ms, span_ms, about.now_ms), interval_ms, known_ms)


def test_the_change_is_one_of_its_times() -> None:
    """Whatever the step is; fifteen seconds, the scrapes' own if they are rarer, shorter for short windows, longer for weeks."""
    assert made().step_ms == 15_000
    assert made(60_000).step_ms == 60_000
    assert made(500, window_ms=20_000).step_ms == 1000
    assert made(span_ms=14 * 24 * HOUR_MS).step_ms == 60_480
    for interval_ms in (7_000, 15_000, 37_000):
        grid = made(interval_ms)
        assert (grid.change_ms - grid.begin_ms) % grid.step_ms == 0


def test_no_answer_that_looks_over_the_change_is_kept() -> None:
    """A rate of 45 s at the change is of the time before; that 30 s after it is of neither; what is told is when it began."""
    grid = made()
    first, last = grid.span(45_000)
    moments = range(first, last + 1, grid.step_ms)
    before, after = grid.tables("x", "here", 45_000, dict.fromkeys(moments, 1.0), dict.fromkeys(moments, 1.0))
    kept = before.times_s[np.isfinite(before.columns["x"])]
    assert kept[-1] * 1000 == CHANGE_MS - 45_000
    assert before.times_s[-1] * 1000 == CHANGE_MS - 15_000
    assert after.times_s[0] * 1000 == CHANGE_MS
    assert np.isfinite(after.columns["x"]).all()


def test_nothing_is_asked_of_the_future() -> None:
    grid = made(known_ms=CHANGE_MS + HOUR_MS // 2)
    _, last = grid.span(45_000)
    assert last <= CHANGE_MS + HOUR_MS // 2
    assert grid.tables("x", "here", 45_000, {}, {})[1].times_s.size == 240


def test_a_value_without_a_sample_behind_it_is_missing() -> None:
    """What a server repeats, and what is no number; rows begin with the first value."""
    grid = made()
    moments = list(range(grid.span(15_000)[0], grid.span(15_000)[1], grid.step_ms))
    values = dict.fromkeys(moments[10:], 1.0) | {moments[11]: float("inf")}
    evidence = dict.fromkeys(moments[10:], 2.0) | {moments[12]: 0.0}
    before, _ = grid.tables("x", "here", 15_000, values, evidence)
    assert before.times_s[0] * 1000 == moments[10] - 14_999
    assert list(np.isfinite(before.columns["x"][:4])) == [True, False, False, True]
