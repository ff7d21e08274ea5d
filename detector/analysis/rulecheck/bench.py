"""What rules cost: the scan over a text as a whole, and each rule's patterns on the text made to slow them down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from detector.analysis.rulecheck.hostile import slowest_rate
from detector.core.engine.scan import Scanner, parts_of, pattern_table
from detector.core.ruleset.spec import Rule
from detector.edges.scan_cache import open_scanner

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class ScanCost:
    """`mb_s`: megabytes a second of CPU time, the median of five rounds; `marks`: candidates in one round."""

    rules: int
    patterns: int
    scanner: str
    ready_s: float
    mb_s: float
    marks: int


@dataclass(frozen=True, slots=True)
class RuleCost:
    """A rule's slowest pattern on hostile text, and how often the scan of the text stopped for the rule."""

    rule: str
    slowest_mb_s: float
    marks: int


def bench(rules: Sequence[Rule], text: bytes) -> tuple[ScanCost, list[RuleCost]]:
    """Costs over a text of whole lines; the rules, slowest first."""
    begin = time.perf_counter()
    table = pattern_table(rules)
    opened = open_scanner(table, None, wait=True)
    ready_s = time.perf_counter() - begin
    buffer = bytearray(text)
    marks = opened.scanner.scan(buffer, 0, len(buffer))
    rates = sorted(_round(opened.scanner, buffer) for _ in range(_ROUNDS))
    per_rule = [0] * (len(rules) + 1)
    for _, pattern in marks:
        per_rule[table.patterns[pattern].rule] += 1
    cost = ScanCost(len(rules), table.first_loud, opened.engine, ready_s, rates[_ROUNDS // 2], len(marks))
    costs = [RuleCost(rule.id, min(map(slowest_rate, parts_of(rule))), per_rule[at]) for at, rule in enumerate(rules)]
    return cost, sorted(costs, key=lambda each: each.slowest_mb_s)


def _round(scanner: Scanner, buffer: bytearray) -> float:
    begin = time.thread_time()
    scanner.scan(buffer, 0, len(buffer))
    return len(buffer) / 1e6 / max(time.thread_time() - begin, 1e-9)
