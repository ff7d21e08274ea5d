"""What a replay found, as a person reads it: each incident with its cause, its fix and the lines that speak for it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from detector.core.engine.novelty import Group as Unexplained
from detector.interface import rfc3339
from detector.plain_text import cut, one_line, spell_out
from detector.records import Counts, Incident, Severity, Stage

COLOURS = {Severity.CRITICAL: "bold red", Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
MOST_TEXT = 500


def show_incidents(console: Console, incidents: Iterable[Incident]) -> None:
    """The loudest first; look-alikes that claim no trim come last, apart."""
    ordered = sorted(incidents, key=lambda i: (i.stage is Stage.NONE, -i.severity.rank, i.first_seen_ms))
    for incident in ordered:
        console.print(_panel(incident))


def _panel(incident: Incident) -> RenderableType:
    title = Text(f" {incident.severity.value.upper()} ", style=COLOURS[incident.severity])
    title.append(one_line(incident.service), style="bold")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(incident):
        facts.add_row(name, Text(one_line(value)))
    lines = Text("\n").join(_evidence(incident))
    heading = Text(one_line(incident.title), style="bold")
    return Panel(Group(heading, facts, Text(""), lines), title=title, title_align="left", border_style=COLOURS[incident.severity])


def _facts(incident: Incident) -> list[tuple[str, str]]:
    entity = incident.entity or "not named"
    times = rfc3339(incident.first_seen_ms)
    if incident.last_seen_ms != incident.first_seen_ms:
        times += f" to {rfc3339(incident.last_seen_ms)}"
    facts = [
        (incident.entity_kind or "missing", entity),
        ("stage", "no trim: something else failed" if incident.stage is Stage.NONE else incident.stage.value),
        ("cause", incident.explanation),
        ("fix", incident.fix),
        ("seen", f"{incident.count:,} {'event' if incident.count == 1 else 'events'}, {times}, {incident.state.value}"),
        ("rule", incident.rule),
    ]
    if incident.also:
        facts.append(("also", ", ".join(incident.also[:5])))
    return [(name, value) for name, value in facts if value]


def _evidence(incident: Incident) -> Iterable[Text]:
    for evidence in incident.evidence:
        where = f"{evidence.source}:{evidence.line}  " if evidence.line else f"{evidence.source}  "
        yield Text(one_line(where), style="cyan").append(Text(cut(spell_out(evidence.text), MOST_TEXT), style="default"))


def looked_at(counts: Counts, rules: int, incidents: int) -> str:
    """One sentence on what was read, so that silence is an answer too."""
    parts = [f"{counts.lines:,} {'line' if counts.lines == 1 else 'lines'}", f"{rules} rules"]
    total = sum(counts.layouts.values())
    if total:
        layout, share = max(counts.layouts.items(), key=lambda item: item[1])
        parts.append(f"layout {layout} ({100 * share // total} %)")
    said = ", ".join(parts) + ": "
    return said + ("nothing found." if not incidents else f"{incidents} {'incident' if incidents == 1 else 'incidents'}.")


def losses(counts: Counts) -> list[str]:
    """What could not be judged, in words; empty when all was."""
    said = [
        (counts.dead_letters, "could not be decoded (dead letters)"),
        (counts.cut_lines, "lines were longer than a line may be and were cut"),
        (counts.repaired, "lines had invalid bytes and were repaired"),
        (counts.late, "lines came too late for their window"),
        (counts.lost_bytes, "bytes were lost"),
    ]
    return [f"{number:,} {words}" for number, words in said if number]


def show_unexplained(console: Console, seen: int, groups: Iterable[Unexplained], is_thinned: bool) -> None:
    """`seen` is how many WARN or worse lines no rule explains, `groups` the most frequent of them. `is_thinned`: the log was so
    long that only some of them were looked at."""
    if not seen:
        return
    console.print(
        f"{seen:,} WARN or worse not explained by any rule{', of those looked at' if is_thinned else ''}; the most frequent:"
    )
    for group in groups:
        where = f"{group.source}:{group.line}"
        line = Text(f"  {group.count:>7,}  ", style="dim").append(cut(one_line(group.example), 160), style="default")
        console.print(line.append(f"  {one_line(where)}", style="cyan"))
