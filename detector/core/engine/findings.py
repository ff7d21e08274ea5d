"""A rule that is complete becomes a finding: entity named, title and fix filled in, one line of evidence, a dedup key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from detector.core.engine.context import EventContext
from detector.core.engine.entity import dedup_key, entity_of
from detector.core.ruleset.spec import Rule, Shadow
from detector.records import Entity, Evidence, Finding, LogEvent, TimeFrom

MAX_EVIDENCE_BYTES = 500
MAX_KNOWN = 1000
_BEFORE_MATCH = 150
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_UNKNOWN = "?"


def filler(text: str) -> Callable[[Mapping[str, str]], str]:
    """Puts groups into `{name}`; a group that held nothing shows as `?`. Anything else in braces stands as written."""
    if not _PLACEHOLDER.search(text):
        return lambda groups: text
    return lambda groups: _PLACEHOLDER.sub(lambda found: groups.get(found.group(1)) or _UNKNOWN, text)


class Template:
    """What all findings of a rule share, so that a storm of them costs little. `groups` are those of one match."""

    __slots__ = ("_fix", "_known", "_title", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._title = filler(rule.title)
        self._fix = filler(rule.fix)
        self._known: dict[tuple[tuple[str, str], ...], Named] = {}

    def is_shadow(self, has_change: bool) -> bool:
        """Whether a finding now would open no incident."""
        kind = self.rule.shadow
        return kind is Shadow.ALWAYS or (kind is Shadow.UNLESS_CHANGE and not has_change)

    def named(self, groups: Mapping[str, str]) -> Named:
        """What a match with these groups is about. In a storm the same few things are named again and again."""
        key = tuple(groups.items())
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            entity = entity_of(self.rule.entity, groups) if self.rule.entity else None
            found = self._known[key] = Named(self.rule, entity, self._title(groups), self._fix(groups))
        return found


class Named:
    """A finding but for the event: the same for every event that names the same thing."""

    __slots__ = ("_keys", "entity", "fix", "rule", "title")

    def __init__(self, rule: Rule, entity: Entity | None, title: str, fix: str) -> None:
        self.rule = rule
        self.entity = entity
        self.title = title
        self.fix = fix
        self._keys: dict[str, str] = {}

    def key(self, service: str) -> str:
        found = self._keys.get(service)
        if found is None:
            if len(self._keys) >= MAX_KNOWN:
                self._keys.clear()
            found = self._keys[service] = dedup_key(service, self.rule.stage.value, self.rule.id, self.entity)
        return found

    def finding(
        self,
        stream_key: str,
        span: tuple[int, int],
        service: str,
        when: tuple[int, TimeFrom],
        evidence: Evidence,
        is_shadow: bool,
    ) -> Finding:
        """`span`: the event's start and end in its stream. `when`: the finding's time and where it was read."""
        rule = self.rule
        return Finding(
            rule.id,
            stream_key,
            span[0],
            span[1],
            service,
            rule.severity,
            rule.stage,
            self.entity,
            self.title,
            rule.cause,
            self.fix,
            rule.tags,
            when[0],
            when[1],
            evidence,
            self.key(service),
            is_shadow,
            rule.is_startup,
            rule.priority,
            rule.marks,
        )


def evidence_of(event: LogEvent, begin: int, context: EventContext) -> Evidence:
    """The line that holds offset `begin` of the event's text. Where the event is one run of raw lines, the raw line with its
    own number and position; else (a JSON record, lines of others between) the decoded line under the event's."""
    text, raw = event.text, event.raw
    if len(raw) <= MAX_EVIDENCE_BYTES and raw.find(b"\n") < 0:
        return Evidence(context.source, event.where, event.line, raw.decode("utf-8", "replace").rstrip("\r"))
    number = text.count(b"\n", 0, begin)
    lines = raw.split(b"\n")
    line_begin = text.rfind(b"\n", 0, begin) + 1
    decoded = text[line_begin : _end_of_line(text, begin)]
    is_one_run = not event.position and event.end - event.start in (len(raw), len(raw) + 1) and 1 <= number + 1 <= len(lines) > 1
    if is_one_run and decoded.strip() in lines[number]:
        position = event.start + sum(len(line) + 1 for line in lines[:number])
        return Evidence(
            context.source, str(position), event.line + number, _excerpt(lines[number], lines[number].find(decoded.strip()))
        )
    return Evidence(context.source, event.where, event.line, _excerpt(decoded, begin - line_begin))


def _end_of_line(text: bytes, at: int) -> int:
    end = text.find(b"\n", at)
    return len(text) if end < 0 else end


def _excerpt(line: bytes, at: int) -> str:
    """At most MAX_EVIDENCE_BYTES of the line, around `at`."""
    if len(line) <= MAX_EVIDENCE_BYTES:
        return line.decode("utf-8", "replace").rstrip("\r\n")
    begin = max(0, min(at - _BEFORE_MATCH, len(line) - MAX_EVIDENCE_BYTES))
    return line[begin : begin + MAX_EVIDENCE_BYTES].decode("utf-8", "replace").rstrip("\r\n")
