"""Counters, gauges and histograms, and the text in which Prometheus reads them.

Written out here because the client library brings an HTTP server, a mail parser and 2.3 MB that stay resident.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the text: `name` with its suffix, labels in the order they were declared."""

    name: str
    labels: Labels
    value: float


class Family:
    """One metric under all its labels. `at` names the values of the labels, in the order they were declared."""

    kind = "untyped"

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name = name
        self.help_text = help_text
        self._label_names = labels
        self._values: dict[tuple[str, ...], float] = {}
        if not labels:
            self._values[()] = 0.0

    def samples(self) -> Iterator[Sample]:
        for at, value in list(self._values.items()):
            yield Sample(self.name, self._labels(at), value)

    def _labels(self, at: tuple[str, ...]) -> Labels:
        return tuple(zip(self._label_names, at, strict=True))


F = TypeVar("F", bound=Family)


class Counter(Family):
    """Only rises; its name ends in `_total`."""

    kind = "counter"

    def add(self, amount: float, *at: str) -> None:
        self._values[at] = self._values.get(at, 0.0) + amount


class Gauge(Family):
    """Goes up and down."""

    kind = "gauge"

    def set(self, value: float, *at: str) -> None:
        self._values[at] = value

    def clear(self) -> None:
        """Forgets every label."""
        self._values.clear()


class Histogram(Family):
    """Counts what was observed by upper bound; `bounds` rise."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...], *labels: str) -> None:
        super().__init__(name, help_text, *labels)
        self._bounds = bounds
        self._values.clear()
        self._counts: dict[tuple[str, ...], list[int]] = {}

    def observe(self, value: float, *at: str) -> None:
        counts = self._counts.setdefault(at, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, value)] += 1
        self._values[at] = self._values.get(at, 0.0) + value

    def samples(self) -> Iterator[Sample]:
        bounds = [*map(_number, self._bounds), "+Inf"]
        for at, counts in list(self._counts.items()):
            labels = self._labels(at)
            for bound, count in zip(bounds, accumulate(counts), strict=True):
                yield Sample(f"{self.name}_bucket", (*labels, ("le", bound)), count)
            yield Sample(f"{self.name}_count", labels, sum(counts))
            yield Sample(f"{self.name}_sum", labels, self._values.get(at, 0.0))


class Registry:
    """All metrics of a process, in the order they were made."""

    def __init__(self) -> None:
        self._families: list[Family] = []

    def counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return self._keep(Counter(name, help_text, *labels))

    def gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return self._keep(Gauge(name, help_text, *labels))

    def histogram(self, name: str, help_text: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
        return self._keep(Histogram(name, help_text, bounds, *labels))

    def collect(self) -> Iterator[Sample]:
        for family in self._families:
            yield from family.samples()

    def get_sample_value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """The value of one sample, or None."""
        wanted = sorted((labels or {}).items())
        return next((each.value for each in self.collect() if each.name == name and sorted(each.labels) == wanted), None)

    def exposition(self) -> bytes:
        """The text format, version 0.0.4. A family without a sample is named all the same."""
        lines = []
        for family in self._families:
            lines.append(f"# HELP {family.name} {_escaped(family.help_text)}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            lines.extend(_line(sample) for sample in family.samples())
        return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")

    def _keep(self, family: F) -> F:
        self._families.append(family)
        return family


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{_quoted(value)}"' for name, value in sample.labels)
    return f"{sample.name}{'{' + labels + '}' if labels else ''} {_number(sample.value)}"


def _number(value: float) -> str:
    return repr(float(value)).replace("inf", "Inf").replace("nan", "NaN")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')
