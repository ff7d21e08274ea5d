"""`trimwatch rules`: test, lint, explain, bench."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from detector.core.ruleset.load import RuleFile, load_rules
from detector.core.ruleset.spec import Rule
from detector.documents import read_file
from detector.documents.fields import unknown
from detector.edges.rule_files import builtin_folder, builtin_rule_files, rule_files
from detector.errors import BadInput, BadRules, Fault

EXAMPLES = """
\b
Examples:
  trimwatch rules test                               # every rule against its samples
  trimwatch rules test my-rules/shop jvm/class-not-found
  trimwatch rules lint my-rules --warnings
  trimwatch rules explain jvm/class-not-found --line 'java.lang.ClassNotFoundException: org.postgresql.Driver'
  trimwatch rules bench --file app.log
"""
TEST_EXAMPLES = """
\b
Examples:
  trimwatch rules test                                # the built-in rules
  trimwatch rules test my-rules/shop jvm/class-not-found
"""
LINT_EXAMPLES = """
\b
Examples:
  trimwatch rules lint my-rules --warnings
  trimwatch rules lint my-rules --json
"""
EXPLAIN_EXAMPLES = """
\b
Examples:
  trimwatch rules explain jvm/class-not-found --line 'java.lang.ClassNotFoundException: org.postgresql.Driver'
  trimwatch rules explain jvm/class-not-found --file app.log
"""
BENCH_EXAMPLES = """
\b
Examples:
  trimwatch rules bench --file app.log
  trimwatch rules bench jvm --top 5
