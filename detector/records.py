"""The nouns of the glossary as frozen records. Times are integer milliseconds since the epoch, UTC, unless the name says more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(kind: type[T]) -> type[T]:
    """A frozen record to the type checker and by custom, but not at run time: a frozen one sets each field by a call, which was a
    seventh of what a line costs when every line is a hit. For the records that are made once a line, or once a sample."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


class Level(IntEnum):
    """How loud a line is, on one scale for every logging library."""

    TRACE = 5
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


class Severity(StrEnum):
    """How loud an incident is; the words are PagerDuty's."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info to 3 for critical."""
        return _RANKS[self._value_]  # `value` is a descriptor written in Python: four calls a finding


_RANKS = {"info": 0, "warning": 1, "error": 2, "critical": 3}


class Stage(StrEnum):
    """Which kind of trim a finding points to; NONE claims no trim."""

    RESOURCE = "resource"
    CONFIG = "config"
    DEPENDENCY = "dependency"
    BINARY = "binary"
    NONE = "none"


class TimeFrom(StrEnum):
    """Where an event's time was read."""

    EVENT = "event"  # the line itself
    FRAME = "frame"  # the container runtime, syslog or journal that wrapped it
    ARRIVAL = "arrival"  # nothing said when; we say when we saw it


@dataclass(frozen=True, slots=True)
class Stream:
    """One ordered run of bytes (a file, a pipe, a container instance) or of records (a topic's partition, an index).

    `key` identifies it across restarts (file: device, inode and fingerprint). `name` is what people call it (a path, a pod).
    `service` is the source's own idea of the service; None lets the record, then the name's stem, decide. `service_fixed` is true
    when the user named the service: then a record's own name does not count.
    """

    key: str
    name: str
    service: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    layout: str = "auto"
    service_fixed: bool = False


@dataclass(frozen=True, slots=True)
class LostRange:
    """Bytes, or records, that nobody will ever judge, and why. `begin`/`end` are offsets in the stream, counted in `unit`s; end
    is None where it is unknown."""

    stream: Stream
    begin: int
    end: int | None
    reason: str  # truncated | rotated_away | retention | ...
    unit: str = "bytes"  # or records


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Bytes we could not use, kept with their position and the reason; `sample` is at most 1 KiB."""

    stream_name: str
    position: str
    reason: str
    sample: bytes


Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a batch whose stream is a sequence of records. Record i is the lines `buffer[begins[i]:begins[i + 1]]` (the
    last one goes to the batch's end), each with its newline. `offsets` rise, not always by one. `times_ms` says when a record
    was written, -1 where nobody knows; `labels` holds its key and headers, and is empty when no record has any; `names` are what
    people find records by, empty where that is the offset."""

    begins: Sequence[int]
    offsets: Sequence[int]
    times_ms: Sequence[int]
    labels: Sequence[Labels] = ()
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Packed:
    """Records in the run of bytes in which they came, keys and framing between their values: a scan of it tells whether there is
    anything to look at. `count` is how many there are and `latest_ms` when the last was written (-1: unknown). `unpack` gives
    the same records as lines; it may be called after the buffer was reused, and more than once."""

    count: int
    latest_ms: int
    unpack: Callable[[], Batch]


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines as a source read them: one contiguous run of bytes of one stream.

    `buffer[begin:end]` is the run; it starts at a line start at byte `offset` of the stream and every line ends in a newline,
    except that the last line of a stream that `ends` may lack one. A source that reads into a buffer of its own leaves `begin`
    writable bytes before the run, so that what is left over from the batch before can be put there without copying the run; the
    buffer may be reused as soon as the pipeline has taken the batch. `offset` counts bytes of the stream, `size` is end - begin.
    `cut_at` holds the offsets (in the stream) of lines whose tail was thrown away because they were longer than a line may be;
    `cut_bytes` is how much was thrown away after this run's last byte. The next batch of the stream then starts at
    `offset + size + cut_bytes`.

    In a stream of records (`records` or `packed` is set) offsets count records: the batch holds every record from `offset` up to
    but without `next_offset` that is still there, `cut_at` are the offsets of records of which a line was cut, and what happened
    in records before `silent_until` was told by somebody else: it is judged for what it means to later ones, and not told again.
    `dead` are records that could not be used.
    """

    stream: Stream
    buffer: bytearray | bytes
    begin: int
    end: int
    offset: int
    observed_ms: int
    ends: bool = False
    cut_at: tuple[int, ...] = ()
    cut_bytes: int = 0
    lost: LostRange | None = None
    records: Records | None = None
    packed: Packed | None = None
    next_offset: int = -1
    silent_until: int = 0
    dead: tuple[DeadLetter, ...] = ()

    @property
    def size(self) -> int:
        return self.end - self.begin


class MetricKind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a histogram counted: `counts[i]` values in (`bounds[i - 1]`, `bounds[i]`], the last one above all bounds, so one more
    count than bounds. `total` is the sum of the values, None where it was not kept."""

    bounds: tuple[float, ...]
    counts: tuple[float, ...]
    total: float | None


