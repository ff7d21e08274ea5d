"""`trimwatch verdict --plan`: what could be found after a change, told before it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # numpy and scipy come with these
    from detector.analysis.baselines.comparison import Comparison
    from detector.analysis.baselines.planning import Planned
    from detector.interface import Json


def print_plan(comparison: Comparison, windows: int, output: str, width: int | None) -> bool:
    """Whether it holds: no required signal is refused."""
    from detector.analysis.baselines.planning import plans
    from detector.interface import json_line

    made = list(plans(comparison, windows))
    if output == "json":
        for plan in made:
            sys.stdout.buffer.write(json_line(plan_object(plan)))
        sys.stdout.buffer.flush()
    else:
        _show(made, output, width)
    return bool(made) and not any(plan.is_required and not plan.is_enough for plan in made)


def plan_object(plan: Planned) -> dict[str, Json]:
    return {
        "kind": "plan",
        "signal": plan.signal,
        "layer": plan.layer or None,
        "required": plan.is_required,
        "acceptable": plan.acceptable,
        "detectable": plan.detectable,
        "unit": plan.unit or None,
        "windows": plan.windows,
        "holds": plan.is_enough,
        "reason": plan.why_not or None,
        "remedy": plan.remedy or None,
    }


def _show(made: Sequence[Planned], output: str, width: int | None) -> None:
    from rich.console import Console

    from detector.analysis.report.plan_table import PlanRow, plan_markdown, show_plan

    rows = [PlanRow(one.signal, one.acceptable, one.least, one.windows, one.is_required, one.remedy, one.why_not) for one in made]
    if output == "markdown":
        click.echo(plan_markdown(rows), nl=False)
    else:
        show_plan(Console(highlight=False, width=width), rows)
