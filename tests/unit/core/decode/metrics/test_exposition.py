"""What targets expose, in every shape that is legal and some that are not."""

from __future__ import annotations

import math
import tracemalloc

import pytest

from detector.core.decode.metrics.exposition import LONGEST_LINE, Exposed, Exposition
from detector.records import Distribution, MetricKind, MetricPoint

NOW = 1_795_000_000_000


def read(text: str | bytes, is_openmetrics: bool = False, **labels: str) -> Exposed:
    body = text if isinstance(text, bytes) else text.encode()
    return Exposition(labels).read(body, NOW, is_openmetrics)


def only(exposed: Exposed) -> MetricPoint:
    assert not exposed.broken
    (point,) = exposed.points
    return point


def reasons(exposed: Exposed) -> list[tuple[int, str]]:
    return [(broken.number, broken.reason) for broken in exposed.broken]


def test_a_gauge_and_what_an_old_java_client_writes() -> None:
    """A comma behind the last label, and a time in milliseconds."""
    text = (
        "# HELP lag Approximate lag\n# TYPE lag gauge\n"
        'lag{consumergroup="orders",partition="0",} 1\n'
        'http_server_requests_seconds_count{exception="None",uri="/a b/{x}",} 7.0 1395066363000\n'
    )
    first, second = read(text).points
    assert first == MetricPoint("lag", (("consumergroup", "orders"), ("partition", "0")), MetricKind.GAUGE, 1.0, NOW)
    labels = (("exception", "None"), ("uri", "/a b/{x}"))
    assert second == MetricPoint("http_server_requests_seconds_count", labels, MetricKind.UNKNOWN, 7.0, 1_395_066_363_000)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+Inf", math.inf),
        ("-Inf", -math.inf),
        ("1e-7", 1e-7),
        ("0x10", None),
        ("1_0", None),
        ("١", None),
        ("", None),
        (".5", 0.5),
    ],
)
def test_numbers(written: str, meant: float | None) -> None:
    """As Prometheus reads them, and not whatever Python takes for one: also of a series that is known."""
    for times in (1, 2):
        exposed = read("a 1\n" * (times - 1) + f"a {written}\n")
        assert [point.value for point in exposed.points[times - 1 :]] == ([] if meant is None else [meant])
        assert len(exposed.broken) == (meant is None)


def test_not_a_number_is_a_value() -> None:
    """In text nobody can write the mark of a series that has ended."""
    value = only(read("a NaN")).value
    assert isinstance(value, float)
    assert math.isnan(value)


def test_escapes_and_names_in_quotes() -> None:
    """Version 1.0.0 of the text: any name in UTF-8 inside the braces."""
    point = only(read('{"my.mётric",a="q\\"b\\\\n\\nx","c d"="}, # {"} 2 \n'))
    assert point.name == "my.mётric"
    assert point.labels == (("a", 'q"b\\n\nx'), ("c d", "}, # {"))


def test_a_histogram_is_put_together() -> None:
    """Totals up to a bound become counts between bounds; a total that was read a moment too early counts as the one before."""
    text = (
        "# TYPE d histogram\n"
        'd_bucket{a="x",le="0.5"} 3\nd_bucket{a="x",le="1"} 2\nd_bucket{a="x",le="+Inf"} 7\nd_sum{a="x"} 4.5\nd_count{a="x"} 7\n'
        'd_bucket{a="y",le="+Inf"} 1\nd_sum{a="y"} NaN\nd_count{a="y"} 1\n'
    )
    exposition = Exposition({"job": "j"})
    for _ in range(2):
        exposed = exposition.read(text.encode(), NOW)
        assert exposed.samples == 8
        x, y = exposed.points
        assert (x.name, x.labels, x.kind) == ("d", (("a", "x"), ("job", "j")), MetricKind.HISTOGRAM)
        assert x.value == Distribution((0.5, 1.0), (3.0, 0.0, 4.0), 4.5)
        assert y.value == Distribution((), (1.0,), None)


def test_a_histogram_that_is_none() -> None:
    """It is told, and the others stand."""
    exposed = read('# TYPE d histogram\nd_bucket{le="1"} 3\n# TYPE e histogram\ne_bucket{le="+Inf"} -3\na 1\n')
    assert [point.name for point in exposed.points] == ["a"]
    assert [(broken.number, broken.text) for broken in exposed.broken] == [(0, "d"), (0, "e")]


def test_a_summary_is_points() -> None:
    """As OTLP's summaries are."""
    exposed = read('# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 2\ns_count 4\n')
    assert [(point.name, point.kind) for point in exposed.points] == [
        ("s", MetricKind.SUMMARY),
        ("s_sum", MetricKind.COUNTER),
        ("s_count", MetricKind.COUNTER),
    ]


