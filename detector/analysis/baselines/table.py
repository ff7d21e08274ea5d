"""A file of series as it was read: one time axis, many signals, and what was odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_BYTES = 1 << 30
MAX_SIGNALS = 10_000


@dataclass(frozen=True, slots=True)
class Table:
    """`times_s` rises strictly, shape (n,); each of `columns` has that shape, NaN where a sample is missing. `units` names the
    unit that was written beside the numbers of a column, `signed` the columns of a short file whose numbers all have a sign:
    deviations, if anything. `notes` tell what was mended on the way. `evidence`, of the shape of a column, is how many requests
    or samples stand behind each of its numbers; where it is not told, a number is one sample."""

    path: str
    times_s: Floats
    columns: Mapping[str, Floats]
    units: Mapping[str, str] = field(default_factory=dict)
    signed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    evidence: Mapping[str, Floats] = field(default_factory=dict)


def in_time_order(times: Floats, rows: NDArray[np.float64]) -> tuple[Floats, NDArray[np.float64], tuple[str, ...]]:
    """Times and rows (n, columns) sorted by time; of rows of one time the last counts. Also says what was done."""
    if times.size < 2 or bool((np.diff(times) > 0).all()):
        return times, rows, ()
    notes = []
    if bool((np.diff(times) < 0).any()):
        notes.append("rows were not in the order of time and were sorted")
    order = np.argsort(times, kind="stable")
    times, rows = times[order], rows[order]
    is_last = np.append(np.diff(times) > 0, True)
    repeated = int(times.size - is_last.sum())
    if repeated:
        notes.append(f"{repeated} {'row repeats' if repeated == 1 else 'rows repeat'} a time; the last of each counts")
    return times[is_last], rows[is_last], tuple(notes)


def seconds_of(numbers: Floats) -> tuple[Floats, str]:
    """Epoch times in seconds, and a note if they were in a smaller unit: a time in seconds above 1e11 would lie after the year
    5000, one in milliseconds below it before 1974."""
    known = np.abs(numbers[np.isfinite(numbers)])
    typical = float(np.median(known)) if known.size else 0.0
    for least, divisor, name in ((1e17, 1e9, "nanoseconds"), (1e14, 1e6, "microseconds"), (1e11, 1e3, "milliseconds")):
        if typical >= least:
            return numbers / divisor, f"times were read as {name}"
    return numbers, ""
