"""The numbers of a window, on samples whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest

from models.scales import Scale
from models.series import Floats
from models.window_statistics import cut, merged, statistics

AS_IT_IS = Scale("linear", 1.0)


def one(values: object, *names: str) -> Floats:
    samples = np.asarray(values, dtype=np.float64)
    windows = cut(np.arange(len(samples), dtype=np.float64), samples, 0.0, float(len(samples)), 1)
    return statistics(windows, AS_IT_IS, names, 1.0)[:, 0]


def test_windows_of_uneven_times() -> None:
    times = np.array([0.0, 10.0, 14.0, 31.0, 59.0])
    windows = cut(times, np.arange(5.0), 0.0, 15.0, 4)
    assert [list(row[np.isfinite(row)]) for row in windows.values] == [[0.0, 1.0, 2.0], [], [3.0], [4.0]]
    assert list(windows.known) == [3.0, 0.0, 1.0, 1.0]


def test_even_windows_are_those_of_uneven_ones() -> None:
    times, values = np.arange(60.0), np.arange(60.0)
    even = cut(times, values, 0.0, 15.0, 4)
    assert even.values.shape == (4, 15)
    assert np.array_equal(even.values, cut(np.append(times, 1e6), np.append(values, 0.0), 0.0, 15.0, 4).values)


def test_runs_of_windows_overlap() -> None:
    runs = merged(cut(np.arange(6.0), np.arange(6.0), 0.0, 2.0, 3), 2)
    assert np.array_equal(runs.values, [[0, 1, 2, 3], [2, 3, 4, 5]])
    assert list(runs.known) == [4.0, 4.0]


def test_a_burst_leaps_once_and_single_samples_each_time() -> None:
    burst, single = np.zeros(60), np.zeros(60)
    burst[10:22] = 1.0
    single[::5] = 1.0
    assert list(one(burst, "level", "tail", "leap")) == pytest.approx([0.2, 1.0, 0.0])
    assert list(one(single, "level", "tail", "leap")) == pytest.approx([0.2, 1.0, 1.0])


def test_a_leap_over_a_hole_is_not_seen() -> None:
    assert np.isfinite(one([0.0, np.nan, 9.0, 9.0], "leap")).all()
    assert one([0.0, np.nan, 9.0, 9.0], "leap")[0] == 0.0


def test_the_middle_knows_no_burst() -> None:
    values = np.ones(100)
    values[:40] = 50.0
    assert one(values, "middle")[0] == 1.0
