"""A sink that answers as told, and a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from detector.edges.outbox.courier import Courier
from detector.edges.sinks.base import Delivered
from detector.edges.store.store import Store
from detector.errors import SinkError
from detector.records import Alert
from detector.settings import OutboxSettings
from detector.telemetry import Health, Metrics

Answer = Delivered | Exception


@dataclass
class ScriptedSink:
    """Gives the answers in turn, then `always`. A fake, because no receiver can be made to fail in each of these ways on demand;
    the sinks themselves are tested against real servers."""

    name: str
    answers: list[Answer] = field(default_factory=list)
    always: Answer = field(default_factory=Delivered)
    seen: list[tuple[str, int, str]] = field(default_factory=list)
    taken: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    on_send: Callable[[Alert], None] = lambda _alert: None

    async def open(self) -> None:
        self.opened += 1

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        self.seen.append((alert.incident.dedup_key, alert.seq, alert.action.value))
        self.notes.append(note)
        self.on_send(alert)
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        self.taken.append((alert.incident.dedup_key, alert.seq))
        return answer

    async def close(self) -> None:
        self.closed += 1


def refusal(reason: str, retry_after_s: float | None = None, *, retryable: bool = True) -> SinkError:
    return SinkError(reason, retryable=retryable, reason=reason, retry_after_s=retry_after_s)


class Post:
    """A courier over a real store, whose time is moved by `advance`."""

    def __init__(self, store: Store, sinks: Iterable[ScriptedSink], settings: OutboxSettings | None = None) -> None:
        self.now_ms = 10_000
        self.store = store
        self.health = Health()
        self.metrics = Metrics()
        self.courier = Courier(
            store,
            {sink.name: sink for sink in sinks},
            settings or OutboxSettings(),
            self.metrics,
            Random(1),
            self.health,
            lambda: self.now_ms,
        )

    async def send_due(self) -> None:
        """One pass of every lane, and of those that it woke."""
        for _ in range(2):
            for lane in self.courier.lanes.values():
                await lane.send_due()

    async def advance(self, seconds: float) -> int:
        """Moves the clock from one due time to the next up to so many seconds on; returns how many passes that took."""
        end_ms = self.now_ms + int(seconds * 1000)
        passes = 0
        while True:
            waits = [await lane.send_due() for lane in self.courier.lanes.values()]
            passes += 1
            next_ms = min((self.now_ms + max(1, round(wait * 1000)) for wait in waits if wait is not None), default=end_ms + 1)
            if next_ms > end_ms:
                self.now_ms = end_ms
                return passes
            self.now_ms = next_ms

    def value(self, metric: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(metric, labels) or 0.0
