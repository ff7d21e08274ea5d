"""Many values of one series made one Distribution, whose quantiles are right to about a hundredth however many are merged.

Averages of quantiles are no quantiles. Buckets whose bounds are powers of one base are the same in every second, pod and run, so
that adding counts merges them exactly: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
"""

from __future__ import annotations

import math

from detector.records import Distribution

MOST_BUCKETS = 320  # of one sketch; more are merged two by two
_SCALE = 5  # 32 buckets an octave: a bucket's bounds are 2.2 % apart, so its middle is at most 1.1 % off
_LEAST, _MOST = 2.0**-30, 2.0**60  # smaller is as good as zero; larger counts as this


class Sketch:
    """Counts by bucket: of scale s, bucket i holds values in (b^i, b^(i + 1)], b = 2^(2^-s); their mirror images below zero."""

    __slots__ = ("_above", "_below", "_scale", "_zero", "total")

    def __init__(self) -> None:
        self._above: dict[int, float] = {}
        self._below: dict[int, float] = {}
        self._zero = 0.0
        self._scale = _SCALE
        self.total = 0.0

    def __len__(self) -> int:
        """How many buckets are in use."""
        return len(self._above) + len(self._below) + (self._zero > 0)

    def add(self, value: float, weight: float = 1.0) -> None:
        """`value` is finite, `weight` above 0: how many such values it stands for."""
        self.total += value * weight
        size = abs(value)
        if size <= _LEAST:
            self._zero += weight
            return
        side = self._above if value > 0 else self._below
        index = math.ceil(math.log2(min(size, _MOST)) * (1 << self._scale)) - 1
        if index in side:
            side[index] += weight
            return
        side[index] = weight
        if len(self) > MOST_BUCKETS and self._scale > 0:
            self._above, self._below = _halved(self._above), _halved(self._below)
            self._scale -= 1

    def distribution(self) -> Distribution:
        """Only buckets in use, with an empty one where some between them are not."""
        upper: dict[float, float] = {}  # of each bucket its upper bound and count
        for index in sorted(self._below, reverse=True):
            upper.setdefault(-self._bound(index + 1), 0.0)
            upper[-self._bound(index)] = self._below[index]
        if self._zero:
            upper.setdefault(-_LEAST, 0.0)
            upper[_LEAST] = self._zero
        for index in sorted(self._above):
            upper.setdefault(self._bound(index), 0.0)
            upper[self._bound(index + 1)] = self._above[index]
        return Distribution(tuple(upper), (*upper.values(), 0.0), self.total)

    def _bound(self, index: int) -> float:
        return float(2.0 ** (index / (1 << self._scale)))


def _halved(counts: dict[int, float]) -> dict[int, float]:
    merged: dict[int, float] = {}
    for index, count in counts.items():
        merged[index >> 1] = merged.get(index >> 1, 0.0) + count
    return merged