def test_openmetrics() -> None:
    """Seconds, units, exemplars, `_total`, and when a counter began, wherever that stands."""
    text = (
        "# TYPE c_seconds counter\n# UNIT c_seconds seconds\n"
        'c_seconds_created{a="x"} 1794999000.5\nc_seconds_total{a="x"} 5 1794999999.25 # {trace_id="t",u="}"} 0.6 1794999998\n'
        'c_seconds_total{a="y"} 6 # {} 1\n# TYPE h histogram\nh_bucket{le="+Inf"} 2 # {t="1"} 1.5\nh_created 1794999000\n'
        '# TYPE i info\ni_info{v="1"} 1\n# EOF\n'
    )
    x, y, info, h = read(text, True).points
    assert x == MetricPoint(
        "c_seconds_total", (("a", "x"),), MetricKind.COUNTER, 5.0, 1_794_999_999_250, 1_794_999_000_500, False, "seconds"
    )
    assert (y.value, y.start_ms) == (6.0, None)
    assert info.kind is MetricKind.GAUGE
    assert (h.value, h.start_ms) == (Distribution((), (2.0,), None), 1_794_999_000_000)


def test_openmetrics_that_was_cut_off() -> None:
    """What is missing is not gone, so nothing of it is used; and nothing follows the end."""
    with pytest.raises(ValueError, match="EOF"):
        read("a 1\n", True)
    assert reasons(read("a 1\n# EOF\na 2\n", True)) == [(3, "it stands behind `# EOF`")]


def test_a_broken_line_is_told_and_the_rest_goes_on() -> None:
    """With its number and why."""
    text = (
        b'a{b="1} 2\na{b="1"}\n1a 2\n{a="b"} 1\nb 1\nc\xff 1\na{b="1",b="2"} 1\na{b=1} 1\nb 1 2 3\nb 1 -5\n'
        b"\n  \n# a comment\nb 2 # {} 1\r\n"
    )
    exposed = read(text)
    assert [point.name for point in exposed.points] == ["b"]
    assert exposed.refused == 10
    assert [broken.number for broken in exposed.broken] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 14]


def test_labels_of_the_target() -> None:
    """Ours stand, the target's own are kept under another name; with `honor_labels` it is the other way round."""
    text = b'a{job="own",exported_job="more"} 1\n'
    (point,) = Exposition({"job": "shop", "instance": "i"}).read(text, NOW).points
    assert point.labels == (
        ("exported_exported_job", "own"), ("exported_job", "more"), ("instance", "i"), ("job", "shop"),
    )  # fmt: skip
    (point,) = Exposition({"job": "shop", "instance": "i"}, honor_labels=True).read(text, NOW).points
    assert point.labels == (("exported_job", "more"), ("instance", "i"), ("job", "own"))


def test_a_family_may_change_its_kind_between_scrapes() -> None:
    """What is remembered of a series is its name and labels alone."""
    exposition = Exposition()
    assert exposition.read(b"# TYPE a gauge\na 1\n", NOW).points[0].kind is MetricKind.GAUGE
    assert exposition.read(b"# TYPE a counter\na 1\n", NOW).points[0].kind is MetricKind.COUNTER
    assert exposition.read(b"a 1\n", NOW).points[0].kind is MetricKind.UNKNOWN


def test_what_is_hostile_is_bounded() -> None:
    """Samples, lines, one line, labels, buckets, broken lines, and what is remembered."""
    with pytest.raises(ValueError, match="more than 10 samples"):
        Exposition(most=10).read(b"a 1\n" * 11, NOW)
    with pytest.raises(ValueError, match="lines"):
        Exposition(most=10).read(b"\n" * 10_000, NOW)
    long = f'a{{b="{"x" * LONGEST_LINE}"}} 1\n'
    many = "a{" + ",".join(f'l{n}="1"' for n in range(200)) + "} 1\n"
    assert [reason for _, reason in reasons(read(long + many))] == ["longer than 65536 characters", "more than 128 labels"]
    assert len(read("{\n" * 1000).broken) == 100
    buckets = "".join(f'd_bucket{{le="{n}"}} 1\n' for n in range(1500))
    assert read("# TYPE d histogram\n" + buckets).refused == 501
    exposition = Exposition()
    for round_ in range(5):
        exposition.read("".join(f'a{{x="{round_}-{n}"}} 1\n' for n in range(4000)).encode(), NOW)
        assert len(exposition.known) <= 10_000
    for round_ in range(3):
        exposition.read("".join(f'a{{x="{round_}{n}{"x" * 60_000}"}} 1\n' for n in range(400)).encode(), NOW)
        assert exposition.known_characters <= 64 << 20


def test_a_large_scrape_is_not_held_three_times() -> None:
    """5,000 series of thirty labels, 4 MB: its lines are read some at a time, and a series is not remembered by its text."""
    labels = ",".join(f'label_{number}="a value that many have {number}"' for number in range(30))
    body = "".join(f'kube_pod_info{{pod="{at}",{labels}}} {at}\n' for at in range(5000)).encode()
    exposition = Exposition()
    tracemalloc.start()
    try:
        assert exposition.read(body, NOW).samples == 5000
        assert tracemalloc.get_traced_memory()[1] < len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ['a{b="' + "\\" * 60_000, "a{" + "," * 60_000 + "} 1", "a" * 60_000, 'a{b="x"' * 8000, "a " + "1 " * 30_000]
)
def test_no_line_takes_long(text: str) -> None:
    """Linear in the line: a wrong one of 60,000 characters is refused at once."""
    import time

    begun = time.process_time()
    assert read(text).refused == 1
    assert time.process_time() - begun < 0.2
