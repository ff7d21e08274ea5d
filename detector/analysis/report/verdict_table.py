"""Verdicts on a terminal: the inflection table, a spark line a signal, and why for those that did not pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from detector.analysis import quantities
from detector.analysis.report.rollout import summary
from detector.analysis.report.verdict_rows import HEADINGS, MARKS, VerdictRow, loudest_first, warm_up_cells
from detector.plain_text import one_line
from detector.records import VerdictState

COLOURS = {VerdictState.PASS: "green", VerdictState.FAIL: "bold red", VerdictState.INCONCLUSIVE: "yellow"}
_BARS = "▁▂▃▄▅▆▇█"
_NUMBERS = ("baseline", "after", "acceptable", "observed")
_LEAST_NAME = 16
_ANY = 10_000  # characters: wider than any table
MOST_REASONS = 50


def show_verdicts(console: Console, rows: Sequence[VerdictRow], is_strict: bool) -> None:
    """What failed comes first."""
    ordered = loudest_first(rows)
    console.print(_that_fits(console, ordered))
    reasons = [row.whole for row in ordered if row.whole.state is not VerdictState.PASS]
    for verdict in reasons[:MOST_REASONS]:
        console.print(
            Text(f"{one_line(verdict.signal)}: ", style=COLOURS[verdict.state]).append(one_line(verdict.reason), "default")
        )
    if len(reasons) > MOST_REASONS:
        console.print(f"and {len(reasons) - MOST_REASONS:,} more; --json has the reason of each", markup=False)
    console.print(summary(rows, is_strict), markup=False)


def _that_fits(console: Console, rows: Sequence[VerdictRow]) -> Table:
    """With spark lines and a mark a window where there is room for them."""
    has_course, has_windows = any(len(row.before) + len(row.after) > 2 for row in rows), any(row.windows for row in rows)
    for course, windows in ((has_course, has_windows), (has_course, False), (2 * has_course, False), (0, False)):
        table = _table(rows, int(course), windows)
        shortened = max(_longest(rows) - _LEAST_NAME, 0)
        if Measurement.get(console, console.options.update(width=_ANY), table).maximum - shortened <= console.width:
            break
    return table


def _table(rows: Sequence[VerdictRow], every: int, has_windows: bool) -> Table:
    """`every`: how many points of a course are one bar; 0 leaves it out."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in HEADINGS:
        is_name = heading == HEADINGS[0]
        justify: Literal["left", "right"] = "right" if heading in _NUMBERS else "left"
        least = min(_longest(rows), _LEAST_NAME) if is_name else None
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=not is_name, min_width=least)
    if has_windows:
        table.add_column("windows", no_wrap=True)
    if every:
        table.add_column("before│after" if every == 1 else "course", no_wrap=True)
    for row in rows:
        cells = [Text(one_line(cell)) for cell in row.cells()]
        cells[-1] = Text(f"{MARKS[row.whole.state]} {row.whole.state.value}", style=COLOURS[row.whole.state])
        marks, course = [Text(row.windows)] * has_windows, [Text(spark_line(row, every)) for _ in range(min(every, 1))]
        table.add_row(*cells, *marks, *course)
        if (left_out := warm_up_cells(row)) is not None:
            table.add_row(*(Text(one_line(cell), style="dim") for cell in left_out))
    return table


def _longest(rows: Sequence[VerdictRow]) -> int:
    return max((len(one_line(row.whole.signal)) for row in rows), default=0)


def spark_line(row: VerdictRow, every: int = 1) -> str:
    """Both courses on one scale, parted by a bar; a blank where nothing is known. `every` so many points are one."""
    before, after = (_thinned(values, every) for values in (row.before, row.after))
    known = [value for value in (*before, *after) if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)

    def bar(value: float | None) -> str:
        if value is None:
            return " "
        share = quantities.place(value, low, high)
        return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]

    return f"{''.join(map(bar, before))}│{''.join(map(bar, after))}"


def _thinned(values: Sequence[float | None], every: int) -> list[float | None]:
    groups = [[value for value in values[at : at + every] if value is not None] for at in range(0, len(values), every)]
    return [sum(value / len(group) for value in group) if group else None for group in groups]
