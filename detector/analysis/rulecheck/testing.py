"""Runs rules over their sample logs, through the same decoding, scan and engine as in production."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.analysis.rulecheck.explain import explain
from detector.analysis.rulecheck.samples import STORY_MS, Story, decode, sample_paths, stories
from detector.core.decode.logs.stream import Marked
from detector.core.engine.budget import NoBudget
from detector.core.engine.context import EventContext
from detector.core.engine.engine import Engine
from detector.core.engine.judge import Judge
from detector.core.engine.regexes import Regexes
from detector.core.engine.scan import parts_of, pattern_table
from detector.core.ruleset.spec import Rule
from detector.documents import read_file
from detector.edges.scan_cache import open_scanner
from detector.errors import BadInput, Fault
from detector.records import Finding

_FAR_LATER_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class Tested:
    """What a rule's samples said. `matched`/`clean`: how many events were looked at in each file; `nameless`: how many were
    found without naming an entity."""

    rule: str
    matched: int = 0
    clean: int = 0
    nameless: int = 0
    faults: list[Fault] = field(default_factory=list)

    def note(self, path: Path, line: int, problem: str) -> None:
        self.faults.append(Fault(str(path), line, self.rule, problem))


@dataclass(frozen=True, slots=True)
class _Judged:
    """An event of a story, and what all rules together found in it."""

    marked: Marked
    findings: tuple[Finding, ...]


class SampleTest:
    """Tests one rule after another against all of them: a rule that hits another's samples must be declared there."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._by_id = {rule.id: rule for rule in rules}
        self._table = pattern_table(rules)
        self._scanner = open_scanner(self._table, None).scanner
        self._engine = self._new_engine()
        self._regexes = Regexes(keep=512)
        self._judges = {rule.id: Judge(rule) for rule in rules}

    def test(self, rule_id: str) -> Tested:
        """Every fault of the rule's samples: a match event that is not found, a clean one that is, a pattern that no event
        needs, another rule that hits without `also_hits`."""
        rule = self._by_id[rule_id]
        tested = Tested(rule_id)
        match_path, clean_path = sample_paths(rule.where)
        hit_parts: set[int] = set()
        for story in self._read(match_path, tested):
            hit_parts |= self._match_story(rule, match_path, story, tested)
        for story in self._read(clean_path, tested):
            self._clean_story(rule, clean_path, story, tested)
        for part, _ in enumerate(parts_of(rule)):
            if tested.matched and part not in hit_parts:
                tested.note(match_path, 1, f"pattern {part} is hit by no event")
        return tested

    def _read(self, path: Path, tested: Tested) -> list[Story]:
        try:
            found = stories(read_file(str(path)))
        except BadInput as bad:
            for fault in bad.faults:
                tested.note(path, 1, f"the sample cannot be read: {fault.problem}")
            return []
        if not found:
            tested.note(path, 1, "the sample holds no event")
        return found

    def _match_story(self, rule: Rule, path: Path, story: Story, tested: Tested) -> set[int]:
        judged, later = self._judge(rule, story, path)
        tested.matched += len(judged)
        hit_parts: set[int] = set()
        for one in judged:
            line = story.line_of(one.marked.event)
            hit_parts |= self._parts_hit(rule, one.marked)
            mine = [finding for finding in one.findings if finding.rule == rule.id]
            if not mine and not rule.has_window:
                reason = explain(rule, one.marked.event, self._scanned(rule, one.marked)).reason
                tested.note(path, line, f"this event is not found: {reason}")
            tested.nameless += any(finding.entity is None for finding in mine)
            for other in sorted({finding.rule for finding in one.findings} - {rule.id, *rule.also_hits}):
                tested.note(path, line, f"{other} hits this event too; if that is right, say so in also_hits")
        if rule.has_window:
            times = sum(finding.rule == rule.id for one in judged for finding in one.findings) + len(later)
            if times != 1:
                tested.note(path, story.lines[0], f"this story is found {times} times; must be once")
        return hit_parts

    def _clean_story(self, rule: Rule, path: Path, story: Story, tested: Tested) -> None:
        judged, later = self._judge(rule, story, path)
        tested.clean += len(judged)
        for one in judged:
            if any(finding.rule == rule.id for finding in one.findings):
                line = story.line_of(one.marked.event)
                reason = explain(rule, one.marked.event, self._scanned(rule, one.marked))
                confirmed = next((step.detail for step in reason.steps if step.name.endswith("confirm") and step.is_passed), "")
                tested.note(path, line, f"this event must stay clean: {confirmed}")
        if later:
            tested.note(path, story.lines[0], "this story must stay clean: the expected line is missing")

    def _judge(self, rule: Rule, story: Story, path: Path) -> tuple[list[_Judged], list[Finding]]:
        """What the events of a story say, and what of this rule comes when the time of an expected line has run out."""
        engine = self._new_engine() if rule.has_window else self._engine
        judged = []
        last_ms = STORY_MS
        for at, marked in enumerate(decode(story.text, path.stem, engine, self._table.first_loud)):
            context = EventContext("sample", path.name, "sample", STORY_MS + at, has_change=True)
            patterns = [pattern for pattern in marked.patterns if pattern < self._table.first_loud]
            judged.append(_Judged(marked, tuple(engine.judge(marked.event, patterns, context))))
            last_ms = max(last_ms, context.time_of(marked.event))
        later = engine.advance("sample", last_ms + _FAR_LATER_MS) if rule.absent is not None else []
        return judged, [finding for finding in later if finding.rule == rule.id]

    def _scanned(self, rule: Rule, marked: Marked) -> set[int]:
        """Which parts of the rule the scan reported in the event."""
        return {
            self._table.patterns[pattern].part
            for pattern in marked.patterns
            if pattern < self._table.first_loud and self._rules[self._table.patterns[pattern].rule].id == rule.id
        }

    def _parts_hit(self, rule: Rule, marked: Marked) -> set[int]:
        parts = sorted(self._scanned(rule, marked))
        if not parts:
            return set()
        confirmed = self._judges[rule.id].confirm(marked.event.text, parts, self._regexes, NoBudget())
        return {hit.part for hit in confirmed.hits} if confirmed else set()

    def _new_engine(self) -> Engine:
        return Engine(self._rules, self._scanner, self._table)


def run_samples(rules: Sequence[Rule], only: Iterable[str] | None = None) -> list[Tested]:
    """Tests the samples of `only` (default: all) with all the rules at work."""
    runner = SampleTest(rules)
    return [runner.test(rule) for rule in (only if only is not None else [rule.id for rule in rules])]
