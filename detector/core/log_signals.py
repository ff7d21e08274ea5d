"""What logs tell the signals: how many lines of each level a service wrote when, and how long its starts took.

Only lines that are WARN or worse are read for their level and time; the others are counted, and spread evenly over the time that
went by in their stream since the batch before. The stack trace of a loud line is of that line, and not
counted.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detector.core.decode.logs.stream import Mark, Span
from detector.core.engine.loud_lines import LoudLines, loud_lines, trace_lines
from detector.core.signals.followed import STEP_MS
from detector.core.streams import Flow
from detector.records import Batch, Finding, Packed

if TYPE_CHECKING:  # only where there are metrics
    from detector.core.signals.flow import SignalFlow

QUIET = "QUIET"  # stands for all levels below WARN
LONGEST_SPREAD_MS = 300_000
LONGEST_START_S = 86_400.0
_SECONDS = re.compile(r" in ([\d.,]{1,12}) seconds?\b")


@dataclass(frozen=True, slots=True)
class Levels:
    """So many lines that were not counted before; those that are not `loud` are quiet."""

    lines: int
    loud: Sequence[LoudLines] = ()


class LogSignals:
    """`of_lines` or `of_records` before the marks of a batch are thinned out and its buffer is used again, then, when the
    stream's time has moved on, `count`."""

    def __init__(self, signals: SignalFlow) -> None:
        self._signals = signals

    def of_lines(self, flow: Flow, batch: Batch, span: Span, marks: Sequence[Mark], first_loud: int) -> Levels:
        begin, old = span.scan_from, 0
        counted = _counted_until(flow, batch)
        if counted > batch.offset:
            cut = min(batch.end, batch.begin + counted - batch.offset)
            old = batch.buffer.count(b"\n", batch.begin, cut)
            if span.rebuilt is None:
                begin = min(span.end, max(begin, span.begin + counted - span.offset))
        traces = trace_lines(span.buffer, begin, span.end, marks, first_loud)
        return Levels(span.lines - old - traces, loud_lines(span.buffer, begin, span.end, marks, first_loud, batch.observed_ms))

    def of_records(self, flow: Flow, run: Batch, marks: Sequence[Mark], first_loud: int) -> Levels:
        begin = run.begin
        counted = _counted_until(flow, run)
        if counted > run.offset and run.records is not None:
            at = bisect_left(run.records.offsets, counted)
            begin = run.records.begins[at] if at < len(run.records.begins) else run.end
        lines = run.buffer.count(b"\n", begin, run.end) - trace_lines(run.buffer, begin, run.end, marks, first_loud)
        return Levels(lines, loud_lines(run.buffer, begin, run.end, marks, first_loud, run.observed_ms))

    def count(self, flow: Flow, batch: Batch, levels: Levels, latest_ms: int) -> None:
        """`latest_ms` is the latest time that is believed."""
        end = batch.next_offset if batch.next_offset >= 0 else batch.offset + batch.size + batch.cut_bytes
        flow.counted_until = end if batch.offset < flow.begun_at else max(end, flow.counted_until)
        flow.begun_at = batch.offset
        if levels.lines <= 0:
            return
        steps: dict[int, Counter[str]] = defaultdict(Counter)
        known_ms = min(flow.latest_ms or latest_ms, latest_ms)
        told = [(min(each.time_ms or known_ms, latest_ms), each) for each in levels.loud]
        end_ms = max([known_ms, *(time_ms for time_ms, _ in told)])
        quiet = levels.lines
        for time_ms, each in told:
            number = min(each.lines, quiet)
            steps[time_ms // STEP_MS][each.level.name] += number
            quiet -= number
        begin_ms = flow.spread_ms if 0 <= end_ms - flow.spread_ms <= LONGEST_SPREAD_MS else end_ms
        for step, number in _spread(begin_ms, end_ms, quiet):
            steps[step][QUIET] += number
        flow.spread_ms = end_ms
        for step in sorted(steps):
            self._signals.lines(flow.service, min((step + 1) * STEP_MS - 1, end_ms), steps[step])

    def started(self, flow: Flow, finding: Finding, time_ms: int) -> None:
        """A start succeeded then. How long it took its line says, or the time since the first line of a stream that begins with
        the process: of a container, say."""
        seconds = _said(finding.evidence.text)
        if seconds is None and flow.first_ms and not flow.has_started:
            seconds = (time_ms - flow.first_ms) / 1000
        flow.has_started = True
        if seconds is not None and 0 <= seconds <= LONGEST_START_S:
            self._signals.start(finding.service, time_ms, seconds)


def quiet_levels(flow: Flow, batch: Batch, packed: Packed) -> Levels:
    """Of records in which nothing was marked."""
    counted = min(_counted_until(flow, batch), batch.next_offset)
    if counted <= batch.offset:
        return Levels(packed.count)
    return Levels(round(packed.count * (batch.next_offset - counted) / max(1, batch.next_offset - batch.offset)))


def _counted_until(flow: Flow, batch: Batch) -> int:
    """Lines or records of the batch before this offset are not to be counted: they were, before a restart that reads the last of
    them again, or somebody else told of them."""
    if batch.offset < flow.begun_at:  # the stream began anew
        return 0
    return max(flow.counted_until, batch.silent_until if batch.next_offset >= 0 else 0)


def _said(text: str) -> float | None:
    found = _SECONDS.search(text)
    if found is None:
        return None
    try:
        return float(found[1].replace(",", "."))
    except ValueError:
        return None


def _spread(begin_ms: int, end_ms: int, lines: int) -> Iterable[tuple[int, int]]:
    """So many lines, evenly over the steps in between."""
    first, last = begin_ms // STEP_MS, end_ms // STEP_MS
    if first == last or lines <= 0:
        return [(last, lines)] if lines > 0 else []
    spread, given = [], 0
    for step in range(first, last + 1):
        until_ms = min(end_ms, (step + 1) * STEP_MS)
        due = round(lines * (until_ms - begin_ms) / (end_ms - begin_ms))
        spread.append((step, due - given))
        given = due
    return [(step, number) for step, number in spread if number]
