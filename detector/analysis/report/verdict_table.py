"""Verdicts on a terminal: the inflection table, a spark line a signal, and why for those that did not pass."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.analysis.report.verdict_rows import HEADINGS, MARKS, VerdictRow, loudest_first, summary
from detector.plain_text import one_line
from detector.records import VerdictState

COLOURS = {VerdictState.PASS: "green", VerdictState.FAIL: "bold red", VerdictState.INCONCLUSIVE: "yellow"}
_BARS = "▁▂▃▄▅▆▇█"
_NUMBERS = ("baseline", "after", "acceptable", "observed")
MOST_REASONS = 50


def show_verdicts(console: Console, rows: Sequence[VerdictRow], is_strict: bool) -> None:
    """What failed comes first."""
    ordered = loudest_first(rows)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(
            heading, justify="right" if heading in _NUMBERS else "left", overflow="fold", no_wrap=heading != "signal"
        )
    has_windows, has_course = any(row.windows for row in rows), any(len(row.before) + len(row.after) > 2 for row in rows)
    if has_windows:
        table.add_column("windows", overflow="fold")
    if has_course:
        table.add_column("before│after", no_wrap=True)
    for row in ordered:
        cells = [Text(one_line(cell)) for cell in row.cells()]
        cells[-1] = Text(f"{MARKS[row.whole.state]} {row.whole.state.value}", style=COLOURS[row.whole.state])
        table.add_row(*cells, *([Text(row.windows)] if has_windows else []), *([Text(spark_line(row))] if has_course else []))
    console.print(table)
    reasons = [row.whole for row in ordered if row.whole.state is not VerdictState.PASS]
    for verdict in reasons[:MOST_REASONS]:
        console.print(
            Text(f"{one_line(verdict.signal)}: ", style=COLOURS[verdict.state]).append(one_line(verdict.reason), "default")
        )
    if len(reasons) > MOST_REASONS:
        console.print(f"and {len(reasons) - MOST_REASONS:,} more; --json has the reason of each", markup=False)
    console.print(summary(rows, is_strict), markup=False)


def spark_line(row: VerdictRow) -> str:
    """Both courses on one scale, parted by a bar; a blank where nothing is known."""
    known = [value for value in (*row.before, *row.after) if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)

    def bar(value: float | None) -> str:
        if value is None:
            return " "
        share = 0.5 if high <= low else (value - low) / (high - low)
        return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]

    return f"{''.join(map(bar, row.before))}│{''.join(map(bar, row.after))}"
