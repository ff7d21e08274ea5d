"""The inflection table on a terminal, in Markdown and on a page."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from xml.dom import minidom

from rich.console import Console

from detector.analysis.report.rollout import summary
from detector.analysis.report.verdict_markdown import markdown
from detector.analysis.report.verdict_page import page
from detector.analysis.report.verdict_rows import VerdictRow, WarmUpRow
from detector.analysis.report.verdict_table import show_verdicts, spark_line
from detector.records import Verdict, VerdictState

FAILED = Verdict("p99_ms", "", None, 420.0, 485.0, "+15%", 15.476, (11.0, 20.0), "ms", VerdictState.FAIL, "beyond it: fail")
PASSED = Verdict("pool_idle", "", None, 68.0, 82.0, ">=+10pp", 14.0, None, "%", VerdictState.PASS, "at least as wanted: pass")
EVIL = "<script>alert(1)</script>|`x`[a](http://b)\n\x1b[31m"
ROWS = [
    VerdictRow((PASSED,), (1.0, None, 3.0), (2.0,), (1.0, 3.0), (78.0, None), None),
    VerdictRow((replace(FAILED, window=1), FAILED), (420.0, 421.0), (484.0, 486.0), (400.0, 440.0), (None, 483.0), 500.0),
]
HOSTILE = [VerdictRow((replace(FAILED, signal=EVIL, reason=EVIL, unit=EVIL),), (1.0, 2.0), (3.0,))]


def table(rows: list[VerdictRow], width: int = 160) -> str:
    out = io.StringIO()
    show_verdicts(Console(file=out, width=width, highlight=False), rows, is_strict=False)
    return out.getvalue()


def test_the_table_has_the_columns_of_the_article() -> None:
    """What failed first, each number with its unit, why below."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in table(ROWS).splitlines() if line.strip()]
    assert lines[0][:6] == ["signal", "baseline", "after", "acceptable", "observed", "verdict"]
    assert lines[2][:6] == ["p99_ms", "420 ms", "485 ms", "+15%", "+15.5 %", "✗ fail"]
    assert lines[3][:6] == ["pool_idle", "68 %", "82 %", ">=+10pp", "+14 pp", "✓ pass"]
    assert "p99_ms: beyond it: fail" in table(ROWS)
    assert "2 signals: 1 failed, 0 inconclusive, 1 passed; without any change about 0.02 would fail by chance." in table(
        [replace(row, chance=0.5) for row in ROWS]
    )


def test_a_narrow_terminal_keeps_the_numbers() -> None:
    """Spark lines and marks go first."""
    narrow = table(ROWS, 64)
    assert "+15.5 %" in narrow
    assert "✗ fail" in narrow
    assert "│" not in narrow


def test_a_spark_line_shows_gaps_and_both_courses_on_one_scale() -> None:
    """A constant is in the middle."""
    assert spark_line(ROWS[0]) == "▁ █│▅"
    assert spark_line(VerdictRow((PASSED,), (5.0, 5.0), (5.0,))) == "▅▅│▅"
    assert spark_line(VerdictRow((PASSED,))) == "│"


def test_markdown_is_a_table_and_nothing_in_a_name_acts() -> None:
    """Pipes, links, HTML and line breaks of a name are text."""
    assert "| p99\\_ms | 420 ms | 485 ms | +15% | +15.5 % | ✗ **fail** | beyond it: fail |" in markdown(ROWS, False)
    lines = markdown(HOSTILE, False).splitlines()
    assert len(lines) == 5
    assert "\\<script\\>" in lines[2]
    assert not re.search(r"(?<!\\)[<`\[\]]", lines[2])
    assert "\x1b" not in lines[2]


def test_the_page_is_one_file_without_script_or_network() -> None:
    """Plots are well-formed and have band, accepted level, limit and both courses."""
    text = "".join(page(ROWS, "after against before", is_strict=False))
    assert not re.search(r"<script|<link|<img|\bsrc=|url\(|@import|https?://", text)
    plots = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(plots) == 2
    for plot in plots:
        minidom.parseString(plot)
    assert all(word in plots[0] for word in ('class="usual"', 'class="accepted"', 'class="before"', 'class="after"'))
    assert "windows ✗" in text


def test_nothing_in_a_name_acts_on_the_page() -> None:
    """Escaped in title, cell, reason and unit."""
    text = "".join(page(HOSTILE, EVIL, is_strict=True))
    assert "<script" not in text
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") >= 4


def test_nothing_in_a_name_acts_on_a_terminal() -> None:
    """Escape sequences are spelled, a line break forges no row."""
    assert "\x1b" not in table(HOSTILE)


def test_the_summary_says_when_chance_was_not_considered() -> None:
    """Point values are no evidence."""
    assert summary(ROWS, True).endswith("point values compared, chance not considered.")
    assert summary([], False).startswith("0 signals")


def test_a_warm_up_has_a_row_of_its_own() -> None:
    """Below its signal, wherever it is printed, and it is no verdict."""
    rows = [replace(ROWS[1], warm_up=WarmUpRow(240.0, 900.0, 114.3))]
    assert "p99_ms, warm-up" in table(rows)
    assert "| p99\\_ms, warm-up | 420 ms | 900 ms | - | +114.3 % | first 4 min, not judged |" in markdown(rows, False)
    made = "".join(page(rows, "x", False))
    assert "first 4 min, not judged" in made
    assert made.count("<svg") == 1
