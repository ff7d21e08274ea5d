"""What a plan of windows can find, signal by signal: a table for a terminal, or of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.analysis.report.verdict_markdown import escaped
from detector.plain_text import one_line

_HEADINGS = ("signal", "acceptable", "least that is found", "plan", "remedy")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One signal; `least` is the smallest worsening that would be found, with unit. `remedy` is empty where the plan holds."""

    signal: str
    acceptable: str
    least: str
    windows: int
    is_required: bool
    remedy: str
    why_not: str

    @property
    def is_enough(self) -> bool:
        return not self.remedy


def show_plan(console: Console, plans: Sequence[PlanRow]) -> None:
    """What is refused comes first."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _HEADINGS[1:3] else "left", overflow="fold")
    for plan in _refused_first(plans):
        cells = [Text(one_line(cell)) for cell in _cells(plan)]
        cells[3].stylize("green" if plan.is_enough else "bold red" if plan.is_required else "yellow")
        table.add_row(*cells)
    console.print(table)
    console.print(summary(plans), markup=False)


def plan_markdown(plans: Sequence[PlanRow]) -> str:
    lines = ["| " + " | ".join(_HEADINGS) + " |", "|---|--:|--:|---|---|"]
    lines += ["| " + " | ".join(escaped(cell) for cell in _cells(plan)) + " |" for plan in _refused_first(plans)]
    return "\n".join((*lines, "", summary(plans), ""))


def summary(plans: Sequence[PlanRow]) -> str:
    refused = [plan for plan in plans if not plan.is_enough]
    required = sum(plan.is_required for plan in refused)
    said = f"{len(plans):,} {'signal' if len(plans) == 1 else 'signals'}"
    if plans:
        said += f" over {plans[0].windows} {'window' if plans[0].windows == 1 else 'windows'}"
    if not refused:
        return f"{said}: the plan holds."
    kept = "the plan is refused" if required else "the plan holds"
    return f"{said}: {len(refused):,} cannot be judged as asked, {required:,} of them required: {kept}."


def _refused_first(plans: Sequence[PlanRow]) -> list[PlanRow]:
    return sorted(plans, key=lambda plan: (plan.is_enough, not plan.is_required))


def _cells(plan: PlanRow) -> tuple[str, str, str, str, str]:
    outcome = "holds" if plan.is_enough else "refused" if plan.is_required else "refused, not required"
    why = f"{plan.why_not}: " if plan.why_not and plan.remedy else ""
    return plan.signal, plan.acceptable, plan.least, outcome, f"{why}{plan.remedy}"
