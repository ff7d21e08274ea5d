"""Log patterns before and after a change: which templates are new, gone, more or less often, by exposure, with an example each.

A frame of lines in, rows with words out. Counts are taken a minute; models/rate_change.py says what bursts are worth, and at most
`rate` of what is told should be false. New and more frequent templates that say nearly the same are one problem, one row.
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
            return f"new since the change: {self.after:,} lines"
        if self.how is How.UNSEEN:
            return f"not seen before, {self.after:,} lines: too few to say that it is no chance"
        if self.how is How.GONE:
            return f"gone since the change: {self.before:,} lines before"
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


def compare_patterns(
    lines: pd.DataFrame, before_s: tuple[float, float], after_s: tuple[float, float], rate: float = 0.05
) -> Patterns:
    """`lines`: a row a line with `time_s` (epoch), `template`, `example`. The sides are spans of time that were looked at, from
    inclusive, to exclusive; a line outside both counts for neither. Raises ValueError for a side that is empty."""
    if before_s[1] <= before_s[0] or after_s[1] <= after_s[0]:
        raise ValueError("a side has no time in it: nothing can be said of rates")
    window_s = max(WINDOW_S, *(np.ceil((end - start) / MOST_WINDOWS) for start, end in (before_s, after_s)))
    inside = lines[lines["time_s"].between(*before_s, inclusive="left") | lines["time_s"].between(*after_s, inclusive="left")]
    kinds = (
        inside.groupby("template", sort=True)["example"]
        .agg(["first", "size"])
        .sort_values("size", ascending=False, kind="stable")
    )
    kept = kinds.head(MOST_TEMPLATES)
    if kept.empty:
        return Patterns([], 0, 0.0, 0)
    (before, exposed_before), (after, exposed_after) = (
        _counts(inside, kept.index, span, window_s) for span in (before_s, after_s)
    )
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


def _counts(
    lines: pd.DataFrame, templates: pd.Index[str], span: tuple[float, float], window_s: float
) -> tuple[FloatArray, FloatArray]:
    """(templates, windows) lines, (windows,) seconds; the last window may be cut by the end of the span."""
    starts = np.arange(span[0], span[1], window_s)
    of_side = lines[lines["time_s"].between(*span, inclusive="left")]
    rows = templates.get_indexer(pd.Index(of_side["template"]))
    windows = ((of_side["time_s"].to_numpy(dtype=np.float64) - span[0]) // window_s).astype(np.intp)
    counts = np.zeros((len(templates), starts.size))
    np.add.at(counts, (rows[rows >= 0], windows[rows >= 0]), 1)
    return counts, np.minimum(starts + window_s, span[1]) - starts


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
