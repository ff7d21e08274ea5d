"""What the records of a topic hold, by the settings' word for it: how they become lines or metric points.

A record that is not what the topic promised is a dead letter with its offset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from detector.core.decode.metrics import Decoder, decoder_of
from detector.edges.sources.kafka.lines import Span, lines
from detector.edges.sources.kafka.rows import Table
from detector.records import Batch, DeadLetter, MetricPoint, Points
from detector.settings import KafkaSourceSettings

Made = Batch | Points
_SAMPLE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Format:
    """`make` turns the records of a span into what the inbox takes; `is_scanned` says whether the lines stand in the records as
    they are, so that a scan of the whole batch tells whether there is anything to look at."""

    make: Callable[[Table, Span], Made]
    is_scanned: bool


def format_of(settings: KafkaSourceSettings) -> Format:
    """Only the format's own module is imported."""
    max_line = settings.max_line.bytes
    if settings.format == "logs":
        return Format(partial(lines, max_line=max_line), is_scanned=True)
    if settings.format == "otlp_logs":
        return Format(_otlp_lines(max_line), is_scanned=False)
    return Format(partial(_points, decode=decoder_of(settings.format)), is_scanned=False)


def _otlp_lines(max_line: int) -> Callable[[Table, Span], Batch]:
    from detector.core.decode.logs.otlp import MOST_BYTES, lines_of

    def make(table: Table, span: Span) -> Batch:
        read: dict[int, bytes] = {}
        cut, dead = [], []
        for at, (offset, time_ms, value) in enumerate(table.rows()):
            try:
                made = lines_of(value or b"", time_ms, max_line)
            except ValueError as problem:
                dead.append(_letter(offset, value, span, problem))
                continue
            if made.text:
                read[at] = made.text
            cut += [offset] if made.cut else []
        chosen = table.only(list(read), list(read.values()))
        return replace(lines(chosen, span, 2 * MOST_BYTES), cut_at=tuple(cut), dead=tuple(dead))

    return make


def _points(table: Table, span: Span, decode: Decoder) -> Points:
    points: list[MetricPoint] = []
    dead = []
    for offset, time_ms, value in table.rows():
        if value is None:
            continue
        try:
            points += decode(value, time_ms)
        except ValueError as problem:
            dead.append(_letter(offset, value, span, problem))
    return Points(span.stream, tuple(points), span.offset, span.next_offset, span.observed_ms, tuple(dead))


def _letter(offset: int, value: bytes | None, span: Span, problem: ValueError) -> DeadLetter:
    return DeadLetter(span.stream.name, str(offset), str(problem), (value or b"")[:_SAMPLE_BYTES])
