"""InfluxDB's line protocol: the documented lines, what escapes and strings may hold, and that a bad line spoils no other.

Samples: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference, the Telegraf plug-ins' READMEs, and k6's
InfluxDB output with its default `K6_INFLUXDB_TAGS_AS_FIELDS=vu:int,iter:int,url`.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.decode.metrics import line_protocol
from detector.core.decode.metrics.line_error import MOST_ERRORS
from detector.core.decode.metrics.line_protocol import LONGEST_LINE, decode
from detector.records import Distribution, MetricKind, MetricPoint

NOW = 1_795_000_000_000
NS = 1_465_839_830_100_400_200
MS = 1_465_839_830_100


def points(text: str, precision: str = "ns") -> tuple[MetricPoint, ...]:
    found, errors = decode(text.encode(), precision, NOW)
    assert errors == ()
    return found


def problems(text: str | bytes) -> dict[int, str]:
    _, errors = decode(text.encode() if isinstance(text, str) else text, "ns", NOW)
    return {error.line: error.problem for error in errors}


def test_the_documented_line() -> None:
    """Measurement and field make the name, tags the labels; it says of no number what kind it is."""
    (point,) = points(f"weather,location=us-midwest temperature=82 {NS}")
    assert point == MetricPoint("weather_temperature", (("location", "us-midwest"),), MetricKind.UNKNOWN, 82.0, MS)


def test_the_field_value_adds_nothing_to_the_name() -> None:
    """As Telegraf's statsd and k6 write it."""
    assert [point.name for point in points("api_latency value=1,mean=2")] == ["api_latency", "api_latency_mean"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-1.5", -1.5), ("1.", 1), (".5", 0.5), ("1e3", 1000), ("-1.2E-3", -0.0012), ("3i", 3), ("-3i", -3), ("3u", 3)]
    + [(f"{(1 << 64) - 1}u", float(1 << 64)), (f"{-(1 << 63)}i", -float(1 << 63))]
    + [(word, 1) for word in ("t", "T", "true", "True", "TRUE")]
    + [(word, 0) for word in ("f", "F", "false", "False", "FALSE")],
)
def test_every_form_of_a_value(text: str, value: float) -> None:
    """Numbers, integers, unsigned ones, truth."""
    assert [point.value for point in points(f"m f={text} {NS}")] == [value]


@pytest.mark.parametrize(
    "text",
    ["nan", "inf", "-Infinity", "1_0", "1e999", "0x10", "1ii", "-1u", f"{1 << 63}i", f"{1 << 64}u", "yes", "tRUE", "i", "1.5i"],
)
def test_what_is_no_value(text: str) -> None:
    """InfluxDB refuses them, though Python would take some."""
    assert list(problems(f"m f={text} {NS}")) == [1]


def test_a_text_is_no_number() -> None:
    """Strings give no point, whatever stands in them: commas, equals signs, spaces, escaped quotes, ends of lines."""
    text = 'm,a=b s="x, y=1 \\"z\\" \\\\",n=1,t="a\nb c=2",o=2 ' + f"{NS}\nm2 n=3"
    assert {point.name: point.value for point in points(text)} == {"m_n": 1, "m_o": 2, "m2_n": 3}


def test_escapes() -> None:
    """The documented ones; a backslash before anything else is itself."""
    (point,) = points(rf"wea\,the\ r,loc\ a\,t\=ion=us\ mid\,w\=est,p=C:\dir te\=mp\ x=82 {NS}")
    assert point.name == "wea,the r_te=mp x"
    assert point.labels == (("loc a,t=ion", "us mid,w=est"), ("p", "C:\\dir"))


