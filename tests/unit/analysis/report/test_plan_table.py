"""The table of a plan: what is refused comes first, and no name acts."""

from __future__ import annotations

import io

from rich.console import Console

from detector.analysis.report.plan_table import PlanRow, plan_markdown, show_plan, summary

EVIL = "<script>|x`\n\x1b[31m"
HOLDS = PlanRow("p99_ms", "+15%", "+4 %", 3, True, "", "")
REFUSED = PlanRow(EVIL, "+1%", "+40 %", 3, True, "judge 12 windows instead of 3", "")
OPTIONAL = PlanRow("scrapes", "+0.005pp", "-", 3, False, "make windows of 30 min", "a window has 5 of the 9 it needs")


def test_what_is_refused_comes_first() -> None:
    out = io.StringIO()
    show_plan(Console(file=out, width=160), [HOLDS, OPTIONAL, REFUSED])
    text = out.getvalue()
    assert "\x1b" not in text
    assert text.index("script") < text.index("scrapes") < text.index("p99_ms")
    assert "refused, not required" in text


def test_in_markdown() -> None:
    lines = plan_markdown([HOLDS, OPTIONAL, REFUSED]).splitlines()
    assert len(lines) == 7
    assert lines[2].startswith("| \\<script\\>\\|x\\`")
    assert lines[3].endswith("a window has 5 of the 9 it needs: make windows of 30 min |")


def test_the_summary() -> None:
    assert summary([HOLDS]) == "1 signal over 3 windows: the plan holds."
    assert summary([HOLDS, OPTIONAL]).endswith("1 cannot be judged as asked, 0 of them required: the plan holds.")
    assert summary([HOLDS, REFUSED]).endswith("1 of them required: the plan is refused.")
    assert summary([]) == "0 signals: the plan holds."
