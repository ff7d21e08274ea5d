"""In what forms counters and histograms come: whole or in parts, totals or what was added, and what becomes of repeats."""

import math

import pytest

from detector.core.signals.catalogue import SignalFile, read_signal
from detector.core.signals.folding import Folding
from detector.records import Distribution, MetricKind, MetricPoint
from tests.unit.core.signals.shipped import point, shipped

HTTP = "http_server_requests_seconds"
COUNT = f"{HTTP}_count"
RATE = shipped("application/request-rate")
P99 = shipped("application/latency-p99")


def share_of(of, over):
    text = f"""
title: ours
kind: share
unit: ratio
direction: up
acceptable: "+1pp"
origin: ours
from: [{{family: ours, seen: live, make: share, of: '{of}', over: '{over}'}}]
"""
    return (read_signal(SignalFile("application/ours", "ours.yaml", text)),)


def delta(name, value, start_s, end_s, **labels):
    kind = MetricKind.HISTOGRAM if isinstance(value, Distribution) else MetricKind.COUNTER
    named = tuple(sorted({"service": "cart", **labels}.items()))
    return MetricPoint(name, named, kind, value, round(end_s * 1000), round(start_s * 1000), True)


def cells(signals, points, until_s=600):
    folding = Folding(signals)
    folding.take(points, 10**9)
    return folding.close(until_s * 1000).cells


def total(found):
    return math.fsum(cell.value * cell.exposure_s for cell in found)


def test_what_was_added_is_spread_over_its_time():
    """Over the edge of a step, as an increase between two samples is."""
    found = cells(RATE, [delta(COUNT, 60.0, 0, 60)])
    assert [(cell.start_ms, cell.value, cell.exposure_s) for cell in found] == [(at * 15_000, 1.0, 15.0) for at in range(4)]


def test_what_was_added_and_comes_twice_was_added_once():
    """A push whose answer was lost is sent again; two that were added in the same time by two senders are not equal."""
    points = [delta(COUNT, 30.0, 0, 15), delta(COUNT, 30.0, 15, 30), delta(COUNT, 30.0, 0, 15), delta(COUNT, 15.0, 15, 30)]
    assert total(cells(RATE, points)) == pytest.approx(75)


def test_nothing_is_lost_of_what_reaches_into_a_closed_step():
    """It counts from the first open one on."""
    folding = Folding(RATE, lateness_ms=0)
    folding.take([delta(COUNT, 15.0, 0, 15)], 10**9)
    found = [*folding.close().cells]
    folding.take([delta(COUNT, 45.0, 0, 60, instance="b"), delta(COUNT, 45.0, 15, 60)], 10**9)
    found += folding.close(600_000).cells
    assert total(found) == pytest.approx(105)


def test_a_silent_series_of_a_sender_that_goes_on_added_nothing():
    """StatsD and k6 say nothing of what did not happen: a request that failed once in a minute is one a minute."""
    often = [delta("http_reqs", 10.0, at, at + 1, status="200") for at in range(60)]
    found = cells(RATE, [*often, delta("http_reqs", 15.0, 20, 21, status="503")])
    assert [cell.value for cell in found] == pytest.approx([10.0, 11.0, 10.0, 10.0])


def test_how_far_something_moved_is_no_level():
    """An up-down counter that comes as differences."""
    moved = MetricPoint("redis_connected_clients", (("service", "a"),), MetricKind.GAUGE, 3.0, 1000, 0, True)
    assert not cells(shipped("storage/redis-clients"), [moved])


def test_sums_and_bounds_of_a_histogram_that_comes_whole_are_what_they_are_in_parts():
    """`_sum` and `_bucket{le=}` in a selector: of a scrape as of remote write, whichever way a bound is written."""
    bounds, counts = (0.1, 1.0), (80.0, 15.0, 5.0)
    whole = [point(HTTP, Distribution(bounds, (0.0,) * 3, 0.0), 0), point(HTTP, Distribution(bounds, counts, 21.5), 15)]
    parts = [
        point(f"{HTTP}_{part}", value, at)
        for part, last in (("sum", 21.5), ("count", 100.0))
        for at, value in ((0, 0.0), (15, last))
    ]
    for le, below in (("0.1", 80.0), ("1.0", 95.0), ("+Inf", 100.0)):
        parts += [point(f"{HTTP}_bucket", 0.0, 0, le=le), point(f"{HTTP}_bucket", below, 15, le=le)]
    for of, value in ((f"{HTTP}_sum", 0.215), (f'{HTTP}_bucket{{le="1"}}', 0.95), (f'{HTTP}_bucket{{le="0.1"}}', 0.8)):
        for points in (whole, parts):
            found = cells(share_of(of, COUNT), points)
            assert [(cell.value, cell.evidence) for cell in found] == [(pytest.approx(value), 100.0)], (of, points is whole)


