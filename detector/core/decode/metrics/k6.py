"""k6's JSON output: one object a line, `Metric` tells what a name is, `Point` is a sample.

k6 puts each sample on a line of its own, some with the same millisecond; see `seconds` for what becomes of them.
https://grafana.com/docs/k6/latest/results-output/real-time/json
"""

from __future__ import annotations

import math
from typing import Any

from detector.core.decode.logs import json_text, times
from detector.core.decode.metrics.labels import LONGEST_NAME, bounded, named, sorted_labels
from detector.core.decode.metrics.line_error import LineError, LineErrors
from detector.core.decode.metrics.seconds import SampleKind, Seconds
from detector.records import Labels, MetricPoint

LONGEST_LINE = 64 << 10
MOST_NAMES = 10_000
MOST_OPEN = 20_000  # series and seconds at once
_MOST_KNOWN, _LONGEST_KNOWN = 8192, 2048  # tag sets, characters of values
_PATIENCE_MS = 2000  # k6 writes five times a second, and not in the order of time within
_COUNTERS = "data_received data_sent dropped_iterations grpc_streams http_reqs iterations ws_msgs_received"
_TRENDS = (
    "browser_http_req_duration group_duration grpc_req_duration http_req_blocked http_req_connecting http_req_duration "
    "http_req_receiving http_req_sending http_req_tls_handshaking http_req_waiting iteration_duration ws_connecting ws_ping "
    "ws_session_duration"
)
BUILT_IN: dict[str, tuple[SampleKind, str]] = {  # https://grafana.com/docs/k6/latest/using-k6/metrics/reference
    **dict.fromkeys(f"{_COUNTERS} ws_msgs_sent ws_sessions".split(), (SampleKind.COUNTER, "default")),
    **dict.fromkeys(("data_received", "data_sent"), (SampleKind.COUNTER, "data")),
    **dict.fromkeys(_TRENDS.split(), (SampleKind.TREND, "time")),
    **dict.fromkeys(("vus", "vus_max"), (SampleKind.GAUGE, "default")),
    **dict.fromkeys(("checks", "http_req_failed", "browser_http_req_failed"), (SampleKind.RATE, "default")),
}


class K6Reader:
    """Reads a file as it grows: lines in, points of the seconds that are over out. A name that no `Metric` line told of and that
    is not k6's own is a trend: of those a sample means nothing without the others."""

    def __init__(self) -> None:
        self._kinds = dict(BUILT_IN)
        self._seconds = Seconds()
        self._known: dict[tuple[tuple[str, str], ...], Labels] = {}
        self._line = 0
        self._reached_ms = 0

    def read(self, text: bytes) -> tuple[tuple[MetricPoint, ...], tuple[LineError, ...]]:
        """`text` is whole lines. A line that cannot be read is an error, and the others count."""
        errors = LineErrors()
        points: list[MetricPoint] = []
        for line in text.splitlines():
            self._line += 1
            try:
                if line and not line.isspace():
                    self._take(line)
            except ValueError as problem:
                errors.add(self._line, str(problem), line)
            if len(self._seconds) >= MOST_OPEN:
                points += self._seconds.take()
        points += self._seconds.take(self._reached_ms - _PATIENCE_MS)
        return tuple(points), errors.told()

    def finish(self) -> tuple[MetricPoint, ...]:
        """What is still open, at the end of the file or when it fell silent."""
        return tuple(self._seconds.take())

    def _take(self, line: bytes) -> None:
        if len(line) > LONGEST_LINE:
            raise ValueError(f"longer than {LONGEST_LINE} bytes")
        record, _ = json_text.load(line)
        if record is None:
            raise ValueError("broken JSON")
        name, data = record.get("metric"), record.get("data")
        if not isinstance(name, str) or not name or not isinstance(data, dict):
            raise ValueError("no line of k6's JSON output: metric and data are missing")
        name = bounded(name, LONGEST_NAME)
        if record.get("type") == "Metric":
            self._learn(name, data)
        elif record.get("type") == "Point":
            self._sample(name, data)
        else:
            raise ValueError("type is neither Metric nor Point")

    def _learn(self, name: str, data: dict[str, Any]) -> None:
        try:
            kind = SampleKind(str(data.get("type")))
        except ValueError:
            raise ValueError(f"{name}: no kind of k6's: {data.get('type')!r:.50}") from None
        if name not in self._kinds and len(self._kinds) >= MOST_NAMES:
            raise ValueError(f"more than {MOST_NAMES} names of metrics")
        self._kinds[name] = kind, "time" if data.get("contains") == "time" else str(data.get("contains"))[:20]

    def _sample(self, name: str, data: dict[str, Any]) -> None:
        value, time, tags = data.get("value"), data.get("time"), data.get("tags")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name}: a value that is no number")
        when = times.read_ms(time.encode("utf-8", "replace"), 0) if isinstance(time, str) else None
        if when is None or when < 0:
            raise ValueError(f"{name}: a time that is none")
        kind, contains = self._kinds.get(name, (SampleKind.TREND, "default"))
        self._seconds.add(name, self._labels(tags), kind, float(value), when, contains)
        self._reached_ms = max(self._reached_ms, when)

    def _labels(self, tags: object) -> Labels:
        if not tags:
            return ()
        if not isinstance(tags, dict):
            raise ValueError("tags are no object")
        key = tuple(tags.items())
        try:
            found = self._known.get(key)
        except TypeError:
            raise ValueError("a tag that is no text") from None
        if found is None:
            if not all(isinstance(value, str) for value in tags.values()):
                raise ValueError("a tag that is no text")
            found = sorted_labels(named(key))
            if sum(map(len, tags.values())) <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[key] = found
        return found


def decode(body: bytes) -> tuple[tuple[MetricPoint, ...], tuple[LineError, ...]]:
    """A whole file, unpacked already."""
    reader = K6Reader()
    points, errors = reader.read(body)
    return (*points, *reader.finish()), errors
