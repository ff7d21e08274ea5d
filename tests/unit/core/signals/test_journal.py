"""A process that is killed loses nothing that was committed, and tells no cell twice."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals.flow import SignalFlow
from detector.core.signals.followed import FlowChanges
from detector.core.signals.journal import Journal
from detector.core.signals.journal_row import GarbledJournal, Row, read_row, read_series, series_body
from detector.core.signals.series import Series, Target
from detector.records import Cell, Distribution, MetricKind, MetricPoint, Remembered
from tests.unit.core.signals.shipped import point, shipped

HTTP = "http_server_requests_seconds_count"
HISTOGRAM = "http_server_requests_seconds"
SIGNALS = shipped(
    "application/http-5xx-share",
    "application/request-rate",
    "application/latency-p99",
    "application/gc-pauses",
    "application/spikes",
    "container/cpu",
    "container/cpu-deviation",
    "container/working-set",
    "storage/redis-clients",
)
CPU = "container_cpu_usage_seconds_total"


class Disk:
    """What a store keeps: only what was committed."""

    def __init__(self) -> None:
        self.rows: dict[int, bytes] = {}
        self.series: dict[int, bytes] = {}
        self.state: dict[str, bytes] = {}
        self.cells: dict[tuple[str, str, int], Cell] = {}
        self.most_rows = 0

    def commit(self, changes: FlowChanges) -> None:
        entry = changes.journal
        if entry is not None:
            self.rows = {number: body for number, body in self.rows.items() if number >= entry.kept_from}
            if entry.body is not None:
                self.rows[entry.number] = entry.body()
            self.series |= dict(entry.series)
            for number in entry.forgotten:
                self.series.pop(number, None)
        self.state |= {key: body for key, body in changes.state if body is not None}
        for cell in changes.cells:
            key = cell.service, cell.signal, cell.time_ms
            assert key not in self.cells, f"{key} was told twice"
            self.cells[key] = cell
        self.most_rows = max(self.most_rows, len(self.rows))

    def start(self, signals=SIGNALS, mono_ms: int = 1) -> SignalFlow:
        flow = SignalFlow(signals)
        flow.tick(mono_ms)
        flow.restore(self.state, Remembered(tuple(sorted(self.rows.items())), tuple(self.series.items())), self.past)
        return flow

    def past(self, names, begin_ms, end_ms):
        return [cell for key, cell in sorted(self.cells.items()) if cell.signal in names and begin_ms <= cell.time_ms < end_ms]

    def shown(self) -> dict[tuple[str, str, int, str], float]:
        values = {(*key, "value"): -1.0 if math.isnan(cell.value) else cell.value for key, cell in self.cells.items()}
        return values | {(*key, "evidence"): cell.evidence for key, cell in self.cells.items()}


def traffic(random: Random, minutes: int) -> list[list[MetricPoint]]:
    """Pushes: counters with resets and holes, gauges with ends, histograms, deltas, samples a little out of order."""
    pushes: list[list[MetricPoint]] = []
    moved: list[MetricPoint] = []
    missing = dict.fromkeys("abcdef", 0)  # in a row: how an increase lies over a longer hole depends on when its end comes
    totals = {name: random.randrange(1_000_000) for name in "abcdef"}
    histogram = [0.0] * 4
    for at_s in range(0, minutes * 60, 15):
        push = []
        for name in totals:
            totals[name] = 0 if random.random() < 0.01 else totals[name] + random.randrange(100)
            missing[name] = missing[name] + 1 if random.random() < 0.1 and missing[name] < 2 else 0
            if not missing[name]:
                status = "503" if name == "a" else "200"
                push.append(point(HTTP, float(totals[name]), at_s + random.random(), instance=name, status=status))
        histogram = [count + random.randrange(5) for count in histogram]
        push.append(point(HISTOGRAM, Distribution((0.1, 0.5, 1.0), tuple(histogram), None), at_s + 1.0, unit="seconds"))
        push.append(point(CPU, at_s * 0.5 + random.random(), at_s + 2, container="cart", pod="cart-1"))
        push.append(point("redis_connected_clients", None if random.random() < 0.05 else float(random.randrange(50)), at_s + 3))
        push.append(point("jvm_gc_pause_seconds_count", random.random(), at_s + 4, is_delta=True))
        if at_s == 600:
            push.append(point(HTTP, 5.0, at_s, instance="a", status="500"))
        pushes.append(push)
    for at in random.sample(range(len(pushes) - 2), len(pushes) // 4):  # one point of each comes a push or two late
        late = pushes[at][random.randrange(len(pushes[at]) // 2)]
        if not any(late is point for point in moved):
            moved.append(late)
            pushes[at] = [point for point in pushes[at] if point is not late]
            pushes[at + random.choice((1, 2))].append(late)
    return pushes


def run(pushes: list[list[MetricPoint]], kills: set[int], seldom: int = 1) -> Disk:
    """Each push is sent until it is committed; at a kill what was not committed is gone, and is sent again."""
    disk = Disk()
    flow = disk.start()
    sent: list[tuple[int, list[MetricPoint]]] = []
    for number, push in enumerate(pushes):
        sent.append((number, push))
        flow.tick(1 + 15_000 * number)
        flow.points(push, 10**12, f"push {number}")
        if number in kills:
            flow = disk.start(mono_ms=1 + 15_000 * number)
            for again, points in sent:
                flow.points(points, 10**12, f"push {again}")
        if number % seldom == 0:
            disk.commit(flow.drain())
            sent = []
    flow.finish()
    disk.commit(flow.drain())
    return disk


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 159), max_size=8), st.sampled_from([1, 3, 7]))
def test_killed_or_not_the_cells_are_the_same(seed: int, kills: set[int], seldom: int):
    """Whenever it is killed: increases over the restart, windows of derived signals and the choice of a family included."""
    pushes = traffic(Random(seed), 40)
    whole, killed = run(pushes, set(), seldom), run(pushes, kills, seldom)
    assert killed.shown() == pytest.approx(whole.shown(), rel=1e-9, abs=1e-9)


def test_what_was_committed_is_not_sent_again_and_yet_not_lost():
    """The sender was answered. The step was not closed: its cells come after the restart, with all samples."""
    disk = Disk()
    flow = disk.start()
    flow.points([point(HTTP, 100.0, 0), point(HTTP, 130.0, 15), point(HTTP, 160.0, 30)], 10**12)
    disk.commit(flow.drain())
    assert not disk.cells
    flow = disk.start()
    flow.points([point(HTTP, 190.0, 45)], 10**12)
    flow.finish()
    disk.commit(flow.drain())
    rates = [cell.value for key, cell in sorted(disk.cells.items()) if key[1] == "application/request-rate"]
    assert rates == pytest.approx([2.0, 2.0, 2.0])


def test_a_push_that_comes_again_is_taken_once():
    """Its sender was not answered, because we were killed behind the checkpoint: deltas would count twice."""
    push = [point("jvm_gc_pause_seconds_count", 5.0, 1, is_delta=True)]
    disk = Disk()
    flow = disk.start()
    flow.points(push, 10**12, "digest")
    disk.commit(flow.drain())
    flow = disk.start()
    flow.points(push, 10**12, "digest")
    assert flow.figures().unused_points["repeated"] == 1
    once = disk.start()
    for each in (flow, once):
        each.finish()
    assert flow.drain().cells == once.drain().cells


def test_the_journal_holds_minutes_not_hours():
    """Rows go when nothing can follow their samples any more, series when they came no more."""
    disk = run(traffic(Random(1), 60), set())
    assert disk.most_rows <= 30
    flow = disk.start()
    flow.points([point(HTTP, 1.0, 7200, instance="z")], 10**12)
    flow.tick(10**6)
    disk.commit(flow.drain())
    flow.points([point(HTTP, 1.0, 7800, instance="z")], 10**12)
    disk.commit(flow.drain())
    assert len(disk.series) <= 2


def test_a_journal_that_is_full_says_so_and_tells_no_cell_twice():
    """Samples are left out and counted; what was closed is still known."""
    disk = Disk()
    flow = disk.start()
    flow.journal.most_points = 0
    pushes = traffic(Random(2), 20)
    for push in pushes[:60]:
        flow.points(push, 10**12)
        disk.commit(flow.drain())
    assert flow.figures().unkept > 100
    flow = disk.start()
    for push in pushes[60:]:
        flow.points(push, 10**12)
        disk.commit(flow.drain())


def test_an_idle_flow_writes_nothing():
    """A checkpoint every half second must not."""
    disk = Disk()
    flow = disk.start()
    flow.points([point(HTTP, 100.0, 0)], 10**12)
    assert flow.drain().journal is not None
    flow.tick(2)
    assert flow.drain() == FlowChanges()


def test_a_series_that_vanished_before_we_died_and_comes_back_is_no_burst():
    """Its target went on all the time; what it counts was counted before."""
    disk = Disk()
    flow = disk.start()
    for at in range(40):
        more = [point(HTTP, 5e6, 15 * at, instance="a", status="503")] if at < 4 else []
        flow.points([point(HTTP, 30.0 * at, 15 * at, instance="a", status="200"), *more], 10**12)
        disk.commit(flow.drain())
    flow = disk.start()
    for at in range(40, 60):
        flow.points(
            [point(HTTP, 30.0 * at, 15 * at, instance="a", status="200"), point(HTTP, 5e6, 15 * at, instance="a", status="503")],
            10**12,
        )
    flow.finish()
    disk.commit(flow.drain())
    rates = [cell.value for cell in disk.cells.values() if cell.signal == "application/request-rate"]
    assert max(rates) == pytest.approx(2.0)


def test_whose_points_are_that_do_not_say_so_survives():
    """Of two sources with services of their own."""
    disk = Disk()
    flow = disk.start()
    for service, clients in (("cart", 3.0), ("shop", 5.0)):
        bare = MetricPoint("redis_connected_clients", (("addr", service),), MetricKind.GAUGE, clients, 1_000)
        flow.points([bare], 10**12, service=service)
    disk.commit(flow.drain())
    flow = disk.start()
    flow.finish()
    found = {(cell.service, cell.value) for cell in flow.drain().cells if cell.signal == "storage/redis-clients"}
    assert found == {("cart", 3.0), ("shop", 5.0)}


VALUES = st.one_of(
    st.none(),
    st.floats(),
    st.builds(
        lambda bounds, counts, total: Distribution(tuple(bounds), tuple(counts), total),
        st.lists(st.floats(allow_nan=False, allow_infinity=False).map(lambda bound: bound + 0.0), max_size=4),  # -0.0 is 0.0
        st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
)
POINTS = st.builds(
    MetricPoint,
    name=st.text(max_size=8),
    labels=st.lists(st.tuples(st.text(max_size=3), st.text(st.characters(), max_size=5)), max_size=3).map(tuple),
    kind=st.sampled_from(MetricKind),
    value=VALUES,
    time_ms=st.integers(-(2**62), 2**62),
    start_ms=st.none() | st.integers(1 - 2**62, 2**62 - 1),
    is_delta=st.booleans(),
    unit=st.text(max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(POINTS, max_size=12), st.lists(st.integers(0, 2**60), max_size=3), st.lists(st.text(max_size=8), max_size=2))
def test_a_row_is_read_as_it_was_written(points, closings, digests):
    """Numbers of all kinds, labels that are no UTF-8, histograms."""
    row, series = Row(points=points, digests=digests), {}
    for number, one in enumerate(points, 1):
        series[number] = read_series(series_body(one, "cart"))
        row.series.append(Series(one.name, one.labels, one.time_ms, Target(0)))
        row.series[-1].number = number
    for until_ms in closings:
        row.close(until_ms)
    read = read_row(row.body(), series)
    assert [repr(one) for one in read.points] == [repr(one) for one in points]
    assert read.closings == tuple((len(points), until_ms) for until_ms in closings)
    assert read.digests == tuple(digests)
    assert read.services == ("cart",) * len(points)


def test_a_service_whose_name_is_no_text_survives():
    """Bytes that are no UTF-8, as an exposition may hold them."""
    disk = Disk()
    flow = disk.start()
    for at in range(12):
        flow.points([point("redis_connected_clients", float(at), 15 * at, service="caf\udce9")], 10**12)
        disk.commit(flow.drain())
    flow = disk.start()
    flow.finish()
    disk.commit(flow.drain())
    assert [cell.value for cell in disk.cells.values() if cell.signal == "storage/redis-clients"] == [
        float(at) for at in range(12)
    ]


def test_counts_beyond_all_bounds_do_not_stop_the_daemon():
    """A sender of OTLP may write any integer; what is no float any more is lost with its row, and counted."""
    for count in (2**70, -(2**70), math.nan, math.inf):
        row = Row()
        hostile = Distribution((1.0, 2.0), (count, 1, 2**66), None)
        for value in (hostile, count):
            row.points.append(MetricPoint("x", (), MetricKind.HISTOGRAM, value, 1, -(2**63), True))
            row.series.append(Series("x", (), 1, Target(0)))
            row.series[-1].number = 1
        assert len(read_row(row.body(), {1: read_series(series_body(row.points[0], ""))}).points) == 2


@given(st.binary(max_size=60))
def test_a_row_of_somebody_else_is_refused(body):
    """Nothing else is raised, and nothing is unpacked beyond what it says."""
    with pytest.raises(GarbledJournal):
        read_row(body, {})


def test_rows_and_series_that_are_garbled_are_counted():
    """The others are taken in."""
    disk = Disk()
    flow = disk.start()
    flow.points([point(HTTP, 100.0, 0), point(HTTP, 130.0, 15)], 10**12)
    disk.commit(flow.drain())
    rows = (*disk.rows.items(), (7, b"rubbish"))
    journal = Journal()
    assert sum(len(row.points) for row in journal.restore(Remembered(rows, (*disk.series.items(), (9, b"[]"))))) == 2
    assert journal.garbled == 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_however_points_are_cut_into_pushes_the_cells_are_the_same(seed: int, sizes: list[int]):
    """A push at a time, or any number of points at once; also in replay, which keeps no journal. This holds for `traffic`, whose
    series miss no more than two samples in a row and none of which is later than half a minute. Beyond: where a series has a hole
    of more than 75 s and a sample that comes late ends it, that sample is there if it came in one push with what closes the step,
    and is not if it came in the next."""
    points = [one for push in traffic(Random(seed), 20) for one in push]
    shown = []
    for flow, chosen in ((SignalFlow(SIGNALS), [12]), (SignalFlow(SIGNALS), sizes), (SignalFlow(SIGNALS, is_live=False), sizes)):
        disk, at, turn = Disk(), 0, 0
        while at < len(points):
            size = chosen[turn % len(chosen)]
            flow.points(points[at : at + size], 10**12)
            at, turn = at + size, turn + 1
            if turn % 3 == 0:
                disk.commit(flow.drain())
        flow.finish()
        disk.commit(flow.drain())
        shown.append(disk.shown())
    assert shown[1] == pytest.approx(shown[0], rel=1e-9, abs=1e-9)
    assert shown[2] == pytest.approx(shown[0], rel=1e-9, abs=1e-9)
