"""What must hold of every form in which counters and histograms come: order, cuts, repeats, markers and resets change nothing."""

import math
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals.folding import Folding
from detector.records import Distribution, MetricKind, MetricPoint
from tests.unit.core.signals.shipped import point, shipped

NAME = "http_server_requests_seconds"
HTTP = f"{NAME}_count"
RATE, P99 = shipped("application/request-rate"), shipped("application/latency-p99")
CLIENTS = shipped("storage/redis-clients")
BOUNDS = (0.1, 0.5)
dice = st.randoms(use_true_random=False)


def folded(signals, points, cut=None):
    """Closed as points come, or once."""
    folding, cells = Folding(signals, lateness_ms=3_000_000 if cut is None else 75_000), []
    for part in [points] if cut is None else [points[at : at + cut] for at in range(0, len(points), cut)]:
        folding.take(part, 10**9)
        cells += folding.close().cells
    cells += folding.close(3_000_000).cells
    assert not folding.counts.late
    return cells


def total(cells):
    return math.fsum(cell.value * cell.exposure_s for cell in cells)


def alike(some, others):
    """The same cells; each value to the last few digits."""
    assert [(cell.signal, cell.start_ms) for cell in some] == [(cell.signal, cell.start_ms) for cell in others]
    for one, other in zip(some, others, strict=True):
        assert math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-9) or (
            one.value != one.value and other.value != other.value
        )
        assert math.isclose(one.evidence, other.evidence, rel_tol=1e-9, abs_tol=1e-9)
        assert one.exposure_s == other.exposure_s


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 59), st.integers(0, 100)), min_size=1, max_size=20), dice, st.booleans())
def test_what_was_added_is_added_once(spans, chance, is_histogram):
    """In any order, all of it sent twice."""
    ends = list(accumulate(span for span, _ in spans))
    points = [delta((end - span) * 1000, end * 1000, count, is_histogram) for end, (span, count) in zip(ends, spans, strict=True)]
    sent = points * 2
    chance.shuffle(sent)
    expected = sum(count for _, count in spans)
    assert math.isclose(total(folded(RATE, sent)), expected, rel_tol=1e-9, abs_tol=1e-9)
    alike(folded(RATE, sent), folded(RATE, points, cut=3))


def delta(start_ms, end_ms, count, is_histogram):
    value = Distribution(BOUNDS, (float(count), 0.0, 0.0), None) if is_histogram else float(count)
    kind = MetricKind.HISTOGRAM if is_histogram else MetricKind.COUNTER
    return MetricPoint(NAME if is_histogram else HTTP, (("service", "cart"),), kind, value, end_ms, start_ms, True)


rounds = st.lists(st.tuples(st.tuples(*[st.integers(0, 30)] * 3), st.booleans()), min_size=2, max_size=20)


@settings(max_examples=80, deadline=None)
@given(rounds, st.integers(1, 40), dice)
def test_whole_or_in_parts(drawn, every_s, chance):
    """A histogram whose process starts anew now and then: the same cells of `_bucket` and `_count` as of the whole, and in any
    order. All of its parts begin anew at once, or the parts would know less."""
    whole, parts, reached = [], [], (0, 0, 0)
    for at, (added, is_anew) in enumerate(drawn):
        before = (0, 0, 0) if is_anew else reached
        after = tuple(have + more for have, more in zip(before, added, strict=True))
        if is_anew and any(now >= was > 0 for now, was in zip(accumulate(after), accumulate(reached), strict=True)):
            after = reached  # no total tells of this one
        reached = after
        whole.append(point(NAME, Distribution(BOUNDS, tuple(map(float, reached)), None), at * every_s))
        for le, below in zip(("0.1", "0.5", "+Inf"), accumulate(reached), strict=True):
            parts.append(point(f"{NAME}_bucket", float(below), at * every_s, le=le))
        parts.append(point(HTTP, float(sum(reached)), at * every_s))
    disordered = parts[:]
    chance.shuffle(disordered)
    for signals in (RATE, P99):
        expected = folded(signals, whole)
        alike(folded(signals, parts), expected)
        alike(folded(signals, disordered), expected)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 100), st.none()), min_size=2, max_size=30), st.integers(1, 40))
def test_a_marker_of_the_end_loses_no_increase(steps, every_s):
    """Where a scrape failed there is a marker; what was added over it counts."""
    marked, plain, reached = [], [], 0
    for at, step in enumerate(steps):
        reached += step or 0
        one = point(HTTP, None if step is None else float(reached), at * every_s)
        marked.append(one)
        if step is not None:
            plain.append(one)
    counted = [one.value for one in plain]
    expected = counted[-1] - counted[0] if counted else 0
    assert math.isclose(total(folded(RATE, marked)), expected, rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 9), st.none()), min_size=1, max_size=30), dice)
def test_a_level_ends_with_its_marker(levels, chance):
    """A step has the last level of its series, unless that ended; in any order, all of it sent twice."""
    points = [
        point("redis_connected_clients", None if level is None else float(level), at * 15 + 1) for at, level in enumerate(levels)
    ]
    sent = points * 2
    chance.shuffle(sent)
    found = {cell.start_ms // 15_000: cell.value for cell in folded(CLIENTS, sent)}
    expected = {at: float(level) for at, level in enumerate(levels) if level is not None}
    assert {at: value for at, value in found.items() if at < len(levels)} == expected
