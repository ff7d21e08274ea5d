"""What a target exposes to Prometheus: text 0.0.4, text 1.0.0 (quoted names in UTF-8) and OpenMetrics 1.0.

Read by our own reader: prometheus-client's parsers stop at the first broken line, know nothing of a series that they have seen a
moment ago, and take many times as long. Of a series that is known by its text only the number is read.
https://prometheus.io/docs/instrumenting/exposition_formats and https://prometheus.io/docs/specs/om/open_metrics_spec
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from detector.core.decode.metrics.exposition_family import COMMENT, Families, Part, Role
from detector.core.decode.metrics.exposition_histogram import Gathering, distribution_of
from detector.core.decode.metrics.exposition_series import LINE, NOT_UTF8, Broken, Pairs, Series, number, series_of
from detector.core.decode.metrics.labels import MOST_POINTS
from detector.records import MetricKind, MetricPoint

LONGEST_LINE = 64 << 10
MOST_BROKEN = 100  # told one by one; the rest is counted
LATEST_MS = 253_402_300_800_000  # the year 10,000
_SHOWN = 256
_LEAST_KNOWN = 10_000
_MOST_KNOWN_CHARACTERS = 64 << 20  # of series that are remembered; what many of them share is kept once
_RUN_BYTES = 64 << 10
_END = "# EOF"


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """`number` counts from 1, 0 for a histogram whose lines do not make one; `text` is the line's beginning."""

    number: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Exposed:
    """What one scrape held. `samples` is how many lines held a number, as Prometheus counts them; of the `refused` lines the
    first are in `broken`."""

    points: tuple[MetricPoint, ...]
    samples: int
    refused: int
    broken: tuple[BrokenLine, ...]


class Exposition:
    """One target: remembers its series from scrape to scrape. `labels` are put on every series; one that has such a label itself
    keeps it as `exported_<label>`, or with `honor_labels` in place of ours."""

    def __init__(self, labels: Mapping[str, str] | None = None, honor_labels: bool = False, most: int = MOST_POINTS) -> None:
        self.labels = dict(labels or {})
        self.honor_labels = honor_labels
        self.most = most
        self.known: dict[int, Series] = {}  # by the hash of their text: two get one by a chance of 1 in 2^64
        self.known_characters = 0
        self.pairs: Pairs = {}

    def bound(self, samples: int) -> None:
        """Series come and go: what was remembered is forgotten when most of it cannot be of use any more."""
        if len(self.known) > max(_LEAST_KNOWN, 2 * samples) or self.known_characters > _MOST_KNOWN_CHARACTERS:
            self.known.clear()
            self.pairs.clear()
            self.known_characters = 0

    def read(self, body: bytes, time_ms: int, is_openmetrics: bool = False) -> Exposed:
        """All of it at once. Raises ValueError: see `Reading`."""
        reading = Reading(self, time_ms, is_openmetrics)
        for lines in runs_of(body, self.most):
            reading.take(lines)
        return reading.end()


def runs_of(body: bytes, most: int = MOST_POINTS) -> Iterator[list[str]]:
    """Its lines, some at a time: a body of many megabytes is not there a second and a third time. Raises ValueError when there
    are so many that not even comments explain it."""
    if body.count(b"\n") > 4 * most + 1000:
        raise ValueError(f"more than {4 * most + 1000} lines")
    at, size = 0, len(body)
    while at < size:
        end = body.find(b"\n", at + _RUN_BYTES) + 1 or size
        lines = body[at:end].decode("utf-8", "surrogateescape").split("\n")
        if not lines[-1]:
            lines.pop()
        yield lines
        at = end