"""
_FILLER = b"2026-11-24T10:00:00.000Z  INFO 1 --- [main] c.example.Orders : order %d placed in %d ms, all is well\n"


@click.group(epilog=EXAMPLES)
def rules() -> None:
    """Tests, lints, explains and measures rules."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """All rule files at hand, and the ids of those that were asked for."""

    files: tuple[RuleFile, ...]
    ids: tuple[str, ...]


def _chosen(names: Sequence[str]) -> _Chosen:
    """`names`: folders or files of rules, packs, or ids; none: the built-in rules. Raises BadRules and UsageError."""
    files = {file.id: replace(file, is_tested=False) for file in builtin_rule_files()}
    wanted: dict[str, None] = {}
    for name in names:
        if Path(name).exists() and ("/" not in name or name not in files):
            found = rule_files(name)
            is_builtin = Path(name).resolve().is_relative_to(builtin_folder().resolve())
            files.update({} if is_builtin else {file.id: file for file in found})
            wanted.update(dict.fromkeys(file.id for file in found))
            continue
        matching = [rule for rule in files if name in (rule, rule.partition("/")[0])]
        if not matching:
            raise click.UsageError(f"{name!r} is no file or folder, and no rule: {unknown('rule', name, files)}")
        wanted.update(dict.fromkeys(matching))
    return _Chosen(tuple(files.values()), tuple(wanted if names else files))


def _loaded(chosen: _Chosen) -> tuple[list[Rule], list[Fault]]:
    """The rules that read well, and the faults of those asked for that do not."""
    loaded: list[Rule] = []
    faults: list[Fault] = []
    for file in chosen.files:
        try:
            loaded.extend(load_rules([file]))
        except BadInput as bad:
            faults += bad.faults if file.id in chosen.ids else []
    return loaded, faults


def _show(faults: Iterable[Fault], as_json: bool, kind: str) -> None:
    for fault in faults:
        click.echo(json.dumps({"kind": kind, **asdict(fault)}, ensure_ascii=False) if as_json else str(fault))


@rules.command(epilog=TEST_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[PATH|PACK|RULE]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a fault, then the summary.")
def test(names: tuple[str, ...], as_json: bool) -> None:
    """Runs rules over their match and clean logs. Exit status 1 when a sample says otherwise than the rule."""
    from detector.analysis.rulecheck.testing import run_samples

    chosen = _chosen(names)
    loaded, faults = _loaded(chosen)
    wanted = set(chosen.ids)
    tested = run_samples(loaded, [rule.id for rule in loaded if rule.id in wanted])
    faults += [fault for one in tested for fault in one.faults]
    _show(faults, as_json, "fault")
    events = {"matched": sum(one.matched for one in tested), "clean": sum(one.clean for one in tested)}
    failed = len({one.rule for one in tested if one.faults}) + len(
        {fault.path for fault in faults if fault.path.endswith(".yaml")}
    )
    if as_json:
        click.echo(json.dumps({"kind": "summary", "rules": len(wanted), "failed": failed, **events}))
    else:
        click.echo(f"{len(wanted)} rules, {events['matched']} match events, {events['clean']} clean events; {failed} rules fail.")
    sys.exit(1 if faults else 0)


@rules.command(epilog=LINT_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[PATH|PACK|RULE]...")
@click.option("--warnings", is_flag=True, help="Show what may be right as it is, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a fault.")
def lint(names: tuple[str, ...], warnings: bool, as_json: bool) -> None:
    """Looks at rules as a reviewer would: samples, texts, names, and speed on hostile lines. Exit status 1 on a fault."""
    from detector.analysis.rulecheck import lint as linting

    chosen = _chosen(names)
    files = [file for file in chosen.files if file.id in set(chosen.ids)]
    linted = linting.lint(files, [file.id for file in chosen.files])
    _show(linted.faults, as_json, "fault")
    if warnings:
        _show(linted.warnings, as_json, "warning")
    if not as_json:
        hint = "" if warnings or not linted.warnings else " (--warnings shows them)"
        click.echo(f"{len(files)} rules, {len(linted.faults)} faults, {len(linted.warnings)} warnings{hint}.")
    sys.exit(1 if linted.faults else 0)


@rules.command(epilog=EXPLAIN_EXAMPLES)
@click.argument("name", metavar="RULE")
@click.option("--line", "line", help="The line, as it stands in the log.")
@click.option("--file", "path", metavar="FILE", help="A log; `-` for standard input.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a step.")
def explain(name: str, line: str | None, path: str | None, as_json: bool) -> None:
    """Says step by step why a line hits a rule, or why it does not. Exit status 1 when nothing hits."""
    from detector.analysis.rulecheck.explain import explain_text

    if (line is None) == (path is None):
        raise click.UsageError("give either --line TEXT or --file FILE")
    if line is not None:
        text = line.encode("utf-8", "surrogateescape")
    else:
        text = sys.stdin.buffer.read(1 << 20) if path == "-" else read_file(str(path))
    explained = list(explain_text(_one_rule(name), text))
    for each in explained:
        for step in each.steps:
            sign = {True: "+", False: "-", None: " "}[step.is_passed]
            click.echo(json.dumps({"kind": "step", **asdict(step)}) if as_json else f"{sign} {step.name}: {step.detail}")
        if not as_json:
            click.echo("=> it hits\n" if each.is_hit else f"=> it does not hit: {each.reason}\n")
    if not explained:
        click.echo("there is no event in this text", err=True)
    sys.exit(0 if any(each.is_hit for each in explained) else 1)


def _one_rule(name: str) -> Rule:
    chosen = _chosen([name])
    if len(chosen.ids) != 1:
        raise click.UsageError(f"{name!r} names {len(chosen.ids)} rules; name one")
    return load_rules([file for file in chosen.files if file.id == chosen.ids[0]])[0]


@rules.command(epilog=BENCH_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[PATH|PACK|RULE]...")
@click.option("--file", "path", metavar="FILE", help="A log to scan; default: made-up ordinary lines.")
@click.option("--top", default=10, show_default=True, help="How many of the slowest rules to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def bench(names: tuple[str, ...], path: str | None, top: int, as_json: bool) -> None:
    """Measures the scan over a text, and each rule on lines made to slow it down."""
    from detector.analysis.rulecheck.bench import bench as measure

    chosen = _chosen(names)
    loaded, faults = _loaded(chosen)
    if faults:
        raise BadRules(faults)
    text = Path(path).read_bytes() if path else b"".join(_FILLER % (at, at % 97) for at in range(100_000))
    cost, costs = measure([rule for rule in loaded if rule.id in set(chosen.ids)], text)
    if as_json:
        click.echo(json.dumps({"kind": "scan", **asdict(cost)}))
        for each in costs[:top]:
            click.echo(json.dumps({"kind": "rule", **asdict(each)}))
        return
    click.echo(f"{cost.rules} rules, {cost.patterns} patterns, {cost.scanner}: ready in {cost.ready_s:.2f} s")
    click.echo(f"{cost.mb_s:,.0f} MB/s, {cost.marks} marks in {len(text) / 1e6:.1f} MB")
    for each in costs[:top]:
        click.echo(f"{each.slowest_mb_s:10,.1f} MB/s on hostile text  {each.marks:8} marks  {each.rule}")
