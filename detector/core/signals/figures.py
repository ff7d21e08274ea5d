"""How many of what: for metrics and the status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalFigures:
    """Since the start, but for `series`, `journal_points`, `held_ms` (by how much steps wait for the slowest stream) and `behind`
    (streams that are so far behind that none does), which are now. `unused_*` by a word for the reason: late, ahead (of
    what is believed), flood (a new series beyond the number that is remembered), repeated (the same push again)."""

    series: int
    journal_points: int
    cells: int
    vanished: int
    unkept: int
    hurried: int
    unmerged: int
    held_ms: int
    behind: tuple[str, ...]
    unused_points: Mapping[str, int]
    unused_lines: Mapping[str, int]
