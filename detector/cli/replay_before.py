"""What `trimwatch replay --before OLD NEW` adds: which patterns of the log changed with the change."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from detector.analysis.baselines.line_log import LineLog
from detector.analysis.baselines.patterns import How, PatternChange, Patterns, compare_patterns
from detector.edges.sources.past import PastInput, PastSettings, read_past
from detector.interface import Json, json_line
from detector.plain_text import cut, one_line
from detector.replay import replay
from detector.rule_loading import ReadyRules

MOST_SHOWN = 30
COLOURS = {How.NEW: "red", How.MORE: "yellow", How.UNSEEN: "default", How.GONE: "cyan", How.LESS: "dim"}


def compare_with(
    inputs: tuple[PastInput, ...], settings: PastSettings, ready: ReadyRules, after: LineLog, span_ms: tuple[int, int] | None
) -> Patterns | str:
    """Reads the log of before with an engine of its own; words where the two cannot be compared."""
    log = LineLog()
    outcome = replay(read_past(inputs, settings), ready, novelty=log)
    sides = log.side(outcome.span_ms), after.side(span_ms)
    if sides[0] is None or sides[1] is None:
        return f"no line of the log {'before' if sides[0] is None else 'after'} has a time: rates cannot be compared"
    return compare_patterns(sides[0], sides[1])


def show_patterns(found: Patterns | str, as_json: bool) -> None:
    """JSON: one object a pattern, kind `pattern`; when they could not be compared, one with the reason alone."""
    if as_json:
        objects: list[dict[str, Json]] = (
            [{"kind": "pattern", "reason": found}] if isinstance(found, str) else [_object(change) for change in found.changes]
        )
        for each in objects:
            sys.stdout.buffer.write(json_line(each))
        sys.stdout.buffer.flush()
        return
    console = Console(highlight=False)
    if isinstance(found, str):
        console.print(found, markup=False)
        return
    told = sum(change.how is not How.UNSEEN for change in found.changes)
    chance = f"; about {found.unseen_by_chance:.0f} new ones are expected by chance"
    console.print(f"{found.templates:,} patterns of loud lines that no rule explains, {told:,} changed{chance}", markup=False)
    firsts = list({change.problem: change for change in reversed(found.changes)}.values())[::-1]
    for change in firsts[:MOST_SHOWN]:
        alike = sum(other.problem == change.problem for other in found.changes) - 1
        line = Text(f"  {change.how:<7}", style=COLOURS[change.how]).append(cut(one_line(change.example), 160), style="default")
        more = f" (and {alike} alike)" if alike else ""
        console.print(line.append(f"  {change.words}{more}", style="cyan"))
    if len(firsts) > MOST_SHOWN:
        console.print(f"  and {len(firsts) - MOST_SHOWN:,} more; --json has them all", markup=False)


def _object(change: PatternChange) -> dict[str, Json]:
    return {
        "kind": "pattern",
        "how": change.how.value,
        "template": change.template,
        "example": change.example,
        "before": change.before,
        "after": change.after,
        "ratio": round(change.ratio, 4),
        "p": change.p,
        "problem": change.problem,
    }
