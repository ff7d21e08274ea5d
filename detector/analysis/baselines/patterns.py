"""Log patterns before and after a change: which templates are new, gone, more or less often, by exposure, with an example each.

A frame of lines in, rows with words out. Counts are taken a minute or less; models/rate_change.py says what bursts are worth, and
at most `rate` of what is told should be false. New and more frequent templates that say nearly the same are one problem, one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from models.pattern_clusters import clusters_of
from models.rate_change import FloatArray, discoveries, rate_changes

MOST_TEMPLATES = 5000
MOST_WINDOWS = 3000  # a side; longer logs get longer windows
WINDOW_S = 60
LEAST_WINDOWS = 30  # a side, by shorter windows where a log is short


class How(StrEnum):
    """`unseen`: new, and too seldom to say that it is no chance."""

    NEW = "new"
    GONE = "gone"
    MORE = "more"
    LESS = "less"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class PatternChange:
    """`before` and `after` are lines, `ratio` the rate after over the rate before, `p` before any correction; `problem` is the
    same number for templates that say nearly the same."""

    how: How
    template: str
    example: str
    before: int
    after: int
    ratio: float
    p: float
    problem: int

    @property
    def words(self) -> str:
        if self.how is How.NEW:
            return f"new since the change: {_lines(self.after)}"
        if self.how is How.UNSEEN:
            return f"not seen before, {_lines(self.after)}: too few to say that it is no chance"
        if self.how is How.GONE:
            return f"gone since the change: {_lines(self.before)} before"
        times = self.ratio if self.ratio >= 1 else 1 / self.ratio
        return f"{times:.1f} times {'as' if self.ratio >= 1 else 'less'} often{' as before' if self.ratio >= 1 else ''}"


@dataclass(frozen=True, slots=True)
class Patterns:
    """`changes`, the new first, then by how far the rate moved. `unseen_by_chance`: about so many templates of the after would
    be new without any change, as many were seen just once before. `left_out`: rare templates beyond MOST_TEMPLATES."""

    changes: list[PatternChange]
    templates: int
    unseen_by_chance: float
    left_out: int


@dataclass(frozen=True, slots=True)
class Side:
    """`lines`: a row a line with `time_s` (epoch), `template`, `example`. The span of time that was looked at goes from `start_s`
    to `end_s`, exclusive; a line outside it does not count."""

    lines: pd.DataFrame
    start_s: float
    end_s: float

    @property
    def inside(self) -> pd.DataFrame:
        return self.lines[self.lines["time_s"].between(self.start_s, self.end_s, inclusive="left")]

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


def compare_patterns(before_side: Side, after_side: Side, rate: float = 0.05) -> Patterns:
    """The two may overlap in time, as those of a canary and its elders do. Raises ValueError for a side that is empty."""
    if min(before_side.length_s, after_side.length_s) <= 0:
        raise ValueError("a side has no time in it: nothing can be said of rates")
    lengths_s = before_side.length_s, after_side.length_s
    window_s = max(1.0, min(WINDOW_S, min(lengths_s) / LEAST_WINDOWS), max(lengths_s) / MOST_WINDOWS)
    inside = pd.concat([after_side.inside, before_side.inside])
    kinds = (
        inside.groupby("template", sort=True)["example"]
        .agg(["first", "size"])
        .sort_values("size", ascending=False, kind="stable")
    )
    kept = kinds.head(MOST_TEMPLATES)
    if kept.empty:
        return Patterns([], 0, 0.0, 0)
    (before, exposed_before), (after, exposed_after) = (_counts(side, kept.index, window_s) for side in (before_side, after_side))
    changes = rate_changes(before, after, exposed_before, exposed_after)
    told = discoveries([change.p for change in changes], rate)
    rows = []
    for template, example, change, is_told in zip(kept.index, kept["first"], changes, told, strict=True):
        how = _how(change.before, change.after, change.ratio, is_told)
        if how is not None:
            rows.append(PatternChange(how, str(template), str(example), change.before, change.after, change.ratio, change.p, 0))
    once = sum(change.before == 1 for change in changes) + int((kinds["size"].iloc[MOST_TEMPLATES:] == 1).sum())
    by_chance = once * min(1.0, exposed_after.sum() / exposed_before.sum())
    return Patterns(_as_problems(rows), len(kept), float(by_chance), len(kinds) - len(kept))


def _counts(side: Side, templates: pd.Index[str], window_s: float) -> tuple[FloatArray, FloatArray]:
    """(templates, windows) lines, (windows,) seconds; the last window may be cut by the end of the span."""
    starts = np.arange(side.start_s, side.end_s, window_s)
    of_side = side.inside
    rows = templates.get_indexer(pd.Index(of_side["template"]))
    windows = ((of_side["time_s"].to_numpy(dtype=np.float64) - side.start_s) // window_s).astype(np.intp)
    counts = np.zeros((len(templates), starts.size))
    np.add.at(counts, (rows[rows >= 0], windows[rows >= 0]), 1)
    return counts, np.minimum(starts + window_s, side.end_s) - starts


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"


def _how(before: int, after: int, ratio: float, is_told: bool) -> How | None:
    if before == 0:
        return How.NEW if is_told else How.UNSEEN
    if not is_told:
        return None
    if after == 0:
        return How.GONE
    return How.MORE if ratio > 1 else How.LESS


def _as_problems(rows: list[PatternChange]) -> list[PatternChange]:
    """In the order they are told; problems are numbered in that order."""
    order = [How.NEW, How.MORE, How.UNSEEN, How.GONE, How.LESS]
    ordered = sorted(rows, key=lambda row: (order.index(row.how), -abs(np.log(row.ratio)), row.template))
    worse = [row for row in ordered if row.how in order[:3]]
    numbers = clusters_of([row.template for row in worse])
    numbers += [max(numbers, default=-1) + 1 + extra for extra in range(len(ordered) - len(worse))]
    return [
        PatternChange(row.how, row.template, row.example, row.before, row.after, row.ratio, row.p, number)
        for row, number in zip(ordered, numbers, strict=True)
    ]
