from __future__ import annotations

import math
import os

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from detector.telemetry import Metrics
from detector.telemetry.registry import Registry


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.floats(allow_nan=False))
def test_whatever_a_label_holds_is_read_back(text: str, value: float) -> None:
    """Quotes, backslashes, line breaks in a label, and any number, come out of Prometheus' own parser as they went in."""
    registry = Registry()
    registry.gauge("trimwatch_odd", 'Says "so"\nor \\ so.', "what").set(value, text)
    (family,) = text_string_to_metric_families(registry.exposition().decode())
    (sample,) = family.samples
    assert (sample.labels, sample.value) == ({"what": text}, value)
    assert family.documentation == 'Says "so"\nor \\ so.'


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=50))
def test_buckets_add_up(values: list[float]) -> None:
    """Buckets are cumulative, each counts what is at most its bound, the last one all."""
    registry = Registry()
    histogram = registry.histogram("trimwatch_time_seconds", "Time.", (0.5, 1, 10))
    for value in values:
        histogram.observe(value)
    found = {
        each.labels.get("le", each.name): each.value
        for f in text_string_to_metric_families(registry.exposition().decode())
        for each in f.samples
    }
    for bound in (0.5, 1, 10, math.inf):
        key = "+Inf" if bound == math.inf else str(float(bound))
        assert found.get(key, 0) == sum(value <= bound for value in values)
    assert found.get("trimwatch_time_seconds_count", 0) == len(values)


def test_a_lone_surrogate_does_not_end_the_scrape() -> None:
    """A label that is no UTF-8 is spelled out, not an error."""
    registry = Registry()
    registry.counter("trimwatch_odd_total", "Odd.", "what").add(1, "a\udc80")
    assert b'what="a\\udc80"' in registry.exposition()


def test_the_process_is_described() -> None:
    """Resident memory, open files and start time of this process are there and plausible."""
    metrics = Metrics()
    text = metrics.exposition().decode()
    found = {each.name: each.value for family in text_string_to_metric_families(text) for each in family.samples}
    assert 10e6 < found["process_resident_memory_bytes"] < 2e9
    assert 3 <= found["process_open_fds"] <= len(os.listdir("/proc/self/fd")) + 3
    assert abs(os.stat("/proc/self").st_ctime - found["process_start_time_seconds"]) < 3600 * 24
    assert found["process_cpu_seconds_total"] > 0
