"""The streams of a pipeline: those that are read now, and the others as the few hundred bytes that bring them back."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from detector.core.decode.logs.record_stream import RecordStream
from detector.core.decode.logs.stream import LogStream
from detector.core.decode.service import service_of
from detector.records import Batch, Position, Stream

STATE = "stream/"
MOST_AWAKE = 1024


@dataclass(slots=True)
class Flow:
    """One stream that is read."""

    logs: LogStream | RecordStream
    stream: Stream
    token: str
    service: str
    last_ms: int = 0  # the latest time of an event that was given out, clamped: what a line without a time takes
    sampled_ms: int = 0  # the latest time of a quiet line: only ticks look at it, for it depends on where batches are cut
    fed_mono_ms: int = 0
    repaired: int = 0  # so many of the stream's repaired lines were counted
    packed_bytes: int = 0  # of all packed batches
    loudness: float = 0.0  # share of the latest packed batches in which something was found
    silent_until: int = 0  # events that end before it were told by somebody else
    begun_at: int = 0  # where the latest batch whose lines were counted by level began
    counted_until: int = 0  # lines before it were counted by level; 0 where nobody asks for levels
    spread_ms: int = 0  # the time up to which they were counted
    first_ms: int = 0  # when the stream began, where that was seen
    has_started: bool = False  # a start succeeded in it

    @property
    def latest_ms(self) -> int:
        """How far the stream's own time has come; 0 when no line said one."""
        return max(self.last_ms, self.sampled_ms)

    def snapshot(self) -> bytes:
        """Who counts no levels writes what older releases read."""
        levels = b" %d %d %d" % (self.counted_until, self.first_ms, self.has_started) if self.counted_until else b""
        return b"%d%b\n%b" % (self.last_ms, levels, self.logs.snapshot())

    def restore(self, state: bytes) -> None:
        """Raises ValueError, TypeError or KeyError when the state is not ours."""
        told, _, logs = state.partition(b"\n")
        self.last_ms, *levels = map(int, told.split())
        if levels:
            self.counted_until, self.first_ms, has_started = levels
            self.has_started = bool(has_started)
        self.logs.restore(logs)


@dataclass(frozen=True, slots=True)
class Still:
    """A stream that is asleep while something is expected in it: how far its time had come, and since when it stands still."""

    latest_ms: int
    since_mono_ms: int


class Streams:
    """By key. What changed is noted until `drain`."""

    def __init__(self) -> None:
        self.awake: dict[str, Flow] = {}  # in order of use, the longest unused first
        self.still: dict[str, Still] = {}
        self._asleep: dict[str, bytes] = {}
        self._moved: dict[str, None] = {}
        self._positions: dict[str, Position] = {}
        self._state: dict[str, bytes | None] = {}

    @property
    def longest_unused(self) -> Flow | None:
        """The one to put to sleep before another is woken; None while there is room."""
        return next(iter(self.awake.values())) if len(self.awake) >= MOST_AWAKE else None

    def is_awake(self, key: str) -> bool:
        return key in self.awake

    def of(self, batch: Batch, token: str, mono_ms: int) -> Flow:
        """The stream of a batch, now the one used last."""
        stream = batch.stream
        flow = self.awake.pop(stream.key, None) or self._woken(stream, token, is_records=batch.next_offset >= 0)
        self.awake[stream.key] = flow
        flow.token, flow.stream, flow.fed_mono_ms = token or flow.token, stream, mono_ms
        return flow

    def move(self, key: str) -> None:
        """Something of a stream that is awake changed."""
        self._moved[key] = None

    def reach(self, position: Position) -> None:
        """A position of something that has no lines."""
        self._positions[position.stream_key] = position

    def sleep(self, key: str, awaited: Collection[str]) -> None:
        """Until its next batch; `awaited` are the streams in which something is expected."""
        if (flow := self.awake.pop(key, None)) is None:
            return
        self._moved.pop(key, None)
        self._note(key, flow)
        self._asleep[key] = flow.snapshot()
        if key in awaited:
            self.still[key] = Still(flow.latest_ms, flow.fed_mono_ms)

    def rest(self, key: str, awaited: Collection[str]) -> None:
        """As `sleep`, of a stream that somebody else may go on with."""
        if (flow := self.awake.get(key)) is not None and isinstance(flow.logs, RecordStream):
            flow.logs.rest()
        self.sleep(key, awaited)

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            for held in (self.awake, self._asleep, self.still, self._moved, self._positions):
                held.pop(key, None)
            self._state[STATE + key] = None

    def drain(self) -> tuple[tuple[Position, ...], dict[str, bytes | None]]:
        """What changed since the last call: positions, and state by key."""
        for key in self._moved:
            self._note(key, self.awake[key])
        positions, state = tuple(self._positions.values()), self._state
        self._moved, self._positions, self._state = {}, {}, {}
        return positions, state

    def restore(self, state: Mapping[str, bytes], awaited: Collection[str], mono_ms: int) -> None:
        """What a store held; called once, before the first batch."""
        self._asleep = {key.removeprefix(STATE): value for key, value in state.items() if key.startswith(STATE)}
        for key in awaited & self._asleep.keys():
            with contextlib.suppress(ValueError, IndexError):
                self.still[key] = Still(int(self._asleep[key].partition(b"\n")[0].split()[0]), mono_ms)

    def _woken(self, stream: Stream, token: str, *, is_records: bool) -> Flow:
        """State that is not ours (another release wrote it) is as good as none: the position still holds."""
        self.still.pop(stream.key, None)
        kind = RecordStream if is_records else LogStream
        flow = Flow(kind(stream), stream, token, service_of(stream))
        if (kept := self._asleep.pop(stream.key, None)) is not None:
            try:
                flow.restore(kept)
            except (ValueError, TypeError, KeyError):
                return Flow(kind(stream), stream, token, service_of(stream))
        return flow

    def _note(self, key: str, flow: Flow) -> None:
        self._state[STATE + key] = flow.snapshot()
        self._positions[key] = Position(key, flow.stream.name, flow.logs.resume_offset, flow.token)
