"""Remote write 1.0 and 2.0, read back from requests that were built by hand."""

from __future__ import annotations

import contextlib
import gzip
import math
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from detector.core.decode.metrics import remote_write_series
from detector.core.decode.metrics.remote_write import MOST_PROBLEMS, RemoteWrite, Written
from detector.core.decode.otlp import wire
from detector.records import Distribution, MetricKind, MetricPoint
from tests.unit.core.decode.metrics import written

T0 = 1_764_000_000_000
DATA = Path(__file__).parents[4] / "data" / "remote_write"
UP = [("__name__", "up"), ("instance", "a:9090"), ("job", "shop")]

word = some.text(some.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
labels = some.dictionaries(word.filter(lambda name: name != "__name__"), word, max_size=6)
named = some.tuples(word, labels).map(lambda pair: sorted([("__name__", pair[0]), *pair[1].items()]))
number = some.floats(allow_nan=False) | some.sampled_from([0.0, -0.0, math.inf, -math.inf])
sample = some.tuples(number, some.integers(1, 253_402_300_799_999))
rows = some.lists(some.tuples(named, some.lists(sample, max_size=3)), max_size=6)


def expected(given_rows: list, kind: MetricKind = MetricKind.UNKNOWN) -> list[MetricPoint]:
    points = []
    for series, samples in given_rows:
        name = dict(series)["__name__"]
        rest = tuple(sorted(pair for pair in series if pair[0] != "__name__"))
        points += [MetricPoint(name, rest, kind, value, time_ms) for value, time_ms in samples]
    return points


@settings(max_examples=150, deadline=None)
@given(rows, rows)
def test_what_was_written_is_read(one: list, other: list) -> None:
    """Both versions, whatever was seen before, and each request twice: the second time from memory."""
    decoder = RemoteWrite()
    for each in (one, other, one, other + one):
        for found in (decoder.first(written.first(each)), decoder.second(written.second(each))):
            assert found.points == expected(each)
            assert (found.samples, found.refused) == (len(found.points), 0)


@settings(max_examples=150, deadline=None)
@given(some.binary(max_size=200), some.data())
def test_no_bytes_bring_the_decoder_down(noise: bytes, data: some.DataObject) -> None:
    """Noise, and requests with a byte changed or cut off, are read or refused with ValueError, and known series stay what they
    were."""
    decoder = RemoteWrite()
    good = written.first([(UP, [(1.0, T0)])]), written.second([(UP, [(1.0, T0)])])
    decoder.first(good[0])
    decoder.second(good[1])
    for read, body in zip((decoder.first, decoder.second), good, strict=True):
        at = data.draw(some.integers(0, len(body) - 1))
        for bad in (
            noise,
            body[:at],
            body[:at] + bytes([body[at] ^ data.draw(some.integers(1, 255))]) + body[at + 1 :],
            body + noise,
        ):
            with contextlib.suppress(ValueError):
                assert isinstance(read(bad), Written)
    assert decoder.first(good[0]).points == decoder.second(good[1]).points == expected([(UP, [(1.0, T0)])])


def test_a_series_that_ended_has_no_value() -> None:
    """Prometheus' stale mark is None, another NaN a value; both also when the series is known."""
    decoder = RemoteWrite()
    for _ in range(2):
        for read, build in ((decoder.first, written.first), (decoder.second, written.second)):
            first, second, third = read(build([(UP, [(written.STALE, T0)]), (UP, [(math.nan, T0)]), (UP, [(0.0, T0)])])).points
            assert first.value is None
            assert isinstance(second.value, float)
            assert math.isnan(second.value)
            assert third.value == 0.0


def test_a_series_key_holds_no_sample() -> None:
    """Series with two samples, zeros and holes name the series by their labels alone: none is remembered twice."""
    decoder = RemoteWrite()
    for at in range(50):
        decoder.first(written.first([(UP, [(0.0, T0 + at), (float(at), T0 + at + 1)]), (UP, []), (UP, [(0.0, T0 + at)])]))
        decoder.second(written.second([(UP, [(0.0, T0 + at), (float(at), T0 + at + 1)]), (UP, []), (UP, [(0.0, T0 + at)])]))
    assert len(decoder._known.by_label_bytes) == 1
    assert len(decoder._known.by_text) == 1


def test_repeated_and_disordered_samples_are_passed_on() -> None:
    """In the order in which they came."""
    samples = [(1.0, T0 + 5), (1.0, T0 + 5), (2.0, T0 - 60_000)]
    assert RemoteWrite().first(written.first([(UP, samples)])).points == expected([(UP, samples)])


def test_labels_in_any_form_are_read() -> None:
    """Value before name, long texts, behind the sample, an empty value, unknown fields: legal protobuf, and one series."""
    long = "x" * 200
    parts = [
        written.field(1, written.field(2, b"up") + written.field(1, b"__name__")),
        written.field(1, written.field(1, b"path") + written.field(2, long.encode())),
        written.field(1, written.field(1, long.encode()) + written.field(2, b"b")),
        written.field(1, written.field(1, b"empty")),
        written.field(1, written.field(1, b"a") + written.field(2, b"1") + written.whole(9, 5)),
        written.field(2, written.sample(3.0, T0)),
        written.field(1, written.field(1, b"behind") + written.field(2, b"z")),
    ]
    labels = tuple(sorted({"path": long, long: "b", "a": "1", "behind": "z"}.items()))
    decoder = RemoteWrite()
    for _ in range(2):
        found = decoder.first(written.field(1, b"".join(parts)))
        assert found.points == [MetricPoint("up", labels, MetricKind.UNKNOWN, 3.0, T0)]


def test_metadata_says_the_kind() -> None:
    """In 1.0 it comes in a request of its own and holds for series known already; in 2.0 with each series. What a histogram is
    written as, its buckets and totals, are counters."""
    decoder = RemoteWrite()
    names = ["orders_total", "took_seconds_bucket", "took_seconds_sum", "size", "size_count"]
    request = written.first([([("__name__", name)], [(1.0, T0)]) for name in names])
    assert {point.kind for point in decoder.first(request).points} == {MetricKind.UNKNOWN}
    families = written.metadata(1, "orders") + written.metadata(3, "took_seconds", "seconds") + written.metadata(5, "size")
    assert decoder.first(families).points == []
    counter, summary = MetricKind.COUNTER, MetricKind.SUMMARY
    assert [point.kind for point in decoder.first(request).points] == [counter, counter, counter, summary, counter]
    assert decoder.first(request).points[1].unit == "seconds"
    for kind, found in (
        (1, counter),
        (2, MetricKind.GAUGE),
        (3, counter),
        (5, summary),
        (0, MetricKind.UNKNOWN),
        (9, MetricKind.UNKNOWN),
    ):
        (point,) = decoder.second(written.second([(UP, [(1.0, T0)])], kind, "bytes")).points
        assert (point.kind, point.unit) == (found, "bytes")


def test_when_a_counter_began() -> None:
    """The time of the series, or nearer, of the sample."""
    decoder = RemoteWrite()
    (point,) = decoder.second(written.second([(UP, [(1.0, T0)])], 1, created_ms=T0 - 1000)).points
    assert point.start_ms == T0 - 1000
    raw = written.field(2, written.sample(1.0, T0, T0 - 500))
    (point,) = decoder.second(written.second([(UP, [])], 1, created_ms=T0 - 1000, more=raw)).points
    assert point.start_ms == T0 - 500


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ([("job", "shop")], "no __name__"),
        ([("__name__", "up"), ("job", "a"), ("job", "b")], "one name twice"),
        ([("__name__", "up"), ("", "a")], "without a name"),
        ([("__name__", "up"), *((f"label{at}", "x") for at in range(200))], "labels"),
    ],
)
def test_a_series_that_is_none_is_refused_in_words(series: list, why: str) -> None:
    """The others in the request are taken."""
    both = [(series, [(1.0, T0)]), (UP, [(1.0, T0)])]
    for found in (RemoteWrite().first(written.first(both)), RemoteWrite().second(written.second(both))):
        assert found.points == expected([(UP, [(1.0, T0)])])
        assert found.refused == 1
        assert why in found.problems[0]


