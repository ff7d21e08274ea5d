"""`trimwatch baseline`: keeps how a service was before a change, and carries it from one store to another."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from detector.cli.store_options import moment, now_ms, opened, span_ms, store_options
from detector.core.signals.baseline import MOST_CELLS, Baseline, BaselineSignal, digest_of, on_grid, step_of
from detector.core.signals.baseline_file import MOST_FILE_BYTES, read_file, write_file
from detector.core.signals.chunks import Cells
from detector.documents import read_file as read_document_file
from detector.edges.store.baselines import Baselines, KeptBaseline
from detector.edges.store.beside import Beside
from detector.edges.store.changes import Changes
from detector.edges.store.signals import SignalHistory
from detector.errors import NoSuchInput, SinkError, TrimwatchError
from detector.interface import rfc3339
from detector.settings import load_settings

EXAMPLES = """
\b
Examples:
  trimwatch baseline learn --service shop --change shop-20261125-0200
  trimwatch baseline list
  trimwatch baseline export shop@3 > shop.baseline.json
  kubectl create configmap shop-baseline --from-file shop.baseline.json
  trimwatch baseline import shop.baseline.json
\b
Where the settings (--config) name an Elasticsearch, learn and import share it there, too, with all daemons.
A baseline never changes: its hash is its name. REF is shop@3, shop (the newest), the id of a change, or the first letters of a
hash.
"""
LEARN_EXAMPLES = """
\b
Examples:
  trimwatch baseline learn --service shop --change shop-20261125-0200            # the 24 h before it
  trimwatch baseline learn --service shop --until 2026-11-25T02:00:00Z --span 7d --signal latency_p99 --signal http_5xx
  trimwatch baseline learn --service shop --from before.csv                      # or Prometheus query_range JSON
\b
Exit status: 0 it is kept, 1 the store cannot be written now, 2 something is wrong, 3 there is nothing to learn from.
"""
LIST_EXAMPLES = """
\b
Examples:
  trimwatch baseline list --service shop --json
"""
SHOW_EXAMPLES = """
\b
Examples:
  trimwatch baseline show shop@3
  trimwatch baseline show shop --json                # with every value
"""
EXPORT_EXAMPLES = """
\b
Examples:
  trimwatch baseline export shop@3 > shop.baseline.json
  trimwatch baseline export shop-20261125-0200 -o shop.baseline.json
\b
The file fits in a ConfigMap: 1,000,000 bytes at most. Above 64 KiB its content is gzip and base64. A larger baseline is refused:
24 h at 15 s of 25 noisy signals fit, of steady ones many more.
"""
IMPORT_EXAMPLES = """
\b
Examples:
  trimwatch baseline import shop.baseline.json
  kubectl get configmap shop-baseline -o jsonpath='{.data.shop\\.baseline\\.json}' | trimwatch baseline import -
