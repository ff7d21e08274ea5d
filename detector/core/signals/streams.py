"""How far each stream of points has come, so that the one that was read first does not close the steps of the others.

Only streams that are alive hold a step: one that brought nothing for a while is over or away. One that lags behind the others is
waited for as long as its own pace asks. Who stays behind by more than can be waited for is named, and holds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

WAIT_MS = 10_000  # a stream that is read brings something as often, unless there is nothing more
MOST_BEHIND_MS = 900_000
BEHIND_FOR_MS = 300_000  # a backlog of hours is read faster than this, or it is none
MOST_STREAMS = 1_000  # the one that was silent longest is forgotten first
MOST_NAMED = 100


@dataclass(slots=True)
class _Stream:
    newest_ms: int
    came_mono_ms: int
    alive_ms: int
    behind_since_ms: int | None = None  # by the clock that never jumps


class Streams:
    """`wait_ms`: so long a stream holds steps that brings nothing more; with 0 none ever does. `came` with every push;
    `slowest_ms` when steps could close. `behind` names those that were given up, the first of them."""

    def __init__(self, wait_ms: int, most_alive_ms: int) -> None:
        self.behind: dict[str, None] = {}
        self._wait_ms = wait_ms
        self._most_alive_ms = most_alive_ms
        self._streams: dict[str, _Stream] = {}

    def came(self, key: str, newest_ms: int, leader_ms: int, mono_ms: int, *, is_late: bool, lateness_ms: int) -> None:
        """`newest_ms`: of this push. `leader_ms`: the newest of all streams. `is_late`: its steps were closed before it came."""
        stream = self._streams.pop(key, None)
        if stream is None:
            stream = _Stream(newest_ms, mono_ms, self._wait_ms)
            if len(self._streams) >= MOST_STREAMS:
                self._forget(next(iter(self._streams)))
        self._streams[key] = stream  # the latest last
        pause_ms, stream.came_mono_ms = mono_ms - stream.came_mono_ms, mono_ms
        stream.newest_ms = max(stream.newest_ms, newest_ms)
        lag_ms = leader_ms - stream.newest_ms
        stream.alive_ms = self._wait_ms
        if lag_ms > lateness_ms and self._wait_ms:
            stream.alive_ms = min(max(self._wait_ms, 2 * pause_ms), self._most_alive_ms)
        if lag_ms <= MOST_BEHIND_MS:
            stream.behind_since_ms = None
            self.behind.pop(key, None)
            return
        if stream.behind_since_ms is None:
            stream.behind_since_ms = mono_ms - BEHIND_FOR_MS if is_late else mono_ms
        if mono_ms - stream.behind_since_ms >= BEHIND_FOR_MS and len(self.behind) < MOST_NAMED:
            self.behind[key] = None

    def slowest_ms(self, leader_ms: int, mono_ms: int) -> int:
        """How far the slowest has come that is alive and not given up."""
        slowest_ms = leader_ms
        for stream in self._streams.values():
            since_ms = stream.behind_since_ms
            is_waited_for = since_ms is None or mono_ms - since_ms < BEHIND_FOR_MS
            if stream.newest_ms < slowest_ms and is_waited_for and mono_ms - stream.came_mono_ms < stream.alive_ms:
                slowest_ms = stream.newest_ms
        return slowest_ms

    def _forget(self, key: str) -> None:
        del self._streams[key]
        self.behind.pop(key, None)
