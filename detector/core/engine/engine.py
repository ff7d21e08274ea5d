"""Batches to marks, events to findings. Everything a rule needs between two events is in here, and can be saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector.core.decode.logs.stream import Mark
from detector.core.engine.budget import NoBudget, Quarantine, SliceBudget
from detector.core.engine.context import EventContext
from detector.core.engine.judge import Confirmed, Judge
from detector.core.engine.memo import Memo
from detector.core.engine.regexes import Regexes, RegexTooLarge
from detector.core.engine.scan import Buffer, PatternTable, Scanner, pattern_table
from detector.core.ruleset.spec import Rule
from detector.records import Finding, LogEvent

__all__ = ["Engine", "EventContext", "Pending", "RuleCost"]

EXPIRE_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Pending:
    """An `absent` timer that still runs: what `rule` waits for, until when."""

    rule: str
    source: str
    service: str
    since_ms: int
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What a rule did and took since the start. `skipped`: candidates not looked at in quarantine. `late`: events too old for
    its windows. `dropped`: entries and timers over the limits."""

    hits: int
    seconds: float
    skipped: int
    late: int
    dropped: int


class Engine:
    """Judges events of any number of streams with one set of rules. Not for two threads at once.

    `table` is the one the scanner was made for. `clock` gives CPU seconds of this thread and switches the guards on: without
    it (replay, rule tests) nothing is cut short and no rule is quarantined.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        scanner: Scanner,
        table: PatternTable | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        table = table or pattern_table(rules)
        self._scanner = scanner
        self._first_loud = table.first_loud
        self._first_part = table.first_part
        self._judges = [Judge(rule) for rule in rules]
        self._owners = [(self._judges[one.rule], one.part) for one in table.patterns[: table.first_loud]]
        self._stateful = [judge for judge in self._judges if judge.rule.has_window]
        self._waiting = [judge for judge in self._judges if judge.absence]
        self._regexes = Regexes()
        self._memo: Memo[tuple[Confirmed, ...]] = Memo()
        self._budget = SliceBudget(clock) if clock else NoBudget()
        self._expired_ms = -(1 << 62)

    def scan(self, buffer: Buffer, begin: int, end: int) -> list[Mark]:
        """Marks of `buffer[begin:end]`, ascending; `begin` is a line start. A new slice of confirming time begins."""
        return self.scan_records(buffer, begin, end)[0]

    def scan_records(self, buffer: Buffer, begin: int, end: int) -> tuple[list[Mark], bool]:
        """As `scan`; and whether a line in there may be a part of one. `begin` need not be a line start, and something else than
        newlines may stand between lines: rules are found all the same."""
        self._budget.begin()
        found = self._scanner.scan(buffer, begin, end)
        first_part = self._first_part
        marks = [Mark(at, pattern) for at, pattern in found if pattern < first_part]
        return marks, len(marks) < len(found)

    @property
    def longest_window_ms(self) -> int:
        """How far back in event time a rule may look; 0 when none has a window."""
        return max((judge.rule.window_ms for judge in self._stateful), default=0)

    @property
    def first_loud(self) -> int:
        """The first pattern that is a level's; those before it are rules'."""
        return self._first_loud

    def judge(self, event: LogEvent, patterns: Iterable[int], context: EventContext) -> list[Finding]:
        """The findings that this event completes, in the order of the rules. `patterns` are those of its marks, ascending."""
        marks = tuple(patterns)
        if marks and marks[0] >= self._first_loud and _is_composed(event):
            found = {pattern for _, pattern in self._scanner.scan(event.text, 0, len(event.text))}
            marks = tuple(sorted(found))
        if not marks or marks[0] >= self._first_loud:
            return []
        confirmed = self._memo.get(event, marks)
        if confirmed is None:
            confirmed = self._confirm(event, marks, context.came_ms())
        findings: list[Finding] = []
        for one in confirmed:
            finding = one.judge.take(one, event, context)
            if finding is not None:
                findings.append(finding)
        return findings

    def advance(self, stream_key: str, watermark_ms: int) -> list[Finding]:
        """The findings of expected lines that did not come. No more events before `watermark_ms` are awaited in the stream."""
        findings = self.overdue(stream_key, watermark_ms)
        if watermark_ms - self._expired_ms >= EXPIRE_EVERY_MS:
            self._expired_ms = watermark_ms
            for judge in self._stateful:
                judge.expire(watermark_ms)
        return findings

    def overdue(self, stream_key: str, watermark_ms: int) -> list[Finding]:
        """As `advance`, and nothing is forgotten: for a stream whose events go on."""
        return [finding for judge in self._waiting for finding in judge.due(stream_key, watermark_ms)]

    def awaited(self) -> set[str]:
        """The keys of the streams in which something is expected."""
        return {timer.stream_key for judge in self._waiting if judge.absence for timer in judge.absence.running()}

    def pending(self) -> list[Pending]:
        """The `absent` timers that still run, the first to end first."""
        running = [
            Pending(judge.rule.id, timer.source, timer.service, timer.since_ms, timer.deadline_ms)
            for judge in self._waiting
            if judge.absence
            for timer in judge.absence.running()
        ]
        return sorted(running, key=lambda timer: (timer.deadline_ms, timer.rule))

    def snapshot(self) -> dict[str, bytes]:
        """What is open, by rule id: versioned JSON."""
        found = {judge.rule.id: judge.snapshot() for judge in self._stateful}
        return {rule: state for rule, state in found.items() if state is not None}

    def changes(self) -> dict[str, bytes | None]:
        """As `snapshot`, but only of rules that changed since the last call; None for one with nothing open any more."""
        changed = [judge for judge in self._stateful if judge.is_changed]
        for judge in changed:
            judge.is_changed = False
        return {judge.rule.id: judge.snapshot() for judge in changed}

    def restore(self, snapshot: Mapping[str, bytes]) -> list[str]:
        """Takes back what was open, for rules that mean the same as then. Returns the ids whose state was of no use."""
        judges = {judge.rule.id: judge for judge in self._stateful}
        return [rule for rule, state in snapshot.items() if rule not in judges or not judges[rule].restore(state)]

    def costs(self) -> dict[str, RuleCost]:
        """By rule id."""
        return {judge.rule.id: _cost(judge) for judge in self._judges}

    def quarantined(self) -> list[Quarantine]:
        """The rules that are set aside for now."""
        return [judge.quarantine for judge in self._judges if judge.quarantine is not None]

    def release(self, rule: str) -> None:
        """Lets a rule run again before its time."""
        for judge in self._judges:
            if judge.rule.id == rule:
                judge.quarantine = None

    def _confirm(self, event: LogEvent, marks: tuple[int, ...], now_ms: int) -> tuple[Confirmed, ...]:
        """Runs the rules that the marks are of. What was cut short is not remembered."""
        confirmed = []
        is_whole = True
        self._budget.start()
        for judge, parts in self._candidates(marks):
            if judge.min_level is not None and event.level is not None and event.level < judge.min_level:
                continue
            if judge.is_set_aside(now_ms):
                is_whole = False
                continue
            found = self._run(judge, event.text, parts, now_ms)
            is_whole = is_whole and judge.quarantine is None
            if found is not None:
                confirmed.append(found)
        result = tuple(confirmed)
        if is_whole:
            self._memo.put(event, marks, result)
        return result

    def _run(self, judge: Judge, text: bytes, parts: list[int], now_ms: int) -> Confirmed | None:
        """Runs one rule; sets it aside when it is too large or took too long."""
        budget = self._budget
        try:
            if judge.prepare(parts, self._regexes):
                budget.start()
            found = judge.confirm(text, parts, self._regexes, budget)
        except RegexTooLarge as problem:
            judge.set_aside(str(problem), now_ms)
            return None
        seconds = budget.lap()
        judge.seconds += seconds
        reason = budget.complaint(judge.slow, seconds, now_ms)
        if reason is not None:
            judge.set_aside(reason, now_ms)
        return found

    def _candidates(self, marks: tuple[int, ...]) -> list[tuple[Judge, list[int]]]:
        """The rules that the marks are of, each with its parts. Marks ascend, and a rule's patterns stand together."""
        found: list[tuple[Judge, list[int]]] = []
        last: Judge | None = None
        for mark in marks:
            if mark >= self._first_loud:
                break
            judge, part = self._owners[mark]
            if judge is last:
                found[-1][1].append(part)
            else:
                found.append((judge, [part]))
                last = judge
        return found


def _is_composed(event: LogEvent) -> bool:
    """Whether the text may say what its raw line nowhere says in one piece: a template that the decoder filled in, the type and
    the message of an error from two fields, a message as a list of bytes. Such a loud event is scanned once more, as text."""
    return "json" in event.layout or "journald" in event.layout


def _cost(judge: Judge) -> RuleCost:
    windows, absence = judge.windows, judge.absence
    dropped = (windows.dropped if windows else 0) + (absence.dropped if absence else 0)
    return RuleCost(judge.hits, judge.seconds, judge.skipped, windows.late if windows else 0, dropped)