class Reading:
    """One scrape, taken in by runs of lines. `take` and `end` raise ValueError for what spoils the whole: more samples than may
    be, or OpenMetrics that does not end in `# EOF`: it was cut off, and what is missing is not gone."""

    def __init__(self, exposition: Exposition, time_ms: int, is_openmetrics: bool) -> None:
        self._exposition = exposition
        self._time_ms = time_ms
        self._is_openmetrics = is_openmetrics
        self._families = Families()
        self._points: list[MetricPoint] = []
        self._histograms: dict[tuple[str, int, int], Gathering] = {}
        self._created: dict[tuple[str, int], int] = {}
        self._broken: list[BrokenLine] = []
        self._samples = self._refused = self._lines = 0
        self._has_ended = False

    def take(self, lines: Iterable[str]) -> None:
        known, role_of, time_ms = self._exposition.known, self._families.roles, self._time_ms
        append, plain = self._points.append, Role.PLAIN
        for line in lines:
            self._lines += 1
            series_text, _, value_text = line.rpartition(" ")
            series = known.get(hash(series_text))
            if series is not None:  # `series value`, nothing else: a key is never more than name and labels
                found = role_of.get(series.name)
                if found is not None and found.role is not Role.CREATED and value_text.isascii() and "_" not in value_text:
                    try:
                        value = float(value_text)
                    except ValueError:
                        self._break(line, "no number")
                        continue
                    self._samples += 1
                    if found.role is plain:
                        labels, kind, unit = series.labels, found.kind, found.unit
                        append(MetricPoint(series.name, labels, kind, value, time_ms, None, False, unit))
                    else:
                        self._part(line, found, series, value)
                    continue
            self._line(line)
            if self._has_ended:
                known = {}  # whatever follows is looked at
        if self._samples > self._exposition.most:
            raise ValueError(f"more than {self._exposition.most} samples")

    def end(self) -> Exposed:
        if self._is_openmetrics and not self._has_ended:
            raise ValueError("cut off: OpenMetrics without `# EOF` at its end")
        for gathering in self._histograms.values():
            self._histogram(gathering)
        if self._created:
            self._begin_counters()
        self._exposition.bound(self._samples)
        return Exposed(tuple(self._points), self._samples, self._refused, tuple(self._broken))

    def _part(self, line: str, found: Part, series: Series, value: float) -> None:
        try:
            self._gather(found, series, value, self._time_ms)
        except Broken as broken:
            self._break(line, str(broken))

    def _line(self, line: str) -> None:
        line = line.strip(" \t\r")
        if not line:
            return
        try:
            if self._has_ended:
                raise Broken("it stands behind `# EOF`")
            if len(line) > LONGEST_LINE:
                raise Broken(f"longer than {LONGEST_LINE} characters")
            if NOT_UTF8.search(line):
                raise Broken("not UTF-8")
            if line[0] == "#":
                self._comment(line)
            else:
                self._sample(line)
        except Broken as broken:
            self._break(line, str(broken))

    def _comment(self, line: str) -> None:
        """What says nothing to us is a comment."""
        if self._is_openmetrics and line == _END:
            self._has_ended = True
        elif match := COMMENT.match(line):
            self._families.learn(match, self._is_openmetrics)

    def _sample(self, line: str) -> None:
        match = LINE.match(line)
        if match is None:
            raise Broken("not a name, labels, a number and perhaps a time")
        text, value_text, time_text, exemplar = match.groups()
        if exemplar is not None and not self._is_openmetrics:
            raise Broken("something behind the number that is no time")
        key = hash(text)
        series = self._exposition.known.get(key)
        if series is None:
            exposition = self._exposition
            series = series_of(text, exposition.labels, exposition.honor_labels, exposition.pairs)
            exposition.known[key] = series
            exposition.known_characters += len(text)
        value = number(value_text)
        time_ms = self._time_ms if time_text is None else self._time(time_text)
        found = self._families.of(series.name)
        self._samples += 1
        if found.role is Role.CREATED:
            self._created[found.family, series.group] = round(value * 1000) if 0 < value < LATEST_MS / 1000 else 0
        elif found.role is Role.PLAIN:
            self._points.append(MetricPoint(series.name, series.labels, found.kind, value, time_ms, None, False, found.unit))
        else:
            self._gather(found, series, value, time_ms)

    def _gather(self, part: Part, series: Series, value: float, time_ms: int) -> None:
        family = part.family
        key = (family, series.group, time_ms)
        gathering = self._histograms.get(key)
        if gathering is None:
            gathering = self._histograms[key] = Gathering(family, series.without_bound, part.unit, time_ms, series.group)
        gathering.take(part.role, series.bound, value)

    def _histogram(self, gathering: Gathering) -> None:
        try:
            value = distribution_of(gathering)
        except Broken as broken:
            self._break(gathering.family, str(broken), 0)
            return
        start_ms = self._created.get((gathering.family, gathering.group))
        self._points.append(
            MetricPoint(
                gathering.family,
                gathering.labels,
                MetricKind.HISTOGRAM,
                value,
                gathering.time_ms,
                start_ms if start_ms and start_ms <= gathering.time_ms else None,
                False,
                gathering.unit,
            )
        )

    def _begin_counters(self) -> None:
        """`_created` may stand before or behind what it belongs to."""
        groups = {series.labels: series.group for series in self._exposition.known.values()}
        for at, point in enumerate(self._points):
            if point.kind is MetricKind.COUNTER:
                family = self._families.of(point.name).family
                start_ms = self._created.get((family, groups.get(point.labels, -1)))
                if start_ms and start_ms <= point.time_ms:
                    self._points[at] = replace(point, start_ms=start_ms)

    def _time(self, text: str) -> int:
        """Milliseconds in Prometheus' text, seconds in OpenMetrics."""
        when = number(text) * 1000 if self._is_openmetrics else number(text)
        if not 0 < when < LATEST_MS:
            raise Broken("a time that cannot be")
        return round(when)

    def _break(self, line: str, reason: str, number: int | None = None) -> None:
        self._refused += 1
        if len(self._broken) < MOST_BROKEN:
            self._broken.append(BrokenLine(self._lines if number is None else number, reason, line[:_SHOWN].strip()))
