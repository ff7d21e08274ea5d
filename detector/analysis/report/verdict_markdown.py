"""Verdicts as a table of Markdown, for a pull request or a runbook."""

from __future__ import annotations

import re
from collections.abc import Sequence

from detector.analysis.report.rollout import summary
from detector.analysis.report.verdict_rows import HEADINGS, MARKS, VerdictRow, loudest_first, warm_up_cells
from detector.plain_text import one_line

_ACTS = re.compile(r"([\\`*_{}\[\]()<>#|~!@&])")


def markdown(rows: Sequence[VerdictRow], is_strict: bool) -> str:
    """What failed comes first; nothing in a name acts as Markdown or HTML."""
    lines = ["| " + " | ".join((*HEADINGS, "reason")) + " |", "|---|--:|--:|--:|--:|---|---|"]
    for row in loudest_first(rows):
        cells = [escaped(cell) for cell in row.cells()]
        cells[-1] = f"{MARKS[row.whole.state]} **{row.whole.state.value}**"
        lines.append("| " + " | ".join((*cells, escaped(row.whole.reason))) + " |")
        if (left_out := warm_up_cells(row)) is not None:
            lines.append("| " + " | ".join((*(escaped(cell) for cell in left_out), "")) + " |")
    return "\n".join((*lines, "", summary(rows, is_strict, escaped), ""))


def escaped(text: str) -> str:
    return _ACTS.sub(r"\\\1", one_line(text))
