"""Points become cells: what each trap of the exporters does to them."""

import math

import pytest

from detector.core.signals.cells import pooled
from detector.core.signals.folding import Folding
from detector.records import Distribution
from tests.unit.core.signals.shipped import point, shipped

HTTP = "http_server_requests_seconds_count"


def folded(points, *signals, until_s=None, **settings):
    """All cells, each step closed."""
    folding = Folding(shipped(*signals), **settings)
    points = list(points)
    newest_ms = max(one.time_ms for one in points)
    folding.take(points, newest_ms)
    return folding, folding.close(newest_ms + 15_000 if until_s is None else until_s * 1000)


def counter(name, values, every_s=15, begin_s=0.0, **labels):
    return [point(name, float(value), begin_s + at * every_s, **labels) for at, value in enumerate(values) if value is not None]


def test_a_share_is_the_increase_of_a_part_over_that_of_the_whole():
    """Evidence is how many requests there were; labels other than those asked for do not matter."""
    points = [*counter(HTTP, [0, 90, 180], status="200"), *counter(HTTP, [0, 10, 20], status="503")]
    _, closed = folded(points, "application/http-5xx-share")
    assert [(cell.start_ms, cell.value, cell.evidence) for cell in closed.cells] == [(0, 0.1, 100.0), (15_000, 0.1, 100.0)]
    assert {cell.family for cell in closed.cells} == {"micrometer"}


def test_an_increase_is_spread_over_the_steps_that_it_covers():
    """Scrapes that fall anywhere in a step, and more rarely than steps."""
    _, closed = folded(counter(HTTP, [0, 60, 120, 180], every_s=30, begin_s=7.0), "application/request-rate")
    assert [cell.value for cell in closed.cells] == pytest.approx([2.0] * 7)
    assert sum(cell.value * cell.exposure_s for cell in closed.cells) == pytest.approx(180)


def test_a_counter_that_is_lower_began_anew():
    """The new value was added, and no rate is negative."""
    _, closed = folded(counter(HTTP, [100, 115, 15, 30]), "application/request-rate")
    assert sum(cell.value * cell.exposure_s for cell in closed.cells) == pytest.approx(15 + 15 + 15)


def test_repeated_and_disordered_samples_change_nothing():
    """Within the lateness."""
    points = counter(HTTP, [0, 10, 25, 45, 70])
    _, straight = folded(points, "application/request-rate")
    _, disordered = folded([*reversed(points), *points], "application/request-rate")
    assert straight.cells == disordered.cells


def test_a_late_sample_below_the_line_did_not_begin_anew():
    """A step was closed by the line between the samples around its end; then one of them came that lies below it."""
    folding = Folding(shipped("application/request-rate"), lateness_ms=0)
    folding.take([point(HTTP, 1e6, 10), point(HTTP, 1e6 + 30, 40)], 40_000)
    cells = [*folding.close(15_000).cells]
    folding.take([point(HTTP, 1e6 + 2, 20)], 40_000)
    cells += folding.close(60_000).cells
    assert sum(cell.value * cell.exposure_s for cell in cells) == pytest.approx(30)


def test_delta_and_cumulative_say_the_same():
    """Three increases of 30 and a running total."""
    _, total = folded(counter(HTTP, [0, 30, 60, 90], begin_s=1), "application/http-5xx-share")
    _, delta = folded([point(HTTP, 30.0, at_s, is_delta=True) for at_s in (14, 29, 44)], "application/http-5xx-share")
    assert sum(cell.evidence for cell in total.cells) == pytest.approx(sum(cell.evidence for cell in delta.cells))


def test_a_marker_of_the_end_does_not_stop_a_counter_but_a_gauge():
    """A scrape that failed leaves one on every series."""
    points = [*counter(HTTP, [0, 15, None, 45]), point(HTTP, None, 30)]
    _, closed = folded(points, "application/request-rate")
    assert [cell.value for cell in closed.cells] == pytest.approx([1.0, 1.0, 1.0])
    gauges = [point("redis_connected_clients", 5.0, 1), point("redis_connected_clients", None, 16)]
    _, closed = folded(gauges, "storage/redis-clients")
    assert [(cell.start_ms, cell.value) for cell in closed.cells] == [(0, 5.0)]