@pytest.mark.parametrize(
    ("precision", "time"),
    [
        *(("", NS), ("n", NS), ("ns", NS), ("u", NS // 1000), ("us", NS // 1000)),
        *(("ms", MS), ("s", MS // 1000), ("m", MS // 60_000), ("h", MS // 3_600_000)),
    ],
)
def test_precisions(precision: str, time: int) -> None:
    """Of versions 1 and 2."""
    unit_ms = {"s": 1000, "m": 60_000, "h": 3_600_000}.get(precision, 1)
    assert [point.time_ms for point in points(f"m f=1 {time}", precision)] == [MS // unit_ms * unit_ms]


def test_a_precision_that_is_none_is_refused() -> None:
    """The listener answers 400."""
    with pytest.raises(ValueError, match="no precision: 'parsec'"):
        decode(b"m f=1", "parsec", NOW)


def test_a_line_without_a_time_happened_now() -> None:
    """As InfluxDB has it."""
    assert [point.time_ms for point in points("m f=1\n\n# a comment\n  m g=2  \nm h=3\r\n")] == [NOW] * 3


def test_of_two_points_of_one_time_the_last_stands() -> None:
    """InfluxDB overwrites; the other fields of the first stay."""
    assert [(point.name, point.value) for point in points(f"m f=1,g=2 {NS}\nm f=3 {NS}")] == [("m_f", 3), ("m_g", 2)]


def test_a_bad_line_spoils_no_other() -> None:
    """A partial write: each error has its line."""
    text = "m f=1\nm\nm f=\n,a=b f=1\nm,a f=1\nm,a= f=1\nm,a=1,a=2 f=1\nm f=1 soon\nm f=1 2 3\nm f=1 -5\nm =1\nm g=2\n"
    found, errors = decode(text.encode(), "ns", NOW)
    assert [point.name for point in found] == ["m_f", "m_g"]
    assert [error.line for error in errors] == list(range(2, 12))
    assert errors[0].problem == "no fields"
    assert str(errors[6]) == "line 8: a time that is no number"


def test_an_open_string_takes_no_other_line_with_it() -> None:
    """Nor does a quote in a tag or a comment."""
    found, errors = decode(b'# "\nm,a="x f=1\nm f="open\nm g=2\n', "ns", NOW)
    assert [(point.name, point.labels) for point in found] == [("m_f", (("a", '"x'),)), ("m_g", ())]
    assert [error.line for error in errors] == [3]


def test_hostile_bodies_are_bounded() -> None:
    """Long lines, many errors, many fields, bytes that are no text."""
    assert list(problems("m f=1," + "a" * LONGEST_LINE + "=1")) == [1]
    assert list(problems(b"m\xff f=1\nm \xff=1\nm,a=\xff f=1\nm f=1\0")) == [1, 2, 3, 4]
    assert list(problems("m " + ",".join(f"f{i}=1" for i in range(line_protocol.MOST_FIELDS + 1)))) == [1]
    assert list(problems("m," + ",".join(f"t{i}=1" for i in range(200)) + " f=1")) == [1]
    _, errors = decode(b"x\n" * 5000, "ns", NOW)
    assert len(errors) == MOST_ERRORS + 1
    assert sum(error.lines for error in errors) == 5000
    assert "and 3999 further lines" in str(errors[-1])


def test_a_series_is_remembered_and_not_mixed_up() -> None:
    """One that was refused is refused again."""
    for _ in range(2):
        assert list(problems("m,a f=1")) == [1]
        assert [point.labels for point in points("m,b=2,a=1 f=1\nm,a=2 f=1")] == [(("a", "1"), ("b", "2")), (("a", "2"),)]


K6 = """\
http_reqs,method=GET,status=200 iter=0i,url="https://shop/api?a=1, b",value=1,vu=1i 1700000000100000000
http_reqs,method=GET,status=200 iter=1i,url="https://shop/api?a=1, b",value=1,vu=2i 1700000000100000000
http_req_failed,method=GET value=0 1700000000100000000
http_req_failed,method=GET value=1 1700000000200000000
http_req_failed,method=GET value=0 1700000000900000000
http_req_duration,method=GET iter=0i,value=459.865729,vu=1i 1700000000100000000
http_req_duration,method=GET iter=1i,url="\\"",value=100,vu=1i 1700000000100000000
http_req_duration,method=GET value=1 1700000001000000000
data_sent value=42 1700000000100000000
vus value=3 1700000000100000000
vus value=4 1700000000200000000
"""


def test_k6s_metrics_have_k6s_kinds() -> None:
    """Samples of one millisecond all count; vu, iter and url say who took a sample and are no points."""
    found = {(point.name, point.time_ms): point for point in points(K6)}
    assert len(found) == 6
    requests = found["http_reqs", 1_700_000_000_100]
    assert (requests.value, requests.kind, requests.is_delta) == (2, MetricKind.COUNTER, True)
    failed = found["http_req_failed", 1_700_000_000_900]
    assert (failed.value, failed.kind) == (Distribution((0.0,), (2.0, 1.0), 1.0), MetricKind.HISTOGRAM)
    duration = found["http_req_duration", 1_700_000_000_100]
    assert isinstance(duration.value, Distribution)
    assert sum(duration.value.counts) == 2
    assert duration.value.total == 559.865729
    assert (duration.unit, duration.is_delta, duration.start_ms) == ("ms", True, 1_700_000_000_100)
    assert found["vus", 1_700_000_000_200].value == 4
    assert (found["data_sent", 1_700_000_000_100].value, found["data_sent", 1_700_000_000_100].unit) == (42, "By")


def test_somebody_elses_metric_of_the_same_name() -> None:
    """Checks of another tool have other fields."""
    assert {point.name for point in points("checks ok=1,value=2")} == {"checks_ok", "checks"}


WORD = st.text(st.characters(exclude_characters="\n\r\\\0\t\v\f", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
VALUE = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: (repr(value), value)),
    st.integers(-(1 << 63), (1 << 63) - 1).map(lambda value: (f"{value}i", float(value))),
    st.booleans().map(lambda value: (str(value).lower(), float(value))),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10).map(
        lambda text: ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', None)
    ),
)


def escaped(text: str, chars: str) -> str:
    return "".join(f"\\{char}" if char in chars else char for char in text)


@given(
    WORD.filter(lambda text: text[0] not in '# "'),
    st.dictionaries(WORD, WORD, max_size=3),
    st.dictionaries(WORD.filter(lambda text: '"' not in text), VALUE, min_size=1, max_size=4),
)
def test_what_is_written_is_read(name: str, tags: dict[str, str], fields: dict[str, tuple[str, float | None]]) -> None:
    """Any text that the protocol can carry, between two other lines, comes back as it was."""
    written = "".join(f",{escaped(key, ', =')}={escaped(value, ', =')}" for key, value in tags.items())
    shown = ",".join(f"{escaped(key, ', =')}={text}" for key, (text, _) in fields.items())
    found = points(f"before f=1\n{escaped(name, ', ')}{written} {shown} {NS}\nafter f=1")
    expected = {name if key == "value" else f"{name}_{key}": value for key, (_, value) in fields.items() if value is not None}
    assert (found[0].name, found[-1].name) == ("before_f", "after_f")
    assert {point.name: point.value for point in found[1:-1]} == expected
    assert all(point.labels == tuple(sorted(tags.items())) for point in found[1:-1])


@given(st.binary(max_size=200) | st.text('m,=f"\\ 1\ni#', max_size=60).map(str.encode))
def test_any_bytes_give_points_or_errors(body: bytes) -> None:
    """Nothing else is raised, and every number is one."""
    found, errors = decode(body, "s", NOW)
    assert all(isinstance(point.value, float) and math.isfinite(point.value) for point in found)
    assert all(1 <= error.line <= body.count(b"\n") + 1 for error in errors)


def test_what_telegraf_makes_of_prometheus_keeps_its_name() -> None:
    """Both of its ways, and of a line that is known the same as of one that is new."""
    text = (
        "prometheus,job=a http_requests_total=5 1\nhttp_requests_total,job=a counter=5 1\nd,job=a count=3,sum=1.5,0.5=2,+Inf=3 1"
    )
    for _ in range(2):
        found = {(point.name, dict(point.labels).get("le"), point.value) for point in points(text)}
        assert found == {
            ("http_requests_total", None, 5.0),
            ("d_count", None, 3.0),
            ("d_sum", None, 1.5),
            ("d_bucket", "0.5", 2.0),
            ("d_bucket", "+Inf", 3.0),
        }
    (alone,), (_, beside) = points("disk counter=1 1"), points("disk free=2,counter=1 1")
    assert (alone.name, beside.name) == ("disk", "disk_counter")
