"""Metrics about golden signals: what is known, what was made, and what was not used and why."""

from __future__ import annotations

from detector.core.signals.figures import SignalFigures
from detector.telemetry.registry import Counter, Registry


class SignalMetrics:
    def __init__(self, registry: Registry) -> None:
        counter, gauge = registry.counter, registry.gauge
        self._series = gauge("trimwatch_signal_series", "Series of metrics that are remembered.")
        self._journal = gauge("trimwatch_signal_journal_points", "Points that a start would take in again.")
        self._held = gauge("trimwatch_signal_held_seconds", "By how much steps wait for the slowest stream of points.")
        self._behind = gauge("trimwatch_signal_streams_behind", "Streams of points that are too far behind to be waited for.")
        self._cells = counter("trimwatch_signal_cells_total", "Values of signals that were made.")
        self._unused = counter("trimwatch_signal_points_unused_total", "Metric points that were not used.", "reason")
        self._lines = counter("trimwatch_signal_lines_unused_total", "Log lines that no signal counted.", "reason")
        self._vanished = counter("trimwatch_signal_series_vanished_total", "Series that came no more.")
        self._unkept = counter("trimwatch_signal_points_unkept_total", "Points that a crash would lose: the journal was full.")
        self._hurried = counter("trimwatch_signal_hurried_total", "Steps that were closed early, for want of room.")
        self._unmerged = counter("trimwatch_signal_buckets_unmerged_total", "Buckets of histograms that did not fit.")
        self._dropped = counter("trimwatch_signal_history_dropped_total", "Values of signals that went for want of room.")
        self._refused = counter("trimwatch_signal_history_refused_total", "Values of signals that could not be kept.")
        self._named: set[str] = set()
        self._known: dict[tuple[str, str], int] = {}

    def show(self, figures: SignalFigures) -> list[str]:
        """What there is since the start, or since other signals are used. Gives streams that fell behind since."""
        self._series.set(figures.series)
        self._journal.set(figures.journal_points)
        self._held.set(figures.held_ms / 1000)
        self._behind.set(len(figures.behind))
        self._rise(self._cells, figures.cells)
        for reason, count in figures.unused_points.items():
            self._rise(self._unused, count, reason)
        for reason, count in figures.unused_lines.items():
            self._rise(self._lines, count, reason)
        self._rise(self._vanished, figures.vanished)
        self._rise(self._unkept, figures.unkept)
        self._rise(self._hurried, figures.hurried)
        self._rise(self._unmerged, figures.unmerged)
        fresh = [stream for stream in figures.behind if stream not in self._named]
        self._named = set(figures.behind)
        return fresh

    def history(self, dropped: int, refused: int) -> None:
        """What the store counts, ever."""
        self._rise(self._dropped, dropped)
        self._rise(self._refused, refused)

    def _rise(self, counter: Counter, total: int, *at: str) -> None:
        key = counter.name, *at
        known = self._known.get((key[0], key[-1]), 0)
        counter.add(total - known if total >= known else total, *at)
        self._known[key[0], key[-1]] = total
