"""Signals made of the cells of other signals: how much they scatter within a window, and how often they are far from the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from detector.core.signals.cells import FamilyCell
from detector.core.signals.definition import Family, Make, SignalDefinition

WINDOW_MS = 900_000
LEAST_CELLS = 8  # of a window: fewer say nothing on how much they scatter
MOST_KEPT = 5_000  # series of cells
FAR = 6.0  # robust deviations
_NORMAL = 1.4826  # the median deviation of a normal distribution is 1 / 1.4826 of its standard deviation
_HOUR_MS = 3_600_000


class Derivation:
    """`take` cells as they close; a window's cells come out once a cell behind its end has come. Of nothing comes none."""

    def __init__(self, signals: Iterable[SignalDefinition], window_ms: int = WINDOW_MS) -> None:
        self.window_ms = window_ms
        self.refused = 0
        self._by_source: dict[str, list[tuple[SignalDefinition, Family]]] = {}
        for signal in signals:
            for family in signal.families:
                for source in family.signals:
                    self._by_source.setdefault(source, []).append((signal, family))
        self._kept: dict[tuple[str, str], list[FamilyCell]] = {}

    @property
    def sources(self) -> frozenset[str]:
        """The signals that others are made of."""
        return frozenset(self._by_source)

    def take(self, cells: Sequence[FamilyCell]) -> tuple[FamilyCell, ...]:
        """In time order for each service and signal."""
        made: list[FamilyCell] = []
        for cell in cells:
            if cell.signal not in self._by_source:
                continue
            key = cell.service, cell.signal
            kept = self._kept.get(key)
            if kept is None:
                if len(self._kept) >= MOST_KEPT:
                    self.refused += 1
                    continue
                kept = self._kept[key] = []
            if kept and cell.start_ms // self.window_ms != kept[0].start_ms // self.window_ms:
                made.extend(self._windows(kept))
                kept.clear()
            kept.append(cell)
        return tuple(made)

    def finish(self) -> tuple[FamilyCell, ...]:
        """What is left, at the end of a replay."""
        made = [cell for kept in self._kept.values() for cell in self._windows(kept)]
        self._kept.clear()
        return tuple(made)

    def _windows(self, kept: list[FamilyCell]) -> Iterable[FamilyCell]:
        values = [cell.value for cell in kept if math.isfinite(cell.value)]
        if len(values) < LEAST_CELLS:
            return
        first = kept[0]
        start_ms = first.start_ms // self.window_ms * self.window_ms
        exposure_s = math.fsum(cell.exposure_s for cell in kept)
        for signal, family in self._by_source[first.signal]:
            is_deviation = family.make is Make.DEVIATION
            value = deviation(values) if is_deviation else spikes(values) * _HOUR_MS / self.window_ms
            # Spikes are of several signals: each stays a series of its own, and is told by its family.
            name = family.name if is_deviation else f"{family.name}:{first.signal}"
            yield FamilyCell(first.service, signal.id, name, start_ms, value * family.scale, len(values), exposure_s)


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of at least two finite values, in their unit."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def spikes(values: Sequence[float], far: float = FAR) -> int:
    """How many of at least one finite values are more than `far` robust deviations from the median. Where more than half are
    equal there is no such deviation, and the mean one stands in (Iglewicz and Hoaglin, How to Detect and Handle Outliers)."""
    middle = median(values)
    distances = [abs(value - middle) for value in values]
    scale = _NORMAL * median(distances) or 1.253314 * math.fsum(distances) / len(distances)
    return sum(distance > far * scale for distance in distances) if scale > 0 else 0
