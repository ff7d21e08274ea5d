"""What followed from points and logs, as the pipeline hands it on. Apart from what makes it, which is loaded only where there are
metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from detector.records import Cell, Change, JournalEntry

STEP_MS = 15_000  # one value of a signal

Past = Callable[[Collection[str], int, int], Iterable[Cell]]
"""The committed cells of the signals of these names between two times, in time order for each service and signal."""


def no_past(_names: Collection[str], _begin_ms: int, _end_ms: int) -> Iterable[Cell]:
    return ()


@dataclass(frozen=True, slots=True)
class FlowChanges:
    """What followed since the last call. `flooded`: so many samples of new series were refused, by the metric's name."""

    cells: tuple[Cell, ...] = ()
    changes: tuple[Change, ...] = ()
    state: tuple[tuple[str, bytes | None], ...] = ()
    journal: JournalEntry | None = None
    flooded: tuple[tuple[str, int], ...] = ()
