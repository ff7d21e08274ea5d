"""F18: a hostile pattern is refused with the reason when rules are loaded or linted; none gets as far as a log line."""

import time

import pytest

from detector.analysis.rulecheck.hostile import slowest_rate
from detector.analysis.rulecheck.lint import REFUSED_MB_S, lint
from detector.core.ruleset.load import RuleFile, load_rules
from detector.errors import BadRules

RULE = """id: own/rule
title: Something is missing
severity: error
stage: dependency
patterns: ['{pattern}']
cause: It was taken away.
fix: Put it back.
source: our own program
"""

REFUSED = [
    (r"foo(?=bar)", "look-around"),
    (r"foo(?!bar)", "look-around"),
    (r"(?<=foo)bar", "look-around"),
    (r"(foo)\1", "back-references"),
    (r"(?>foo)bar", "atomic"),
    (r"foo++", "bad repetition"),
    (r"(x{1000}){1000}", "repetition size"),
    (r"foo[", "missing ]"),
    (r"(foo", "missing )"),
    (r"foo\C", "half a character"),
    ("x" * 100_000, "100000 characters"),
    (r"[a-z]{1,900}foo[^x]{1,900}", "instructions"),
    (r".*", "every line"),
    (r"(foo)?", "every line"),
    (r"\w+: \d+", "at least 3 characters"),
    ("(" * 200 + "foo" + ")" * 200, "deeper"),
    (r"foo\pX", "invalid character class"),
    (r"foo%{NOBODY:x}", "no grok pattern"),
]


@pytest.mark.parametrize(("pattern", "reason"), REFUSED, ids=[pattern[:30] for pattern, _ in REFUSED])
def test_f18_a_pattern_that_cannot_be_run_safely_is_refused_with_the_reason(pattern, reason):
    """At loading, within 100 ms of CPU, at the line of the pattern."""
    text = RULE.replace("{pattern}", pattern)
    begin = time.thread_time()
    with pytest.raises(BadRules) as refused:
        load_rules([RuleFile("own/rule", "own/rule.yaml", text)])
    assert time.thread_time() - begin < 0.1
    fault = refused.value.faults[0]
    assert (fault.line, fault.field) == (5, "patterns.0")
    assert reason in fault.problem
    assert len(fault.problem) < 1_000


def test_f18_lint_refuses_what_is_linear_but_slow(tmp_path):
    """`a[ab]{1000}c` has few instructions and still runs at a fraction of a megabyte a second on text of a and b."""
    (tmp_path / "own").mkdir()
    for kind in ("match", "clean"):
        (tmp_path / "own" / f"rule.{kind}.log").write_text("# from: constructed\nabc\n")
    path = tmp_path / "own" / "rule.yaml"
    slow = lint([RuleFile("own/rule", str(path), RULE.replace("{pattern}", "aaaa[ab]{1000}c"))])
    assert ["patterns.0" for fault in slow.faults if "MB/s" in fault.problem] == ["patterns.0"]
    good = lint([RuleFile("own/rule", str(path), RULE.replace("{pattern}", r"not found: (?P<x>[\w.]{1,300})"))])
    assert good.faults == []


def test_f18_the_measure_tells_hostile_from_harmless():
    """A class repeated without bound, or with one, but not in what comes before it, costs nothing."""
    assert slowest_rate("a[ab]{1000}c") < REFUSED_MB_S
    assert slowest_rate("to be [a-z ]{900}!") < REFUSED_MB_S
    assert slowest_rate(r"java\.lang\.ClassNotFoundException: (?P<symbol>[\w.$/]{1,300})") > 20
    assert slowest_rate(r"error: .* missing \S+") > 20
