"""A row of the journal as bytes, and back: samples in columns, packed; what is more than a number beside them as JSON."""

from __future__ import annotations

import json
import struct
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from detector.core.signals.series import Series
from detector.records import Distribution, Labels, MetricKind, MetricPoint

VERSION = 1
_HEAD = struct.Struct("<BII")  # version, samples, bytes of the part in JSON
_SAMPLE_BYTES = 4 + 8 + 8
_MOST_UNPACKED = 256 << 20
_FAR_MS = 1 << 62


class GarbledJournal(ValueError):
    """It was written by another release, or by nobody."""


@dataclass(frozen=True, slots=True)
class Known:
    """What all points of a series have in common. `labels` is one object for all of them, `service` whose it is where labels do
    not say so."""

    name: str
    labels: Labels
    kind: MetricKind
    unit: str
    service: str


@dataclass(slots=True)
class Row:
    """What is to be written of what was taken in. `closings`: after so many of its samples, steps were closed up to that time."""

    series: list[Series] = field(default_factory=list)
    points: list[MetricPoint] = field(default_factory=list)
    closings: list[tuple[int, int]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.points and not self.closings and not self.digests

    def close(self, until_ms: int) -> None:
        self.closings.append((len(self.points), until_ms))

    def without_samples(self) -> Row:
        """What must be kept even where there is no room for samples."""
        return Row([], [], [(0, until_ms) for _, until_ms in self.closings], self.digests)

    def body(self) -> bytes:
        """Column by column, since this is done for every sample that comes. What no column holds (a histogram, the end of a
        series, what says since when) stands beside them: index, value, start, whether it is a delta."""
        points = self.points
        values = cast(list[float], [point.value for point in points])  # what is none is replaced below
        bounds: dict[tuple[float, ...], int] = {}
        odd: list[list[object]] = []
        for at, point in enumerate(points):
            if point.start_ms is not None or point.is_delta or type(point.value) is not float:
                odd.append([at, _plain(point.value, bounds), _start(point.start_ms), point.is_delta])
                values[at] = 0.0
        numbers = array("I", [series.number for series in self.series])
        columns = numbers.tobytes() + array("q", [point.time_ms for point in points]).tobytes() + array("d", values).tobytes()
        told = _json({"odd": odd, "bounds": list(bounds), "closings": self.closings, "digests": self.digests})
        return _HEAD.pack(VERSION, len(points), len(told)) + zlib.compress(told + columns, 1)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """`points` is None where the series is not known any more, `services` whose each of them is where labels do not say so."""

    points: tuple[MetricPoint | None, ...]
    services: tuple[str, ...]
    closings: tuple[tuple[int, int], ...]
    digests: tuple[str, ...]


def read_row(body: bytes, series: Mapping[int, Known]) -> ReadRow:
    """Raises GarbledJournal."""
    try:
        version, count, told_bytes = _HEAD.unpack_from(body)
        whole = told_bytes + count * _SAMPLE_BYTES
        if version != VERSION or whole > _MOST_UNPACKED:
            raise GarbledJournal(f"a row of the journal has version {version} and {whole:,} bytes")
        raw = zlib.decompressobj().decompress(body[_HEAD.size :], whole + 1)
        if len(raw) != whole:
            raise GarbledJournal("a row of the journal is cut")
        told = _told(raw[:told_bytes])
        points = _points(raw[told_bytes:], count, told["odd"], told["bounds"], series)
        numbers = array("I", raw[told_bytes : told_bytes + 4 * count])
        services = tuple([series[number].service if number in series else "" for number in numbers])
        closings = tuple([(int(at), int(until_ms)) for at, until_ms in told["closings"]])
        return ReadRow(points, services, closings, tuple(map(str, told["digests"])))
    except (struct.error, zlib.error, TypeError, KeyError, IndexError, ValueError, OverflowError) as error:
        raise GarbledJournal(str(error)) from error


def series_body(point: MetricPoint, service: str) -> bytes:
    """Of any point of it. Labels may hold bytes that are no UTF-8 (lone surrogates), which orjson refuses."""
    known = [point.name, point.labels, point.kind.value, point.unit, service]
    try:
        return orjson.dumps(known)
    except TypeError:
        return json.dumps(known).encode("ascii")


def read_series(body: bytes) -> Known:
    """Raises GarbledJournal."""
    try:
        name, labels, kind, unit, service = json.loads(body)
        pairs = tuple([(str(key), str(value)) for key, value in labels])
        return Known(str(name), pairs, MetricKind(kind), str(unit), str(service))
    except (ValueError, TypeError) as error:
        raise GarbledJournal(str(error)) from error


def _plain(value: float | Distribution | None, bounds: dict[tuple[float, ...], int]) -> object:
    """A histogram as the number of its bounds, its counts and its sum; a number that JSON has no word for as text."""
    if isinstance(value, Distribution):
        return [bounds.setdefault(value.bounds, len(bounds)), value.counts, value.total]
    return str(value) if value is not None and value - value != 0 else value


def _json(told: Mapping[str, object]) -> bytes:
    """What a hostile sender counts may be beyond 64 bits, of which orjson makes nothing."""
    try:
        return orjson.dumps(told)
    except TypeError:
        return json.dumps(told).encode()


def _told(body: bytes) -> dict[str, list[Any]]:
    try:
        found: dict[str, list[Any]] = orjson.loads(body)
    except ValueError:
        found = json.loads(body)
    return found


def _start(start_ms: int | None) -> int | None:
    """One that is beyond what JSON takes is none."""
    return start_ms if start_ms is not None and -_FAR_MS < start_ms < _FAR_MS else None


def _points(
    raw: bytes, count: int, odd: Sequence[Sequence[object]], bounds: Sequence[Sequence[object]], series: Mapping[int, Known]
) -> tuple[MetricPoint | None, ...]:
    numbers, times = array("I", raw[: 4 * count]), array("q", raw[4 * count : 12 * count])
    values: list[float | Distribution | None] = list(array("d", raw[12 * count :]))
    known_bounds = [tuple(map(_number, each)) for each in bounds]
    more: dict[int, tuple[int | None, bool]] = {}
    for at, value, start_ms, is_delta in odd:
        if not isinstance(at, int) or not isinstance(start_ms, int | None):
            raise GarbledJournal("a sample of the journal is none")
        more[at] = start_ms, is_delta is True
        values[at] = _value(value, known_bounds)
    nothing_more = None, False
    points: list[MetricPoint | None] = []
    for at, (number, time_ms, value) in enumerate(zip(numbers, times, values, strict=True)):
        one = series.get(number)
        if one is None:
            points.append(None)
            continue
        start_ms, is_delta = more.get(at, nothing_more)
        points.append(MetricPoint(one.name, one.labels, one.kind, value, time_ms, start_ms, is_delta, one.unit))
    return tuple(points)


def _value(value: object, bounds: Sequence[tuple[float, ...]]) -> float | Distribution | None:
    if not isinstance(value, list):
        return None if value is None else _number(value)
    which, counts, total = value
    return Distribution(bounds[which], tuple(map(_number, counts)), None if total is None else _number(total))


def _number(value: object) -> float:
    """JSON has null for a number that is none."""
    if not isinstance(value, int | float | str):
        return 0.0
    return float(value)