\b
A file that was changed after it was made is refused. Exit status: 0 it is kept, or was already; 2 it is refused.
"""


@click.group(epilog=EXAMPLES)
def baseline() -> None:
    """Keeps how a service was before a change."""


@baseline.command(epilog=LEARN_EXAMPLES)
@click.option("--service", required=True, help="Whose signals.")
@click.option("--change", "change", metavar="ID", default="", help="The change to pin it to; it ends when that was made.")
@click.option(
    "--until", metavar="TIME", help="Where it ends, without --change: 2026-11-25T02:00:00Z, or 90m (ago). Default: now."
)
@click.option("--span", default="24h", show_default=True, help="How long it is; a file given with --from is kept whole.")
@click.option("--signal", "names", metavar="NAME", multiple=True, help="Only this signal; may be given again.")
@click.option("--from", "path", metavar="FILE", help="Learn from a file instead of the history: CSV or query_range JSON.")
@click.option("--json", "as_json", is_flag=True, help="What was kept, as one JSON object.")
@store_options
def learn(
    service: str,
    change: str,
    until: str | None,
    span: str,
    names: tuple[str, ...],
    path: str | None,
    as_json: bool,
    config: str | None,
    store: str | None,
) -> None:
    """Keeps the signals of a service over a span before a change."""
    beside = opened(config, store, is_made=path is not None)
    try:
        end_ms = _end(beside, service, change, until)
        if path is None:
            draft = _from_history(beside, service, end_ms, span_ms("--span", span), names)
        else:
            draft = _from_file(service, path, names, end_ms if change or until else None)
        draft = replace(draft, change=change, made_by="trimwatch baseline learn", made_ms=now_ms())
        made = Baselines(beside).learn(lambda version: replace(draft, version=version), service)
    except ValueError as error:
        raise TrimwatchError(str(error)) from None
    finally:
        beside.close()
    _share(made, config)
    _say(made, as_json)


@baseline.command("list", epilog=LIST_EXAMPLES)
@click.option("--service", help="Only its baselines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a baseline.")
@store_options
def list_(service: str | None, as_json: bool, config: str | None, store: str | None) -> None:
    """Shows the baselines by service, the newest first."""
    beside = opened(config, store, is_made=False)
    try:
        kept = Baselines(beside).kept(service)
    finally:
        beside.close()
    for each in kept:
        if as_json:
            said = {"service": each.service, "version": each.version, "change": each.change, "made": rfc3339(each.made_ms)}
            click.echo(json.dumps({"kind": "baseline", **said, "sha256": each.digest, "bytes": each.bytes}, ensure_ascii=False))
        else:
            pinned = f"  before {each.change}" if each.change else ""
            click.echo(
                f"{each.service}@{each.version}  {rfc3339(each.made_ms)}  {each.digest[:12]}  {each.bytes:,} bytes{pinned}"
            )
    if not kept and not as_json:
        click.echo(f"No baseline{f' of {service}' if service else ''} is kept.")


@baseline.command(epilog=SHOW_EXAMPLES)
@click.argument("reference", metavar="REF")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, with every value.")
@store_options
def show(reference: str, as_json: bool, config: str | None, store: str | None) -> None:
    """Shows a baseline: span, signals, where they came from, what is missing."""
    _say(_read(reference, config, store), as_json, is_whole=True)


@baseline.command(epilog=EXPORT_EXAMPLES)
@click.argument("reference", metavar="REF")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of standard output.")
@store_options
def export(reference: str, output: str | None, config: str | None, store: str | None) -> None:
    """Writes a baseline as one JSON file that fits in a ConfigMap."""
    try:
        file = write_file(_read(reference, config, store))
    except ValueError as error:
        raise TrimwatchError(str(error)) from None
    if output is None or output == "-":
        sys.stdout.buffer.write(file)
        return
    try:
        Path(output).write_bytes(file)
    except OSError as error:
        raise TrimwatchError(f"{output}: {error.strerror}") from None


@baseline.command("import", epilog=IMPORT_EXAMPLES)
@click.argument("path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="What was kept, as one JSON object.")
@store_options
def import_(path: str, as_json: bool, config: str | None, store: str | None) -> None:
    """Keeps a baseline that another store exported, if nobody changed it."""
    try:
        with click.open_file(path, "rb") as source:
            made = read_file(path, source.read(4 * MOST_FILE_BYTES + 1))
    except OSError as error:
        raise NoSuchInput(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise NoSuchInput(str(error)) from None
    beside = opened(config, store, is_made=True)
    try:
        is_new = Baselines(beside).add(made)
    except ValueError as error:
        raise TrimwatchError(str(error)) from None
    finally:
        beside.close()
    _share(made, config)
    _say(made, as_json)
    if not is_new and not as_json:
        click.echo("It was here already.")


@baseline.command(epilog=SHOW_EXAMPLES)
@click.argument("reference", metavar="REF")
@store_options
def remove(reference: str, config: str | None, store: str | None) -> None:
    """Removes a baseline for good."""
    beside = opened(config, store, is_made=False)
    try:
        found = _one(Baselines(beside), reference)
        Baselines(beside).remove(found.digest)
    finally:
        beside.close()
    click.echo(f"{found.service}@{found.version} ({found.digest[:12]}): removed.")


def _share(made: Baseline, config: str | None) -> None:
    """With the daemons that look for it in Elasticsearch, where the settings name one."""
    text = read_document_file(config) if config else b""
    settings = load_settings(config or "the environment", text, os.environ).elasticsearch
    if not settings.urls:
        return
    from detector.analysis.baselines.places import share  # with numpy, which nobody else here needs

    try:
        share(made, settings)
    except SinkError as error:
        click.echo(f"trimwatch: {made.name} is kept here, but not shared by Elasticsearch: {error}", err=True)
    except ValueError as error:
        click.echo(f"trimwatch: {made.name} is kept here, but too large to be shared: {error}", err=True)


def _end(beside: Beside, service: str, change: str, until: str | None) -> int:
    if change and until:
        raise click.UsageError("give --change or --until, not both")
    if not change:
        at_ms = moment("--until", until or "now")
        assert at_ms is not None
        return at_ms
    found = Changes(beside).get(change)
    if found is None:
        latest = ", ".join(each.id for each in Changes(beside).latest(service, 5))
        raise NoSuchInput(f"there is no change {change!r}; the latest of {service} are: {latest or 'none'}")
    if found.service != service:
        raise NoSuchInput(f"the change {change} is one of {found.service}, not of {service}")
    return found.at_ms


def _from_history(beside: Beside, service: str, end_ms: int, span: int, names: Sequence[str]) -> Baseline:
    history = SignalHistory(beside)
    chosen = [signal for signal in history.signals(service) if not names or signal.name in names]
    unknown = sorted(set(names) - {signal.name for signal in chosen})
    if unknown:
        known = ", ".join(signal.name for signal in history.signals(service))
        raise NoSuchInput(f"the history of {service} has no signal {', '.join(unknown)}; it has: {known or 'none'}")
    past = [each for each in history.read_all(chosen, end_ms - span, end_ms) if len(each.cells)]
    for each in past:
        for refused in each.refused:
            click.echo(f"trimwatch: {each.signal.name}: {refused}", err=True)
    if not past:
        services = ", ".join(sorted({signal.service for signal in history.signals()}))
        _nothing(
            f"there is no history of {service} from {rfc3339(end_ms - span)} to {rfc3339(end_ms)}; of: {services or 'nobody'}"
        )
    rows = [(each.signal.name, each.signal.unit, each.cells) for each in past]
    rows.sort(key=lambda row: row[:2])
    return _gridded(service, rows, "history", end_ms - span, end_ms)


def _from_file(service: str, path: str, names: Sequence[str], end_ms: int | None) -> Baseline:
    from array import array

    from detector.analysis.baselines.reading import read_tables  # with numpy and pandas, which nobody else here needs

    (table,) = read_tables([path])
    unknown = sorted(set(names) - set(table.columns))
    if unknown:
        raise NoSuchInput(f"{path} has no column {', '.join(unknown)}; it has: {', '.join(table.columns)}")
    times = array("q", [round(time * 1000) for time in table.times_s.tolist()])
    keep = [at for at, time in enumerate(times) if end_ms is None or time < end_ms]
    if len(keep) < 2:
        _nothing(f"{path} has fewer than two rows{'' if end_ms is None else f' before {rfc3339(end_ms)}'}")
    rows = []
    for name, column in table.columns.items():
        if not names or name in names:
            values = column.tolist()
            cells = Cells(
                array("q", [times[at] for at in keep]), array("d", [values[at] for at in keep]), array("d", [1.0] * len(keep))
            )
            rows.append((name, table.units.get(name, ""), cells))
    first, last = times[keep[0]], times[keep[-1]]
    return _gridded(service, rows, f"file {Path(path).name}", first, last + (step_of([rows[0][2]]) or 1))


def _gridded(service: str, rows: Sequence[tuple[str, str, Cells]], source: str, begin_ms: int, end_ms: int) -> Baseline:
    step_ms = step_of([cells for _, _, cells in rows])
    if step_ms is None:
        _nothing("no signal has two values: nothing can be learned from one")
    begin_ms = max(begin_ms, min(cells.times_ms[0] for _, _, cells in rows))
    cells_each = -(-(end_ms - begin_ms) // step_ms)
    if cells_each * len(rows) > MOST_CELLS:
        raise ValueError(
            f"{len(rows)} signals of {cells_each:,} values are more than {MOST_CELLS:,}: take a shorter --span, or name --signal"
        )
    signals: list[BaselineSignal] = [on_grid(name, unit, source, cells, begin_ms, end_ms, step_ms) for name, unit, cells in rows]
    return Baseline(service, 0, "", "", 0, begin_ms, end_ms, step_ms, tuple(signals))


def _nothing(words: str) -> NoReturn:
    click.echo(f"trimwatch: {words}", err=True)
    sys.exit(3)


def _read(reference: str, config: str | None, store: str | None) -> Baseline:
    beside = opened(config, store, is_made=False)
    try:
        return Baselines(beside).read(_one(Baselines(beside), reference).digest)
    finally:
        beside.close()


def _one(baselines: Baselines, reference: str) -> KeptBaseline:
    found = baselines.find(reference)
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSuchInput(
            f"{reference!r} names {len(found)} baselines; say one by its hash: {', '.join(e.digest[:12] for e in found)}"
        )
    known = ", ".join(f"{each.service}@{each.version}" for each in baselines.kept()[:5])
    raise NoSuchInput(f"there is no baseline {reference!r}; there are: {known or 'none'}")


def _say(made: Baseline, as_json: bool, *, is_whole: bool = False) -> None:
    digest = digest_of(made)
    if as_json:
        said: dict[str, object] = {
            "kind": "baseline",
            "service": made.service,
            "version": made.version,
            "change": made.change,
            "made_by": made.made_by,
            "made": rfc3339(made.made_ms),
            "begin": rfc3339(made.begin_ms),
            "end": rfc3339(made.end_ms),
            "step_seconds": made.step_ms / 1000,
            "sha256": digest,
            "signals": [_signal(each, is_whole) for each in made.signals],
        }
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    pinned = f", before {made.change}" if made.change else ""
    click.echo(f"{made.name}  sha256 {digest}{pinned}")
    click.echo(f"{rfc3339(made.begin_ms)} to {rfc3339(made.end_ms)}, a value every {made.step_ms / 1000:g} s")
    for each in made.signals:
        missing = 1 - each.present / len(each.values)
        holes = f", {missing:.1%} missing" if missing else ""
        click.echo(f"  {each.name}{f' ({each.unit})' if each.unit else ''}: {each.present:,} values from {each.source}{holes}")


def _signal(signal: BaselineSignal, is_whole: bool) -> dict[str, object]:
    said: dict[str, object] = {"name": signal.name, "unit": signal.unit, "source": signal.source}
    said |= {"values": signal.present, "missing": len(signal.values) - signal.present}
    return said | ({"cells": list(signal.values), "evidence": list(signal.evidence)} if is_whole else {})
