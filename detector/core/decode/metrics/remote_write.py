"""Prometheus remote write, 1.0 (`prometheus.WriteRequest`) and 2.0 (`io.prometheus.write.v2.Request`), unpacked already.

Walked by hand: of a series that is known by the bytes of its labels nothing but value and time is read, where protobuf would make
a message of each label. https://prometheus.io/docs/specs/prw/remote_write_spec and ..._2_0
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from detector.core.decode.metrics.labels import MOST_POINTS
from detector.core.decode.metrics.remote_write_series import UNKNOWN_FAMILY, KnownSeries, Series, SymbolRequest, Unusable
from detector.core.decode.otlp import wire
from detector.records import MetricKind, MetricPoint

MOST_PROBLEMS = 5
MOST_SYMBOLS = 10 * MOST_POINTS
LATEST_MS = 253_402_300_800_000  # the year 10,000
_MOST_TIMES = 4096
_STALE = struct.pack("<Q", 0x7FF0000000000002)
_double = struct.Struct("<d").unpack_from
Sample = tuple[float | None, int]
_LABEL, _SAMPLE, _EXEMPLAR, _HISTOGRAM, _METADATA = 0x0A, 0x12, 0x1A, 0x22, 0x1A
_LABEL_REFS, _HISTOGRAM_2, _EXEMPLAR_2, _METADATA_2, _CREATED = 0x0A, 0x1A, 0x22, 0x2A, 0x30
_SYMBOL, _SERIES_2 = 0x22, 0x2A
_SHAPE, _ZERO_SHAPE = b"\x12\x10\x09", b"\x12\x07\x10"  # a sample with a time of six bytes; of a value, or of 0


@dataclass(slots=True)
class Written:
    """What a request held. `problems` are the first few of the `refused` series and samples, in words."""

    points: list[MetricPoint] = field(default_factory=list)
    samples: int = 0
    histograms: int = 0
    refused: int = 0
    read: int = 0
    problems: list[str] = field(default_factory=list)

    def reading(self) -> None:
        """One more series, or family, that is read field by field. Raises ValueError when they are too many: an empty one is two
        bytes on the wire, and costs as much as any."""
        self.read += 1
        if self.read > MOST_POINTS:
            raise ValueError(f"more than {MOST_POINTS} series or families in a request")

    def refuse(self, problem: str) -> None:
        self.refused += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


class RemoteWrite:
    """Remembers series and families that it has seen, so many of them. One for each listener; for one thread at a time."""

    def __init__(self) -> None:
        self._known = KnownSeries()
        self._times: dict[bytes, int] = {}

    def first(self, data: bytes) -> Written:
        """A request of version 1.0. Raises ValueError when it is none; what is wrong in one series is told in the answer."""
        try:
            return self._first(data)
        except (IndexError, struct.error):
            raise ValueError("no WriteRequest: it is cut off") from None

    def second(self, data: bytes) -> Written:
        """A request of version 2.0. Raises ValueError."""
        try:
            return self._second(data)
        except (IndexError, struct.error):
            raise ValueError("no io.prometheus.write.v2.Request: it is cut off") from None

    def _first(self, data: bytes) -> Written:
        written = Written()
        points, samples = written.points, 0
        series_of, times = self._known.by_label_bytes, self._times
        at, size = 0, len(data)
        while at < size:
            tag, length, at = data[at], data[at + 1], at + 2
            if length > 127:
                if data[at] < 128:  # of two bytes, as nearly all are
                    length, at = length & 127 | data[at] << 7, at + 1
                else:
                    length, at = wire.varint(data, at - 1)
            end = at + length
            if tag & 7 != wire.LENGTH or end > size:
                raise ValueError("no WriteRequest: a field is cut off or of another kind")
            if tag == _LABEL:
                # One sample at the end, as Prometheus writes it: `12 10 09 <double> 10 <time in 6 bytes>`, or `12 07 10 <time>`.
                # If the bytes before it are the label bytes of a known series, it is that series and nothing else.
                if length > 18 and data[end - 7] == 0x10:
                    is_zero = data[end - 9 : end - 7] == b"\x12\x07"
                    if is_zero or data[end - 18 : end - 15] == b"\x12\x10\x09":
                        series = series_of.get(data[at : end - (9 if is_zero else 18)])
                        time_ms = times.get(data[end - 6 : end]) or self._time(data[end - 6 : end])
                        if series is not None and time_ms is not None:
                            value: float | None = 0.0 if is_zero else _double(data, end - 15)[0]
                            if value != value and data[end - 15 : end - 7] == _STALE:
                                value = None
                            name, labels, kind, unit = series
                            points.append(MetricPoint(name, labels, kind, value, time_ms, None, False, unit))
                            samples += 1
                            at = end
                            continue
                        if series is None and self._many(data, at, end, written):
                            at = end
                            continue
                written.reading()
                self._series(data, at, end, written)
            elif tag == _METADATA:
                written.reading()
                self._known.learn_family(data[at:end])
            elif tag in (_SYMBOL, _SERIES_2):
                raise ValueError("no WriteRequest, but an io.prometheus.write.v2.Request")
            at = end
            if len(points) > MOST_POINTS:
                raise ValueError(f"more than {MOST_POINTS} points in a request")
        written.samples += samples
        return written

    def _many(self, data: bytes, begin: int, end: int, written: Written) -> bool:
        """Several samples of a known series, found from the end: what stands before them are its label bytes, or not."""
        at = end
        while at - begin > 18:
            if data[at - 18 : at - 15] == _SHAPE and data[at - 7] == 0x10:
                at -= 18
            elif data[at - 9 : at - 6] == _ZERO_SHAPE:
                at -= 9
            else:
                break
        series = self._known.by_label_bytes.get(data[begin:at])
        return series is not None and self._take(data, at, end, series, written)

    def _take(self, data: bytes, at: int, end: int, series: Series, written: Written) -> bool:
        """Samples of the two shapes in which Prometheus writes them. False: there is something else, and none is taken."""
        points, times = written.points, self._times
        name, labels, kind, unit = series
        before = len(points)
        while at < end:
            is_zero = data[at : at + 3] == _ZERO_SHAPE
            after = at + 9 if is_zero else at + 18
            time_ms = None
            if after <= end and (is_zero or (data[at : at + 3] == _SHAPE and data[at + 11] == 0x10)):
                time_ms = times.get(data[after - 6 : after]) or self._time(data[after - 6 : after])
            if time_ms is None:
                del points[before:]
                return False
            value: float | None = 0.0 if is_zero else _double(data, at + 3)[0]
            if value != value and data[at + 3 : at + 11] == _STALE:
                value = None
            points.append(MetricPoint(name, labels, kind, value, time_ms, None, False, unit))
            at = after
        written.samples += len(points) - before
        return True

    def _series(self, data: bytes, begin: int, end: int, written: Written) -> None:
        at = begin
        while at < end and data[at] == _LABEL:
            length, at = data[at + 1], at + 2
            if length > 127:
                length, at = wire.varint(data, at - 1)
            at += length
        if at > end:
            raise ValueError("no TimeSeries: a label is cut off")
        key = data[begin:at]
        found, base = self._plain_samples(data, at, end)
        rest = wire.fields(data[base:end]) if base < end else []
        if any(each.number == 1 for each in rest):  # labels behind samples: legal, and nobody writes it
            behind = [each for each in rest if each.number == 1 and each.type == wire.LENGTH]
            key += b"".join(data[base + each.begin : base + each.end] for each in behind)
        try:
            series = self._known.by_bytes(key)
        except Unusable as problem:
            written.refuse(str(problem))
            return
        _add(series, found, written)
        for each in rest:
            tag = each.number << 3 | each.type
            if tag == _SAMPLE:
                self._sample(data, base + each.at, base + each.end, series, None, written)
            elif tag == _HISTOGRAM:
                _histogram(data[base + each.at : base + each.end], series, None, written)

    def _second(self, data: bytes, symbols: list[bytes] | None = None) -> Written:
        """`symbols` are all of them; None: they come first, as Prometheus writes them."""
        written = Written()
        points, times, getters, samples = written.points, self._times, self._known.getters, 0
        at, size, is_told = 0, len(data), symbols is not None
        if symbols is None:
            symbols, at = _leading_symbols(data)
        if len(symbols) > MOST_SYMBOLS:
            raise ValueError(f"more than {MOST_SYMBOLS} symbols in a request")
        if symbols and symbols[0]:
            raise ValueError("the first symbol is not the empty string")
        request = SymbolRequest(self._known, symbols)
        by_tail, texts = request.by_tail, request.symbols
        while at < size:
            tag, length, begin = data[at], data[at + 1], at + 2
            if length > 127:
                length, begin = wire.varint(data, begin - 1)
            at = end = begin + length
            if tag != _SERIES_2 or end > size:
                if tag & 7 != wire.LENGTH or end > size:
                    raise ValueError("no io.prometheus.write.v2.Request: a field is cut off or of another kind")
                if tag < _SYMBOL:
                    raise ValueError("a WriteRequest of version 1.0, sent as io.prometheus.write.v2.Request")
                if tag == _SYMBOL and not is_told:
                    return self._second(data, _all_symbols(data))
                continue
            # labels_refs, samples, metadata: as Prometheus writes a series.
            after = rest = begin + 2 + data[begin + 1]
            if data[begin] == _LABEL_REFS:
                while rest < end and data[rest] == _SAMPLE:
                    rest += 2 + data[rest + 1]
            if after < rest <= end:
                refs, tail = data[begin + 2 : after], data[rest:end]
                known, getter = by_tail.get(tail), getters.get(refs)
                try:
                    series = known.get(getter(texts)) if known and getter else None
                except IndexError:
                    series = None
                if series is None:
                    series = request.known(refs, tail)
                if series is not None:
                    is_zero = rest - after == 9 and data[after : after + 3] == _ZERO_SHAPE
                    if is_zero or (rest - after == 18 and data[after : after + 3] == _SHAPE and data[after + 11] == 0x10):
                        time_ms = times.get(data[rest - 6 : rest]) or self._time(data[rest - 6 : rest])
                        if time_ms is not None:
                            value: float | None = 0.0 if is_zero else _double(data, after + 3)[0]
                            if value != value and data[after + 3 : after + 11] == _STALE:
                                value = None
                            name, labels, kind, unit = series
                            points.append(MetricPoint(name, labels, kind, value, time_ms, None, False, unit))
                            samples += 1
                            continue
                    elif self._take(data, after, rest, series, written):
                        continue
            written.reading()
            self._series_2(data, begin, end, request, written)
            if len(points) > MOST_POINTS:
                raise ValueError(f"more than {MOST_POINTS} points in a request")
        written.samples += samples
        return written

    def _series_2(self, data: bytes, begin: int, end: int, request: SymbolRequest, written: Written) -> None:
        content = data[begin:end]
        fields = wire.fields(content)
        refs = b"".join(content[each.at : each.end] for each in fields if each.number == 1 and each.type == wire.LENGTH)
        family, created = UNKNOWN_FAMILY, None
        for each in fields:
            tag = each.number << 3 | each.type
            if tag == _METADATA_2:
                family = request.family(content[each.at : each.end])
            elif tag == _CREATED:
                created = wire.varint(content, each.at)[0] or None
        try:
            series = request.series(refs, family)
        except Unusable as problem:
            written.refuse(str(problem))
            return
        for each in fields:
            tag = each.number << 3 | each.type
            if tag == _SAMPLE:
                self._sample(content, each.at, each.end, series, created, written)
            elif tag == _HISTOGRAM_2:
                _histogram(content[each.at : each.end], series, created, written)

    def _plain_samples(self, data: bytes, at: int, end: int) -> tuple[list[Sample], int]:
        """Samples of the two shapes in which Prometheus writes them, while their times are known ones; and where they end."""
        found: list[Sample] = []
        times = self._times
        while at < end:
            shape = data[at : at + 3]
            if shape == _SHAPE and at + 18 <= end and data[at + 11] == 0x10:
                time_ms = times.get(data[at + 12 : at + 18]) or self._time(data[at + 12 : at + 18])
                value: float | None = _double(data, at + 3)[0]
                if value != value and data[at + 3 : at + 11] == _STALE:
                    value = None
                after = at + 18
            elif shape == _ZERO_SHAPE and at + 9 <= end:
                value, time_ms, after = 0.0, times.get(data[at + 3 : at + 9]) or self._time(data[at + 3 : at + 9]), at + 9
            else:
                break
            if time_ms is None:
                break
            found.append((value, time_ms))
            at = after
        return found, at

    def _sample(self, data: bytes, at: int, end: int, series: Series, start_ms: int | None, written: Written) -> None:
        """proto3: a value or a time of zero is not written."""
        value, time_ms = 0.0, 0
        is_stale = False
        content = data[at:end]
        for each in wire.fields(content):
            tag = each.number << 3 | each.type
            if tag == 0x09:
                value = _double(content, each.at)[0]
                is_stale = content[each.at : each.end] == _STALE
            elif tag == 0x10:
                time_ms = wire.varint(content, each.at)[0]
            elif tag == 0x18:
                start_ms = wire.varint(content, each.at)[0] or None
        if start_ms is not None and start_ms > time_ms:
            start_ms = None  # Prometheus moves the time of a scrape by some ms, but not when its target began
        if not _may_be(time_ms):
            written.refuse(f"{series.shown}: a sample without a time, or at one that cannot be ({time_ms} ms)")
            return
        shown = None if is_stale else value
        written.points.append(MetricPoint(series.name, series.labels, series.kind, shown, time_ms, start_ms, False, series.unit))
        written.samples += 1

    def _time(self, key: bytes) -> int | None:
        """A number of six bytes that may be a time. It is remembered: thousands of series share a scrape's."""
        if key[-1] > 127 or min(key[:-1]) < 128:
            return None
        time_ms = wire.varint(key, 0)[0]
        if not _may_be(time_ms):
            return None
        if len(self._times) >= _MOST_TIMES:
            self._times.clear()
        self._times[key] = time_ms
        return time_ms


