"""Our reader against Prometheus' Python client: what that one writes and reads, ours reads alike, and nothing upsets it."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from detector.core.decode.metrics.exposition import Exposition
from detector.records import Distribution

NOW = 1_795_000_000_000
VALUES = st.floats(allow_nan=False, width=64)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5), st.lists(st.floats(0, 20), max_size=20), st.booleans())
def test_what_the_client_writes_is_read(gauges: dict[str, float], observed: list[float], is_openmetrics: bool) -> None:
    """Labels of any text, any number, every kind; also when the series are known."""
    registry = CollectorRegistry()
    gauge = Gauge("g", "a gauge", ["l"], registry=registry)
    for label, value in gauges.items():
        gauge.labels(label).set(value)
    counter = Counter("c", "a\ncounter", registry=registry)
    histogram = Histogram("h", "a histogram", buckets=(0.5, 1, 10), registry=registry)
    summary = Summary("s", "a summary", registry=registry)
    for value in observed:
        counter.inc(value)
        histogram.observe(value)
        summary.observe(value)
    body = (generate_openmetrics if is_openmetrics else generate_latest)(registry)
    exposition = Exposition()
    for _ in range(2):
        exposed = exposition.read(body, NOW, is_openmetrics)
        assert not exposed.broken
        found = {(point.name, point.labels): point.value for point in exposed.points}
        assert {dict(labels)["l"]: value for (name, labels), value in found.items() if name == "g"} == gauges
        assert found["c_total", ()] == sum(observed)
        assert found["s_count", ()] == len(observed)
        counts = [
            sum(1 for value in observed if low < value <= high) for low, high in ((-1, 0.5), (0.5, 1), (1, 10), (10, math.inf))
        ]
        assert found["h", ()] == Distribution((0.5, 1.0, 10.0), tuple(map(float, counts)), sum(observed))


LINES = st.lists(
    st.one_of(
        st.from_regex(r'[a-c]\{[a-b]="[x\\"n, }]{0,4}"\,?\} [-+0-9.eInfNa]{1,6}( [0-9]{1,13})?', fullmatch=True),
        st.from_regex(r"# (TYPE|HELP) [a-c] (counter|gauge|histogram|untyped)", fullmatch=True),
        st.text(st.sampled_from('ab{}=",\\ #1\t'), max_size=20),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(LINES.map(lambda lines: "\n".join(lines).encode()), st.binary(max_size=200)), st.booleans())
def test_nothing_upsets_it(body: bytes, is_openmetrics: bool) -> None:
    """Every line is used, told, or a comment; what is known changes nothing."""
    exposition = Exposition()
    said = []
    for _ in range(2):
        try:
            exposed = exposition.read(body, NOW, is_openmetrics)
        except ValueError as error:
            said.append(str(error))
        else:
            said.append(repr((exposed.points, exposed.samples, exposed.broken)))
    assert said[0] == said[1]


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_what_the_client_reads_is_read_alike(lines: list[str]) -> None:
    """Where its reader takes a line with labels, ours takes it with the same labels and number, or refuses it: that one is
    lenient."""
    for line in lines:
        if line.startswith("#") or "\\" in line:
            continue
        try:
            theirs = [sample for family in text_string_to_metric_families(line + "\n") for sample in family.samples]
        except (ValueError, IndexError, KeyError):
            continue
        ours = Exposition().read(line.encode(), NOW)
        if ours.broken or not theirs:
            continue
        (point,), (sample,) = ours.points, theirs
        assert point.name == sample.name
        assert dict(point.labels) == {name: value for name, value in sample.labels.items() if value}
        assert point.value == sample.value or (math.isnan(float(str(point.value))) and math.isnan(sample.value))
