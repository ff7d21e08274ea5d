"""Loading rules: whole rules out, or every fault of every file."""

import jsonschema
import pytest
import yaml

from detector.core.ruleset.load import RuleFile, load_rules, rule_schema
from detector.core.ruleset.rule_fields import RULE_FIELDS
from detector.core.ruleset.spec import Follow, Names, Shadow
from detector.errors import BadRules
from detector.records import Level, Severity, Stage

FULL = r"""id: jvm/class-not-found
title: A class that was trimmed away is loaded at run time
severity: critical
stage: dependency
entity: {kind: class, from: [symbol, other]}
min_level: WARN
literals: [ClassNotFoundException]
patterns:
  - 'java\.lang\.ClassNotFoundException: (?P<symbol>[\w.$]{1,300})'
  - 'no such class %{JAVACLASS:other}'
unless: ['harmless']
count: {at_least: 2}
window: 1m30s
group_by: [service, symbol]
join: {follow: message, entity: first}
shadow: unless_change
priority: 70
startup: true
tags: [a, b]
also_hits: [spring/x]
cause: The shrinker saw no static use of the class.
fix: Keep {symbol}.
source: openjdk/jdk
"""
BASE = "title: t\nseverity: error\nstage: none\n"
NAMED = BASE + "patterns: ['foo (?P<one>x)']\n"


def faults(text, name="own/rule"):
    with pytest.raises(BadRules) as refused:
        load_rules([RuleFile(name, "r.yaml", text)])
    return [f"{fault.line}: {fault.field}: {fault.problem}" for fault in refused.value.faults]


def test_every_field_is_read():
    """A rule that uses them all; grok is plain RE2 afterwards."""
    (rule,) = load_rules([RuleFile("jvm/class-not-found", "r.yaml", FULL)])
    assert (rule.severity, rule.stage, rule.min_level) == (Severity.CRITICAL, Stage.DEPENDENCY, Level.WARN)
    assert rule.entity.from_groups == ("symbol", "other")
    assert "%{" not in rule.patterns[1]
    assert (rule.count.at_least, rule.window_ms, rule.group_by) == (2, 90_000, ("service", "symbol"))
    assert (rule.join.follow, rule.join.entity, rule.shadow) == (Follow.MESSAGE, Names.FIRST, Shadow.UNLESS_CHANGE)
    assert (rule.priority, rule.is_startup, rule.tags, rule.also_hits) == (70, True, ("a", "b"), ("spring/x",))


def test_the_ways_beside_patterns_are_read():
    """all, sequence and absent."""
    (both,) = load_rules([RuleFile("a/b", "r", BASE + "all: [first thing, second thing]\nwindow: 5m")])
    (order,) = load_rules([RuleFile("a/b", "r", BASE + "sequence: [first thing, second thing]")])
    (absent,) = load_rules([RuleFile("a/b", "r", BASE + "absent: {after: starting up, expect: it started, within: 60s}")])
    assert (both.all_of, both.window_ms) == (("first thing", "second thing"), 300_000)
    assert order.sequence == ("first thing", "second thing")
    assert (absent.absent.after, absent.absent.within_ms) == ("starting up", 60_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BASE, "1: patterns: is missing; a rule has one of patterns, all, sequence, absent"),
        (BASE + "pattern: [foo]", "4: pattern: unknown key 'pattern'; did you mean 'patterns'?"),
        (BASE + "patterns: foo", "4: patterns: must be a list of patterns"),
        (BASE + "patterns: []", "4: patterns: has 0 patterns"),
        (BASE + "patterns: [foo]\nall: [foo, bar]", "5: all: is one way too many beside 'patterns'"),
        (BASE + "patterns:\n  - foo bar\n  - 'a(?=b)'", "6: patterns.1: invalid perl operator: (?=: RE2 has no look-around"),
        (BASE + "patterns: [foo]\nseverty: x", "5: severty: unknown key 'severty'; did you mean 'severity'?"),
        ("title: t\nseverity: fatal\nstage: none\npatterns: [foo]", "2: severity: unknown severity 'fatal'"),
        (
            "title: t\nseverity: info\nstage: binry\npatterns: [foo]",
            "3: stage: unknown stage 'binry'; did you mean 'binary'?",
        ),
        ("severity: error\nstage: none\npatterns: [foo]", "1: title: is missing"),
        (BASE + "patterns: [foo]\nid: own/other", "5: id: is 'own/other', but the file's place says 'own/rule'"),
        (
            BASE + "patterns: ['foo (?P<a>x)']\nentity: {kind: clas, from: a}",
            "5: entity: unknown entity kind 'clas'; did you mean 'class'?",
        ),
        (NAMED + "entity: {kind: class, from: won}", "5: entity.from: unknown group 'won'; did you mean 'one'?"),
        (BASE + "patterns: [foo]\nentity: {kind: class}", "5: entity: has either `from`"),
        (BASE + "patterns: [foo]\nwindow: 16m", "5: window: must be more than 0 and at most 15m"),
        (BASE + "patterns: [foo]\nmin_level: warn", "5: min_level: unknown level 'warn'; did you mean 'WARN'?"),
        (BASE + "patterns: [foo]\ngroup_by: [pod]", "5: group_by: unknown group 'pod'"),
        (BASE + "patterns: [foo]\npriority: 101", "5: priority: is 101; must be at most 100"),
        (BASE + "patterns: [foo]\nliterals: [ab]", "5: literals: 'ab' is shorter than 3 characters"),
        (BASE + "all: [foo, bar]\ncount: {at_least: 2}", "5: count: goes with patterns only"),
        (BASE + "patterns: [foo]\ntags: a", "5: tags: must be a list of texts"),
        (BASE + "patterns: [foo]\nmarks: started", "5: marks: unknown value 'started'; did you mean 'start_succeeded'?"),
        ("- a", "1: file: must be a mapping of a rule's fields"),
        (BASE + "absent: {after: start, expect: done}", "4: absent: the key 'within' is missing"),
    ],
)
def test_a_fault_names_line_field_and_what_to_write(text, expected):
    """One sentence that is enough to mend it."""
    assert any(fault.startswith(expected) for fault in faults(text)), faults(text)


def test_the_faults_of_all_files_come_at_once():
    """Sound rules among them do not hide them."""
    files = [RuleFile("a/x", "x.yaml", BASE), RuleFile("a/y", "y.yaml", BASE + "patterns: [foo]"), RuleFile("a/z", "z.yaml", "[")]
    with pytest.raises(BadRules) as refused:
        load_rules(files)
    assert {fault.path for fault in refused.value.faults} == {"x.yaml", "z.yaml"}


def test_a_later_rule_replaces_an_earlier_one_in_its_place():
    """A user's folder over the built-in packs."""
    texts = [("a/x", "first"), ("a/y", "other"), ("a/x", "second")]
    rules = load_rules([RuleFile(name, "r", BASE.replace(": t\n", f": {title}\n") + "patterns: [foo]") for name, title in texts])
    assert [(rule.id, rule.title) for rule in rules] == [("a/x", "second"), ("a/y", "other")]


def test_the_schema_agrees_with_the_loader():
    """What loads is valid; each field is explained."""
    schema = rule_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(yaml.safe_load(FULL)))
    for wrong in ("titel: x", "patterns: [a]", BASE + "patterns: [foo]\nall: [a, b]", BASE + "patterns: [foo]\nstage: x"):
        assert list(validator.iter_errors(yaml.safe_load(wrong)))
    assert all(entry.doc for entry in RULE_FIELDS)
