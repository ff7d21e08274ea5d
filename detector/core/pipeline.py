"""Batch | Tick | Command | LostRange in; one Checkpoint out. The one file that knows the order of the steps.

    span -> scan -> whole events around the marks -> confirm, windows -> findings -> incidents -> checkpoint

No clock and no disk: the same inputs give the same checkpoints, live or in replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from detector.core.decode.logs.sampling import samples
from detector.core.decode.logs.stream import LogStream, Marked, Span
from detector.core.decode.service import service_of
from detector.core.engine.context import EventContext
from detector.core.engine.engine import Engine
from detector.core.engine.novelty import Group, Novelty
from detector.core.incidents import self_report
from detector.core.incidents.grouping import Report, group
from detector.core.incidents.lifecycle import Incidents
from detector.records import (
    Batch,
    Checkpoint,
    Command,
    Counts,
    DeadLetter,
    Finding,
    Incident,
    Level,
    LogEvent,
    LostRange,
    Position,
    Receiver,
    Stream,
    Tick,
)
from detector.settings import IncidentSettings

STREAM = "stream/"
ENGINE = "engine/"
MOST_STREAMS = 1024  # awake at once; the others are a few hundred bytes each
AHEAD_MS = 60_000  # a line from the future moves no watermark further than this beyond arrival
LATENESS_MS = 60_000


class Clock(Enum):
    """What `now` is for incidents: when a line arrived (live), or when it says it happened (replay)."""

    ARRIVAL = "arrival"
    EVENT = "event"


@dataclass(slots=True)
class _Stream:
    logs: LogStream
    stream: Stream
    token: str
    service: str
    last_ms: int = 0  # the latest time of an event that was given out, clamped: what a line without a time takes
    sampled_ms: int = 0  # the latest time of a quiet line: only ticks look at it, for it depends on where batches are cut
    fed_mono_ms: int = 0

    def snapshot(self) -> bytes:
        return b"%d\n%b" % (self.last_ms, self.logs.snapshot())

    def restore(self, state: bytes) -> None:
        """Raises ValueError when the state is not ours."""
        last_ms, _, logs = state.partition(b"\n")
        self.last_ms = int(last_ms)
        self.logs.restore(logs)


class Pipeline:
    """One sequence of inputs. `take`, `tick`, `command` and `lost` change it; `checkpoint` says what followed."""

    def __init__(self, engine: Engine, incidents: Incidents, novelty: Novelty, clock: Clock = Clock.ARRIVAL) -> None:
        self._engine = engine
        self._incidents = incidents
        self._novelty = novelty
        self._clock = clock
        self._awake: dict[str, _Stream] = {}  # in order of use, the longest unused first
        self._asleep: dict[str, bytes] = {}
        self._moved: dict[str, None] = {}
        self._positions: dict[str, Position] = {}
        self._state: dict[str, bytes] = {}
        self._findings: list[Finding] = []
        self._dead_letters: list[DeadLetter] = []
        self._lost: list[LostRange] = []
        self._command_id: int | None = None
        self._now_ms = 0
        self._mono_ms = 0
        self._quarantined: set[str] = set()
        self.counts = Counts()

    # -- inputs -----------------------------------------------------------------------------------------------------------

    def take(self, batch: Batch, token: str = "") -> None:
        """Judges a batch. The batch's buffer may be reused when this returns."""
        flow = self._flow(batch.stream, token)
        if batch.lost is not None:
            self.lost(batch.lost)
        span = flow.logs.span(batch)
        marks = self._engine.scan(span.buffer, span.scan_from, span.end)
        events = flow.logs.events(span, marks)
        self.counts.lines += span.lines
        self.counts.bytes += batch.size + batch.cut_bytes
        self.counts.cut_lines += len(batch.cut_at)
        self._judge_all(flow, events, batch.observed_ms)
        self._sample(flow, span)
        if batch.ends:
            self._judge_all(flow, flow.logs.finish(), batch.observed_ms)
        self._moved[batch.stream.key] = None

    def tick(self, tick: Tick) -> None:
        """Time went by. The first tick sets the clock, later ones move it by the monotonic time between them."""
        self._now_ms = self._now_ms + tick.mono_ms - self._mono_ms if self._now_ms else tick.now_ms
        self._mono_ms = tick.mono_ms
        for key, flow in self._awake.items():
            events = flow.logs.quiet(tick.mono_ms)
            if events:
                self._judge_all(flow, events, self._now_ms)
                self._moved[key] = None
            elif latest_ms := max(flow.last_ms, flow.sampled_ms):
                idle_ms = tick.mono_ms - flow.fed_mono_ms
                for finding in self._engine.advance(key, latest_ms + idle_ms - LATENESS_MS):
                    self._report_all([finding])
        for each in self._engine.quarantined():
            if each.rule not in self._quarantined:
                self._quarantined.add(each.rule)
                self.report(self_report.rule_quarantined(each.rule, each.reason, self._now_ms))
        self._incidents.tick(self._now_ms)

    def command(self, command: Command) -> None:
        """What a person asked for. An unknown command changes nothing."""
        arguments = json.loads(command.arguments)
        match command.what:
            case "acknowledge":
                self._incidents.acknowledge(str(arguments["key"]), self._now_ms)
            case "silence":
                self._incidents.silence(str(arguments["key"]), int(arguments["until_ms"]))
        self._command_id = command.id

    def lost(self, lost: LostRange) -> None:
        """Bytes that nobody will judge: counted, and an incident about ourselves."""
        self._lost.append(lost)
        self.counts.lost_bytes += (lost.end - lost.begin) if lost.end is not None else 0
        self.report(self_report.lost_range(lost, self._now_ms))

    def end(self) -> None:
        """No more input: what is open is judged as it stands. Timers of expected lines stay pending."""
        for key, flow in self._awake.items():
            self._judge_all(flow, flow.logs.finish(), self._now_ms)
            self._moved[key] = None
        if self._clock is Clock.EVENT:
            self._incidents.tick(self._now_ms)

    def report(self, report: Report) -> None:
        """Something about ourselves that people must hear of."""
        self._incidents.take(report, self._now_ms)

    def use(self, engine: Engine, settings: IncidentSettings, receivers: Iterable[Receiver]) -> None:
        """Other rules and receivers from here on; the windows of rules that did not change go on."""
        engine.restore(self._engine.snapshot())
        self._engine = engine
        self._quarantined.clear()
        self._incidents.configure(settings, receivers)

    # -- what followed ----------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The pipeline's own time."""
        return self._now_ms

    def reached_ms(self, stream: Stream) -> int:
        """The latest event time that was read of a stream, clamped to what is possible; 0 when no line said one."""
        flow = self._awake.get(stream.key)
        return max(flow.last_ms, flow.sampled_ms) if flow is not None else 0

    def incidents(self) -> list[Incident]:
        """Every incident that is remembered, by first sight."""
        return self._incidents.all()

    def unexplained(self) -> list[Group]:
        """The WARN or worse lines that no rule explains, the five most frequent groups."""
        return self._novelty.top(5)

    @property
    def is_urgent(self) -> bool:
        """Whether the next checkpoint tells somebody something."""
        return bool(self._findings or self._lost or self._incidents.has_alerts)

    def checkpoint(self, at_ms: int) -> Checkpoint:
        """Everything that followed from the inputs since the last call. `at_ms` is the wall clock's, for the record."""
        for key in self._moved:
            self._note_position(key, self._awake[key])
        changes = self._incidents.drain()
        windows = [(ENGINE + rule, state) for rule, state in self._engine.changes().items()]
        made = Checkpoint(
            at_ms=at_ms,
            positions=tuple(self._positions.values()),
            state=(*self._state.items(), *changes.state, *windows),
            findings=tuple(self._findings),
            incidents=changes.incidents,
            alerts=changes.alerts,
            dead_letters=tuple(self._dead_letters),
            lost=tuple(self._lost),
            command_id=self._command_id,
        )
        self._moved, self._positions, self._state = {}, {}, {}
        self._findings, self._dead_letters, self._lost, self._command_id = [], [], [], None
        return made

    def restore(self, state: Mapping[str, bytes], incidents: Iterable[Incident]) -> None:
        """What the last checkpoint held; called once, before the first input. Raises ValueError on a state that is not ours."""
        self._asleep = {key.removeprefix(STREAM): value for key, value in state.items() if key.startswith(STREAM)}
        self._engine.restore({key.removeprefix(ENGINE): value for key, value in state.items() if key.startswith(ENGINE)})
        self._incidents.restore(incidents, state)

    # -- how --------------------------------------------------------------------------------------------------------------

    def _flow(self, stream: Stream, token: str) -> _Stream:
        flow = self._awake.pop(stream.key, None)
        if flow is None:
            self._make_room()
            flow = _Stream(LogStream(stream), stream, token, service_of(stream))
            if (kept := self._asleep.pop(stream.key, None)) is not None:
                flow.restore(kept)
        self._awake[stream.key] = flow
        flow.token, flow.stream = token or flow.token, stream
        flow.fed_mono_ms = self._mono_ms
        return flow

    def _make_room(self) -> None:
        """Puts the longest unused stream to sleep. What it had not finished is judged as it stands."""
        if len(self._awake) < MOST_STREAMS:
            return
        key, flow = next(iter(self._awake.items()))
        self._judge_all(flow, flow.logs.finish(), self._now_ms)
        if key in self._moved:
            del self._moved[key]
            self._note_position(key, flow)
        del self._awake[key]
        self._asleep[key] = flow.snapshot()

    def _note_position(self, key: str, flow: _Stream) -> None:
        self._state[STREAM + key] = flow.snapshot()
        self._positions[key] = Position(key, flow.stream.name, flow.logs.resume_offset, flow.token)

    def _sample(self, flow: _Stream, span: Span) -> None:
        layouts = self.counts.layouts
        for sample in samples(span):
            layouts[sample.layout] = layouts.get(sample.layout, 0) + 1
            if sample.time_ms is not None:
                flow.sampled_ms = max(flow.sampled_ms, min(sample.time_ms, span.observed_ms + AHEAD_MS))

    def _judge_all(self, flow: _Stream, events: Iterable[Marked], observed_ms: int) -> None:
        for marked in events:
            self._judge(flow, marked, observed_ms)
        letters = flow.logs.dead_letters()
        if letters:
            self.counts.dead_letters += len(letters)
            self._dead_letters.extend(letters)

    def _judge(self, flow: _Stream, marked: Marked, observed_ms: int) -> None:
        event, counts = marked.event, self.counts
        counts.events += 1
        now_ms = self._time_of(flow, event, observed_ms)
        stream = flow.stream
        context = EventContext(stream.key, stream.name, flow.service, now_ms, service_fixed=stream.service_fixed)
        findings = self._engine.judge(event, marked.patterns, context)
        if event.level is not None and event.level >= Level.WARN:
            counts.loud_lines += 1
        if not findings:
            self._novelty.see(event, stream.name)
        if findings:
            counts.hits += 1
            self._report_all(findings)

    def _time_of(self, flow: _Stream, event: LogEvent, observed_ms: int) -> int:
        """The event's own time; a line without one happened when the line before it did, or when it came."""
        if event.time_ms is None:
            return flow.last_ms or observed_ms
        if event.time_ms < flow.last_ms - LATENESS_MS:
            self.counts.late += 1
        flow.last_ms = max(flow.last_ms, min(event.time_ms, observed_ms + AHEAD_MS))
        return event.time_ms

    def _report_all(self, findings: list[Finding]) -> None:
        """`findings` are those of one event, or of timers that ran out."""
        if not findings:
            return
        self.counts.findings += len(findings)
        self._findings.extend(findings)
        for finding in findings:
            self.counts.rule_hits[finding.rule] = self.counts.rule_hits.get(finding.rule, 0) + 1
            if finding.marks == "start_succeeded":
                self._incidents.succeeded(finding, self._at(finding.time_ms))
        report = group(findings)
        if report is not None:
            self._incidents.take(report, self._at(report.finding.time_ms))

    def _at(self, event_ms: int) -> int:
        """The pipeline's own time for an event: when it came, or in replay when it happened. It never runs backwards."""
        if self._clock is Clock.EVENT:
            self._now_ms = max(self._now_ms, event_ms)
        return self._now_ms
