"""What a rule says, as read from its YAML file. The format is described in rules/README.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detector.records import Level, Severity, Stage


class Shadow(StrEnum):
    """Whether a rule's findings open incidents."""

    NEVER = "false"  # they do
    ALWAYS = "true"  # counted and shown, never more
    UNLESS_CHANGE = "unless_change"  # they do only when a change of the service is known: a dead server prints the same line


class Follow(StrEnum):
    """How far into a joined trace a rule's patterns look."""

    MESSAGE = "message"  # the first line alone
    TRACE = "trace"  # the whole event


class Names(StrEnum):
    """Which of several matches in one event names the entity."""

    FIRST = "first"
    LAST = "last"  # the innermost `Caused by` in a trace that prints the cause last


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """`kind` is a word of the glossary in rules/README.md; `from_groups` are the named groups that may hold the token, first
    non-empty wins; `value` is the token where no line prints it."""

    kind: str
    from_groups: tuple[str, ...] = ()
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Join:
    follow: Follow = Follow.TRACE
    entity: Names = Names.LAST


@dataclass(frozen=True, slots=True)
class CountSpec:
    at_least: int


@dataclass(frozen=True, slots=True)
class AbsentSpec:
    """After a line that matches `after`, a line that matches `expect` must come within `within_ms`."""

    after: str
    expect: str
    within_ms: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `patterns`: any one is enough. `all_of`: each of them within the window. `sequence`: in this order within the
    window. `unless`: none of them in the same event. Exactly one of the four ways (patterns, all_of, sequence, absent) is used;
    `count` goes with patterns. `where` is the file it was read from."""

    id: str
    title: str
    severity: Severity
    stage: Stage
    cause: str
    fix: str
    source: str
    entity: EntitySpec | None = None
    min_level: Level | None = None
    patterns: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    absent: AbsentSpec | None = None
    count: CountSpec | None = None
    window_ms: int = 15 * 60 * 1000
    literals: tuple[str, ...] = ()
    join: Join = Join()
    group_by: tuple[str, ...] = ("service",)
    shadow: Shadow = Shadow.NEVER
    priority: int = 50
    is_startup: bool = False
    marks: str | None = None
    tags: tuple[str, ...] = ()
    also_hits: tuple[str, ...] = ()
    where: str = ""

    @property
    def has_window(self) -> bool:
        """Whether its findings depend on more than one event."""
        return bool(self.all_of or self.sequence or self.absent or self.count)
