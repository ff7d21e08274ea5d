"""StatsD's and DogStatsD's grammar, and what lines add up to between two flushes.

Samples: https://github.com/statsd/statsd/blob/master/docs/metric_types.md,
https://docs.datadoghq.com/developers/dogstatsd/datagram_shell
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.decode.metrics.distinct import MOST_KEPT, Distinct
from detector.core.decode.metrics.statsd_totals import KEPT_FLUSHES, MOST_DEAD, Flushed, StatsdTotals
from detector.records import Distribution, MetricKind, MetricPoint

START, END = 1_795_000_000_000, 1_795_000_010_000


def flushed(*datagrams: bytes, most_series: int = 100) -> Flushed:
    totals = StatsdTotals(most_series, START)
    for datagram in datagrams:
        totals.take(datagram)
    return totals.flush(END)


def points(*datagrams: bytes) -> list[MetricPoint]:
    found = flushed(*datagrams)
    assert found.dead_letters("s", "0") == ()
    return list(found.points)


def test_counters_add_up_and_a_sample_stands_for_many() -> None:
    """`1|c|@0.1` was counted ten times; what was added is a delta since the last flush."""
    (point,) = points(b"gorets:1|c|@0.1", b"gorets:5|c\ngorets:-1|c\n")
    assert point == MetricPoint("gorets", (), MetricKind.COUNTER, 14.0, END, START, is_delta=True)


def test_a_timer_is_one_distribution() -> None:
    """With the sample rate as the weight of each value; only `ms` says its unit."""
    timer, other = points(b"glork:320|ms|@0.1\nglork:10|ms", b"sizes:7|h\nsizes:7:8|d")
    assert isinstance(timer.value, Distribution)
    assert (sum(timer.value.counts), timer.value.total) == (11, 3210)
    assert (timer.kind, timer.is_delta, timer.unit) == (MetricKind.HISTOGRAM, True, "ms")
    assert isinstance(other.value, Distribution)
    assert (sum(other.value.counts), other.value.total, other.unit) == (3, 22, "")


def test_a_signed_gauge_is_relative_also_to_an_earlier_flush() -> None:
    """So a gauge below zero is set by 0 first, as the documentation says. A silent one gives no point."""
    totals = StatsdTotals(10, START)
    totals.take(b"gaugor:333|g")
    totals.take(b"gaugor:-10|g\ngaugor:+4|g")
    assert [point.value for point in totals.flush(END).points] == [327]
    assert totals.flush(END + 1).points == ()
    totals.take(b"gaugor:+1|g")
    assert [point.value for point in totals.flush(END + 2).points] == [328]


def test_a_set_counts_its_members_once() -> None:
    """Members are texts."""
    assert [point.value for point in points(b"uniques:765|s", b"uniques:765|s\nuniques:a:b|s")] == [2]


def test_tags_and_container_are_labels() -> None:
    """In any order; one without a value is told by being there."""
    one, two = points(
        b"page.views:1|c|#env:prod,url:http://a:1,beta|c:ci-00001",
        b"page.views:1|c",
        b"page.views:1|c|c:ci-00001|#beta,url:http://a:1,env:prod",
    )
    assert (one.value, two.value) == (1, 2)
    assert two.labels == (("beta", "true"), ("container_id", "ci-00001"), ("env", "prod"), ("url", "http://a:1"))


def test_what_a_sender_added_up_keeps_its_time() -> None:
    """Version 1.3: counters and gauges with `|T`."""
    found = points(b"page.views:15|c|#env:dev|T1656581400\npage.views:1|c|#env:dev|T1656581400", b"g:3|g|T1656581401")
    assert [(point.name, point.value, point.time_ms) for point in found] == [
        ("g", 3, 1_656_581_401_000),
        ("page.views", 16, 1_656_581_400_000),
    ]
    assert found[1].is_delta


def test_events_and_service_checks_are_skipped_and_counted() -> None:
    """As are parts of a later version."""
    found = flushed(
        b"_e{21,36}:An exception occurred|Cannot parse CSV\n_sc|Redis connection|2|#env:dev", b"a:1|c|e:it-1|card:low"
    )
    assert found.skipped.events == 2
    assert [point.value for point in found.points] == [1]


@pytest.mark.parametrize(
    "line",
    [
        *(b"a", b":1|c", b"a|c", b"a:1", b"a:|c", b"a:x|c", b"a:nan|g", b"a:1e999|c", b"a:1e200|c", b"a:1_0|c", b"a:1|x"),
        *(b"a:1|c|@0", b"a:1|c|@2", b"a:1|c|@x", b"a:1|c|@1e-9", b"a:1|c|Tx", b"a:1|g|T99999999999999999"),
        *(b"\xff:1|c", b"a:1|c|#x:\xff", b"\0", b"a:" + b"1:" * 1001 + b"1|ms", b"a" * 9000 + b":1|c"),
        b"a:1|c|#" + b",".join(b"t%d:1" % at for at in range(200)),
    ],
)
def test_a_bad_line_spoils_no_other(line: bytes) -> None:
    """It is a dead letter; its neighbours count."""
    found = flushed(b"before:1|c\n" + line + b"\nafter:1|c")
    assert [point.name for point in found.points] == ["after", "before"]
    (dead,) = found.dead_letters("statsd", "7")
    assert dead.reason.startswith("no StatsD: ")
    assert dead.sample == line[:200]


def test_many_bad_lines_are_few_dead_letters() -> None:
    """The last one says how many more there were."""
    dead = flushed(*[b"rubbish\n" * 100] * 100).dead_letters("statsd", "7")
    assert len(dead) == MOST_DEAD
    assert dead[-1].reason == f"{10_000 - MOST_DEAD + 1} further lines that are no StatsD"


def test_known_series_go_on_in_a_flood() -> None:
    """New names take the places that are left; the rest is counted and named. Silent ones give their place up in the end."""
    totals = StatsdTotals(10, START)
    totals.take(b"known:1|c")
    totals.flush(END)
    for at in range(100):
        totals.take(b"flood%02d:1|c" % at)
    totals.take(b"known:2|c")
    found = totals.flush(END)
    assert len(found.points) == 10
    assert {point.name: point.value for point in found.points}["known"] == 2
    (dead,) = found.dead_letters("statsd", "7")
    assert dead.reason == "91 lines of more series than max_series allows, the first of flood09"
    for _ in range(KEPT_FLUSHES):
        totals.flush(END)
    totals.take(b"new:1|c")
    assert [point.name for point in totals.flush(END).points] == ["new"]


def test_so_much_is_kept_that_it_is_time_to_flush() -> None:
    """Memory is bounded between flushes as well."""
    totals = StatsdTotals(1000, START)
    datagrams = 0
    while not totals.is_full:
        totals.take(b"\n".join(b"u%d:%d|s" % (datagrams % 1000, datagrams * 100 + at) for at in range(100)))
        datagrams += 1
    assert datagrams == 5000
    totals.flush(END)
    assert not totals.is_full


@pytest.mark.parametrize("count", [0, 1, 1000, 50_000])
def test_how_many_different_things_there_were(count: int) -> None:
    """Exact when few, to a few in a hundred when many; never more is kept than so many digests."""
    distinct = Distinct()
    for _ in range(2):
        for thing in range(count):
            distinct.add(b"%d" % thing)
    assert len(distinct) <= MOST_KEPT
    assert distinct.count() == pytest.approx(count, rel=0.1 if count > MOST_KEPT else 0)


@given(st.binary(max_size=200) | st.text("ab:|@#,T019.-+cgmshd\n", max_size=60).map(str.encode))
def test_any_datagram_gives_points_or_dead_letters(datagram: bytes) -> None:
    """Nothing is raised, and every number is one."""
    for point in flushed(datagram).points:
        number = point.value.total if isinstance(point.value, Distribution) else point.value
        assert number is not None
        assert math.isfinite(number)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1000, 1000)), max_size=50), st.integers(1, 50))
def test_the_cut_into_datagrams_does_not_matter(counts: list[tuple[str, int]], lines: int) -> None:
    """Nor does the order of counters."""
    texts = [f"{name}:{number}|c".encode() for name, number in counts]
    cut = [b"\n".join(texts[at : at + lines]) for at in range(0, len(texts), lines)]
    expected = {name: float(sum(number for other, number in counts if other == name)) for name, _ in counts}
    assert {point.name: point.value for point in points(*cut)} == expected
