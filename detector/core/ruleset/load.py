"""Rule files in, rules out, or every fault of every file at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from detector.core.ruleset.grok import UnknownGrok, expand
from detector.core.ruleset.pattern_faults import check_pattern
from detector.core.ruleset.required import MIN_LITERAL
from detector.core.ruleset.rule_fields import ENTITY_KINDS, KEYS, LONGEST_WINDOW_MS, MARKS, SHADOWS, WAYS, rule_schema
from detector.core.ruleset.spec import AbsentSpec, CountSpec, EntitySpec, Follow, Join, Names, Rule, Shadow
from detector.documents import Entry, Items, Mapping, Node, fields, read_document
from detector.documents.fields import FaultList, WrongValue, shown, unknown
from detector.errors import BadInput, BadRules, Fault
from detector.records import Level, Severity, Stage

__all__ = ["RuleFile", "load_rules", "rule_schema"]

T = TypeVar("T")

MAX_PATTERNS = 64
_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_ID = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """`id` is what its place says: pack/name. `is_tested`: our own tests have compiled its patterns, so loading it need not;
    compiling the built-in packs would double the time to the first line."""

    id: str
    path: str
    text: str | bytes
    is_tested: bool = False


def load_rules(files: Iterable[RuleFile]) -> tuple[Rule, ...]:
    """The rules, in order; a later id replaces an earlier one in its place. Raises BadRules with the faults of all files."""
    rules: dict[str, Rule] = {}
    faults: list[Fault] = []
    for file in files:
        try:
            rules[file.id] = read_rule(file)
        except BadInput as bad:
            faults.extend(bad.faults)
    if faults:
        raise BadRules(faults)
    return tuple(rules.values())


def read_rule(file: RuleFile) -> Rule:
    """One rule. Raises BadInput with all of its faults."""
    root = read_document(file.path, file.text)
    if not isinstance(root, Mapping):
        raise BadInput([Fault(file.path, root.line, "file", "must be a mapping of a rule's fields")])
    reader = _RuleReader(file, root)
    rule = reader.rule()
    if reader.faults.faults:
        raise BadInput(sorted(reader.faults.faults))
    return rule


class _RuleReader:
    """Reads field after field and goes on where one is wrong."""

    def __init__(self, file: RuleFile, root: Mapping) -> None:
        self.file = file
        self.root = root
        self.faults = FaultList(file.path)
        self.literals: tuple[str, ...] = ()
        self.groups: set[str] = set()

    def field(self, key: str, read: Callable[[Node], T], default: T) -> T:
        entry = self.root.get(key)
        return default if entry is None else self.faults.attempt(key, lambda: read(entry.value), default)

    def rule(self) -> Rule:
        self.check_keys()
        self.literals = self.field("literals", _literals, ())
        patterns = self.patterns("patterns", 1)
        all_of, sequence = self.patterns("all", 2), self.patterns("sequence", 2)
        absent = self.field("absent", self.absent, None)
        self.check_ways()
        named = self.groups.copy()
        unless = self.patterns("unless", 1, must_scan=False)
        severity = self.field("severity", lambda node: Severity(fields.choice(node, list(Severity), "severity")), Severity.ERROR)
        return Rule(
            id=self.identity(),
            title=self.field("title", fields.text, ""),
            severity=severity,
            stage=self.field("stage", lambda node: Stage(fields.choice(node, list(Stage), "stage")), Stage.NONE),
            cause=self.field("cause", fields.text, ""),
            fix=self.field("fix", fields.text, ""),
            source=self.field("source", fields.text, ""),
            entity=self.field("entity", lambda node: _entity(node, named), None),
            min_level=self.field("min_level", _level, None),
            patterns=patterns,
            all_of=all_of,
            sequence=sequence,
            unless=unless,
            absent=absent,
            count=self.field("count", self.count, None),
            window_ms=self.field("window", _window_ms, LONGEST_WINDOW_MS),
            literals=self.literals,
            join=self.field("join", _join, Join()),
            group_by=self.field("group_by", lambda node: _group_by(node, named), ("service",)),
            shadow=self.field("shadow", lambda node: Shadow(fields.choice(node, SHADOWS)), Shadow.NEVER),
            priority=self.field("priority", lambda node: fields.whole(node, 0, 100), 50),
            is_startup=self.field("startup", fields.flag, False),
            marks=self.field("marks", lambda node: fields.choice(node, MARKS), None),
            tags=self.field("tags", fields.texts, ()),
            also_hits=self.field("also_hits", _ids, ()),
            where=self.file.path,
        )

    def check_keys(self) -> None:
        for entry in self.root.entries:
            if entry.key not in KEYS:
                self.faults.add(entry.line, entry.key[:80], unknown("key", entry.key, KEYS))
        for key in ("title", "severity", "stage"):
            if self.root.get(key) is None:
                self.faults.add(self.root.line, key, "is missing")

    def check_ways(self) -> None:
        ways = [entry for entry in self.root.entries if entry.key in WAYS]
        if not ways:
            self.faults.add(self.root.line, "patterns", f"is missing; a rule has one of {', '.join(WAYS)}")
        for entry in ways[1:]:
            self.faults.add(
                entry.line, entry.key, f"is one way too many beside {ways[0].key!r}; a rule has one of {', '.join(WAYS)}"
            )

    def identity(self) -> str:
        entry: Entry | None = self.root.get("id")
        if entry is not None:
            written = self.field("id", fields.text, self.file.id)
            if written != self.file.id:
                self.faults.add(entry.value.line, "id", f"is {shown(written)}, but the file's place says {self.file.id!r}")
            elif not _ID.fullmatch(written):
                self.faults.add(entry.value.line, "id", f"is {shown(written)}; write pack/name")
        return self.file.id

    def patterns(self, key: str, at_least: int, must_scan: bool = True) -> tuple[str, ...]:
        """Each pattern of a list with its own faults, on its own line."""
        entry = self.root.get(key)
        if entry is None:
            return ()
        if not isinstance(entry.value, Items):
            self.faults.add(entry.value.line, key, "must be a list of patterns")
            return ()
        nodes = entry.value.items
        if not at_least <= len(nodes) <= MAX_PATTERNS:
            self.faults.add(entry.value.line, key, f"has {len(nodes)} patterns; must have {at_least} to {MAX_PATTERNS}")
        read = [self.faults.attempt(f"{key}.{at}", partial(self.pattern, node, must_scan), "") for at, node in enumerate(nodes)]
        return tuple(filter(None, read))

    def pattern(self, node: Node, must_scan: bool = True) -> str:
        written = fields.text(node)
        try:
            expanded = expand(written)
        except UnknownGrok as problem:
            raise WrongValue(node.line, str(problem)) from None
        if self.file.is_tested:
            self.groups.update(_GROUP.findall(expanded))
            return expanded
        checked = check_pattern(expanded, must_scan, self.literals)
        if checked.problem:
            raise WrongValue(node.line, checked.problem)
        self.groups.update(checked.groups)
        return expanded

    def absent(self, node: Node) -> AbsentSpec:
        read = fields.mapping(node, ("after", "expect", "within"))
        within = fields.duration(fields.needed(read, "within"))
        within_ms = _within(fields.needed(read, "within"), round(within.total_seconds() * 1000))
        return AbsentSpec(self.pattern(fields.needed(read, "after")), self.pattern(fields.needed(read, "expect")), within_ms)

    def count(self, node: Node) -> CountSpec:
        if self.root.get("patterns") is None:
            raise WrongValue(node.line, "goes with patterns only")
        return CountSpec(fields.whole(fields.needed(fields.mapping(node, ("at_least",)), "at_least"), 2, 1_000_000))


def _literals(node: Node) -> tuple[str, ...]:
    read = fields.texts(node)
    for item, literal in zip(fields.items(node), read, strict=True):
        if len(literal) < MIN_LITERAL:
            raise WrongValue(item.line, f"{shown(literal)} is shorter than {MIN_LITERAL} characters")
    return read


def _level(node: Node) -> Level:
    return Level[fields.choice(node, [level.name for level in Level], "level")]


def _within(node: Node, ms: int) -> int:
    if not 0 < ms <= LONGEST_WINDOW_MS:
        raise WrongValue(node.line, "must be more than 0 and at most 15m")
    return ms


def _window_ms(node: Node) -> int:
    return _within(node, round(fields.duration(node).total_seconds() * 1000))


def _join(node: Node) -> Join:
    read = fields.mapping(node, ("follow", "entity"))
    follow, entity = read.get("follow"), read.get("entity")
    return Join(
        Follow(fields.choice(follow.value, list(Follow))) if follow else Join().follow,
        Names(fields.choice(entity.value, list(Names))) if entity else Join().entity,
    )


def _entity(node: Node, named: set[str]) -> EntitySpec:
    read = fields.mapping(node, ("kind", "from", "value"))
    kind = fields.choice(fields.needed(read, "kind"), ENTITY_KINDS, "entity kind")
    source, value = read.get("from"), read.get("value")
    if (source is None) == (value is None):
        raise WrongValue(node.line, "has either `from`, a named group, or `value`, a fixed token")
    if value is not None:
        return EntitySpec(kind, value=fields.text(value.value))
    assert source is not None
    groups = fields.texts(source.value) if isinstance(source.value, Items) else (fields.text(source.value),)
    for group in groups:
        if group not in named:
            raise WrongValue(
                source.value.line, unknown("group", group, sorted(named)) if named else "no pattern has a named group", "from"
            )
    return EntitySpec(kind, groups)


def _group_by(node: Node, named: set[str]) -> tuple[str, ...]:
    known = ["service", "stream", *sorted(named)]
    return tuple(fields.choice(item, known, "group") for item in fields.items(node))


def _ids(node: Node) -> tuple[str, ...]:
    for item in fields.items(node):
        if not _ID.fullmatch(fields.text(item)):
            raise WrongValue(item.line, f"{shown(fields.text(item))} is no rule id; write pack/name")
    return fields.texts(node)
