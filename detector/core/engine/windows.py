"""The open stories of one rule, kept apart by key, in event time, bounded.

An entry's time and the order of the stream decide, never how the stream was cut into batches or when somebody looked. What is
older than the window and the allowed lateness is forgotten; what arrives later than that is late, and counted.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from detector.core.engine.stories import Completed, Entry, Part, finder_of
from detector.core.ruleset.spec import Rule

LATENESS_MS = 60_000
MAX_KEYS = 10_000
MAX_ENTRIES = 50_000
ENTRIES_A_PART = 32
# Forgetting by the clock of the stream only saves memory; late enough never to decide anything.
IDLE_MS = 3_600_000

Key = tuple[str, ...]


class Windows:
    """Stories by key, the one touched last at the end. Counters only rise."""

    def __init__(self, rule: Rule) -> None:
        self._window_ms = rule.window_ms
        self._find = finder_of(rule)
        self._part_count = 1 if rule.count else len(rule.all_of or rule.sequence)
        self._capacity = 2 * rule.count.at_least if rule.count else ENTRIES_A_PART
        self._stories: OrderedDict[Key, list[Part]] = OrderedDict()
        self._order = 0
        self._entries = 0
        self.late = 0
        self.dropped = 0

    def add(self, key: Key, time_ms: int, hits: Iterable[tuple[int, tuple[tuple[str, str], ...]]]) -> Completed | None:
        """Takes what one event confirmed: (part, groups), in the order of the text. Returns the entries of the story that this
        completes; they are then used up."""
        story = self._stories.get(key)
        if story is None:
            story = self._stories[key] = [[] for _ in range(self._part_count)]
        self._stories.move_to_end(key)
        newest = max((part[-1].time_ms for part in story if part), default=time_ms)
        if time_ms < newest - self._window_ms - LATENESS_MS:
            self.late += 1
            return None
        for part, groups in hits:
            self._order += 1
            self._insert(story[part], Entry(time_ms, self._order, groups))
        self._forget_before(story, max(newest, time_ms) - self._window_ms - LATENESS_MS)
        completed = self._find(story, self._window_ms)
        if completed is not None:
            self._use_up(key, story, completed)
        self._evict()
        return completed

    def expire(self, watermark_ms: int) -> bool:
        """Forgets stories that were idle for far longer than a window; says whether there were any."""
        horizon = watermark_ms - self._window_ms - IDLE_MS
        idle = [key for key, story in self._stories.items() if all(not part or part[-1].time_ms < horizon for part in story)]
        for key in idle:
            self._drop(key)
        return bool(idle)

    def snapshot(self) -> dict[str, Any]:
        return {
            "order": self._order,
            "stories": [[key, [list(map(tuple, part)) for part in story]] for key, story in self._stories.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `snapshot` gave, after JSON. Raises ValueError, TypeError or KeyError for anything else."""
        stories: OrderedDict[Key, list[Part]] = OrderedDict()
        for key, story in state["stories"]:
            parts = [[entry_of(entry) for entry in part] for part in story]
            if len(parts) != self._part_count:
                raise ValueError("another number of parts")
            stories[tuple(map(str, key))] = parts
        self._order = int(state["order"])
        self._stories = stories
        self._entries = sum(len(part) for story in stories.values() for part in story)

    @property
    def is_empty(self) -> bool:
        return not self._stories

    def _insert(self, part: Part, entry: Entry) -> None:
        bisect.insort(part, entry)
        self._entries += 1
        if len(part) > self._capacity:
            del part[0]
            self._entries -= 1
            self.dropped += 1

    def _forget_before(self, story: list[Part], horizon_ms: int) -> None:
        for part in story:
            if part and part[0].time_ms < horizon_ms:
                kept = [entry for entry in part if entry.time_ms >= horizon_ms]
                self._entries -= len(part) - len(kept)
                part[:] = kept

    def _use_up(self, key: Key, story: list[Part], completed: Completed) -> None:
        last = max(completed)
        for part in story:
            kept = [entry for entry in part if entry > last]
            self._entries -= len(part) - len(kept)
            part[:] = kept
        if not any(story):
            del self._stories[key]

    def _evict(self) -> None:
        while len(self._stories) > MAX_KEYS or (self._entries > MAX_ENTRIES and len(self._stories) > 1):
            self.dropped += self._drop(next(iter(self._stories)))

    def _drop(self, key: Key) -> int:
        size = sum(map(len, self._stories.pop(key)))
        self._entries -= size
        return size


def entry_of(state: Any) -> Entry:
    """An entry as JSON gave it back. Raises ValueError or TypeError."""
    time_ms, order, groups = state
    return Entry(int(time_ms), int(order), tuple((str(name), str(token)) for name, token in groups))
