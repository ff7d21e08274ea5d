"""Batch | Tick | Command | LostRange in; one Checkpoint out. The one file that knows the order of the steps.

    span -> scan -> whole events around the marks -> confirm, windows -> findings -> incidents -> checkpoint

No clock and no disk: the same inputs give the same checkpoints, live or in replay.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from detector.core.decode.logs.places import BYTE_BITS
from detector.core.decode.logs.record_stream import RecordStream
from detector.core.decode.logs.sampling import samples
from detector.core.decode.logs.stream import LogStream, Mark, Marked, Span
from detector.core.engine.context import AHEAD_MS, EventContext
from detector.core.engine.engine import Engine
from detector.core.engine.novelty import Group, Novelty
from detector.core.engine.thinning import may_stay_packed, thinned
from detector.core.incidents import self_report
from detector.core.incidents.grouping import Report, group
from detector.core.incidents.hold import Recovered, Released, Said
from detector.core.incidents.lifecycle import Incidents
from detector.core.judgements.announced import announced, recognised
from detector.core.judgements.judgement import Judgement
from detector.core.judgements.judgements import Judgements
from detector.core.log_signals import Levels, LogSignals, quiet_levels
from detector.core.signals.followed import FlowChanges, Past, no_past
from detector.core.streams import Flow, Streams
from detector.records import (
    FINDINGS_A_KEY,
    Batch,
    Checkpoint,
    Command,
    Counts,
    DeadLetter,
    Finding,
    Incident,
    Judged,
    Level,
    LogEvent,
    LostRange,
    Packed,
    Points,
    Position,
    Receiver,
    Remembered,
    Stream,
    Tick,
)
from detector.settings import AlarmSettings, IncidentSettings, VerdictSettings

if TYPE_CHECKING:  # only where there are metrics
    from detector.core.signals.flow import SignalFlow

ENGINE = "engine/"
LATENESS_MS = 60_000
MOST_LOUDNESS = 0.7  # packed batches of a stream in which more than this share holds something are unpacked without a look
LOUDNESS_STEP = 0.05
KEYS_KEPT_WHOLE = 100  # of so many dedup keys a checkpoint keeps FINDINGS_A_KEY, of further ones the first


class Clock(Enum):
    """What `now` is for incidents: when a line arrived (live), or when it says it happened (replay)."""

    ARRIVAL = "arrival"
    EVENT = "event"


class Pipeline:
    """One sequence of inputs. `take`, `tick`, `command` and `lost` change it; `checkpoint` says what followed."""

    def __init__(
        self,
        engine: Engine,
        incidents: Incidents,
        novelty: Novelty,
        clock: Clock = Clock.ARRIVAL,
        findings_a_key: int = FINDINGS_A_KEY,
        signals: SignalFlow | None = None,
        judgements: Judgements | None = None,
    ) -> None:
        """Without `signals` none are made of what comes in: points are counted, and that is all."""
        self._engine = engine
        self._make_signals_by(signals)
        self._most_kept = findings_a_key
        self._incidents = incidents
        self._novelty = novelty
        self._judgements = judgements or Judgements(VerdictSettings(), AlarmSettings())
        self._clock = clock
        self._streams = Streams()
        self._state: dict[str, bytes | None] = {}
        self._findings: list[Finding] = []
        self._kept: dict[str, int] = {}  # how many of `_findings` have this dedup key
        self._dead_letters: list[DeadLetter] = []
        self._lost: list[LostRange] = []
        self._command_id: int | None = None
        self._now_ms = 0
        self._arrival_ms = 0
        self._mono_ms = 0
        self._quarantined: set[tuple[str, int]] = set()
        self._not_opened = 0
        self.counts = Counts()
        self.span_ms: tuple[int, int] | None = None  # first and last time that samples of all lines told

    # -- inputs -----------------------------------------------------------------------------------------------------------

    def take(self, batch: Batch, token: str = "") -> None:
        """Judges a batch. The batch's buffer may be reused when this returns."""
        self._make_room(batch.stream.key)
        flow = self._streams.of(batch, token, self._mono_ms)
        if batch.lost is not None:
            self.lost(batch.lost)
        self._unusable(batch.dead)
        flow.silent_until = max(flow.silent_until, batch.silent_until << BYTE_BITS)  # what is open yet may lie before it
        if isinstance(flow.logs, LogStream):
            self._take_lines(flow, flow.logs, batch)
        else:
            self._take_records(flow, flow.logs, batch)
        if batch.ends:
            self._finish(flow, batch.observed_ms)
        self._streams.move(batch.stream.key)

    def points(self, points: Points, token: str = "") -> None:
        """Takes metric points in."""
        self.counts.points += len(points.points)
        self._unusable(points.dead)
        if self._signals is not None:
            came_ms, service = self._came(points.observed_ms), points.stream.service or ""
            self._signals.points(points.points, came_ms, points.digest, service, points.stream.key)
        self._streams.reach(Position(points.stream.key, points.stream.name, points.next_offset, token))

    def tick(self, tick: Tick) -> None:
        """Time went by. The first tick sets the clock, later ones move it by the monotonic time between them."""
        self._now_ms = self._now_ms + tick.mono_ms - self._mono_ms if self._now_ms else tick.now_ms
        self._mono_ms = tick.mono_ms
        for key, flow in self._streams.awake.items():
            events = flow.logs.quiet(tick.mono_ms)
            if events:
                self._judge_all(flow, events, self._now_ms)
                self._streams.move(key)
            elif flow.latest_ms:
                self._advance(key, flow.latest_ms, flow.fed_mono_ms)
        for key, still in self._streams.still.items():
            self._advance(key, still.latest_ms, still.since_mono_ms)
        if self._signals is not None:
            self._signals.tick(tick.mono_ms)
        self._say(self._judgements.tick(self._now_ms))
        self._tell_of_limits()
        self._incidents.tick(self._now_ms)

    def judged(self, judged: Judged) -> None:
        """The judge's answer to a request of an earlier checkpoint."""
        self._say(self._judgements.take(judged, self._now_ms))

    def command(self, command: Command) -> None:
        """What a person asked for. A command that is not understood changes nothing, and is done with."""
        self._command_id = command.id
        with contextlib.suppress(ValueError, TypeError, KeyError):
            arguments = json.loads(command.arguments)
            match command.what:
                case "acknowledge":
                    self._incidents.acknowledge(str(arguments["key"]), self._now_ms)
                case "resolve":
                    self._incidents.recovered(str(arguments["key"]), self._now_ms)
                case "tell_again":
                    self._incidents.tell_again(str(arguments["key"]), self._now_ms)
                case "silence":
                    self._incidents.silence(str(arguments["key"]), int(arguments["until_ms"]))
                case "change":
                    self._say(self._judgements.begin(announced(arguments), self._now_ms))

    def lost(self, lost: LostRange) -> None:
        """Bytes that nobody will judge: counted, and an incident about ourselves."""
        self._lost.append(lost)
        size = lost.end - lost.begin if lost.end is not None else 0
        if lost.unit == "records":
            self.counts.lost_records += size
        else:
            self.counts.lost_bytes += size
        self.report(self_report.lost_range(lost, self._now_ms))

    def end(self) -> None:
        """No more input: what is open is judged as it stands. Timers that end later than the last event stay pending."""
        for key, flow in self._streams.awake.items():
            self._finish(flow, self._arrival_ms)
            self._streams.move(key)
        if self._clock is Clock.EVENT:
            self._now_ms = max([self._now_ms, *(flow.last_ms for flow in self._streams.awake.values())])
            self._incidents.settle(self._now_ms)
            if self._signals is not None:
                self._signals.finish()

    def leave(self) -> None:
        """The process ends. What is open in a stream that cannot be read again (it has no token) is judged now or never."""
        for key, flow in self._streams.awake.items():
            if not flow.token and (events := flow.logs.finish()):
                self._judge_all(flow, events, self._now_ms)
                self._streams.move(key)

    def set_aside(self, keys: Iterable[str]) -> None:
        """Streams whose source begins anew from the last checkpoint, here or somewhere else: they go on as after a restart."""
        awaited = self._engine.awaited()
        for key in keys:
            self._streams.rest(key, awaited)

    def forget(self, keys: Iterable[str]) -> None:
        """Streams that somebody else has read further: what we remember of them is of no use."""
        self._streams.forget(keys)

    def report(self, report: Report) -> None:
        """Something about ourselves that people must hear of."""
        self._incidents.take(report, self._now_ms)

    def use(self, engine: Engine, settings: IncidentSettings, receivers: Iterable[Receiver]) -> None:
        """Other rules and receivers from here on; the windows of rules that did not change go on."""
        self._note_windows()
        for rule in engine.restore(self._engine.snapshot()):
            self._state[ENGINE + rule] = None
        self._engine = engine
        self._quarantined.clear()
        self._incidents.configure(settings, receivers)

    def judge_by(self, verdicts: VerdictSettings, alarms: AlarmSettings) -> None:
        """Other settings of the judge from here on."""
        self._say(self._judgements.configure(verdicts, alarms))

    def use_signals(
        self, signals: SignalFlow | None, state: Mapping[str, bytes], remembered: Remembered, past: Past = no_past
    ) -> None:
        """Others from here on, which begin as after a restart; none: points are only counted. Called right after a checkpoint
        was written."""
        self._make_signals_by(signals)
        if signals is not None:
            signals.tick(self._mono_ms)
            signals.restore(state, remembered, past)

    # -- what followed ----------------------------------------------------------------------------------------------------

    @property
    def longest_window_ms(self) -> int:
        """How far back in event time a rule in use may look."""
        return self._engine.longest_window_ms

    @property
    def now_ms(self) -> int:
        """The pipeline's own time."""
        return self._now_ms

    def reached_ms(self, stream: Stream) -> int:
        """The latest event time that was read of a stream, clamped to what is possible; 0 when no line said one."""
        flow = self._streams.awake.get(stream.key)
        return flow.latest_ms if flow is not None else 0

    @property
    def signals(self) -> SignalFlow | None:
        """What makes signals of what comes in; None where nobody needs any."""
        return self._signals

    def incidents(self) -> list[Incident]:
        """Every incident that is remembered, by first sight."""
        return self._incidents.all()

    def judgements(self) -> list[Judgement]:
        """What is judged, or was last, of each service, the latest change first."""
        return self._judgements.known()

    def unexplained(self) -> list[Group]:
        """The WARN or worse lines that no rule explains, the five most frequent groups."""
        return self._novelty.top(5)

    @property
    def is_urgent(self) -> bool:
        """Whether the next checkpoint tells somebody something."""
        return bool(self._findings or self._lost or self._incidents.has_alerts)

    def checkpoint(self, at_ms: int) -> Checkpoint:
        """Everything that followed from the inputs since the last call. `at_ms` is the wall clock's, for the record."""
        positions, streams = self._streams.drain()
        signals = self._signals.drain() if self._signals is not None else FlowChanges()
        for name, count in signals.flooded:
            self.report(self_report.flooded(name, count, self._now_ms))
        flips = tuple(map(recognised, signals.changes))
        for flip in flips:
            self._say(self._judgements.begin(flip, self._now_ms))
        changes, judging = self._incidents.drain(), self._judgements.drain()
        self._note_windows()
        made = Checkpoint(
            at_ms=at_ms,
            positions=positions,
            state=(*streams.items(), *self._state.items(), *changes.state, *signals.state, *judging.state),
            findings=tuple(self._findings),
            incidents=changes.incidents,
            alerts=changes.alerts,
            dead_letters=tuple(self._dead_letters),
            lost=tuple(self._lost),
            command_id=self._command_id,
            cells=signals.cells,
            journal=signals.journal,
            changes=flips,
            judged=judging.judged,
            requests=judging.requests,
        )
        self._state = {}
        self._findings, self._kept, self._dead_letters, self._lost, self._command_id = [], {}, [], [], None
        return made

    def restore(
        self,
        state: Mapping[str, bytes],
        incidents: Iterable[Incident],
        remembered: Remembered | None = None,
        past: Past = no_past,
    ) -> None:
        """What the last checkpoint held; called once, before the first input. `remembered` and `past` are for signals, see there.
        Raises ValueError when incidents are not ours."""
        if self._signals is not None:
            self._signals.restore(state, remembered or Remembered(), past)
        self._engine.restore({key.removeprefix(ENGINE): value for key, value in state.items() if key.startswith(ENGINE)})
        self._streams.restore(state, self._engine.awaited(), self._mono_ms)
        self._incidents.restore(incidents, state)
        try:
            self._say(self._judgements.restore(state))
        finally:
            self._incidents.hold_only(self._judgements.held, self._now_ms)

    # -- how --------------------------------------------------------------------------------------------------------------

    def _make_signals_by(self, signals: SignalFlow | None) -> None:
        self._signals = signals
        self._log_signals = LogSignals(signals) if signals is not None and signals.logs.is_wanted else None

    def _take_lines(self, flow: Flow, logs: LogStream, batch: Batch) -> None:
        span = logs.span(batch)
        marks = self._engine.scan(span.buffer, span.scan_from, span.end)
        levels = self._log_signals.of_lines(flow, batch, span, marks, self._engine.first_loud) if self._log_signals else None
        self._took(flow, span, logs.events(span, thinned(span, marks, self._engine.first_loud)), batch)
        self._count_levels(flow, batch, levels)

    def _take_records(self, flow: Flow, logs: RecordStream, batch: Batch) -> None:
        """A packed batch is scanned as it came; most hold nothing and are not unpacked. Where most do hold something, that scan
        is left out."""
        packed, run = batch.packed, batch
        if packed is not None:
            flow.packed_bytes += batch.size
            if flow.loudness < MOST_LOUDNESS and not logs.is_waiting and self._is_quiet(flow, batch):
                self._skip(flow, logs, batch, packed)
                self._count_levels(flow, batch, quiet_levels(flow, batch, packed))
                return
            run = packed.unpack()
            self._unusable(run.dead)
        marks, has_parts = self._engine.scan_records(run.buffer, run.begin, run.end)
        levels = self._log_signals.of_records(flow, run, marks, self._engine.first_loud) if self._log_signals else None
        is_worth_it = has_parts or not may_stay_packed(run, flow.packed_bytes, marks, self._engine.first_loud)
        flow.loudness += LOUDNESS_STEP * (is_worth_it - flow.loudness)
        if packed is not None and not is_worth_it and not logs.is_waiting:
            self._skip(flow, logs, batch, packed)
        else:
            span, events = logs.read(batch, run, marks, has_parts, self._look)
            self._took(flow, span, events, run)
        self._count_levels(flow, batch, levels)

    def _skip(self, flow: Flow, logs: RecordStream, batch: Batch, packed: Packed) -> None:
        logs.skip(batch)
        flow.loudness *= 1 - LOUDNESS_STEP
        flow.sampled_ms = max(flow.sampled_ms, min(packed.latest_ms, self._came(batch.observed_ms) + AHEAD_MS))
        self._count(packed.count, batch)

    def _look(self, span: Span, marks: Sequence[Mark] | None) -> Sequence[Mark]:
        if marks is None:  # what was put by
            marks = self._engine.scan(span.buffer, span.scan_from, span.end)
        return thinned(span, marks, self._engine.first_loud)

    def _is_quiet(self, flow: Flow, batch: Batch) -> bool:
        """Whoever counts levels looks into every batch in which one was marked."""
        marks, has_parts = self._engine.scan_records(batch.buffer, batch.begin, batch.end)
        if self._log_signals is not None and any(pattern >= self._engine.first_loud for _, pattern in marks):
            return False
        return not has_parts and may_stay_packed(batch, flow.packed_bytes, marks, self._engine.first_loud)

    def _count_levels(self, flow: Flow, batch: Batch, levels: Levels | None) -> None:
        if self._log_signals is not None and levels is not None:
            self._log_signals.count(flow, batch, levels, self._came(batch.observed_ms) + AHEAD_MS)

    def _took(self, flow: Flow, span: Span, events: list[Marked], batch: Batch) -> None:
        self._count(span.lines, batch)
        self._judge_all(flow, events, batch.observed_ms)
        self._sample(flow, span)

    def _count(self, lines: int, batch: Batch) -> None:
        self.counts.lines += lines
        self.counts.bytes += batch.size + batch.cut_bytes
        self.counts.cut_lines += len(batch.cut_at)

    def _make_room(self, key: str) -> None:
        """Puts the longest unused stream to sleep. What it had not finished is judged as it stands."""
        flow = self._streams.longest_unused
        if flow is not None and not self._streams.is_awake(key):
            self._judge_all(flow, flow.logs.finish(), self._arrival_ms)
            self._streams.sleep(flow.stream.key, self._engine.awaited())

    def _note_windows(self) -> None:
        for rule, state in self._engine.changes().items():
            self._state[ENGINE + rule] = state

    def _finish(self, flow: Flow, observed_ms: int) -> None:
        """The stream's last event is judged as it stands. In replay nothing comes later: timers that are over have run out."""
        self._judge_all(flow, flow.logs.finish(), observed_ms)
        if self._clock is Clock.EVENT:
            self._fire(self._engine.overdue(flow.stream.key, flow.latest_ms))

    def _advance(self, key: str, latest_ms: int, since_mono_ms: int) -> None:
        """A stream that says nothing any more: its time goes on with ours."""
        self._fire(self._engine.advance(key, latest_ms + self._mono_ms - since_mono_ms - LATENESS_MS))

    def _fire(self, overdue: Iterable[Finding]) -> None:
        for finding in overdue:
            self._report_all([finding])

    def _say(self, said: Iterable[Said]) -> None:
        """What verdicts and alarms mean for incidents."""
        for each in said:
            match each:
                case Recovered(key):
                    self._incidents.recovered(key, self._now_ms)
                case Released(key):
                    self._incidents.released(key, self._now_ms)
                case Report(finding):
                    if finding.service != self_report.SERVICE:
                        self.counts.findings += 1
                        self._findings.append(finding)
                    self._incidents.take(each, self._now_ms)

    def _tell_of_limits(self) -> None:
        """What we do not do any more is told: a rule that is set aside, causes beyond the number that may be open."""
        quarantined = {(each.rule, each.until_ms): each.reason for each in self._engine.quarantined()}
        for (rule, until_ms), reason in quarantined.items():
            if (rule, until_ms) not in self._quarantined:
                self.report(self_report.rule_quarantined(rule, reason, self._now_ms))
        self._quarantined = set(quarantined)
        if self._incidents.not_opened > self._not_opened:
            self._not_opened = self._incidents.not_opened
            self.report(self_report.not_opened(self._not_opened, self._now_ms))

    def _sample(self, flow: Flow, span: Span) -> None:
        layouts = self.counts.layouts
        for sample in samples(span):
            layouts[sample.layout] = layouts.get(sample.layout, 0) + 1
            if sample.time_ms is not None:
                flow.sampled_ms = max(flow.sampled_ms, min(sample.time_ms, self._arrival_ms + AHEAD_MS))
                if not flow.first_ms and span.offset == 0 and isinstance(flow.logs, LogStream):
                    flow.first_ms = sample.time_ms
                first, last = self.span_ms or (sample.time_ms, sample.time_ms)
                self.span_ms = min(first, sample.time_ms), max(last, sample.time_ms)

    def _judge_all(self, flow: Flow, events: Iterable[Marked], observed_ms: int) -> None:
        self._arrival_ms = self._came(observed_ms)
        for marked in events:
            self._judge(flow, marked)
        self.counts.repaired += flow.logs.repaired - flow.repaired
        flow.repaired = flow.logs.repaired
        self._unusable(flow.logs.dead_letters())

    def _unusable(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            self.counts.dead_letters += len(letters)
            self._dead_letters.extend(letters)

    def _judge(self, flow: Flow, marked: Marked) -> None:
        event, counts = marked.event, self.counts
        counts.events += 1
        now_ms = self._time_of(flow, event)
        stream = flow.stream
        is_silent = event.end <= flow.silent_until  # one that goes on beyond it was not whole when others had it
        overdue = self._engine.overdue(stream.key, flow.last_ms - LATENESS_MS)
        if overdue and not is_silent:
            self._fire(overdue)
        context = EventContext(stream.key, stream.name, flow.service, now_ms, False, stream.service_fixed, self._arrival_ms)
        findings = self._engine.judge(event, marked.patterns, context)
        if is_silent:
            return
        if event.level is not None and event.level >= Level.WARN:
            counts.loud_lines += 1
        if not findings:
            self._novelty.see(event, stream.name)
        if findings:
            counts.hits += 1
            self._report_all(findings)
            if self._log_signals is not None:
                for finding in findings:
                    if finding.marks == "start_succeeded" and not finding.is_shadow:
                        self._log_signals.started(flow, finding, min(now_ms, self._arrival_ms + AHEAD_MS))

    def _came(self, observed_ms: int) -> int:
        """When it came: by our own clock, which a wall clock that is set does not move; in replay nobody knows but the source."""
        return observed_ms if self._clock is Clock.EVENT else self._now_ms or observed_ms

    def _time_of(self, flow: Flow, event: LogEvent) -> int:
        """The event's own time; a line without one happened when the line before it did, or when it came."""
        if event.time_ms is None:
            return flow.last_ms or self._arrival_ms
        if event.time_ms < flow.last_ms - LATENESS_MS:
            self.counts.late += 1
        flow.last_ms = max(flow.last_ms, min(event.time_ms, self._arrival_ms + AHEAD_MS))
        return event.time_ms

    def _report_all(self, findings: list[Finding]) -> None:
        """`findings` are those of one event, or of timers that ran out."""
        if not findings:
            return
        self.counts.findings += len(findings)
        rule_hits, kept = self.counts.rule_hits, self._kept
        for finding in findings:
            rule_hits[finding.rule] = rule_hits.get(finding.rule, 0) + 1
            number = kept[finding.dedup_key] = kept.get(finding.dedup_key, 0) + 1
            if number == 1 or (number <= self._most_kept and len(self._findings) < KEYS_KEPT_WHOLE * self._most_kept):
                self._findings.append(finding)
            if finding.marks == "start_succeeded":
                self._incidents.succeeded(finding, self._at(finding.time_ms))
        report = group(findings)
        if report is not None:
            self._incidents.take(report, self._at(report.finding.time_ms))

    def _at(self, event_ms: int) -> int:
        """The pipeline's own time for an event: when it came, or in replay when it happened. It never runs backwards."""
        if self._clock is Clock.EVENT:
            self._now_ms = max(self._now_ms, min(event_ms, self._arrival_ms + AHEAD_MS))
        return self._now_ms
