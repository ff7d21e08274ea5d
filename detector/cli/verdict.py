"""`trimwatch verdict`: did a signal get worse than is accepted, after the change?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from detector.core.signals.spec import Direction, SignalKind
from detector.documents import Scalar
from detector.documents.fields import WrongValue, duration, unknown
from detector.errors import BadInput, Fault

if TYPE_CHECKING:  # numpy, pandas and scipy come with these: not before the command runs
    from detector.analysis.baselines.asked import Asked
    from detector.analysis.baselines.comparison import Compared, Comparison
    from detector.analysis.report.verdict_rows import VerdictRow
    from detector.records import Verdict

IN_A_FILE = 160  # characters a line where no terminal says how many it has
OUTPUTS = ["table", "json", "markdown", "html"]
LIVE = ("prometheus", "at", "change", "service", "labels", "span", "until", "settings", "store")
EXAMPLES = """
\b
Examples:
  trimwatch verdict --before before.csv --after after.csv --kind latency --acceptable +15%
  trimwatch verdict --before before.csv --after after.csv --config signals.yaml -o html > verdict.html
  trimwatch verdict --before before.json --after after.json --json | jq 'select(.window == "all")'
  trimwatch verdict --before old.csv --after new.csv --strict    # point values, as in a runbook's table
  trimwatch verdict --plan --before before.csv --config signals.yaml --windows 3    # before the change
  trimwatch verdict --prometheus http://prometheus:9090 --at 2026-11-25T02:00:00Z --service shop
  trimwatch verdict --prometheus http://prometheus:9090 --change shop-20261125-0200 --json

--prometheus finds the signals by itself, by the names that exporters give them, and says which it did not find
and why. What is asked of each stands in its file (rules/signals, and signals.paths of --settings). Token, user,
certificates: verdicts.prometheus in --settings, or TRIMWATCH_VERDICTS_PROMETHEUS_TOKEN and so on.
\b
Files: CSV whose first column is the time (RFC 3339 or seconds since 1970) and each other one a signal; an
empty cell is missing. Or the JSON that Prometheus answers to query_range. --config is YAML:
  p99_ms:       {kind: latency, acceptable: +15%}
  pool_idle:    {kind: share, acceptable: ">=+10pp"}     # must rise so much; quote what begins with >
  heap_used:    {direction: up, acceptable: +10pp, limit: 75%, load: requests}
  lag_seconds:  {kind: latency, acceptable: +100ms}
  scrapes:      {kind: share, acceptable: +0.005pp, requests: targets, evidence: 60000, span: 24h, required: false}
