"""Every field of a rule file in one table: its documentation, its JSON Schema, and whether it must be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from detector.records import Level, Severity, Stage

ENTITY_KINDS = [
    "class",
    "method",
    "symbol",
    "module",
    "package",
    "library",
    "file",
    "config_key",
    "setting",
    "bean",
    "driver",
    "binding",
    "executable",
    "limit",
    "host",
    "user",
    "zone",
    "locale",
    "ca",
    "syscall",
    "cpu_feature",
    "memory",
    "framework",
    "resolver",
    "metadata",
    "charset",
]
SHADOWS = ("true", "false", "unless_change")
MARKS = ("start_succeeded",)
WAYS = ("patterns", "all", "sequence", "absent")
LONGEST_WINDOW_MS = 15 * 60 * 1000

Schema = Mapping[str, object]

_TEXT: Schema = {"type": "string", "minLength": 1}
_TEXTS: Schema = {"type": "array", "items": _TEXT, "minItems": 1}
_DURATION: Schema = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"}


def _words(words: object) -> Schema:
    return {"enum": list(words)} if isinstance(words, list | tuple) else {}


def _object(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class RuleField:
    """`doc` is one sentence for editors and for the reference."""

    name: str
    doc: str
    schema: Schema = field(default_factory=dict)
    is_required: bool = False


RULE_FIELDS = (
    RuleField("id", "Pack and name; the same as the file's place.", {"type": "string", "pattern": "^[\\w.-]+/[\\w.-]+$"}),
    RuleField("title", "What happened, in one line; {group} puts a group's text in.", _TEXT, True),
    RuleField("severity", "How loud the incident is.", _words([word.value for word in Severity]), True),
    RuleField("stage", "Which kind of trim it points to; none claims no trim.", _words([word.value for word in Stage]), True),
    RuleField(
        "entity",
        "The missing thing: its kind, and the group (or groups, first non-empty wins) that holds it, or a fixed value.",
        _object(
            {"kind": _words(ENTITY_KINDS), "from": {"oneOf": [_TEXT, _TEXTS]}, "value": _TEXT},
            ("kind",),
        ),
    ),
    RuleField("min_level", "Quieter lines are no hit; a line without a level passes.", _words([word.name for word in Level])),
    RuleField("patterns", "Any one is enough. RE2 syntax; the message as a person reads it.", _TEXTS),
    RuleField("all", "Instead of patterns: each of them, in any order, within the window.", {**_TEXTS, "minItems": 2}),
    RuleField("sequence", "Instead of patterns: in this order, within the window.", {**_TEXTS, "minItems": 2}),
    RuleField(
        "absent",
        "Instead of patterns: after a line that matches `after`, one that matches `expect` did not come within `within`.",
        _object({"after": _TEXT, "expect": _TEXT, "within": _DURATION}, ("after", "expect", "within")),
    ),
    RuleField("unless", "Any of these in the same event: no hit.", _TEXTS),
    RuleField(
        "count", "With patterns: so many events within the window.", _object({"at_least": {"type": "integer", "minimum": 2}})
    ),
    RuleField("window", "How long a window lasts; at most 15m, the default.", _DURATION),
    RuleField("group_by", "What keeps windows apart: named groups, `service`, `stream`.", _TEXTS),
    RuleField(
        "join",
        "How far into a joined trace patterns look, and which match names the entity.",
        _object({"follow": _words(["message", "trace"]), "entity": _words(["first", "last"])}),
    ),
    RuleField("literals", "Texts one of which is in every match; derived, write it only where the linter cannot.", _TEXTS),
    RuleField("shadow", "Counted, opens no incident (or only when a change is known).", {"enum": [True, False, "unless_change"]}),
    RuleField(
        "priority", "Of several findings in one event the highest names it.", {"type": "integer", "minimum": 0, "maximum": 100}
    ),
    RuleField("startup", "The finding is of a start that failed; a later start resolves it.", {"type": "boolean"}),
    RuleField("marks", "The rule finds no fault but a line that says something.", _words(MARKS)),
    RuleField("tags", "Carried into the incident.", _TEXTS),
    RuleField("also_hits", "Other rules that this rule's match file rightly hits.", _TEXTS),
    RuleField("cause", "Why a trim does this, in one or two sentences.", _TEXT),
    RuleField("fix", "What to do about it; {group} puts a group's text in.", _TEXT),
    RuleField("source", "Who prints the line: repository and path, or the message catalogue.", _TEXT),
)
KEYS = tuple(entry.name for entry in RULE_FIELDS)


def rule_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a rule file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trimwatch rule",
        "description": "What to look for in a log, and what it means when it is there.",
        "type": "object",
        "properties": {entry.name: {"description": entry.doc, **entry.schema} for entry in RULE_FIELDS},
        "required": [entry.name for entry in RULE_FIELDS if entry.is_required],
        "oneOf": [{"required": [way]} for way in WAYS],
        "additionalProperties": False,
    }
