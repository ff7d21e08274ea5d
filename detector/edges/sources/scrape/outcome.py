"""What follows from one scrape: its points, what Prometheus adds by itself, and the end of series that are not there any more."""

from __future__ import annotations

from collections.abc import Mapping

from detector.core.decode.metrics.exposition import BrokenLine, Exposed
from detector.records import DeadLetter, Labels, MetricKind, MetricPoint

_REMEMBERED = 100
_ALIKE = 64  # characters of a line by which it is known again: its number differs at the next scrape


class Outcome:
    """One target. Remembers the series of the last scrape, and which broken lines were told."""

    def __init__(self, stream_name: str, labels: Mapping[str, str]) -> None:
        self._stream_name = stream_name
        self._labels: Labels = tuple(sorted(labels.items()))
        self._series: dict[tuple[str, Labels], MetricKind] = {}
        self._told: set[tuple[str, str]] = set()

    def points(self, exposed: Exposed | None, time_ms: int, took_s: float) -> tuple[MetricPoint, ...]:
        """None for a scrape that failed: then every series ends, and `up` is 0. A series that stands there twice counts once, as
        it was told last. Series that come with a time of their own are not ended: their target may be behind."""
        points = exposed.points if exposed is not None else ()
        unique = {(point.name, point.labels, point.time_ms): point for point in points}
        if len(unique) < len(points):
            points = tuple(unique.values())
        series = {(name, labels): point.kind for (name, labels, when), point in unique.items() if when == time_ms}
        ended = [key for key in self._series if key not in series]
        gone = tuple(MetricPoint(name, labels, self._series[name, labels], None, time_ms) for name, labels in ended)
        self._series = series
        return (*points, *gone, *self._about(exposed, time_ms, took_s))

    def dead(self, broken: tuple[BrokenLine, ...], time_ms: int) -> tuple[DeadLetter, ...]:
        """Each once, until it was right in between."""
        alike = {(line.reason, line.text[:_ALIKE]): line for line in broken[:_REMEMBERED]}
        fresh = [line for key, line in alike.items() if key not in self._told]
        self._told = set(alike)
        return tuple(
            DeadLetter(self._stream_name, f"{time_ms} line {line.number}", line.reason, line.text.encode("utf-8", "replace"))
            for line in fresh
        )

    def _about(self, exposed: Exposed | None, time_ms: int, took_s: float) -> tuple[MetricPoint, ...]:
        said = (
            ("up", 0.0 if exposed is None else 1.0, ""),
            ("scrape_duration_seconds", took_s, "seconds"),
            ("scrape_samples_scraped", float(exposed.samples) if exposed is not None else 0.0, ""),
        )
        return tuple(
            MetricPoint(name, self._labels, MetricKind.GAUGE, value, time_ms, None, False, unit) for name, value, unit in said
        )
