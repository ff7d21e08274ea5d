"""Datagrams of StatsD and DogStatsD: `api.errors:1|c|@0.1|#service:cart`, one metric a line.

https://github.com/statsd/statsd/blob/master/docs/metric_types.md and
https://docs.datadoghq.com/developers/dogstatsd/datagram_shell (up to protocol version 1.3). What they add up to: `statsd_totals`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from detector.core.decode.metrics.labels import LONGEST_NAME, bounded, named, sorted_labels
from detector.records import Labels

LONGEST_LINE = 8 << 10  # Datadog's clients send datagrams of at most 8 KiB
MOST_VALUES = 1000  # packed in one line
_LATEST_S = 253_402_300_800  # the year 10,000
_LEAST_RATE = 1e-6  # one in a million: less would let one line stand for more than anybody counts
_LARGEST = 1e100  # so that sums stay numbers
_CONTAINER = "container_id"


class StatsdKind(StrEnum):
    COUNTER = "c"
    GAUGE = "g"
    TIMER = "ms"  # also h and d: a distribution of values; only of `ms` the unit is known
    HISTOGRAM = "h"
    SET = "s"


_KINDS = {
    b"c": StatsdKind.COUNTER,
    b"g": StatsdKind.GAUGE,
    b"ms": StatsdKind.TIMER,
    b"h": StatsdKind.HISTOGRAM,
    b"d": StatsdKind.HISTOGRAM,
    b"s": StatsdKind.SET,
}
_NO_METRICS = (b"_e{", b"_sc|")  # events and service checks


@dataclass(frozen=True, slots=True)
class StatsdSeries:
    """What a line is about: all but its values. `digest` is its hash, looked for once a line."""

    name: str
    labels: Labels
    kind: StatsdKind
    digest: int = field(compare=False, repr=False, default=0)

    def __hash__(self) -> int:
        return self.digest


@dataclass(frozen=True, slots=True)
class StatsdLine:
    """`weight` is how many values each one stands for. `time_ms` where the sender added up already and says when. A gauge's
    `is_relative` says of each value whether it is added to what the gauge was."""

    series: StatsdSeries
    numbers: tuple[float, ...]
    members: tuple[bytes, ...] = ()  # of a set
    weight: float = 1.0
    time_ms: int | None = None
    is_relative: tuple[bool, ...] = ()


class StatsdReader:
    """Reads lines; remembers the series, since the same few hundred come again and again."""

    def __init__(self, most_known: int) -> None:
        self._most_known = most_known
        self._known: dict[tuple[bytes, bytes, bytes, bytes], StatsdSeries] = {}

    def read(self, line: bytes) -> StatsdLine | None:
        """None for an event or a service check. Raises ValueError."""
        if line.startswith(_NO_METRICS):
            return None
        if len(line) > LONGEST_LINE:
            raise ValueError(f"longer than {LONGEST_LINE} bytes")
        head, *parts = line.split(b"|")
        name, colon, packed = head.partition(b":")
        if not name or not colon or not parts:
            raise ValueError("no name:value|type")
        kind = _KINDS.get(parts[0])
        if kind is None:
            raise ValueError(f"no type: {parts[0][:10]!r}")
        weight, tags, container, time_ms = 1.0, b"", b"", None
        for part in parts[1:]:
            match part[:1]:
                case b"@":
                    weight = 1.0 / _rate(part[1:])
                case b"#":
                    tags = part[1:]
                case b"T":
                    time_ms = _time(part[1:])
                case b"c" if part[1:2] == b":":
                    container = part[2:]
                case _:
                    pass  # a part of a later version, such as |e: or |card:
        series = self._series(name, parts[0], tags, container)
        if kind is StatsdKind.SET:
            return StatsdLine(series, (), (packed,), 1.0, time_ms)
        texts = packed.split(b":")
        if len(texts) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
        numbers = tuple(map(_number, texts))
        relative = tuple(text[:1] in b"+-" for text in texts) if kind is StatsdKind.GAUGE else ()
        return StatsdLine(series, numbers, (), 1.0 if kind is StatsdKind.GAUGE else weight, time_ms, relative)

    def _series(self, name: bytes, type_: bytes, tags: bytes, container: bytes) -> StatsdSeries:
        key = (name, type_, tags, container)
        found = self._known.get(key)
        if found is None:
            labels = dict(_tag(tag) for tag in tags.split(b",") if tag)
            if container:
                labels[_CONTAINER] = _text(container)
            full_name, ordered, kind = bounded(_text(name), LONGEST_NAME), sorted_labels(named(labels.items())), _KINDS[type_]
            found = StatsdSeries(full_name, ordered, kind, hash((full_name, ordered, kind)))
            if len(self._known) >= self._most_known:
                self._known.clear()
            self._known[key] = found
        return found


def _tag(tag: bytes) -> tuple[str, str]:
    """A tag without a value is told by being there."""
    key, colon, value = tag.partition(b":")
    return _text(key), _text(value) if colon else "true"


def _rate(text: bytes) -> float:
    rate = _number(text)
    if not _LEAST_RATE <= rate <= 1:
        raise ValueError("a sample rate that is none")
    return rate


def _time(text: bytes) -> int:
    if not text.isdigit() or len(text) > 12 or int(text) >= _LATEST_S:
        raise ValueError("a time that is none")
    return int(text) * 1000


def _number(text: bytes) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("a value that is no number") from None
    if not math.isfinite(value) or b"_" in text:
        raise ValueError("a value that is no number")
    if abs(value) > _LARGEST:
        raise ValueError("a value that is too large")
    return value


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("no UTF-8") from None
