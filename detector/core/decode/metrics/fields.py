"""What Telegraf calls a series by measurement and field, in JSON and in line protocol.

Its input `prometheus` knows two ways: with `metric_version = 2` the measurement is `prometheus` and each field a series by its
own name; with 1 a metric is a measurement of the fields `gauge`, `counter` or `value`, and a histogram one of the fields `count`,
`sum` and a field for each bound.
https://docs.influxdata.com/telegraf/v1/input-plugins/prometheus
"""

from __future__ import annotations

import math
from collections.abc import Container

from detector.core.decode.metrics.labels import LONGEST_NAME, bounded

_UNNAMED = ("gauge", "counter")  # the field of a metric that has but one; as little as `value` does its name say anything
_PROMETHEUS = "prometheus"  # the measurement in which Telegraf keeps metrics that have names of their own
_INFINITE = "+Inf"


def part_of(measurement: str, field: str, fields: Container[str], is_alone: bool) -> tuple[str, tuple[str, str] | None]:
    """The series' name, and the label that it has besides its tags: the bound of a bucket, a summary's quantile. `fields` are all
    of the metric, `is_alone` if this is the only one."""
    if measurement == _PROMETHEUS:
        return bounded(field, LONGEST_NAME), None
    if field == "value" or (is_alone and field in _UNNAMED):
        return bounded(measurement, LONGEST_NAME), None
    if field[:1] in "+-.0123456789" and "count" in fields and "sum" in fields and _is_number(field):
        if _INFINITE in fields:
            return bounded(f"{measurement}_bucket", LONGEST_NAME), ("le", field)
        return bounded(measurement, LONGEST_NAME), ("quantile", field)
    return bounded(f"{measurement}_{field}", LONGEST_NAME), None


def _is_number(field: str) -> bool:
    try:
        return not math.isnan(float(field))
    except ValueError:
        return False
