"""What StatsD lines add up to between two flushes, as points: counters as what was added, timers as one Distribution, sets as how
many there were, gauges as they were last.

A series that was silent gives no point, unlike in Etsy's statsd, which repeats a gauge for ever: a pod that is gone must not look
alive. The number of series is bounded. One that is known keeps its place while it is heard; a flood of new names takes what is
left and the rest is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.core.decode.metrics.distinct import Distinct
from detector.core.decode.metrics.sketch import Sketch
from detector.core.decode.metrics.statsd import StatsdKind, StatsdLine, StatsdReader, StatsdSeries
from detector.records import DeadLetter, MetricKind, MetricPoint

MOST_KEPT = 500_000  # buckets, members of sets and timed values: with so many it is time to flush
MOST_DEAD = 100  # dead letters a flush; the last stands for the rest
KEPT_FLUSHES = 30  # a silent series gives its place up after so many
_SAMPLE_BYTES = 200


@dataclass(slots=True)
class Skipped:
    """Lines of a flush that gave nothing."""

    events: int = 0
    bad: int = 0
    crowded: int = 0
    crowded_name: str = ""
    samples: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Flushed:
    """The points by name; `skipped` says what gave none."""

    points: tuple[MetricPoint, ...]
    skipped: Skipped

    def dead_letters(self, stream_name: str, position: str) -> tuple[DeadLetter, ...]:
        """One a bad line, up to MOST_DEAD; one for all lines of series too many."""
        skipped = self.skipped
        dead = [DeadLetter(stream_name, position, reason, sample) for reason, sample in skipped.samples]
        if more := skipped.bad - len(dead):
            dead.append(DeadLetter(stream_name, position, f"{more} further lines that are no StatsD", b""))
        if skipped.crowded:
            reason = f"{skipped.crowded} lines of more series than max_series allows, the first of {skipped.crowded_name}"
            dead.append(DeadLetter(stream_name, position, reason, skipped.crowded_name.encode("utf-8", "replace")))
        return tuple(dead)


class _Total:
    __slots__ = ("distinct", "is_heard", "number", "silent", "sketch", "timed")

    def __init__(self, kind: StatsdKind) -> None:
        self.number = 0.0  # of a gauge it stays
        self.is_heard = False
        self.silent = 0
        self.distinct = Distinct() if kind is StatsdKind.SET else None
        self.sketch = Sketch() if kind in (StatsdKind.TIMER, StatsdKind.HISTOGRAM) else None
        self.timed: dict[int, float] | None = None


class StatsdTotals:
    """Takes datagrams, gives points. `start_ms` is now."""

    def __init__(self, most_series: int, start_ms: int) -> None:
        self._most_series = most_series
        self._reader = StatsdReader(2 * most_series)
        self._totals: dict[StatsdSeries, _Total] = {}
        self._kept = 0
        self._start_ms = start_ms
        self._skipped = Skipped()

    @property
    def is_full(self) -> bool:
        """Whether so much is kept that it is time to flush."""
        return self._kept >= MOST_KEPT

    @property
    def series(self) -> int:
        return len(self._totals)

    def take(self, datagram: bytes) -> None:
        """One line or several. What is wrong with a line is kept for the next flush."""
        for line in datagram.split(b"\n") if b"\n" in datagram else (datagram,):
            if not line or line.isspace():
                continue
            try:
                found = self._reader.read(line.rstrip(b"\r"))
            except ValueError as problem:
                self._bad(str(problem), line)
                continue
            if found is None:
                self._skipped.events += 1
            else:
                self._add(found)

    def flush(self, now_ms: int) -> Flushed:
        """Everything since the last flush; the next one begins."""
        points: list[MetricPoint] = []
        for series in sorted(self._totals, key=lambda each: (each.name, each.labels, each.kind)):
            total = self._totals[series]
            if not total.is_heard and total.timed is None:
                total.silent += 1
                if total.silent >= KEPT_FLUSHES:
                    del self._totals[series]
                continue
            if total.is_heard:
                points.append(_point(series, total, self._start_ms, now_ms))
            points += _timed_points(series, total)
            fresh = _Total(series.kind)
            fresh.number = total.number if series.kind is StatsdKind.GAUGE else 0.0
            self._totals[series] = fresh
        skipped, self._skipped = self._skipped, Skipped()
        self._start_ms, self._kept = now_ms, 0
        return Flushed(tuple(points), skipped)

    def _add(self, line: StatsdLine) -> None:
        total = self._totals.get(line.series)
        if total is None:
            if len(self._totals) >= self._most_series:
                self._skipped.crowded += 1
                self._skipped.crowded_name = self._skipped.crowded_name or line.series.name
                return
            total = self._totals[line.series] = _Total(line.series.kind)
        if line.time_ms is not None and line.series.kind in (StatsdKind.COUNTER, StatsdKind.GAUGE):
            self._add_timed(total, line, line.time_ms)
            return
        total.is_heard = True
        if total.sketch is not None:
            before = len(total.sketch)
            for value in line.numbers:
                total.sketch.add(value, line.weight)
            self._kept += len(total.sketch) - before
        elif total.distinct is not None:
            before = len(total.distinct)
            for member in line.members:
                total.distinct.add(member)
            self._kept += len(total.distinct) - before
        elif line.series.kind is StatsdKind.COUNTER:
            total.number += sum(line.numbers) * line.weight
        else:
            for value, is_relative in zip(line.numbers, line.is_relative, strict=True):
                total.number = total.number + value if is_relative else value

    def _add_timed(self, total: _Total, line: StatsdLine, time_ms: int) -> None:
        """What a sender added up itself is not added to what we do: it has a time of its own."""
        timed = total.timed = total.timed if total.timed is not None else {}
        self._kept += time_ms not in timed
        if line.series.kind is StatsdKind.COUNTER:
            timed[time_ms] = timed.get(time_ms, 0.0) + sum(line.numbers) * line.weight
        else:
            timed[time_ms] = total.number = line.numbers[-1]

    def _bad(self, problem: str, line: bytes) -> None:
        self._skipped.bad += 1
        if len(self._skipped.samples) < MOST_DEAD - 1:
            self._skipped.samples.append((f"no StatsD: {problem}", line[:_SAMPLE_BYTES]))


def _point(series: StatsdSeries, total: _Total, start_ms: int, now_ms: int) -> MetricPoint:
    name, labels = series.name, series.labels
    if series.kind is StatsdKind.COUNTER:
        return MetricPoint(name, labels, MetricKind.COUNTER, total.number, now_ms, start_ms, is_delta=True)
    if total.sketch is not None:
        unit = "ms" if series.kind is StatsdKind.TIMER else ""
        return MetricPoint(name, labels, MetricKind.HISTOGRAM, total.sketch.distribution(), now_ms, start_ms, True, unit)
    value = total.number if total.distinct is None else total.distinct.count()
    return MetricPoint(name, labels, MetricKind.GAUGE, value, now_ms)


def _timed_points(series: StatsdSeries, total: _Total) -> list[MetricPoint]:
    is_counter = series.kind is StatsdKind.COUNTER
    kind = MetricKind.COUNTER if is_counter else MetricKind.GAUGE
    timed = sorted((total.timed or {}).items())
    return [MetricPoint(series.name, series.labels, kind, value, time_ms, is_delta=is_counter) for time_ms, value in timed]