def test_a_time_that_cannot_be_is_refused() -> None:
    """None, before the epoch, after the year 9999; of many problems a few are told."""
    rows = [(UP, [(1.0, time_ms)]) for time_ms in (0, -5, 1 << 62)] * 4
    for found in (RemoteWrite().first(written.first(rows)), RemoteWrite().second(written.second(rows))):
        assert (found.points, found.refused, len(found.problems)) == ([], 12, MOST_PROBLEMS)


def test_a_request_of_another_version_is_refused() -> None:
    """A 1.0 request under the name of 2.0, and the other way round, is an error and no empty success."""
    with pytest.raises(ValueError, match="version 1"):
        RemoteWrite().second(written.first([(UP, [(1.0, T0)])]))
    with pytest.raises(ValueError, match="no WriteRequest"):
        RemoteWrite().first(written.second([(UP, [(1.0, T0)])]))
    with pytest.raises(ValueError, match="empty string"):
        RemoteWrite().second(written.field(4, b"up"))


def test_a_symbol_that_is_not_there_is_refused() -> None:
    """Places beyond the table, and a name without a value."""
    for refs in (b"\x01\x09", b"\x01", b""):
        found = RemoteWrite().second(written.field(4, b"") + written.field(4, b"a") + written.field(5, written.field(1, refs)))
        assert (found.points, found.refused) == ([], 1)


