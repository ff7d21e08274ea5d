"""Why a line hits a rule or does not, step by step, in the order in which the engine decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from detector.analysis.rulecheck.samples import decode
from detector.core.engine.budget import NoBudget
from detector.core.engine.engine import Engine
from detector.core.engine.entity import entity_of
from detector.core.engine.judge import Judge
from detector.core.engine.regexes import Regexes
from detector.core.engine.scan import SetScanner, parts_of, pattern_table
from detector.core.ruleset.pattern_faults import options
from detector.core.ruleset.scan_form import ScanForm, scan_form
from detector.core.ruleset.spec import Follow, Rule, Shadow
from detector.records import LogEvent

_SHOWN = 100
ALMOST = "almost a candidate"
_FEWEST_ALMOST = 7


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: `is_passed` is None for what is only said."""

    name: str
    is_passed: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`is_hit`: the event confirms at least one pattern, at a level and without an excuse."""

    is_hit: bool
    steps: tuple[Step, ...]

    @property
    def reason(self) -> str:
        """The step that decided, in a sentence: of several patterns that failed, the one that came furthest."""
        failed = [step for step in self.steps if step.is_passed is False]
        if self.is_hit or not failed:
            return f"{self.steps[-1].name}: {self.steps[-1].detail}"
        nearest = max(failed, key=_nearness)
        if _nearness(nearest) == 0 and len(failed) > 1:
            return f"none of the required texts of its {len(failed)} patterns is there"
        return f"{nearest.name}: {nearest.detail}"


def _nearness(step: Step) -> int:
    """How far an event came that failed at this step."""
    if step.name in ("level", "unless"):
        return 3
    return 2 if step.name.endswith("confirm") else int(step.detail.startswith(ALMOST))


def explain(rule: Rule, event: LogEvent, scanned: Iterable[int]) -> Explanation:
    """`scanned`: the parts of the rule whose scan forms hit the raw lines of the event."""
    forms = [scan_form(pattern, rule.literals) for pattern in parts_of(rule)]
    looked_at = event.text.split(b"\n")[0] if rule.join.follow is Follow.MESSAGE else event.text
    steps = [_decoded(event), _level(rule, event)]
    hits = []
    for part, (pattern, form) in enumerate(zip(parts_of(rule), forms, strict=True)):
        found = list(_pattern_steps(part, pattern, form, looked_at, part in set(scanned)))
        steps += found
        hits += [part] if all(step.is_passed for step in found) else []
    steps += _unless(rule, event.text)
    is_hit = bool(hits) and all(step.is_passed is not False for step in steps if step.name in ("level", "unless"))
    if is_hit:
        steps += _outcome(rule, event, hits)
    return Explanation(is_hit, tuple(steps))


def _decoded(event: LogEvent) -> Step:
    lines = event.text.count(b"\n") + 1
    level = event.level.name if event.level is not None else "none"
    first = _shown(event.text.split(b"\n")[0])
    return Step("decoded", None, f"layout {event.layout}, level {level}, {lines} line{'s' if lines > 1 else ''}: {first}")


def _level(rule: Rule, event: LogEvent) -> Step:
    if rule.min_level is None:
        return Step("level", True, "the rule takes any")
    if event.level is None:
        return Step("level", True, f"the rule wants {rule.min_level.name} or worse; a line without a level passes")
    is_passed = event.level >= rule.min_level
    return Step("level", is_passed, f"{event.level.name}; the rule wants {rule.min_level.name} or worse")


def _pattern_steps(part: int, pattern: str, form: ScanForm, text: bytes, is_scanned: bool) -> Iterable[Step]:
    name = f"pattern {part}"
    if not is_scanned:
        yield Step(f"{name} scan", False, _no_candidate(pattern, form, text))
        return
    yield Step(f"{name} scan", True, "the raw lines are a candidate")
    compiled = re2.compile(pattern, options())
    found = [match for line in ([text] if form.spans_lines else text.split(b"\n")) if (match := compiled.search(line))]
    if not found:
        yield Step(f"{name} confirm", False, f"the decoded text does not match: {progress(pattern, text)}")
        return
    groups = {name: found[-1].group(index) for name, index in compiled.groupindex.items() if found[-1].group(index)}
    named = ", ".join(f"{name} = {_shown(value)}" for name, value in groups.items())
    yield Step(f"{name} confirm", True, f"matches {_shown(found[-1].group())}" + (f" with {named}" if named else ""))


def _no_candidate(pattern: str, form: ScanForm, text: bytes) -> str:
    """Which required text is missing, or how much of it is there."""
    folded = (text.lower() if form.folds_case else text).decode("utf-8", "replace")
    if any(literal in folded for literal in form.literals):
        return f"{ALMOST}; {progress(pattern, text)}"
    there = max((_beginning(literal, folded) for literal in form.literals), key=len)
    if len(there) > _FEWEST_ALMOST:
        return f"{ALMOST}: the text has {there!r} of {next(each for each in form.literals if each.startswith(there))!r}"
    return f"no candidate: the text has no {' or '.join(repr(literal) for literal in form.literals[:4])}"


def _beginning(literal: str, text: str) -> str:
    """The longest beginning of the literal that the text holds."""
    return next((literal[:stop] for stop in range(len(literal), 0, -1) if literal[:stop] in text), "")


def progress(pattern: str, text: bytes) -> str:
    """How much of the pattern does match: `as far as '...', then the text goes on with '...'`."""
    for stop in range(len(pattern) - 1, 2, -1):
        try:
            beginning = re2.compile(pattern[:stop], options())
        except re2.error:
            continue
        matches = [(match, line) for line in text.split(b"\n") for match in beginning.finditer(line)]
        if matches:
            match, line = max(matches, key=lambda pair: pair[0].end() - pair[0].start())
            if match.end() - match.start() < 3:
                break
            rest = line[match.end() :]
            met = _shown(rest) if rest else "the end of the line"
            return f"it does as far as {pattern[:stop][-_SHOWN:]!r}; then {pattern[stop:][:_SHOWN]!r} meets {met}"
    return "not even its beginning is there"


def _unless(rule: Rule, text: bytes) -> list[Step]:
    if not rule.unless:
        return []
    for at, pattern in enumerate(rule.unless):
        compiled = re2.compile(pattern, options())
        match = next((found for line in text.split(b"\n") if (found := compiled.search(line))), compiled.search(text))
        if match is not None:
            return [Step("unless", False, f"excused by unless {at}: {_shown(match.group())}")]
    return [Step("unless", True, "no excuse is there")]


def _outcome(rule: Rule, event: LogEvent, hits: list[int]) -> list[Step]:
    steps = []
    confirmed = Judge(rule).confirm(event.text, hits, Regexes(), NoBudget())
    if rule.entity is not None and confirmed is not None:
        groups = {name: value for hit in confirmed.hits for name, value in hit.match.groups.items()}
        entity = entity_of(rule.entity, groups)
        named = f"{entity.kind} {entity.token!r}, one with {entity.normal!r}" if entity else "no group of `from` holds anything"
        steps.append(Step("entity", None, named))
    if rule.has_window:
        steps.append(Step("window", None, _window(rule)))
    if rule.shadow is not Shadow.NEVER:
        when = (
            "is counted, opens no incident" if rule.shadow is Shadow.ALWAYS else "opens an incident only when a change is known"
        )
        steps.append(Step("shadow", None, when))
    return [*steps, Step("hit", True, f"{rule.severity.value}, stage {rule.stage.value}: {rule.title}")]


def _window(rule: Rule) -> str:
    seconds = rule.window_ms / 1000
    if rule.count is not None:
        return f"one of {rule.count.at_least} events needed within {seconds:g} s"
    if rule.absent is not None:
        return f"a finding comes when the expected line stays away for {rule.absent.within_ms / 1000:g} s"
    needed = rule.all_of or rule.sequence
    return f"{len(needed)} patterns needed {'in this order ' if rule.sequence else ''}within {seconds:g} s"


def _shown(text: bytes | str) -> str:
    written = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return repr(written if len(written) <= _SHOWN else written[:_SHOWN] + "…")


def explain_text(rule: Rule, text: bytes) -> Iterator[Explanation]:
    """Each event of a text, explained."""
    table = pattern_table([rule])
    engine = Engine([rule], SetScanner(table), table)
    for marked in decode(text if text.endswith(b"\n") else text + b"\n", "text", engine, table.first_loud):
        scanned = {table.patterns[pattern].part for pattern in marked.patterns if pattern < table.first_loud}
        yield explain(rule, marked.event, scanned)
