"""Rates before and after: what is told, and what a burst is not told as."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from models.pattern_clusters import clusters_of
from models.rate_change import FloatArray, RateChange, discoveries, rate_changes

HOUR = 60


def one(before: FloatArray, after: FloatArray) -> RateChange:
    return rate_changes(before[None], after[None], np.ones(before.size), np.ones(after.size))[0]


def drawn(rate: float, windows: int, seed: int = 1) -> FloatArray:
    return default_rng(seed).poisson(rate, windows).astype(np.float64)


def test_a_rate_that_trebles_is_told_with_its_ratio() -> None:
    change = one(drawn(2, 5 * HOUR), drawn(6, HOUR, 2))
    assert change.p < 1e-6
    assert change.ratio == pytest.approx(3, rel=0.2)


def test_twice_the_lines_of_twice_the_exposure_are_no_change() -> None:
    before, after = drawn(2, HOUR), drawn(4, HOUR, 2)
    assert rate_changes(before[None], after[None], np.full(HOUR, 100.0), np.full(HOUR, 200.0))[0].p > 0.05


def test_a_new_line_every_minute_is_told() -> None:
    assert one(np.zeros(5 * HOUR), drawn(2, HOUR)).p < 1e-6


def test_a_line_that_vanished_is_told() -> None:
    change = one(drawn(2, 5 * HOUR), np.zeros(HOUR))
    assert (change.after, change.ratio < 0.01, change.p < 1e-6) == (0, True, True)


def test_one_burst_of_two_hundred_lines_is_one_event() -> None:
    after = np.zeros(HOUR)
    after[10] = 200
    change = one(np.zeros(HOUR), after)
    assert change.dispersion > 100
    assert change.p > 0.1


def test_no_line_on_either_side_is_no_change() -> None:
    assert one(np.zeros(HOUR), np.zeros(HOUR)).p == 1.0


def test_steady_pairs_are_told_no_more_often_than_they_say() -> None:
    chance = default_rng(4)
    before, after = chance.poisson(1.0, (2000, 300)), chance.poisson(1.0, (2000, 60))
    changes = rate_changes(before.astype(np.float64), after.astype(np.float64), np.ones(300), np.ones(60))
    assert np.mean([change.p < 0.05 for change in changes]) <= 0.055


def test_a_side_without_exposure_is_refused() -> None:
    with pytest.raises(ValueError, match="exposure"):
        rate_changes(np.zeros((1, 2)), np.zeros((1, 2)), np.ones(2), np.zeros(2))


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    """The example of their paper, 1995: four at 5 %."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0]
    assert sum(discoveries(p, 0.05)) == 4
    assert discoveries([], 0.05) == []


counts = st.lists(st.integers(0, 1000), min_size=8, max_size=40)


@settings(max_examples=100, deadline=None)
@given(counts, counts)
def test_the_sides_swapped_give_the_ratio_upside_down(before: list[int], after: list[int]) -> None:
    """And every p is one."""
    there, back = one(np.array(before, float), np.array(after, float)), one(np.array(after, float), np.array(before, float))
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert 0 < there.p <= 1


def test_templates_of_one_problem_are_one_cluster() -> None:
    templates = [
        "java.lang.NoSuchMethodError: com.shop.Cart.total",
        "java.lang.NoSuchMethodError: com.shop.Cart.items",
        "connection to * refused after * ms",
        "java.lang.NoSuchMethodError: com.shop.Cart.clear",
    ]
    assert clusters_of(templates) == [0, 0, 1, 0]


def test_clusters_are_bounded_and_take_anything() -> None:
    assert clusters_of([]) == []
    assert clusters_of(["* *", "*"]) == [0, 1]
    assert clusters_of(["disk full"] * 5, most=3) == [0, 0, 0, 1, 2]
