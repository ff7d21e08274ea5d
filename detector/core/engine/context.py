"""What is known about an event besides itself."""

from __future__ import annotations

from typing import NamedTuple

from detector.records import LogEvent, TimeFrom

AHEAD_MS = 60_000  # a line from the future moves no clock of ours further than this beyond its arrival


class EventContext(NamedTuple):
    """`source` is the stream's shown name, `service` what the stream says (a record's own service goes before it unless
    `service_fixed`), `now_ms` the time of an event that has none, `arrival_ms` when it came (None: as `now_ms`). `has_change`: a
    change of the service is known."""

    stream_key: str
    source: str
    service: str
    now_ms: int
    has_change: bool = False
    service_fixed: bool = False
    arrival_ms: int | None = None

    def service_of(self, event: LogEvent) -> str:
        return self.service if self.service_fixed or not event.service else event.service

    def time_of(self, event: LogEvent) -> int:
        return self.now_ms if event.time_ms is None else event.time_ms

    def came_ms(self) -> int:
        """When the event came, by a clock that no log line can move."""
        return self.now_ms if self.arrival_ms is None else self.arrival_ms

    def story_ms(self, event: LogEvent) -> int:
        """The event's time as far as windows and timers believe it: one line a year ahead must not make all that follow late."""
        return self.time_of(event) if self.arrival_ms is None else min(self.time_of(event), self.arrival_ms + AHEAD_MS)

    def time_from(self, event: LogEvent) -> TimeFrom:
        return TimeFrom.ARRIVAL if event.time_ms is None else event.time_from
