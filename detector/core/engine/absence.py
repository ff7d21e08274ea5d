"""`absent`: a line that must follow another did not. A timer runs in event time and fires when the watermark is past it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any

from detector.core.engine.windows import MAX_KEYS, Key
from detector.records import Evidence, TimeFrom

TIMERS_A_KEY = 16


@dataclass(frozen=True, slots=True)
class Timer:
    """Running since `since_ms`; the expected line must carry a time up to `deadline_ms`. The rest is for the finding."""

    since_ms: int
    deadline_ms: int
    stream_key: str
    source: str
    service: str
    event_start: int
    event_end: int
    time_from: TimeFrom
    evidence: Evidence
    groups: dict[str, str]
    is_shadow: bool


class Absence:
    """The timers of one rule by key. Counters only rise."""

    def __init__(self, within_ms: int) -> None:
        self.within_ms = within_ms
        self._timers: OrderedDict[Key, list[Timer]] = OrderedDict()
        self._first_deadline_ms = 1 << 62
        self.dropped = 0

    def start(self, key: Key, timer: Timer) -> None:
        timers = self._timers.setdefault(key, [])
        self._timers.move_to_end(key)
        timers.append(timer)
        self._first_deadline_ms = min(self._first_deadline_ms, timer.deadline_ms)
        if len(timers) > TIMERS_A_KEY:
            del timers[0]
            self.dropped += 1
        if len(self._timers) > MAX_KEYS:
            self.dropped += len(self._timers.popitem(last=False)[1])

    def came(self, key: Key, time_ms: int) -> bool:
        """The expected line is here: it stops every timer that it is in time for. Says whether there was one."""
        timers = self._timers.get(key)
        if not timers:
            return False
        kept = [timer for timer in timers if not timer.since_ms <= time_ms <= timer.deadline_ms]
        if len(kept) == len(timers):
            return False
        self._keep(key, kept)
        return True

    def due(self, stream_key: str, watermark_ms: int) -> list[Timer]:
        """The timers of one stream that nothing can stop any more, oldest first; they have then fired."""
        if watermark_ms <= self._first_deadline_ms:
            return []
        fired: list[Timer] = []
        for key, timers in list(self._timers.items()):
            mine = [t for t in timers if t.stream_key == stream_key and t.deadline_ms < watermark_ms]
            if mine:
                fired += mine
                self._keep(key, [timer for timer in timers if timer not in mine])
        self._first_deadline_ms = min((t.deadline_ms for t in self.running()), default=1 << 62)
        return sorted(fired, key=lambda timer: (timer.deadline_ms, timer.event_start))

    def running(self) -> list[Timer]:
        return [timer for timers in self._timers.values() for timer in timers]

    def snapshot(self) -> dict[str, Any]:
        return {"timers": [[key, [asdict(timer) for timer in timers]] for key, timers in self._timers.items()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `snapshot` gave, after JSON. Raises ValueError, TypeError or KeyError for anything else."""
        self._timers = OrderedDict((tuple(map(str, key)), [_timer(timer) for timer in timers]) for key, timers in state["timers"])
        self._first_deadline_ms = min((timer.deadline_ms for timer in self.running()), default=1 << 62)

    @property
    def is_empty(self) -> bool:
        return not self._timers

    def _keep(self, key: Key, timers: list[Timer]) -> None:
        if timers:
            self._timers[key] = timers
        else:
            del self._timers[key]


def _timer(state: dict[str, Any]) -> Timer:
    evidence, time_from = Evidence(**state["evidence"]), TimeFrom(state["time_from"])
    return Timer(**{**state, "evidence": evidence, "time_from": time_from})