def test_the_first_error_of_a_target_that_was_there_is_an_error():
    """A 503 that never was before comes as a series that begins at 1; Prometheus' increase() calls that no increase."""
    points = [*counter(HTTP, [100, 200, 300, 400], status="200", instance="a"), point(HTTP, 1.0, 30, status="503", instance="a")]
    _, closed = folded(points, "application/http-5xx-share")
    assert sum(cell.value * cell.evidence for cell in closed.cells) == pytest.approx(1.0)


def test_a_target_that_comes_with_high_counters_is_no_burst():
    """Its past is not ours."""
    points = [*counter(HTTP, [0, 15, 30], instance="a"), *counter(HTTP, [9000, 9015], begin_s=15, instance="b")]
    _, closed = folded(points, "application/request-rate")
    assert max(cell.value for cell in closed.cells) == pytest.approx(2.0)


def test_buckets_as_series_and_as_a_histogram_give_the_same_quantile():
    """One comes by remote write, the other by a scrape."""
    name = "http_server_requests_seconds"
    bounds, counts = (0.1, 0.2, 0.4), (50.0, 40.0, 9.0, 1.0)
    whole = [point(name, Distribution(bounds, (0.0,) * 4, None), 0), point(name, Distribution(bounds, counts, None), 15)]
    parts = []
    for le, below in (("0.1", 50.0), ("0.2", 90.0), ("0.4", 99.0), ("+Inf", 100.0)):
        parts += [point(f"{name}_bucket", 0.0, 0, le=le), point(f"{name}_bucket", below, 15, le=le)]
    cells = [folded(points, "application/latency-p99")[1].cells for points in (whole, parts)]
    assert cells[0][0].value == pytest.approx(400.0)
    assert [(cell.start_ms, cell.value, cell.evidence) for cell in cells[0]] == [
        (cell.start_ms, pytest.approx(cell.value), cell.evidence) for cell in cells[1]
    ]


def test_a_p99_of_a_window_is_of_merged_buckets():
    """A slow step with few requests does not weigh as much as one with many."""
    name, bounds = "http_server_requests_seconds", (0.1, 1.0)
    totals = [(0.0, 0.0, 0.0), (10_000.0, 0.0, 0.0), (10_000.0, 10.0, 0.0)]
    _, closed = folded(
        [point(name, Distribution(bounds, counts, None), at * 15) for at, counts in enumerate(totals)], "application/latency-p99"
    )
    family = shipped("application/latency-p99")[0].families[0]
    assert closed.cells[1].value > 900
    assert pooled(list(closed.cells), family) < 100


def test_the_old_generation_is_told_by_labels_and_minus_one_is_no_maximum():
    """Eden is not asked for; a pool without a maximum is left out on both sides."""
    old, heap = {"id": "G1 Old Gen", "area": "heap"}, {"id": "G1 Eden Space", "area": "heap"}
    points = [
        point("jvm_memory_used_bytes", 60.0, 1, **old),
        point("jvm_memory_max_bytes", 100.0, 1, **old),
        point("jvm_memory_used_bytes", 900.0, 1, **heap),
        point("jvm_memory_max_bytes", -1.0, 1, **heap),
        point("jvm_memory_used_bytes", 70.0, 1, instance="other", **old),
        point("jvm_memory_max_bytes", -1.0, 1, instance="other", **old),
    ]
    _, closed = folded(points, "application/old-generation")
    assert [cell.value for cell in closed.cells] == [0.6]


def test_a_pod_is_not_counted_twice():
    """`container=""` is the sum of a pod, POD its pause container."""
    name = "container_memory_working_set_bytes"
    rows = [(100.0, "cart"), (110.0, ""), (1.0, "POD")]
    _, closed = folded([point(name, value, 1, container=container) for value, container in rows], "container/working-set")
    assert [(cell.service, cell.value) for cell in closed.cells] == [("cart", 100.0)]


