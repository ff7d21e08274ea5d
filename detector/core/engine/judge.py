"""One rule, ready to run: its matchers, its filters, its windows, and what it costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from detector.core.engine.absence import Absence, Timer
from detector.core.engine.budget import QUARANTINE_MS, NoBudget, Quarantine, SlowTime
from detector.core.engine.confirm import Matcher
from detector.core.engine.context import EventContext
from detector.core.engine.findings import Named, Template, evidence_of
from detector.core.engine.regexes import Match, Regexes
from detector.core.engine.scan import parts_of
from detector.core.engine.stories import Entry
from detector.core.engine.windows import Key, Windows
from detector.core.ruleset.spec import Follow, Names, Rule
from detector.records import Finding, Level, LogEvent

STATE_VERSION = 1
EXPECTED = 1  # the part of an `absent` rule that is waited for


class Hit(NamedTuple):
    """One part of a rule that an event confirmed."""

    part: int
    match: Match


class Confirmed(NamedTuple):
    """What one text says to one rule: its hits in the order of the text, where the one that counts begins, what it names."""

    judge: Judge
    hits: tuple[Hit, ...]
    begin: int
    named: Named


class Judge:
    """Cheap to make: what a rule needs to run is made at its first hit."""

    __slots__ = (
        "_follows_message",
        "_matchers",
        "_unless",
        "_want_last",
        "_wanted",
        "absence",
        "hits",
        "is_changed",
        "min_level",
        "quarantine",
        "rule",
        "seconds",
        "skipped",
        "slow",
        "template",
        "windows",
    )

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.template = Template(rule)
        self.min_level: Level | None = rule.min_level
        self.windows = Windows(rule) if rule.all_of or rule.sequence or rule.count else None
        self.absence = Absence(rule.absent.within_ms) if rule.absent else None
        self.is_changed = False
        self.hits = 0
        self.skipped = 0
        self.seconds = 0.0
        self.slow = SlowTime()
        self.quarantine: Quarantine | None = None
        self._matchers = tuple(Matcher(text, rule.literals) for text in parts_of(rule))
        self._unless = tuple(Matcher(text) for text in rule.unless)
        self._follows_message = rule.join.follow is Follow.MESSAGE
        self._want_last = rule.join.entity is Names.LAST
        self._wanted = frozenset(rule.entity.from_groups) if rule.entity else frozenset()

    def is_set_aside(self, now_ms: int) -> bool:
        """Whether the rule is in quarantine, which then counts one more candidate. Its time over, it runs again."""
        if self.quarantine is None:
            return False
        if now_ms >= self.quarantine.until_ms:
            self.quarantine = None
            return False
        self.skipped += 1
        self.quarantine = replace(self.quarantine, skipped=self.quarantine.skipped + 1)
        return True

    def set_aside(self, reason: str, now_ms: int) -> None:
        self.quarantine = Quarantine(self.rule.id, reason, now_ms + QUARANTINE_MS, 0)

    def prepare(self, parts: Sequence[int], regexes: Regexes) -> bool:
        """Makes what `confirm` needs; says whether it had to: that time is not the line's fault. Raises RegexTooLarge."""
        matchers = [self._matchers[part] for part in parts]
        missing = [matcher for matcher in (*matchers, *self._unless) if matcher.regex is None]
        for matcher in missing:
            matcher.make(regexes)
        return bool(missing)

    def confirm(self, text: bytes, parts: Sequence[int], regexes: Regexes, budget: NoBudget) -> Confirmed | None:
        """What of it really matches; None for nothing. Raises RegexTooLarge."""
        newline = text.find(b"\n") if self._follows_message else -1
        limit = len(text) if newline < 0 else newline
        found = []
        for part in parts:
            match = self._matchers[part].find(regexes, text, limit, self._want_last, self._wanted, budget)
            if match is not None:
                found.append(Hit(part, match))
        if not found or (self._unless and self._is_excused(text, regexes, budget)):
            return None
        if len(found) == 1:
            chief = found[0]
        else:
            found.sort(key=lambda hit: (hit.match.begin, hit.part))
            chief = self._chief(found)
        return Confirmed(self, tuple(found), chief.match.begin, self._named(chief.match.groups))

    def take(self, confirmed: Confirmed, event: LogEvent, context: EventContext) -> Finding | None:
        """The finding that the event completes, if it does."""
        self.hits += 1
        if self.absence is not None:
            self._watch(self.absence, confirmed, event, context)
            return None
        if self.windows is None:
            return self._finding(confirmed.named, confirmed.begin, event, context)
        self.is_changed = True
        chief = confirmed.hits[0].match.groups
        hits = [(0, ())] if self.rule.count else [(hit.part, tuple(hit.match.groups.items())) for hit in confirmed.hits]
        completed = self.windows.add(self._key(chief, event, context), context.story_ms(event), hits)
        if completed is None:
            return None
        named = confirmed.named if self.rule.count else self._named(_merged(completed))
        return self._finding(named, confirmed.begin, event, context)

    def due(self, stream_key: str, watermark_ms: int) -> list[Finding]:
        """Findings of expected lines that did not come."""
        timers = self.absence.due(stream_key, watermark_ms) if self.absence else []
        self.is_changed |= bool(timers)
        return [
            self._named(timer.groups).finding(
                timer.stream_key,
                (timer.event_start, timer.event_end),
                timer.service,
                (timer.deadline_ms, timer.time_from),
                timer.evidence,
                timer.is_shadow,
            )
            for timer in timers
        ]

    def expire(self, watermark_ms: int) -> None:
        if self.windows is not None and self.windows.expire(watermark_ms):
            self.is_changed = True

    def snapshot(self) -> bytes | None:
        """What is open, as versioned JSON; None when nothing is."""
        memory = self.windows or self.absence
        if memory is None or memory.is_empty:
            return None
        return _packed({"version": STATE_VERSION, "rule": self._fingerprint(), **memory.snapshot()})

    def restore(self, state: bytes) -> bool:
        """Takes back a snapshot; says whether it was one of this very rule. One of a rule that was changed is left alone."""
        memory = self.windows or self.absence
        if memory is None:
            return False
        try:
            known = _unpacked(state)
            if known["version"] != STATE_VERSION or known["rule"] != self._fingerprint():
                return False
            memory.restore(known)
        except (ValueError, TypeError, KeyError):
            return False
        return True

    def _watch(self, absence: Absence, confirmed: Confirmed, event: LogEvent, context: EventContext) -> None:
        """Starts and stops timers, in the order of the text."""
        time_ms = context.story_ms(event)
        for hit in confirmed.hits:
            key = self._key(hit.match.groups, event, context)
            if hit.part == EXPECTED:
                self.is_changed |= absence.came(key, time_ms)
                continue
            absence.start(key, self._timer(absence, hit, time_ms, event, context))
            self.is_changed = True

    def _timer(self, absence: Absence, hit: Hit, time_ms: int, event: LogEvent, context: EventContext) -> Timer:
        return Timer(
            since_ms=time_ms,
            deadline_ms=time_ms + absence.within_ms,
            stream_key=context.stream_key,
            source=context.source,
            service=context.service_of(event),
            event_start=event.start,
            event_end=event.end,
            time_from=context.time_from(event),
            evidence=evidence_of(event, hit.match.begin, context),
            groups=hit.match.groups,
            is_shadow=self.template.is_shadow(context.has_change),
        )

    def _finding(self, named: Named, begin: int, event: LogEvent, context: EventContext) -> Finding:
        return named.finding(
            context.stream_key,
            (event.start, event.end),
            context.service_of(event),
            (context.time_of(event), context.time_from(event)),
            evidence_of(event, begin, context),
            self.template.is_shadow(context.has_change),
        )

    def _key(self, groups: Mapping[str, str], event: LogEvent, context: EventContext) -> Key:
        own = {"service": context.service_of(event), "stream": context.stream_key}
        return tuple(own[name] if name in own else groups.get(name, "") for name in self.rule.group_by)

    def _chief(self, hits: Sequence[Hit]) -> Hit:
        """The hit that names the entity: of those that name one the first or last in the text, as the rule says."""
        naming = [hit for hit in hits if not self._wanted.isdisjoint(hit.match.groups)] or hits
        return max(naming, key=lambda hit: (hit.match.begin, -hit.part)) if self._want_last else naming[0]

    def _named(self, groups: Mapping[str, str]) -> Named:
        return self.template.named(groups)

    def _fingerprint(self) -> str:
        """Equal as long as what is open means the same."""
        rule = self.rule
        meaning = (parts_of(rule), rule.all_of, rule.sequence, rule.window_ms, rule.group_by, rule.count, rule.absent)
        return hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]

    def _is_excused(self, text: bytes, regexes: Regexes, budget: NoBudget) -> bool:
        return any(matcher.find(regexes, text, len(text), False, frozenset(), budget) is not None for matcher in self._unless)


def _merged(completed: Iterable[Entry]) -> dict[str, str]:
    """The groups of a story's entries; of one that several name, the last."""
    return {name: token for entry in sorted(completed) for name, token in entry.groups}


def _packed(state: dict[str, Any]) -> bytes:
    """As JSON. A source's name may hold lone surrogates (a file name that is no UTF-8), which orjson refuses."""
    try:
        return orjson.dumps(state)
    except TypeError:
        return json.dumps(state).encode()


def _unpacked(state: bytes) -> Any:
    try:
        return orjson.loads(state)
    except orjson.JSONDecodeError:
        return json.loads(state)
