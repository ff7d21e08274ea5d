"""Counters walked together gain what each gains by itself, and none is left in another state by it."""

import copy
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals.increase import increase, increases
from detector.core.signals.series import Series, Target
from tests.unit.core.signals.shipped import point

STEP_MS = 15_000
values = st.one_of(st.integers(0, 5).map(float), st.sampled_from([math.nan, math.inf, None]), st.floats(0, 1e6))
samples = st.lists(st.tuples(st.integers(0, 30).map(lambda at: at * 3.75), values, st.booleans()), max_size=25)
STATE = ("at_ms", "last", "floor", "is_on_line", "seen_ms", "ordered")


def series_of(drawn, deltas):
    series = Series("http_server_requests_seconds_count", (), 0, Target(0))
    series.samples = [point(series.name, value, at_s, is_delta=is_delta and deltas) for at_s, value, is_delta in drawn]
    series.order(0, STEP_MS, 75_000)
    return series


@settings(max_examples=200, deadline=None)
@given(st.lists(samples, min_size=1, max_size=4), st.booleans())
def test_together_or_each_by_itself(drawn, deltas):
    """Repeats, holes, resets, markers, what is no number, samples on the edges of steps."""
    together = [series_of(each, deltas) for each in drawn]
    alone = copy.deepcopy(together)
    for begin_ms in range(0, 120_000, STEP_MS):
        gained = increases(together, begin_ms, begin_ms + STEP_MS, begin_ms + 90_000) or (0.0, 0.0, 0, 0)
        each = [increase(series, begin_ms, begin_ms + STEP_MS, begin_ms + 90_000) for series in alone]
        for series in alone:
            series.drop_before(begin_ms + STEP_MS)
        assert math.isclose(gained[0], math.fsum(amount for amount, _, _ in each), rel_tol=1e-9, abs_tol=1e-9)
        assert gained[3] == sum(count for _, _, count in each)
        assert gained[2] == max(covered_ms for _, covered_ms, _ in each)
        for one, other in zip(together, alone, strict=True):
            assert [getattr(one, name) for name in STATE] == [getattr(other, name) for name in STATE]
            assert len(one.samples) == len(other.samples)