def test_a_rate_of_k6_is_its_sum_over_its_count():
    """`http_req_failed` is a histogram of what was 0 and what was not."""
    failed = [delta("http_req_failed", Distribution((0.0,), (97.0, 3.0), 3.0), at, at + 1) for at in range(15)]
    (cell,) = cells(share_of("http_req_failed_sum", "http_req_failed_count"), failed)
    assert (cell.value, cell.evidence) == (pytest.approx(0.03), 1500)


@pytest.mark.parametrize("is_whole_first", [True, False])
def test_a_histogram_that_comes_whole_and_in_parts_counts_once(is_whole_first):
    """As Prometheus sends it on the way from classic to native histograms; once the whole one is gone, its parts count."""
    both = shipped("application/request-rate", "application/latency-p99")
    folding = Folding(both)
    found = []
    for at in range(80):
        whole = [point(HTTP, Distribution((0.1,), (15.0 * at, 0.0), None), at * 15)] if at < 30 else []
        parts = [point(COUNT, 15.0 * at, at * 15), point(COUNT, 1.0, at * 15, service="other")]
        parts += [point(f"{HTTP}_bucket", 15.0 * at, at * 15, le=le) for le in ("0.1", "+Inf")]
        folding.take([*whole, *parts] if is_whole_first else [*parts, *whole], 10**9)
        found += folding.close().cells
    rates = {cell.start_ms // 15_000: cell.value for cell in found if cell.signal == RATE[0].id and cell.service == "cart"}
    counted = {cell.start_ms // 15_000: cell.evidence for cell in found if cell.signal == "application/latency-p99"}
    assert [rates[at] for at in range(1, 29)] == pytest.approx([1.0] * 28)
    assert [counted[at] for at in range(1, 29)] == pytest.approx([15.0] * 28)
    assert [rates[at] for at in range(60, 74)] == pytest.approx([1.0] * 14)
    assert [counted[at] for at in range(60, 74)] == pytest.approx([15.0] * 14)


def test_a_name_may_be_a_summary_here_and_a_histogram_there():
    """Whichever comes first."""
    name = "http_request_duration_seconds"
    summary = [point(name, 0.3, at * 15, service="old", quantile="0.99") for at in range(3)]
    whole = [point(name, Distribution((0.1, 0.2), (10.0 * at, 0.0, 0.0), None), at * 15) for at in range(3)]
    assert {cell.service for cell in cells(P99, [*summary, *whole])} == {"cart"}


def test_a_target_that_was_away_is_no_burst_when_it_comes_back():
    """Its series are not taken for new ones that began at 0, be they known or not."""

    def scrapes(rounds):
        return [
            point(COUNT, 1000.0 + 15 * at, at * 15, instance="a", status=status) for at in rounds for status in ("200", "404")
        ]

    folding, found = Folding(RATE), []
    late = [point(COUNT, 9000.0 + at, at * 15, instance="a", status="500") for at in range(60, 64)]
    for points in (
        scrapes(range(8)),
        [point(COUNT, 1.0, at * 15, instance="b") for at in range(60)],
        scrapes(range(60, 64)),
        late,
    ):
        folding.take(points, 10**9)
        found += folding.close().cells
    found += folding.close(2_000_000).cells
    assert max(cell.value for cell in found) < 2.5


def test_a_hole_longer_than_the_lateness_is_the_same_live_and_in_replay():
    """A sample that comes as it is made comes after the steps of such a hole were closed; one that waits in a file is there."""
    points = [point(COUNT, 2.0 * at, at, instance=instance) for at in range(0, 300, 15) for instance in "ab"]
    points = [each for each in points if not (("instance", "b") in each.labels and 60_000 < each.time_ms < 200_000)]
    points += [delta(COUNT, 240.0, 60, 180, instance="c")]
    points.sort(key=lambda each: each.time_ms)
    live, found = Folding(RATE), []
    for each in points:
        live.take([each], 10**9)
        found += live.close().cells
    found += live.close(600_000).cells
    assert found == list(cells(RATE, points))
