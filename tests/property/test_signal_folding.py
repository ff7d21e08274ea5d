"""What must hold of folding whatever comes: nothing is lost or invented by order, cuts, resets, or differing buckets."""

import math
import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals import buckets
from detector.core.signals.folding import Folding
from detector.records import Distribution
from tests.unit.core.signals.shipped import point, shipped

HTTP = "http_server_requests_seconds_count"
RATE = shipped("application/request-rate")
increases = st.lists(st.integers(0, 1000), min_size=2, max_size=30)


def total(cells):
    return math.fsum(cell.value * cell.exposure_s for cell in cells)


@settings(max_examples=80, deadline=None)
@given(increases, st.integers(1, 40), st.data())
def test_all_that_was_counted_is_folded_once(steps, every_s, data):
    """In any order, with repeats, over resets, taken in any cuts."""
    values, at = [], 0
    resets = data.draw(st.sets(st.integers(1, len(steps)), max_size=3))
    for index, step in enumerate([0, *steps]):
        at = step if index in resets else at + step
        values.append(float(at))
    expected = sum(now - before if now >= before else now for before, now in pairwise(values))
    points = [point(HTTP, value, index * every_s) for index, value in enumerate(values)]
    shuffled = [*points, *points[::3]]
    random.Random(data.draw(st.integers(0, 99))).shuffle(shuffled)
    cut = data.draw(st.integers(0, len(shuffled)))
    folding = Folding(RATE)
    folding.take(shuffled[:cut], 10**9)
    folding.take(shuffled[cut:], 10**9)
    cells = folding.close(10**7).cells
    assert math.isclose(total(cells), expected, rel_tol=1e-9, abs_tol=1e-6)
    assert all(cell.value >= 0 for cell in cells)


@settings(max_examples=60, deadline=None)
@given(increases, st.integers(1, 40))
def test_closing_often_or_once_is_the_same(steps, every_s):
    """For points that come in order."""
    values = [float(sum(steps[:end])) for end in range(len(steps) + 1)]
    points = [point(HTTP, value, index * every_s) for index, value in enumerate(values)]
    once, often = Folding(RATE), Folding(RATE)
    once.take(points, 10**9)
    whole = once.close(10**7).cells
    parts = []
    for one in points:
        often.take([one], 10**9)
        parts.extend(often.close().cells)
    parts.extend(often.close(10**7).cells)
    assert [(cell.start_ms, cell.evidence) for cell in parts] == [(cell.start_ms, cell.evidence) for cell in whole]
    assert all(math.isclose(a.value, b.value, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(parts, whole, strict=True))


bounds = st.lists(st.floats(0.001, 1000), min_size=1, max_size=12, unique=True).map(lambda found: tuple(sorted(found)))


@settings(max_examples=150, deadline=None)
@given(st.lists(bounds, min_size=1, max_size=4), st.data(), st.floats(0.01, 0.999))
def test_a_merged_quantile_lies_where_so_much_is_below(all_bounds, data, share):
    """Whatever the bounds: the quantile rises with the share, and lies within the bounds that hold something."""
    merged: buckets.Buckets = {}
    for found in all_bounds:
        counts = data.draw(st.lists(st.integers(0, 50), min_size=len(found) + 1, max_size=len(found) + 1))
        assert buckets.add(merged, found, [float(count) for count in counts])
    value = buckets.quantile(merged, share)
    if not merged:
        assert math.isnan(value)
        return
    edges = [edge for found in all_bounds for edge in found]
    assert 0 <= value <= max(edges)
    assert buckets.quantile(merged, share / 2) <= value * (1 + 1e-9) + 1e-12


def test_with_equal_bounds_it_is_that_of_prometheus():
    """90 % of 100 are at most 0.2; of the rest 8 in (0.2, 0.4]."""
    merged: buckets.Buckets = {}
    buckets.add(merged, (0.1, 0.2, 0.4), (50.0, 40.0, 8.0, 2.0))
    assert math.isclose(buckets.quantile(merged, 0.94), 0.3)
    assert buckets.quantile(merged, 0.99) == 0.4


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_a_histogram_that_lowers_its_scale_adds_what_was_added(before, more):
    """Two buckets become one: nothing is counted twice, and it did not begin anew."""
    old = Distribution((1.0, 2.0, 4.0), tuple(map(float, before)), None)
    coarse = (2.0, 4.0)
    put_together = (before[0] + before[1] + more[0], before[2] + more[1], before[3] + more[2])
    new = Distribution(coarse, tuple(map(float, put_together)), None)
    is_anew, added = buckets.increase(old, new, old)
    assert not is_anew
    assert added.counts == tuple(map(float, more[:3]))