def test_one_of_two_reporters_of_istio_is_taken():
    """The destination; the source where no destination reports."""
    name, labels = "istio_requests_total", {"destination_workload": "cart", "response_code": "200"}
    source = counter(name, [0, 100, 200], reporter="source", **labels)
    both = [*source, *counter(name, [0, 100, 200], reporter="destination", **labels)]
    assert {(cell.family, cell.evidence) for cell in folded(both, "network/istio-5xx-share")[1].cells} == {("istio", 100.0)}
    assert {cell.family for cell in folded(source, "network/istio-5xx-share")[1].cells} == {"istio-source"}


def test_names_that_come_over_otlp_are_known():
    """Dots, units, attributes with dots."""
    labels = {"http.response.status_code": "500", "service.name": "cart"}
    bounds = (0.1,)
    points = [
        point("http.server.request.duration", Distribution(bounds, (count, 0.0), None), at_s, unit="s", **labels)
        for at_s, count in ((0, 0.0), (15, 10.0))
    ]
    _, closed = folded(points, "application/http-5xx-share", "application/latency-p99")
    found = {cell.signal: cell for cell in closed.cells if cell.start_ms == 0}
    assert found["application/http-5xx-share"].value == 1.0
    assert found["application/latency-p99"].value == pytest.approx(99.0)


def test_scrapes_that_fail_are_a_share():
    """`up` is 0."""
    points = [point("up", float(up), at * 5, job="cart") for at, up in enumerate((1, 1, 0))]
    _, closed = folded(points, "monitoring/scrape-failures")
    assert [(cell.value, cell.evidence) for cell in closed.cells] == [(pytest.approx(1 / 3), 3)]


def test_no_requests_are_no_share():
    """Not zero: nothing is known."""
    _, closed = folded(counter(HTTP, [5, 5]), "application/http-5xx-share")
    assert math.isnan(closed.cells[0].value)
    assert closed.cells[0].evidence == 0


def test_lag_in_time_is_what_is_left_over_how_fast_it_goes():
    """30 left, 2 a second: 15 s. An offset of -1 is none."""
    points = [
        *counter("kafka_consumergroup_current_offset", [0, 30, 60], consumergroup="orders"),
        *counter("kafka_consumergroup_lag", [30, 30, 30], consumergroup="orders", partition="0"),
        *counter("kafka_consumergroup_lag", [-1, -1, -1], consumergroup="orders", partition="1"),
    ]
    _, closed = folded(points, "storage/kafka-lag")
    assert [(cell.service, cell.value) for cell in closed.cells] == [("orders", pytest.approx(15_000.0))] * 2


def test_a_flood_is_bounded_counted_and_named_and_known_series_go_on():
    """A label that holds an id."""
    folding = Folding(shipped("application/request-rate"), most_series=50)
    folding.take(counter(HTTP, [0, 15]), 15_000)
    folding.take([point(HTTP, 0.0, 15, id=str(at)) for at in range(1000)], 15_000)
    folding.take(counter(HTTP, [30], begin_s=30), 30_000)
    cells = folding.close(30_000).cells
    assert folding.counts.refused_series == 951
    assert folding.counts.flooded == {HTTP: 951}
    assert [cell.value for cell in cells] == pytest.approx([1.0, 1.0])


def test_late_points_and_clocks_that_are_ahead_are_counted():
    """One wrong clock does not close the steps of everybody."""
    folding = Folding(shipped("application/request-rate"))
    folding.take(counter(HTTP, range(20)), 300_000)
    folding.close()
    folding.take([point(HTTP, 1.0, 0), point(HTTP, 5.0, 10_000)], 300_000)
    assert (folding.counts.late, folding.counts.ahead) == (1, 1)
    assert folding.newest_ms == 19 * 15_000


def test_a_series_that_vanished_is_named():
    """After five minutes without a sample, while others go on."""
    points = [*counter(HTTP, [0, 1], instance="gone"), *counter(HTTP, range(60), instance="here")]
    folding, closed = folded(points, "application/request-rate")
    assert [(series.name, dict(series.labels)["instance"], series.last_ms) for series in closed.vanished] == [
        (HTTP, "gone", 15_000)
    ]
    assert folding.counts.vanished == 1
