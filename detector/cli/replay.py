"""`trimwatch replay`: look through past logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from detector.analysis.report.findings import looked_at, losses, show_incidents, show_unexplained
from detector.cli.replay_index import IndexOptions, index_options, read_index
from detector.core.engine.thinning import WHOLE_BYTES
from detector.edges.scan_cache import default_folder
from detector.edges.sources.past import PastSettings, past_inputs, read_past
from detector.edges.store.store import Store
from detector.interface import Json, incident_object, json_line, summary_object
from detector.records import Batch, Incident, Severity, Stage
from detector.replay import Outcome
from detector.replay import replay as replay_batches
from detector.rule_loading import ready_rules
from detector.settings import KubernetesSourceSettings, Layout, RuleSettings, StoreSettings

LAYOUTS = ["auto", "plain", "cri", "docker", "json", "syslog", "journald"]
EXAMPLES = """
\b
Examples:
  kubectl logs --previous pod | trimwatch replay -
  trimwatch replay /var/log/shop/*.log /var/log/shop/*.gz
  trimwatch replay --json --service shop app.log | jq .entity
  trimwatch replay --pod shop-7c9d --previous      # from inside the cluster, or with --api of a `kubectl proxy`
  trimwatch replay --elasticsearch https://es:9200 --api-key-file key --index 'logs-*' --since 6h
  trimwatch replay --before old.log new.log        # which patterns are new, gone, more or less often
  trimwatch replay --fail-on error build.log       # exit status 1 when something was found
  trimwatch replay --metrics k6 load.json.gz       # which golden signals a load test gives
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="FILE...|-")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: incidents, then the summary.")
@click.option("-o", "output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@click.option("--rules", "rule_paths", multiple=True, metavar="PATH", help="A folder of your own rules, on top of the built-in.")
@click.option("--format", "layout", type=click.Choice(LAYOUTS), default="auto", help="How lines are framed.")
@click.option("--metrics", type=click.Choice(["k6"]), help="The files are metrics, as `k6 run --out json=FILE` writes them.")
@click.option("--service", help="The service; else the record says it, else the file's stem.")
@click.option("--store", "store_path", metavar="FOLDER", help="Keep what was found in a store of its own.")
@click.option("--fail-on", type=click.Choice([s.value for s in Severity]), help="Exit with 1 when something this loud was found.")
@click.option(
    "--before", metavar="FILE", multiple=True, help="The log before the change: tells which patterns are new, gone, more."
)
@click.option("--pod", help="Read the log of a pod from the cluster instead of files.")
@click.option("--namespace", "-n", help="The pod's namespace.")
@click.option("--container", "containers", multiple=True, help="With --pod: only this one; may be repeated.")
@click.option(
    "--api", metavar="URL", help="With --pod: the API server, such as `kubectl proxy`; else the one of the cluster we are in."
)
@click.option("--previous", is_flag=True, help="With --pod: the log of the instance before.")
@index_options
def replay(
    files: tuple[str, ...],
    as_json: bool,
    output: str,
    rule_paths: tuple[str, ...],
    layout: str,
    metrics: str | None,
    service: str | None,
    store_path: str | None,
    fail_on: str | None,
    before: tuple[str, ...],
    pod: str | None,
    namespace: str | None,
    containers: tuple[str, ...],
    api: str | None,
    previous: bool,
    **index: Any,
) -> None:
    """Looks through past logs (files, globs, gzip, `-` for standard input) and names what trimming broke. Pages no one."""
    rules = RuleSettings(paths=rule_paths)
    is_quiet = as_json or output == "json"
    if metrics is not None:
        if before or pod is not None or fail_on is not None or rule_paths or index["urls"]:
            raise click.UsageError("--metrics goes with files, --service, --store and --json only")
        _replay_metrics(files, service, store_path, as_json=is_quiet)
        return
    batches: Iterable[Batch]
    past = IndexOptions(**index)
    if past.urls:
        if before:
            raise click.UsageError("--before compares files or pods, not an index")
        if files or pod is not None:
            raise click.UsageError("--elasticsearch stands in place of files and --pod")
        batches, count = read_index(past, service, layout)
        bar = counting(count, is_quiet)
    elif past.index or past.since or past.until or past.query:
        raise click.UsageError("--index, --query, --since and --until go with --elasticsearch")
    elif pod is None:
        batches, total = _files(files, PastSettings(service, layout))
        bar = progress(total, is_quiet)
    else:
        chosen = KubernetesSourceSettings(
            "kubernetes",
            pod=pod,
            namespace=namespace,
            containers=containers,
            api=api,
            service=service,
            layout=cast(Layout, layout),
        )
        batches, bar = _pod(chosen, previous), progress(None, is_quiet)
    store = None if store_path is None else Store.open(StoreSettings(path=store_path), time.time_ns() // 1_000_000)
    try:
        began = time.monotonic()
        with bar as seen:
            outcome, patterns = _judged(batches, rules, store, seen, before, PastSettings(service, layout))
        if patterns is not None:
            patterns(is_quiet)
        show(outcome, time.monotonic() - began, is_quiet)
    finally:
        if store is not None:
            store.close()
    if fail_on is not None and any(is_as_loud(incident, Severity(fail_on)) for incident in outcome.incidents):
        sys.exit(1)


def _replay_metrics(files: tuple[str, ...], service: str | None, store_path: str | None, *, as_json: bool) -> None:
    from detector.cli.replay_metrics import run_metrics

    if not files:
        raise click.UsageError("name the files that hold the metrics")
    store = None if store_path is None else Store.open(StoreSettings(path=store_path), time.time_ns() // 1_000_000)
    try:
        run_metrics(files, service, store, as_json=as_json)
    finally:
        if store is not None:
            store.close()


def _judged(
    batches: Iterable[Batch],
    rules: RuleSettings,
    store: Store | None,
    seen: Callable[[Batch], None],
    before: tuple[str, ...],
    settings: PastSettings,
) -> tuple[Outcome, Callable[[bool], None] | None]:
    """The outcome and, with --before, what prints how the patterns changed."""
    ready = ready_rules(rules, default_folder())
    if not before:
        return replay_batches(batches, ready, store, seen), None
    from detector.analysis.baselines.line_log import LineLog  # with pandas, which no other replay needs
    from detector.cli.replay_before import compare_with, show_patterns

    inputs, log = past_inputs(before), LineLog()
    outcome = replay_batches(batches, ready, store, seen, log)
    found = compare_with(inputs, settings, ready_rules(rules, default_folder()), log, outcome.span_ms)
    return outcome, lambda as_json: show_patterns(found, as_json)


def _files(names: tuple[str, ...], settings: PastSettings) -> tuple[Iterable[Batch], int | None]:
    """The batches to judge, and how many bytes they are where that is known."""
    if not names:
        raise click.UsageError("name a file, a glob, or `-` for standard input; or --pod and a pod's name")
    inputs = past_inputs(names)
    sizes = [one.size for one in inputs]
    return read_past(inputs, settings), None if None in sizes else sum(size for size in sizes if size is not None)


def _pod(settings: KubernetesSourceSettings, previous: bool) -> Iterable[Batch]:
    from detector.edges.sources.kubernetes.past import pod_batches  # with its HTTP client, which no other replay needs

    return pod_batches(settings, previous)


def is_as_loud(incident: Incident, severity: Severity) -> bool:
    return incident.severity.rank >= severity.rank and incident.stage is not Stage.NONE


@contextmanager
def progress(total: int | None, quiet: bool) -> Iterator[Callable[[Batch], None]]:
    """A bar on standard error when that is a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda batch: None
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replay", total=total)
        yield lambda batch: bar.update(task, advance=batch.size)


@contextmanager
def counting(total: Callable[[], int | None], quiet: bool) -> Iterator[Callable[[Batch], None]]:
    """As `progress`, by documents; how many there are is known a moment later."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda batch: None
        return
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("replay", total=None)
        yield lambda batch: bar.update(task, total=total(), completed=batch.next_offset)


def _looked_at(outcome: Outcome) -> dict[str, Json]:
    """What makes "nothing found" an answer, beside the stable fields of the summary."""
    top: list[Json] = [
        {"count": group.count, "level": group.level, "source": group.source, "line": group.line, "text": group.example}
        for group in outcome.unexplained
    ]
    pending: list[Json] = [expected.rule for expected in outcome.pending]
    return {"rules": outcome.rules, "unexplained_lines": outcome.loud, "unexplained": top, "pending": pending}


def show(outcome: Outcome, seconds: float, as_json: bool) -> None:
    if as_json:
        out = sys.stdout.buffer
        for incident in outcome.incidents:
            out.write(json_line(incident_object(incident)))
        out.write(json_line(summary_object(outcome.counts, len(outcome.incidents), seconds) | _looked_at(outcome)))
        out.flush()
        return
    console = Console(highlight=False)
    show_incidents(console, outcome.incidents)
    console.print(looked_at(outcome.counts, outcome.rules, len(outcome.incidents)), markup=False)
    for loss in losses(outcome.counts):
        console.print(loss, markup=False)
    show_unexplained(console, outcome.loud, outcome.unexplained, outcome.counts.bytes > WHOLE_BYTES)
    for expected in outcome.pending:
        console.print(f"still waiting when the logs ended: {expected.rule}", markup=False)
