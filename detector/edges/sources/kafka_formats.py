"""What the records of a topic hold, by the settings' word for it: how they become lines or metric points.

A record that is not what the topic promised is a dead letter with its offset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from detector.core.decode.metrics import Decoder, decoder_of
from detector.edges.sources.kafka_rows import Row, Span, lines
from detector.records import Batch, DeadLetter, MetricPoint, Points
from detector.settings import KafkaSourceSettings

Made = Batch | Points
_SAMPLE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Format:
    """`make` turns the records of a span into what the inbox takes; `is_scanned` says whether the lines stand in the records as
    they are, so that a scan of the whole batch tells whether there is anything to look at."""

    make: Callable[[Sequence[Row], Span], Made]
    is_scanned: bool


@dataclass(frozen=True, slots=True)
class _OtherRow:
    """A record whose value became something else."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]


def format_of(settings: KafkaSourceSettings) -> Format:
    """Only the format's own module is imported."""
    max_line = settings.max_line.bytes
    if settings.format == "logs":
        return Format(partial(lines, max_line=max_line), is_scanned=True)
    if settings.format == "otlp_logs":
        return Format(_otlp_lines(max_line), is_scanned=False)
    return Format(partial(_points, decode=decoder_of(settings.format)), is_scanned=False)


def _otlp_lines(max_line: int) -> Callable[[Sequence[Row], Span], Batch]:
    from detector.core.decode.logs.otlp import MOST_BYTES, lines_of

    def make(rows: Sequence[Row], span: Span) -> Batch:
        read: list[Row] = []
        cut, dead = [], []
        for row in rows:
            try:
                made = lines_of(row.value or b"", row.timestamp, max_line)
            except ValueError as problem:
                dead.append(_letter(row, span, problem))
                continue
            if made.text:
                read.append(_OtherRow(row.offset, row.timestamp, row.key, made.text, row.headers))
            cut += [row.offset] if made.cut else []
        return replace(lines(read, span, MOST_BYTES * 2), cut_at=tuple(cut), dead=tuple(dead))

    return make


def _points(rows: Sequence[Row], span: Span, decode: Decoder) -> Points:
    points: list[MetricPoint] = []
    dead = []
    for row in rows:
        if row.value is None:
            continue
        try:
            points += decode(row.value, row.timestamp)
        except ValueError as problem:
            dead.append(_letter(row, span, problem))
    return Points(span.stream, tuple(points), span.offset, span.next_offset, span.observed_ms, tuple(dead))


def _letter(row: Row, span: Span, problem: ValueError) -> DeadLetter:
    return DeadLetter(span.stream.name, str(row.offset), str(problem), (row.value or b"")[:_SAMPLE_BYTES])
