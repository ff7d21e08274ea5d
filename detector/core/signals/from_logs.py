"""Signals made of logs: the share of lines with some levels, and how long a start took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from detector.core.signals.cells import FamilyCell
from detector.core.signals.definition import Family, Make, SignalDefinition
from detector.core.signals.folding import STEP_MS

MOST_OPEN = 10_000  # steps of services that are not closed


class LogFolding:
    """`take_*` as lines go by, `close` as the watermark moves. `late` and `refused` count lines and starts that found no step."""

    def __init__(self, signals: Iterable[SignalDefinition], step_ms: int = STEP_MS) -> None:
        self.step_ms = step_ms
        self.closed_ms = -1
        self.late = 0
        self.refused = 0
        families = [(signal, family) for signal in signals for family in signal.families]
        self._lines = [(signal, family) for signal, family in families if family.make is Make.LINES]
        self._starts = [(signal, family) for signal, family in families if family.make is Make.STARTUP]
        self._levels: dict[tuple[int, str], Counter[str]] = {}
        self._seconds: dict[tuple[int, str], list[float]] = {}

    def take_lines(self, service: str, time_ms: int, by_level: Mapping[str, int]) -> None:
        """How many lines of each level there were at that time; all of them, also those below the levels that are asked for."""
        key = self._key(service, time_ms, self._levels, sum(by_level.values()))
        if key is not None:
            self._levels.setdefault(key, Counter()).update(by_level)

    def take_start(self, service: str, time_ms: int, seconds: float) -> None:
        """A start that succeeded then, after so long: a finite number, not below 0."""
        key = self._key(service, time_ms, self._seconds, 1)
        if key is not None:
            self._seconds.setdefault(key, []).append(seconds)

    def close(self, until_ms: int) -> tuple[FamilyCell, ...]:
        """The steps that end at or before then, in time order."""
        edge_ms = until_ms // self.step_ms * self.step_ms
        cells = []
        for key in sorted(key for key in self._levels if key[0] < edge_ms):
            levels = self._levels.pop(key)
            cells += [self._share(key, levels, signal, family) for signal, family in self._lines]
        for key in sorted(key for key in self._seconds if key[0] < edge_ms):
            seconds = self._seconds.pop(key)
            mean = math.fsum(seconds) / len(seconds)
            cells += [self._cell(key, signal, family, mean * family.scale, len(seconds)) for signal, family in self._starts]
        self.closed_ms = max(self.closed_ms, edge_ms)
        return tuple(sorted(cells, key=lambda cell: cell.start_ms))

    def _share(self, key: tuple[int, str], levels: Counter[str], signal: SignalDefinition, family: Family) -> FamilyCell:
        lines = levels.total()
        asked = sum(levels[level] for level in family.levels)
        return self._cell(key, signal, family, asked / lines if lines else math.nan, lines)

    def _cell(self, key: tuple[int, str], signal: SignalDefinition, family: Family, value: float, evidence: float) -> FamilyCell:
        return FamilyCell(key[1], signal.id, family.name, key[0], value, evidence, self.step_ms / 1000)

    def _key(self, service: str, time_ms: int, waiting: Mapping[tuple[int, str], object], lines: int) -> tuple[int, str] | None:
        key = time_ms // self.step_ms * self.step_ms, service
        if key[0] < self.closed_ms:
            self.late += lines
            return None
        if key not in waiting and len(waiting) >= MOST_OPEN:
            self.refused += lines
            return None
        return key