def test_a_flood_of_series_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds two generations; a series in use goes on, and one with very long texts is not remembered at all."""
    monkeypatch.setattr(remote_write_series, "MOST_SERIES", 10)
    decoder = RemoteWrite()
    for at in range(100):
        rows = [(UP, [(1.0, T0)]), ([*UP, ("pod", str(at))], [(1.0, T0)]), ([*UP, ("z", "x" * 9000 + str(at))], [(1.0, T0)])]
        assert len(decoder.first(written.first(rows)).points) == 3
        assert len(decoder.second(written.second(rows)).points) == 3
    known = decoder._known
    assert max(map(len, (known.by_label_bytes, known.by_text, known.getters, known._before, known._text_before))) <= 10


@pytest.mark.parametrize("field", [b"\x0a\x00", b"\x1a\x00"])
def test_nothing_by_the_million_is_refused_as_a_whole(field: bytes) -> None:
    """Two bytes each: empty series and families of 1.0, series and symbols of 2.0."""
    for read, body in ((RemoteWrite().first, field), (RemoteWrite().second, b"\x22\x00" if field[0] == 10 else b"\x2a\x00")):
        with pytest.raises(ValueError, match="more than"):
            read(body * 1_000_001)


def test_native_histograms_are_distributions() -> None:
    """Exponential buckets with a gap and a zero bucket, bounds of its own, and the end of a series; both versions."""
    exponential = written.histogram(18.4, 0, [(0, 2), (1, 1)], [1, 2, -1], T0, zero=2)
    custom = written.histogram(6.0, -53, [(0, 2), (1, 1)], [1, 1, 1], T0, custom=[0.1, 0.5, 1.0])
    over = written.histogram(written.STALE, 0, [], [], T0)
    decoder = RemoteWrite()
    for number, read, build in ((4, decoder.first, written.series), (3, decoder.second, None)):
        more = b"".join(written.field(number, each) for each in (exponential, custom, over))
        body = written.second([(UP, [])], 3, more=more) if build is None else build(UP, [], more)
        found = read(body)
        assert (found.histograms, found.refused) == (3, 0)
        first, second, third = (point.value for point in found.points)
        # Schema 0: bucket 0 is (0.5, 1], bucket 1 (1, 2], bucket 3 (4, 8].
        bounds = (-0.001, 0.001, 0.5, 1.0, 2.0, 4.0, 8.0)
        assert first == Distribution(bounds, (0.0, 2.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0), 18.4)
        assert second == Distribution((0.1, 0.5, 1.0), (1.0, 2.0, 0.0, 3.0), 6.0)
        assert third is None
        assert {point.kind for point in found.points} == {MetricKind.HISTOGRAM}


@pytest.mark.parametrize(
    "bad",
    [
        written.histogram(1.0, 0, [(0, 2_000_000_000)], [1], T0),
        written.histogram(1.0, 0, [(0, 1)], [-1], T0),
        written.histogram(1.0, 99, [(0, 1)], [1], T0),
        written.histogram(1.0, 0, [(0, 700)], [1] * 700, T0),
        written.histogram(1.0, -53, [(7, 1)], [1], T0, custom=[1.0]),
        written.histogram(1.0, -53, [(0, 1)], [1], T0, custom=[1.0, 0.5]),
        written.histogram(1.0, 0, [(0, 1)], [1], 0),
        b"\xff",
        struct.pack("<Q", 1),
    ],
)
def test_a_histogram_that_cannot_be_is_refused(bad: bytes) -> None:
    """And the sample beside it is taken."""
    found = RemoteWrite().first(written.series(UP, [(1.0, T0)], written.field(4, bad)))
    assert (found.samples, found.histograms, found.refused) == (1, 0, 1)


def test_what_the_go_library_of_prometheus_writes_is_read() -> None:
    """See tests/data/remote_write: 200 counters, a gauge that ends, a native histogram with an exemplar; twice the same."""
    body = gzip.decompress((DATA / "version2.bin.gz").read_bytes())
    decoder, at = RemoteWrite(), 1_795_600_000_000
    for _ in range(2):
        found = decoder.second(body)
        assert (found.samples, found.histograms, found.refused) == (202, 1, 0)
        *counters, depth, end, took = found.points
        for number, point in enumerate(counters):
            labels = (("instance", f"10.0.0.{number}:8080"), ("job", "shop"))
            time_ms = at + number % 3
            assert point == MetricPoint("orders_total", labels, MetricKind.COUNTER, number * 1.5, time_ms, unit="orders")
        assert depth == MetricPoint("depth", (("shop", '\u00fc "x"'),), MetricKind.GAUGE, math.inf, at)
        assert (end.value, end.time_ms) == (None, at + 1000)
        bounds = (-0.001, 0.001, 0.5, 1.0, 2.0, 4.0, 8.0)
        value = Distribution(bounds, (0.0, 2.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0), 18.4)
        labels = (("job", "shop"),)
        assert took == MetricPoint("took_seconds", labels, MetricKind.HISTOGRAM, value, at, at - 5000, unit="seconds")


def test_symbols_may_stand_behind_series() -> None:
    """Protobuf's fields have no order; Prometheus writes the symbols first."""
    rows = [([("__name__", "up"), ("job", f"a{at}")], [(1.0, T0), (0.0, T0 + 1)]) for at in range(3)]
    whole = written.second(rows, 2)
    fields = [whole[each.begin : each.end] for each in wire.fields(whole)]
    decoder = RemoteWrite()
    expected = decoder.second(whole).points
    for shuffled in (fields[::-1], [*fields[4:], *fields[:4]]):
        symbols = [each for each in fields if each[0] == 0x22]
        ordered = iter(symbols)
        body = b"".join(next(ordered) if each[0] == 0x22 else each for each in shuffled)
        found = decoder.second(body).points
        assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_a_start_behind_its_sample_is_none() -> None:
    """Prometheus 3 aligns the time of a scrape, and a summary that began during it says so: its sample counts."""
    row = ([("__name__", "up")], [(1.0, T0, T0 + 3)])
    (point,) = RemoteWrite().second(written.second([row])).points  # type: ignore[list-item]
    assert (point.value, point.time_ms, point.start_ms) == (1.0, T0, None)
