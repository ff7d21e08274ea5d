"""Samples of a load generator, of which a second holds hundreds, made one point a series and second.

A trend becomes a Distribution: the points of many seconds merge into one whose P99 is that of all samples. As single numbers they
would share milliseconds, of which a history keeps but one, or be averaged, and the P99 of averages is far too low. A rate becomes
a Distribution of two buckets, what was 0 and what was not, so that a busy second weighs more than a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from detector.core.decode.metrics.sketch import Sketch
from detector.records import Distribution, Labels, MetricKind, MetricPoint

_LARGEST = 1e100
_UNITS = {"time": "ms", "data": "By"}  # k6's `contains`


class SampleKind(StrEnum):
    """https://grafana.com/docs/k6/latest/using-k6/metrics/"""

    COUNTER = "counter"
    GAUGE = "gauge"
    RATE = "rate"
    TREND = "trend"


class _Second:
    __slots__ = ("contains", "first_ms", "kind", "last", "last_ms", "no", "number", "sketch", "yes")

    def __init__(self, time_ms: int, kind: SampleKind, contains: str) -> None:
        self.kind = kind
        self.contains = contains
        self.first_ms = self.last_ms = time_ms
        self.last = self.number = self.yes = self.no = 0.0
        self.sketch = Sketch() if kind is SampleKind.TREND else None


class Seconds:
    """Open seconds of any number of series. A name's kind is what its second's first sample was said to be."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, str, Labels], _Second] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, name: str, labels: Labels, kind: SampleKind, value: float, time_ms: int, contains: str = "default") -> None:
        """`value` is finite; `contains` is k6's word for the unit. Raises ValueError for one too large to be summed."""
        if not -_LARGEST <= value <= _LARGEST:
            raise ValueError(f"{name[:50]}: a value that is too large")
        key = (time_ms // 1000, name, labels)
        second = self._open.get(key)
        if second is None:
            second = self._open[key] = _Second(time_ms, kind, contains)
        elif time_ms < second.first_ms:
            second.first_ms = time_ms
        if time_ms >= second.last_ms:
            second.last_ms = time_ms
            second.last = value
        if second.sketch is not None:
            second.sketch.add(value)
        elif second.kind is SampleKind.COUNTER:
            second.number += value
        elif value:
            second.yes += 1
        else:
            second.no += 1

    def take(self, before_ms: int | None = None) -> Iterator[MetricPoint]:
        """The seconds that ended by then, or all; a sample that comes later begins another point of the same second."""
        done = [key for key in self._open if before_ms is None or (key[0] + 1) * 1000 <= before_ms]
        for key in done:
            yield _point(key[1], key[2], self._open.pop(key))


def _point(name: str, labels: Labels, second: _Second) -> MetricPoint:
    """Its time is that of its last sample."""
    unit = _UNITS.get(second.contains, "")
    if second.kind is SampleKind.GAUGE:
        return MetricPoint(name, labels, MetricKind.GAUGE, second.last, second.last_ms, unit=unit)
    if second.kind is SampleKind.COUNTER:
        return MetricPoint(name, labels, MetricKind.COUNTER, second.number, second.last_ms, second.first_ms, True, unit)
    rate = Distribution((0.0,), (second.no, second.yes), second.yes)
    value = rate if second.sketch is None else second.sketch.distribution()
    return MetricPoint(name, labels, MetricKind.HISTOGRAM, value, second.last_ms, second.first_ms, True, unit)
