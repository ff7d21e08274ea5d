"""`trimwatch check`: every fault of settings and rules, before anything starts."""

from __future__ import annotations

import json
import os
import sys

import click

from detector.setup_check import Checked, check_setup

EXAMPLES = """
\b
Examples:
  trimwatch check --config settings.yaml
  trimwatch check                                    # the defaults, the environment and the built-in rules
  trimwatch check --config settings.yaml --json      # one fault a line, for editors and pipelines
\b
Exit status: 0 all is well, 2 something is wrong; each fault is printed as path:line: field: problem.
"""


@click.command(epilog=EXAMPLES)
@click.option("--config", "path", metavar="FILE", help="The settings; without them the defaults are checked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a fault.")
def check(path: str | None, as_json: bool) -> None:
    """Lists every fault of settings and rules. Starts nothing and touches no network."""
    checked = check_setup(path, os.environ)
    for fault in sorted(checked.faults):
        if as_json:
            fields = {"path": fault.path, "line": fault.line, "field": fault.field, "problem": fault.problem}
            click.echo(json.dumps({"kind": "fault", **fields}, ensure_ascii=False))
        else:
            click.echo(str(fault))
    if checked.faults:
        sys.exit(2)
    if not as_json:
        click.echo(_summary(path, checked))


def _summary(path: str | None, checked: Checked) -> str:
    settings = checked.settings
    sources = ", ".join(source.name for source in settings.sources) if settings else ""
    sinks = ", ".join(sink.name for sink in settings.sinks) if settings else ""
    return f"{path or 'the defaults'}: no fault. {len(checked.rules)} rules; reads {sources}; tells {sinks}."
