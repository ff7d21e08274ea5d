"""What is known about an event besides itself."""

from __future__ import annotations

from dataclasses import dataclass

from detector.records import LogEvent, TimeFrom


@dataclass(frozen=True, slots=True)
class EventContext:
    """`source` is the stream's shown name, `service` what the stream says (a record's own service goes before it unless
    `service_fixed`), `now_ms` the time of an event that has none. `has_change`: a change of the service is known."""

    stream_key: str
    source: str
    service: str
    now_ms: int
    has_change: bool = False
    service_fixed: bool = False

    def service_of(self, event: LogEvent) -> str:
        return self.service if self.service_fixed or not event.service else event.service

    def time_of(self, event: LogEvent) -> int:
        return self.now_ms if event.time_ms is None else event.time_ms

    def time_from(self, event: LogEvent) -> TimeFrom:
        return TimeFrom.ARRIVAL if event.time_ms is None else event.time_from
