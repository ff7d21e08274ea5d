"""Verdicts as one HTML file: a table with a plot a signal. It has no script, loads nothing, and prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from detector.analysis import quantities
from detector.analysis.report.course_plot import course_plot
from detector.analysis.report.rollout import summary
from detector.analysis.report.verdict_rows import HEADINGS, MARKS, VerdictRow, deviation_unit, loudest_first, warm_up_cells
from detector.plain_text import one_line
from detector.records import Verdict

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--line:#bbb;--usual:#8883;--old:#777;--new:#0969da;
--bad:#b3261e;--good:#1a7f37;--open:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#161616;--line:#555;--old:#aaa;--new:#6cb6ff;--bad:#ff8a80;--good:#6fdd8b;--open:#f0c060}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:80rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid var(--line);padding:.4rem .6rem;text-align:left;vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.signal{overflow-wrap:anywhere;font-weight:600;min-width:8rem}
.fail{color:var(--bad);font-weight:700}.pass{color:var(--good)}.inconclusive{color:var(--open)}.reason,.none{font-size:13px}
svg{width:22rem;min-width:14rem;max-width:100%;height:auto}polyline{fill:none;stroke-width:1.5}polyline.before{stroke:var(--old)}
polyline.after{stroke:var(--new)}
circle.before{fill:var(--old)}circle.after{fill:var(--new)}.usual{fill:var(--usual)}line{stroke:var(--line)}
line.accepted{stroke:var(--open);stroke-dasharray:5 3}
line.limit{stroke:var(--bad)}line.change{stroke:var(--ink);stroke-dasharray:2 2}
summary{cursor:pointer}@media print{tr{break-inside:avoid}}
""".strip()
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LEGEND = (
    "Grey band: where nine of ten samples before lay. Vertical line: the change. Dashed: what is accepted. Red line: the limit. "
    "Hover a line for its level."
)


def page(rows: Sequence[VerdictRow], title: str, is_strict: bool) -> Iterator[str]:
    """The page piece by piece: a thousand plots are some megabytes. What failed comes first; every text is escaped."""
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><meta name="viewport" content="width=device-width">'
    yield f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body><h1>{_text(title)}</h1>"
    yield f"<p>{_text(summary(rows, is_strict))}</p>\n<p class=reason>{_LEGEND}</p>\n<table><thead><tr>"
    yield "".join(f'<th scope="col">{heading}</th>' for heading in (*HEADINGS, "before and after"))
    yield "</tr></thead><tbody>\n"
    for row in loudest_first(rows):
        yield _row(row)
    yield "</tbody></table></body></html>\n"


def _row(row: VerdictRow) -> str:
    cells = row.cells()
    state = row.whole.state.value
    numbers = "".join(f'<td class="number">{_text(cell)}</td>' for cell in cells[1:-1])
    verdict = f'<span class="{state}">{MARKS[row.whole.state]} {state}</span><div class="reason">{_text(row.whole.reason)}</div>'
    windows = "".join(f"<li>{_window(one)}</li>" for one in row.verdicts[:-1])
    if windows:
        verdict += f'<details class="reason"><summary>windows {row.windows}</summary><ol>{windows}</ol></details>'
    made = f'<tr><td class="signal">{_text(cells[0])}</td>{numbers}<td>{verdict}</td><td>{course_plot(row)}</td></tr>\n'
    return made + _left_out(row)


def _left_out(row: VerdictRow) -> str:
    if (cells := warm_up_cells(row)) is None:
        return ""
    numbers = "".join(f'<td class="number">{_text(cell)}</td>' for cell in cells[1:-1])
    return f'<tr class="reason"><td>{_text(cells[0])}</td>{numbers}<td>{_text(cells[-1])}</td><td></td></tr>\n'


def _window(verdict: Verdict) -> str:
    observed = quantities.deviation(verdict.observed, deviation_unit(verdict))
    return f"{verdict.state.value}: {_text(observed)}. {_text(verdict.reason)}"


def _text(text: str) -> str:
    return escape(one_line(text))
