"""So many rules: the three that the corpus hits, the built-in ones that ripgrep can run too, and generated ones to fill up."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

from detector.core.ruleset.load import load_rules
from detector.core.ruleset.spec import EntitySpec, Rule
from detector.edges.rule_files import builtin_rule_files
from detector.records import Level, Severity, Stage

WORDS = [
    "alpha",
    "broker",
    "cluster",
    "driver",
    "engine",
    "filter",
    "gateway",
    "handler",
    "index",
    "journal",
    "kernel",
    "loader",
    "module",
    "native",
    "object",
    "plugin",
    "queue",
    "reader",
    "socket",
    "thread",
    "upload",
    "vector",
    "writer",
    "zone",
]
PLANTED = (
    r"java\.lang\.ClassNotFoundException: (?P<symbol>com\.vendor\.[\w.$]{1,300})",
    r'alpha-broker: cannot open "catalogue" file (?P<symbol>[\w./-]{1,200}): <missing>',
    r"Could not (?:load|find) gateway '(?P<symbol>[^']{1,200})' \(no such plugin\)",
)


def rules(count: int) -> list[Rule]:
    """The same for the same count; planted ones first."""
    found = [_rule(f"planted/rule-{i}", pattern, min_level=Level.WARN) for i, pattern in enumerate(PLANTED)]
    built_in = [rule for rule in load_rules(builtin_rule_files()) if _has_equal_in_ripgrep(rule)]
    random.Random(11).shuffle(built_in)
    found += built_in[: count - len(found)]
    chance = random.Random(3)
    found += [_rule(f"generated/rule-{i}", _pattern(chance, i)) for i in range(count - len(found))]
    return found


def write_for_ripgrep(chosen: list[Rule], path: Path, helped: bool) -> None:
    """`helped`: with ASCII classes, which RE2's are and which ripgrep runs faster than its own."""
    written = for_ripgrep if helped else as_written
    path.write_text("".join(f"{written(pattern)}\n" for rule in chosen for pattern in rule.patterns))


def as_written(pattern: str) -> str:
    """The pattern as its author wrote it, but for what ripgrep refuses: names may not repeat, and with bounded repeats of long
    classes fifty rules are too large for it."""
    unnamed = re.sub(r"\(\?P<\w+>", "(?:", pattern)
    return re.sub(r"\{1,\d\d+\}", "+", re.sub(r"\{0,\d\d+\}", "*", unnamed)).replace(r"\z", "$")


def for_ripgrep(pattern: str) -> str:
    """The same lines in the syntax of Rust's regex, as fast as it can be had: `\\w` and its like are ASCII as in RE2."""
    written, is_in_class = "", False
    for piece in re.findall(r"\\Q.*?(?:\\E|$)|\\.|\(\?P<\w+>|\{[01],\d\d+\}|\[\^?\]?|[\s\S]", pattern):
        if piece.startswith("[") and not is_in_class:
            is_in_class = True
        elif piece == "]":
            is_in_class = False
        elif piece in _ASCII:
            piece = _ASCII[piece] if is_in_class else f"[{_ASCII[piece]}]"
        elif not is_in_class:
            piece = _OUTSIDE.get(piece, piece)
            piece = "(?:" if piece.startswith("(?P<") else {"{1": "+", "{0": "*"}.get(piece[:2], piece)
            piece = re.escape(piece[2:].removesuffix("\\E")) if piece.startswith("\\Q") else piece
        written += piece
    return written


_ASCII = {r"\w": "0-9A-Za-z_", r"\d": "0-9", r"\s": r"\t\n\f\r "}
_OUTSIDE = {r"\S": r"[^\t\n\f\r ]", r"\W": "[^0-9A-Za-z_]", r"\D": "[^0-9]", r"\b": r"(?-u:\b)", r"\z": "$"}


def _rule(name: str, pattern: str, min_level: Level | None = None) -> Rule:
    return Rule(
        id=name,
        title="{symbol} is missing",
        severity=Severity.ERROR,
        stage=Stage.DEPENDENCY,
        cause="It was trimmed away.",
        fix="Put {symbol} back.",
        source="tests/bench",
        entity=EntitySpec("class", ("symbol",)),
        min_level=min_level,
        patterns=(pattern,),
    )


def _pattern(chance: random.Random, i: int) -> str:
    a, b, c = (chance.choice(WORDS) for _ in range(3))
    shapes = (
        rf"com\.vendor\.{a}\.{b}{i}\.{c.title()}Exception: (?P<symbol>[\w.$]{{1,300}})",
        rf"Could not (?:load|find) {a} {b}{i} '(?P<symbol>[^']{{1,200}})'",
        rf"{a}-{b}{i}: cannot open {c} file (?P<symbol>[\w./-]{{1,200}}): No such file",
        rf"(?i){a} {b}{i} is not (?:available|supported|enabled) for (?P<symbol>\S{{1,100}})",
        rf"\b{a.title()}{b.title()}{i}Error\b.{{0,100}}\b(?:missing|unknown) (?P<symbol>\w+)",
    )
    return shapes[i % len(shapes)]


def _has_equal_in_ripgrep(rule: Rule) -> bool:
    """Whether it is patterns alone, all of which ripgrep takes."""
    if not rule.patterns or rule.count is not None:
        return False
    arguments = [word for pattern in rule.patterns for form in (as_written, for_ripgrep) for word in ("-e", form(pattern))]
    return subprocess.run(["rg", "-q", *arguments, "/dev/null"], capture_output=True, check=False).returncode == 1