@record
class MetricPoint:
    """One number, or one histogram, of one series at one time. `labels` are sorted by name. A counter's value is the total since
    `start_ms`, or with `is_delta` what was added since then. None for the value: the series ended here."""

    name: str
    labels: Labels
    kind: MetricKind
    value: float | Distribution | None
    time_ms: int
    start_ms: int | None = None
    is_delta: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """Metric points out of the records `offset` up to but without `next_offset` of a stream; `dead` are records that held none
    that could be read. `digest` is the same when a sender that was not answered sends the same again; empty where that changes
    nothing."""

    stream: Stream
    points: tuple[MetricPoint, ...]
    offset: int
    next_offset: int
    observed_ms: int
    dead: tuple[DeadLetter, ...] = ()
    digest: str = ""


@record
class Cell:
    """One value of a signal at one time, in the signal's own `unit`. NaN: it was looked for and is missing. `evidence` says how
    many samples or requests stand behind it."""

    service: str
    signal: str
    unit: str
    time_ms: int
    value: float
    evidence: float


class VerdictState(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a signal got worse than is accepted, in one window after a change (1, 2, ...) or in all of them together (None).

    `baseline` and `after` are in `unit` (`%` of a share is 15.5, not 0.155); `observed` and the 95 % `interval` of it are the
    deviation in the unit of `acceptable`, which is the text that was given. None where a number is not known. `windows_needed`
    says how many further windows would settle an inconclusive one."""

    signal: str
    layer: str
    window: int | None
    baseline: float | None
    after: float | None
    acceptable: str
    observed: float | None
    interval: tuple[float | None, float | None] | None
    unit: str
    state: VerdictState
    reason: str
    windows_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the change took away: JSON, an item a line, as `trimwatch manifest diff --json` writes it."""

    name: str
    digest: str
    text: str

    @property
    def items(self) -> int:
        return sum(1 for line in self.text.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class Change:
    """`release_before` is what to go back to. `made_by` is a person's word for it, or `image flip` where it was recognised.
    `is_rollback`: it goes back to an image that was there earlier."""

    id: str
    service: str
    at_ms: int
    stage: Stage = Stage.NONE
    release_before: str = ""
    release_after: str = ""
    image_before: str = ""
    image_after: str = ""
    manifest: Manifest | None = None
    note: str = ""
    made_by: str = ""
    made_ms: int = 0
    is_rollback: bool = False


class Judging(StrEnum):
    """What a judge process is asked for."""

    VERDICT = "verdict"  # did the signals of a service get worse than is accepted, since a change
    ALARMS = "alarms"  # did anything happen to any signal, no change at hand


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One run of the judge process. `id` is the same however often it is issued (after a crash it is). For a verdict: windows 1
    to `window` of `window_ms` each, the first from `begin_ms` on, the last one over at `until_ms`. Their before ends at
    `before_ms` and belongs to the change `before_change`: a rollback, or a change of what already failed, is compared with what
    was before all that. For alarms: what lies between `begin_ms` and `until_ms`, of every service; no change is named."""

    id: str
    what: Judging
    begin_ms: int
    until_ms: int
    change: str = ""
    service: str = ""
    window: int = 0
    window_ms: int = 0
    before_ms: int = 0
    before_change: str = ""


@dataclass(frozen=True, slots=True)
class SignalAlarm:
    """A signal left its usual course, no change at hand. `size` is how far, in robust units; `model` says who saw it."""

    service: str
    signal: str
    layer: str
    model: str
    at_ms: int
    value: float | None
    unit: str
    size: float
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a request: each signal's verdict on the window `request.window` and on all windows so far, or alarms. What
    could not be judged at all says why in `problem`. `before` tells people where the before came from. `required` and `vanished`
    (it has a before, and no value in the newest window or later) are ids of signals."""

    request: JudgeRequest
    at_ms: int
    verdicts: tuple[Verdict, ...] = ()
    alarms: tuple[SignalAlarm, ...] = ()
    required: tuple[str, ...] = ()
    before: str = ""
    problem: str = ""
    vanished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """A verdict, of what and when: `until_ms` is the end of the newest window, `before` tells where the before came from."""

    service: str
    change: str
    at_ms: int
    until_ms: int
    verdict: Verdict
    is_required: bool = False
    before: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: `now_ms` on the wall clock, `mono_ms` on a clock that never jumps."""

    now_ms: int
    mono_ms: int


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person or a notice asks for, consumed in order. `id` rises; `what` names it; `arguments` is JSON."""

    id: int
    at_ms: int
    who: str
    what: str
    arguments: str = "{}"


@record
class LogEvent:
    """A decoded, whole thing: one line, or a line with the stack trace that belongs to it.

    `text` is what rules see: UTF-8, the message, then the lines that were joined to it, then the text of error fields (JSON),
    each on its own line, without any frame or header. `start`/`end` are byte offsets in the stream (end is exclusive and, when
    other streams' lines lie between, the end of the last line that belongs to it); in a stream of records they only tell events
    apart, `position` names the record and `line` is 0. `line` is the number of its first line in the stream, from 1. `level` is
    None where the line has none. `time_ms` is None where nothing but arrival is known.
    """

    start: int
    end: int
    line: int
    text: bytes
    level: Level | None
    time_ms: int | None
    time_from: TimeFrom
    layout: str
    raw: bytes
    service: str | None = None
    logger: str | None = None
    thread: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False
    position: str = ""

    @property
    def where(self) -> str:
        """Its place in the stream, for people."""
        return self.position or str(self.start)


@record
class Evidence:
    """One line that speaks for an incident: which input, where in it, which line number, what it says."""

    source: str
    position: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Entity:
    """The missing thing. `token` is as printed; `normal` is the form that is equal wherever the same thing is meant."""

    kind: str
    token: str
    normal: str


@record
class Finding:
    """A hit whose rule is complete, its entity named. `event_start` and `stream_key` say which event; both make it unique. Of
    several findings in one event the one of the highest `priority` names the incident. `marks` is set when the rule finds no
    fault but a turn for the better (`start_succeeded`)."""

    rule: str
    stream_key: str
    event_start: int
    event_end: int
    service: str
    severity: Severity
    stage: Stage
    entity: Entity | None
    title: str
    cause: str
    fix: str
    tags: tuple[str, ...]
    time_ms: int
    time_from: TimeFrom
    evidence: Evidence
    dedup_key: str
    is_shadow: bool = False
    is_startup: bool = False
    priority: int = 50
    marks: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What took the entity away. `confidence` is 0..1; `restore` is the line, artifact or value to put back."""

    item: str
    kind: str
    change: str
    restore: str
    confidence: float


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """A problem with a life. `count` is the number of distinct events with a finding of its dedup key; `evidence` is the first
    five and the last."""

    dedup_key: str
    state: IncidentState
    severity: Severity
    service: str
    source: str
    rule: str
    title: str
    entity: str | None
    entity_kind: str | None
    stage: Stage
    first_seen_ms: int
    last_seen_ms: int
    count: int
    fix: str
    evidence: tuple[Evidence, ...]
    cause: Cause | None = None
    roll_back_to: str | None = None
    explanation: str = ""
    tags: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    is_flapping: bool = False


class AlertAction(StrEnum):
    TRIGGER = "trigger"
    UPDATE = "update"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message on an incident for one receiver. `seq` rises within a dedup key: a later one never overtakes an earlier one.
    `instead_of` is the receiver that could not be told, where this one hears of it in its place."""

    receiver: str
    action: AlertAction
    incident: Incident
    seq: int
    at_ms: int
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream was read. `offset` is a line start, or a record: everything before it is judged and written down. `token`
    is what the source needs to know the stream again."""

    stream_key: str
    stream_name: str
    offset: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told about what: the sink's name in the settings, and what it wants to hear."""

    name: str
    min_severity: Severity = Severity.WARNING
    wants_updates: bool = True
    wants_resolves: bool = True


@dataclass(slots=True)
class Counts:
    """What went by since the last checkpoint; added up into the run's summary and the process's metrics."""

    lines: int = 0
    bytes: int = 0
    events: int = 0
    hits: int = 0
    findings: int = 0
    dead_letters: int = 0
    late: int = 0
    lost_bytes: int = 0
    lost_records: int = 0
    points: int = 0
    cut_lines: int = 0
    loud_lines: int = 0
    repaired: int = 0
    rule_hits: dict[str, int] = field(default_factory=dict)
    layouts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What a checkpoint does to the journal of metric points: rows before `kept_from` go, row `number` is appended if there is
    one, `series` become known by their numbers, and `forgotten` ones are known no more. `body` makes the row's bytes, in any
    thread, and again if they could not be written."""

    number: int
    body: Callable[[], bytes] | None
    kept_from: int
    series: tuple[tuple[int, bytes], ...] = ()
    forgotten: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """The journal of metric points, as (number, body) pairs by number."""

    rows: tuple[tuple[int, bytes], ...] = ()
    series: tuple[tuple[int, bytes], ...] = ()


# A storm must not turn into a storm of writes: of each dedup key, more than so many findings a checkpoint are counted by their
# incident, not kept one by one.
FINDINGS_A_KEY = 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one store transaction writes: how far we read and everything that followed from it. `state` holds changed parts of the
    pipeline's memory by key; None deletes the key. `command_id` is the last command that was consumed, or None for no change.
    `requests` are asked of the judge once the rest is written down; they are not written themselves."""

    at_ms: int
    positions: tuple[Position, ...] = ()
    state: tuple[tuple[str, bytes | None], ...] = ()
    findings: tuple[Finding, ...] = ()
    incidents: tuple[Incident, ...] = ()
    alerts: tuple[Alert, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    lost: tuple[LostRange, ...] = ()
    command_id: int | None = None
    cells: tuple[Cell, ...] = ()
    changes: tuple[Change, ...] = ()
    judged: tuple[Judged, ...] = ()
    requests: tuple[JudgeRequest, ...] = ()
    journal: JournalEntry | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened: then there is nothing to write."""
        said = (self.positions, self.state, self.findings, self.incidents, self.alerts, self.dead_letters, self.lost)
        of_signals = (self.cells, self.changes, self.judged, self.requests, self.journal)
        return not any(said) and not any(of_signals) and self.command_id is None

    @property
    def is_urgent(self) -> bool:
        """Whether someone must be told: such a checkpoint is written at once and synced to the disk."""
        return bool(self.findings or self.alerts or self.lost)