def _leading_symbols(data: bytes) -> tuple[list[bytes], int]:
    """And where something else begins."""
    symbols: list[bytes] = []
    add = symbols.append
    at, size = 0, len(data)
    while at < size and data[at] == _SYMBOL:
        length, begin = data[at + 1], at + 2
        if length > 127:
            length, begin = wire.varint(data, begin - 1)
        at = begin + length
        add(data[begin:at])
    if at > size:
        raise ValueError("no io.prometheus.write.v2.Request: a field is cut off or of another kind")
    return symbols, at


def _all_symbols(data: bytes) -> list[bytes]:
    """Wherever they stand."""
    return [data[each.at : each.end] for each in wire.fields(data) if each.number == _SYMBOL >> 3 and each.type == wire.LENGTH]


def _add(series: Series, samples: list[Sample], written: Written) -> None:
    name, labels, kind, unit = series
    written.points.extend([MetricPoint(name, labels, kind, value, time_ms, None, False, unit) for value, time_ms in samples])
    written.samples += len(samples)


def _may_be(time_ms: int) -> bool:
    return 0 < time_ms < LATEST_MS


def _histogram(data: bytes, series: Series, start_ms: int | None, written: Written) -> None:
    """The module that reads them is imported with the first one."""
    from detector.core.decode.metrics import native_histograms

    try:
        found = native_histograms.read(data)
        if not _may_be(found.time_ms):
            raise ValueError(f"a histogram without a time, or at one that cannot be ({found.time_ms} ms)")
    except ValueError as problem:
        written.refuse(f"{series.shown}: {problem}")
        return
    start = found.start_ms or start_ms
    kind, labels = MetricKind.HISTOGRAM, series.labels
    written.points.append(MetricPoint(series.name, labels, kind, found.value, found.time_ms, start, False, series.unit))
    written.histograms += 1
