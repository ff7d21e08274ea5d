"""Telegraf's JSON: one metric a record, or `{"metrics": [...]}`; each field of a metric is a point of a series.

It says of no number whether it is a gauge or a counter. https://docs.influxdata.com/telegraf/v1/data_formats/output/json
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from detector.core.decode import guarded_json
from detector.core.decode.logs import times
from detector.core.decode.metrics.fields import part_of
from detector.core.decode.metrics.labels import MOST_POINTS, named, sorted_labels
from detector.records import MetricKind, MetricPoint

_NOW = (1e11, 1e13)  # record times, in ms, by which a unit may be told
_MS_OF = [10.0**power for power in range(-6, 5)]  # a nanosecond to ten seconds


def decode(value: bytes, time_ms: int) -> tuple[MetricPoint, ...]:
    """The points of one record: by metric in its order, by field name within. Raises ValueError."""
    found: list[MetricPoint] = []
    for metric in _metrics(value):
        found += _points(metric, time_ms)
        if len(found) > MOST_POINTS:
            raise ValueError(f"more than {MOST_POINTS} points in a record")
    return tuple(found)


def _metrics(value: bytes) -> Iterator[Any]:
    """The metrics of a record: one, a batch, a list (what `json_transformation` may make of a batch), or one a line."""
    if value.count(b"\n") > MOST_POINTS:
        raise ValueError(f"more than {MOST_POINTS} lines in a record")
    for line in value.strip().split(b"\n") if b"}\n{" in value else (value,):
        record = guarded_json.load(line)
        batch = record.get("metrics", record.get(""))
        if isinstance(batch, list):
            yield from batch
        else:
            yield record


def _points(metric: Any, time_ms: int) -> Iterator[MetricPoint]:
    name, fields, tags = _shape(metric)
    labels = sorted_labels(named((str(key), _text(value)) for key, value in sorted(tags.items())))
    when = _time(metric.get("timestamp"), time_ms)
    for field in sorted(fields):
        value = _number(fields[field])
        if value is not None:
            series, bound = part_of(name, field, fields, len(fields) == 1)
            own = labels if bound is None else sorted_labels(dict(labels), dict((bound,)))
            yield MetricPoint(series, own, MetricKind.UNKNOWN, value, when)


def _shape(metric: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if not isinstance(metric, dict):
        raise ValueError("a metric that is no JSON object")
    name, fields, tags = metric.get("name"), metric.get("fields"), metric.get("tags")
    if not isinstance(name, str) or not name:
        raise ValueError("a metric without a name")
    if not isinstance(fields, dict):
        raise ValueError("a metric without fields")
    if len(fields) > MOST_POINTS:
        raise ValueError(f"more than {MOST_POINTS} points in a record")
    if tags is not None and not isinstance(tags, dict):
        raise ValueError("a metric whose tags are no object")
    return name, fields, tags or {}


def _number(value: Any) -> float | None:
    """Truth is 1; a text is no number, and neither is what Telegraf would not have written."""
    if isinstance(value, int | float):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _time(value: Any, record_ms: int) -> int:
    """`json_timestamp_units` is any power of ten of a nanosecond: the one that brings the time nearest to the record's own."""
    when: int | None = None
    if isinstance(value, str):
        when = times.read_ms(value.encode("utf-8", "replace"), record_ms if _NOW[0] < record_ms < _NOW[1] else 0)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        when = _by_unit(value, record_ms)
    if value is not None and (when is None or when < 0):
        raise ValueError("a timestamp that is no time")
    if when is None and record_ms < 0:
        raise ValueError("a metric without a time, in a record without one")
    return record_ms if when is None else when


def _by_unit(value: float, record_ms: int) -> int | None:
    if not (_NOW[0] < record_ms < _NOW[1] and 1 <= value < 1e20):
        return times.number(value)
    return int(min((value * ms for ms in _MS_OF), key=lambda when: abs(math.log(when / record_ms))))