Also unit (ms, s, MiB, %, ratio), layer, against. requests names the column that counts what stands behind each
number; a window with less than evidence is not judged, and with a longer span windows are pooled up to it. What
a column does not say holds as in the flags.
\b
Acceptable: +15% is relative to the baseline, +0.1pp is percentage points of a share, +100ms and +5MiB are in
units, +3 is in the column's own. -10% accepts a fall, so a fall is what is worse. +-35% or --direction both:
either way. >=+10pp: the signal must rise by at least so much.
\b
Units: of the cells (0.012%), else `unit` in --config, else the end of the name (_ms, _seconds, _percent,
_ratio), else that of --acceptable. With pp, a column may hold percent (68) or shares of 1 (0.68): percent if
cells, unit or name say so or a value is above 1, else shares of 1 -- unless the acceptable deviation were
then below a hundredth of the baseline. The reason says how numbers were read; `unit` settles it.
\b
Exit status: 0 all signals passed, 1 one failed, 2 wrong usage or input, 3 neither. It goes by the verdict on
all windows together ("window": "all"), which pays for having looked at each. With --prometheus a signal that is
not required and inconclusive makes no 3.
"""


@click.command(epilog=EXAMPLES)
@click.option("--before", type=click.Path(), metavar="FILE", help="The time before the change: a day, better a week or two.")
@click.option("--after", type=click.Path(), metavar="FILE", help="The time after it; not with --plan.")
@click.option(
    "--config",
    type=click.Path(),
    metavar="FILE",
    help="YAML: what is asked of each column; those it does not name get the flags.",
)
@click.option(
    "--kind", type=click.Choice([k.value for k in SignalKind]), default="gauge", show_default=True, help="What it measures."
)
@click.option(
    "--direction", type=click.Choice([d.value for d in Direction]), default="up", show_default=True, help="Which way is worse."
)
@click.option("--acceptable", default="+10%", show_default=True, metavar="DEVIATION", help="How much worse is still accepted.")
@click.option("--window", default="15m", show_default=True, metavar="DURATION", help="How long a window after the change is.")
@click.option(
    "--control", type=click.Path(), metavar="FILE", help="The same columns of a version that did not change, over both times."
)
@click.option("--load", metavar="COLUMN", help="A column of both files that drives the others, such as requests; not judged.")
@click.option("--strict", is_flag=True, help="Compare point values (the mean of each column, or its one cell) and nothing else.")
@click.option(
    "--against",
    type=click.Choice(["auto", "past", "control"]),
    default="auto",
    show_default=True,
    help="What tells how it would have been: its past, the control, or whichever erred less over the baseline.",
)
@click.option("--plan", is_flag=True, help="Before the change: the least that would be found, and whether that is enough.")
@click.option(
    "--windows", type=click.IntRange(1, 96), default=3, show_default=True, help="With --plan: how many windows are to be judged."
)
@click.option("--prometheus", metavar="URL", help="Ask this server for both times, instead of reading files.")
@click.option("--at", metavar="TIME", help="When the change was: 2026-11-25T02:00:00Z, or 90m (ago).")
@click.option("--change", metavar="ID", help="The change, as `trimwatch change list` names it, instead of --at.")
@click.option("--service", metavar="NAME", help="Whose signals, where the server has those of many.")
@click.option(
    "--label", "labels", metavar="NAME=VALUE", multiple=True, help="A label that every series must have; may be repeated."
)
@click.option("--span", default="24h", show_default=True, help="With --prometheus: how much time before the change is asked for.")
@click.option("--until", metavar="TIME", help="With --prometheus: the end. Default: now, or twelve windows after the change.")
@click.option("--settings", type=click.Path(), metavar="FILE", help="With --prometheus: the daemon's settings.")
@click.option("--store", metavar="FOLDER", help="With --change: the folder of the state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for each signal and window.")
@click.option("-o", "output", type=click.Choice(OUTPUTS), default="table", show_default=True, help="How to print.")
@click.pass_context
def verdict(context: click.Context, /, as_json: bool, output: str, plan: bool, windows: int, **options: Any) -> None:
    """Judges every column of two files, or the signals of a live service: did it get worse than is accepted?

    Pass, fail, or inconclusive where the evidence allows neither. How much a signal moves by chance is read off
    its own past; a missing value never makes a pass.
    """
    output = "json" if as_json else output
    live = {name: options.pop(name) for name in LIVE}
    given = [name for name in LIVE if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT]
    if given and options["before"] is None and not plan:
        _live(context, output, live, options)
        return
    if given:
        raise click.UsageError(
            f"--{given[0].rstrip('s') if given[0] == 'labels' else given[0]} does not go with files or --plan."
        )
    if options["before"] is None:
        raise click.UsageError("Missing option '--before'; or --prometheus URL, with --at or --change.")
    if plan:
        _plan(output, windows, options)
        return
    if options["after"] is None:
        raise click.UsageError("Missing option '--after'; or --plan, before there is one.")
    comparison = _comparison(**options)
    title = f"{comparison.after.path} against {comparison.before.path}"
    states = _write_json(comparison.run()) if output == "json" else _show(comparison.run(), output, title, comparison.is_strict)
    if "fail" in states:
        sys.exit(1)
    if states - {"pass"} or not states:
        sys.exit(3)


def _live(context: click.Context, output: str, live: dict[str, Any], options: dict[str, Any]) -> None:
    from detector.cli.verdict_live import LiveOptions, look

    for name in (*options, "windows"):
        if name not in ("window", "strict") and context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is about files; what is asked of a live signal stands in its own (signals.paths).")
    found = look(LiveOptions(**live, window_s=_window_s(options["window"]), is_strict=options["strict"]))
    states: dict[str, bool] = {}  # and whether a signal that is required has it

    def noted(compared: Iterable[Compared]) -> Iterator[Compared]:
        for one in compared:
            states[one.whole.state.value] = states.get(one.whole.state.value, False) or one.is_required
            yield one

    if output == "json":
        _write_json(noted(found.run()))
    else:
        _show(noted(found.run()), output, found.title, found.is_strict)
    for line in (str(found.before), *found.before.notes):
        click.echo(line if output == "table" else f"trimwatch: {line}", err=output != "table")
    if "fail" in states:
        sys.exit(1)
    if "pass" not in states or states.get("inconclusive"):
        sys.exit(3)


def _plan(output: str, windows: int, options: dict[str, Any]) -> None:
    from detector.cli.verdict_plan import print_plan

    if options["after"] is not None or options["strict"] or output == "html":
        raise click.UsageError("--plan looks at --before alone, and prints a table, json or markdown.")
    if not print_plan(_comparison(**options), windows, output, None if sys.stdout.isatty() else IN_A_FILE):
        sys.exit(1)


def _comparison(
    before: str,
    after: str | None,
    config: str | None,
    kind: str,
    direction: str,
    acceptable: str,
    window: str,
    control: str | None,
    load: str | None,
    strict: bool,
    against: str,
) -> Comparison:
    """Reads everything; raises with all that is wrong before anything is judged."""
    flags = _flags(kind, direction, acceptable, load, against)
    if against == "control" and control is None:
        raise click.UsageError("--against control needs --control.")
    window_s = _window_s(window)
    from detector.analysis.baselines.asked import read_config
    from detector.analysis.baselines.comparison import Comparison
    from detector.analysis.baselines.reading import read_tables
    from detector.analysis.baselines.table import Table
    from detector.documents import read_file

    old, *later = read_tables([path for path in (before, after, control) if path is not None])
    new = later.pop(0) if after is not None else Table("", old.times_s[:0], {})
    columns = list(dict.fromkeys((*old.columns, *new.columns)))
    asked = {} if config is None else read_config(config, read_file(config), flags, columns)
    drivers = {name for one in (flags, *asked.values()) for name in (one.load, one.requests) if name}
    missing = [
        Fault(table.path, 1, name[:80], unknown("column", name, table.columns))
        for table in ((old, new) if after is not None else (old,))
        for name in sorted(drivers)
        if name not in table.columns
    ]
    if missing:
        raise BadInput(missing)
    for table in (old, new, *later):
        for note in table.notes:
            click.echo(f"trimwatch: {table.path}: {note}", err=True)
    if after is not None and new.times_s[0] <= old.times_s[-1] and not strict:
        click.echo(f"trimwatch: {after} begins before {before} ends: are the files of one change, and in this order?", err=True)
    return Comparison(old, new, flags, asked, window_s, later[0] if later else None, strict, config or "")


def _flags(kind: str, direction: str, acceptable: str, load: str | None, against: str) -> Asked:
    from detector.analysis.baselines.asked import AGAINST, Asked, deviation_of

    try:
        accepted = deviation_of(acceptable)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--acceptable") from None
    return Asked(
        SignalKind(kind),
        Direction(direction),
        accepted,
        load=load or "",
        against=next(word for word in AGAINST if word == against),
    )


def _window_s(window: str) -> float:
    try:
        seconds = duration(Scalar(window, 1)).total_seconds()
    except WrongValue as wrong:
        raise click.BadParameter(wrong.problem, param_hint="--window") from None
    if seconds <= 0:
        raise click.BadParameter("must be longer than nothing", param_hint="--window")
    return seconds


def _write_json(compared: Iterable[Compared]) -> set[str]:
    from detector.interface import json_line, verdict_object

    states = set()
    for one in compared:
        for each in one.verdicts:
            sys.stdout.buffer.write(json_line(verdict_object(each)))
        states.add(one.whole.state.value)
    sys.stdout.buffer.flush()
    return states


def _show(compared: Iterable[Compared], output: str, title: str, is_strict: bool) -> set[str]:
    points = (160, 80) if output == "html" else (12, 8)
    rows = [_row(one, points) for one in compared]
    if output == "markdown":
        from detector.analysis.report.verdict_markdown import markdown

        click.echo(markdown(rows, is_strict), nl=False)
    elif output == "html":
        from detector.analysis.report.verdict_page import page

        _echo(page(rows, title, is_strict))
    else:
        from rich.console import Console

        from detector.analysis.report.verdict_table import show_verdicts

        width = None if sys.stdout.isatty() else IN_A_FILE
        show_verdicts(Console(highlight=False, width=width), rows, is_strict)
    return {row.whole.state.value for row in rows}


def _echo(pieces: Iterator[str]) -> None:
    for piece in pieces:
        click.echo(piece, nl=False)


def _row(one: Compared, points: tuple[int, int]) -> VerdictRow:
    from detector.analysis.baselines.outline import outline, usual_range
    from detector.analysis.report.verdict_rows import VerdictRow, WarmUpRow

    verdicts: tuple[Verdict, ...] = one.verdicts
    before, after = outline(*one.before, points[0]), outline(*one.after, points[1])
    early = one.warm_up
    warm_up = None if early is None else WarmUpRow(early.seconds, early.after, early.observed)
    usual = usual_range(one.before[1])
    return VerdictRow(verdicts, before, after, usual, one.accepted, one.limit, one.chance, warm_up, one.is_required)
