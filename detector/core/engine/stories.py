"""When a story is complete: the deciding part of `all`, `sequence` and `count`, over entries sorted by time."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import NamedTuple

from detector.core.ruleset.spec import Rule


class Entry(NamedTuple):
    """One event's share in a story. `order` rises with arrival and settles equal times; `groups` are what the match named."""

    time_ms: int
    order: int
    groups: tuple[tuple[str, str], ...] = ()


Part = list[Entry]
Completed = tuple[Entry, ...]
Finder = Callable[[list[Part], int], Completed | None]


def finder_of(rule: Rule) -> Finder:
    """What decides for this rule; one of its three ways is used."""
    if rule.count is not None:
        return count_finder(rule.count.at_least)
    return find_all if rule.all_of else find_sequence


def find_all(parts: list[Part], window_ms: int) -> Completed | None:
    """One entry of each part, all within the window, in any order; the latest there are."""
    if not all(parts):
        return None
    for end in sorted((entry for part in parts for entry in part), reverse=True):
        chosen = [entry for part in parts if (entry := _last_until(part, end)) is not None]
        if len(chosen) < len(parts):
            return None
        if end.time_ms - min(chosen).time_ms <= window_ms:
            return tuple(chosen)
    return None


def find_sequence(parts: list[Part], window_ms: int) -> Completed | None:
    """One entry of each part, each after the one before, all within the window; the latest there are."""
    for end in reversed(parts[-1]):
        chain = [end]
        for part in reversed(parts[:-1]):
            before = _last_before(part, chain[-1])
            if before is None:
                return None
            chain.append(before)
        if end.time_ms - chain[-1].time_ms <= window_ms:
            return tuple(reversed(chain))
    return None


def count_finder(at_least: int) -> Finder:
    """So many entries of the only part within the window; the earliest that suffice."""

    def find_count(parts: list[Part], window_ms: int) -> Completed | None:
        entries = parts[0]
        for first in range(len(entries) - at_least + 1):
            if entries[first + at_least - 1].time_ms - entries[first].time_ms <= window_ms:
                return tuple(entries[first : first + at_least])
        return None

    return find_count


def _when(entry: Entry) -> tuple[int, int]:
    return entry[0], entry[1]


def _last_until(part: Part, limit: Entry) -> Entry | None:
    at = bisect.bisect_right(part, _when(limit), key=_when)
    return part[at - 1] if at else None


def _last_before(part: Part, limit: Entry) -> Entry | None:
    at = bisect.bisect_left(part, _when(limit), key=_when)
    return part[at - 1] if at else None
