"""How many of what: for metrics and the status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalFigures:
    """Since the start, but for `series` and `journal_points`, which are now. `unused_*` by a word for the reason: late, ahead (of
    what is believed), flood (a new series beyond the number that is remembered), repeated (the same push again)."""

    series: int
    journal_points: int
    cells: int
    vanished: int
    unkept: int
    hurried: int
    unmerged: int
    unused_points: Mapping[str, int]
    unused_lines: Mapping[str, int]
