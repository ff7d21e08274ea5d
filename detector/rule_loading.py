"""Rules from disk, made ready to run: read, compiled (or taken from the cache), put into an engine. Live and replay share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from detector.core.engine.engine import Engine
from detector.core.engine.scan import pattern_table
from detector.core.ruleset.load import load_rules
from detector.core.ruleset.spec import Rule, Shadow
from detector.edges.rule_files import builtin_rule_files, rule_files
from detector.edges.scan_cache import Opened, open_scanner
from detector.settings import RuleSettings


@dataclass(frozen=True, slots=True)
class ReadyRules:
    """The rules in force and the engine that runs them."""

    rules: tuple[Rule, ...]
    engine: Engine
    opened: Opened


def read_rules(settings: RuleSettings) -> tuple[Rule, ...]:
    """The built-in packs and the user's own; muted ones are shadows. Raises BadRules with all faults of all files."""
    files = builtin_rule_files(settings.packs) if settings.builtin else []
    for folder in settings.paths:
        files.extend(rule_files(folder))
    rules = load_rules(files)
    muted = set(settings.mute)
    return tuple(replace(rule, shadow=Shadow.ALWAYS) if rule.id in muted else rule for rule in rules)


def ready_rules(settings: RuleSettings, cache: Path | None = None, clock: Callable[[], float] | None = None) -> ReadyRules:
    """Reads and compiles. `cache` is the folder of compiled databases; None keeps none. `clock` gives CPU seconds and
    switches the guards against slow rules on: live only, for replay must not depend on the machine. Raises BadRules."""
    rules = read_rules(settings)
    table = pattern_table(rules)
    opened = open_scanner(table, cache)
    return ReadyRules(rules, Engine(rules, opened.scanner, table, clock), opened)
