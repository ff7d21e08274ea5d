"""`trimwatch check`: every fault of settings and rules, before anything starts; asked to, it tries the connections too."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from detector.errors import Fault
from detector.setup_check import Checked, check_setup

if TYPE_CHECKING:
    from detector.connection_check import Connected

EXAMPLES = """
\b
Examples:
  trimwatch check --config settings.yaml
  trimwatch check                                    # the defaults, the environment and the built-in rules
  trimwatch check --config settings.yaml --connect   # also asks brokers, clusters and receivers whether they would serve us
  trimwatch check --config settings.yaml --json      # one fault a line, for editors and pipelines
\b
--connect changes nothing on the other side: no alert is sent, no topic or index is made, no group is joined. What only the
daemon's own work would show is named as not tried. Where verdicts.prometheus is set, required signals of the services
there that cannot be held to what is accepted of them, with the evidence at hand, are listed with what would help.
\b
Exit status: 0 all is well, 2 something is wrong; each fault is printed as path:line: field: problem.
"""


@click.command(epilog=EXAMPLES)
@click.option("--config", "path", metavar="FILE", help="The settings; without them the defaults are checked.")
@click.option("--connect", "is_connecting", is_flag=True, help="Also connect to everything the settings name; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a fault and, with --connect, a part.")
def check(path: str | None, is_connecting: bool, as_json: bool) -> None:
    """Lists every fault of settings and rules. Starts nothing, and without --connect touches no network."""
    checked = check_setup(path, os.environ)
    _say_faults(checked.faults, as_json)
    connected = _connect(checked) if is_connecting else []
    for each in connected:
        _say_part(each, as_json)
    for service, planned in _out_of_reach(checked, connected):
        if as_json:
            click.echo(json.dumps({"kind": "evidence", "service": service, "problem": planned}, ensure_ascii=False))
        else:
            click.echo(f"verdicts: {service}: {planned}")
    if is_connecting and checked.settings is None and not as_json:
        click.echo("Nobody was asked: mend these faults first.")
    if checked.faults or any(each.faults for each in connected):
        sys.exit(2)
    if not as_json:
        click.echo(_summary(path, checked, connected if is_connecting else None))


def _connect(checked: Checked) -> list[Connected]:
    from detector.connection_check import check_connections  # nobody else needs an event loop and a TLS library here

    return asyncio.run(check_connections(checked))


def _out_of_reach(checked: Checked, connected: list[Connected]) -> Iterator[tuple[str, str]]:
    """Required signals that cannot be held to what is accepted of them with the evidence at hand: no fault, but good to know."""
    if checked.settings is None or not any(each.part.path == "verdicts.prometheus" and each.is_asked for each in connected):
        return
    from detector.analysis.baselines.places.evidence_at_hand import evidence_at_hand  # with numpy, which nobody else here needs
    from detector.signal_loading import read_signals

    yield from evidence_at_hand(checked.settings.verdicts, read_signals(checked.settings.signals))


def _say_faults(faults: tuple[Fault, ...], as_json: bool) -> None:
    for fault in sorted(faults):
        if as_json:
            fields = {"path": fault.path, "line": fault.line, "field": fault.field, "problem": fault.problem}
            click.echo(json.dumps({"kind": "fault", **fields}, ensure_ascii=False))
        else:
            click.echo(str(fault))


def _say_part(connected: Connected, as_json: bool) -> None:
    part = connected.part
    _say_faults(connected.faults, as_json)
    if as_json:
        said = {"seen": connected.seen, "untried": connected.untried, "asked": connected.is_asked}
        is_well = connected.is_asked and not connected.faults
        click.echo(
            json.dumps({"kind": "part", "part": part.path, "name": part.name, "well": is_well, **said}, ensure_ascii=False)
        )
        return
    untried = f" (not tried: {connected.untried})" if connected.untried and not connected.faults else ""
    end = _ending(connected)
    click.echo(f"{part.path} {part.name}: {'; '.join(filter(None, (connected.seen, end)))}{untried}")


def _ending(connected: Connected) -> str:
    if not connected.is_asked:
        return ""
    count = len(connected.faults)
    return f"{count} {'fault' if count == 1 else 'faults'}" if count else "all well"


def _summary(path: str | None, checked: Checked, connected: list[Connected] | None) -> str:
    settings = checked.settings
    sources = ", ".join(source.name for source in settings.sources) if settings else ""
    sinks = ", ".join(sink.name for sink in settings.sinks) if settings else ""
    asked = "" if connected is None else f" Asked: {len(connected)}." if connected else " Nothing here speaks to a network."
    return f"{path or 'the defaults'}: no fault. {len(checked.rules)} rules; reads {sources}; tells {sinks}.{asked}"
