"""Signals made of logs: the share of lines with some levels, and how long a start took.

Each service has a watermark of its own, for one that is read an hour behind the others is not late.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from detector.core.signals.cells import FamilyCell
from detector.core.signals.definition import Family, Make, SignalDefinition
from detector.core.signals.folding import LATENESS_MS, STEP_MS

MOST_OPEN = 10_000  # steps of services that are not closed
MOST_SERVICES = 5_000


@dataclass(slots=True)
class _Service:
    """`levels` and `seconds` by the step they lie in."""

    newest_ms: int = -1
    closed_ms: int = -1
    fed_mono_ms: int = 0
    levels: dict[int, Counter[str]] = field(default_factory=dict)
    seconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def is_idle(self) -> bool:
        return not self.levels and not self.seconds

    def snapshot(self) -> bytes:
        levels = [[step_ms, counts] for step_ms, counts in self.levels.items()]
        return orjson.dumps([1, self.newest_ms, self.closed_ms, levels, list(self.seconds.items())])

    @classmethod
    def restored(cls, state: bytes, mono_ms: int) -> _Service:
        """Raises ValueError or TypeError."""
        version, newest_ms, closed_ms, levels, seconds = orjson.loads(state)
        if version != 1:
            raise ValueError(f"version {version} of what logs tell signals")
        return cls(
            int(newest_ms),
            int(closed_ms),
            mono_ms,
            {int(step_ms): Counter(counts) for step_ms, counts in levels},
            {int(step_ms): [float(each) for each in took] for step_ms, took in seconds},
        )


class LogFolding:
    """`take_*` as lines go by, `close` as they come, `advance` as time goes by without any, `drain` for the state. `late` and
    `refused` count lines and starts that found no step."""

    def __init__(self, signals: Iterable[SignalDefinition], step_ms: int = STEP_MS, lateness_ms: int = LATENESS_MS) -> None:
        self.step_ms = step_ms
        self.lateness_ms = lateness_ms
        self.late = 0
        self.refused = 0
        families = [(signal, family) for signal in signals for family in signal.families]
        self._lines = [(signal, family) for signal, family in families if family.make is Make.LINES]
        self._starts = [(signal, family) for signal, family in families if family.make is Make.STARTUP]
        self._services: dict[str, _Service] = {}
        self._ready: list[FamilyCell] = []
        self._changed: dict[str, None] = {}
        self._open = 0
        self._mono_ms = 0

    @property
    def is_wanted(self) -> bool:
        """Whether any signal is made of logs."""
        return bool(self._lines or self._starts)

    def take_lines(self, service: str, time_ms: int, by_level: Mapping[str, int]) -> None:
        """How many lines of each level there were at that time; all of them, also those below the levels that are asked for."""
        lines = sum(by_level.values())
        known, step_ms = self._known(service, time_ms, lines)
        if known is None or not self._has_room(known.levels, step_ms, lines):
            return
        known.levels.setdefault(step_ms, Counter()).update(by_level)

    def take_start(self, service: str, time_ms: int, seconds: float) -> None:
        """A start that succeeded then, after so long: a finite number, not below 0."""
        known, step_ms = self._known(service, time_ms, 1)
        if known is None or not self._has_room(known.seconds, step_ms, 1):
            return
        known.seconds.setdefault(step_ms, []).append(seconds)

    def close(self, until_ms: int = -1) -> tuple[FamilyCell, ...]:
        """The steps that end at or before their service's watermark, or before `until_ms` if that is later; in time order."""
        cells, self._ready = self._ready, []
        for name, known in self._services.items():
            if not known.is_idle:
                cells += self._closed(name, known, max(until_ms, known.newest_ms - self.lateness_ms))
        return _in_time(cells)

    def advance(self, mono_ms: int) -> tuple[FamilyCell, ...]:
        """What may be closed at that time of a clock that never jumps: also all that a service has waiting that was silent for
        longer than anybody is waited for."""
        self._mono_ms = mono_ms
        cells: list[FamilyCell] = []
        for name, known in self._services.items():
            if known.is_idle:
                continue
            is_over = mono_ms - known.fed_mono_ms >= self.lateness_ms + self.step_ms
            cells += self._closed(name, known, known.newest_ms + (self.step_ms if is_over else -self.lateness_ms))
        return _in_time(cells)

    def finish(self) -> tuple[FamilyCell, ...]:
        """All that waits."""
        cells, self._ready = self._ready, []
        for name, known in self._services.items():
            cells += self._closed(name, known, known.newest_ms + self.step_ms)
        return _in_time(cells)

    def drain(self) -> dict[str, bytes | None]:
        """The state of services that changed since the last call, by their name; None: it is forgotten."""
        state = {name: self._services[name].snapshot() if name in self._services else None for name in self._changed}
        self._changed = {}
        return state

    def restore(self, state: Mapping[str, bytes], mono_ms: int) -> None:
        """What `drain` gave. What is not ours is left out: its lines are gone."""
        self._mono_ms = mono_ms
        for name, body in state.items():
            try:
                known = _Service.restored(body, mono_ms)
            except (ValueError, TypeError, AttributeError):
                continue
            self._services[name] = known
            self._open += len(known.levels) + len(known.seconds)

    def _closed(self, name: str, known: _Service, until_ms: int) -> list[FamilyCell]:
        edge_ms = until_ms // self.step_ms * self.step_ms
        if edge_ms <= known.closed_ms:
            return []
        known.closed_ms = edge_ms
        if known.is_idle:
            return []
        self._changed[name] = None
        cells = []
        for step_ms in sorted(step_ms for step_ms in known.levels if step_ms < edge_ms):
            levels = known.levels.pop(step_ms)
            self._open -= 1
            cells += [self._share(name, step_ms, levels, signal, family) for signal, family in self._lines]
        for step_ms in sorted(step_ms for step_ms in known.seconds if step_ms < edge_ms):
            seconds = known.seconds.pop(step_ms)
            self._open -= 1
            mean = math.fsum(seconds) / len(seconds)
            cells += [
                self._cell(name, step_ms, signal, family, mean * family.scale, len(seconds)) for signal, family in self._starts
            ]
        return cells

    def _share(self, name: str, step_ms: int, levels: Counter[str], signal: SignalDefinition, family: Family) -> FamilyCell:
        lines = levels.total()
        asked = sum(levels[level] for level in family.levels)
        return self._cell(name, step_ms, signal, family, asked / lines if lines else math.nan, lines)

    def _cell(
        self, name: str, step_ms: int, signal: SignalDefinition, family: Family, value: float, evidence: float
    ) -> FamilyCell:
        return FamilyCell(name, signal.id, family.name, step_ms, value, evidence, self.step_ms / 1000)

    def _known(self, service: str, time_ms: int, count: int) -> tuple[_Service | None, int]:
        """None where it finds no step any more, which is counted."""
        step_ms = time_ms // self.step_ms * self.step_ms
        known = self._services.get(service)
        if known is None:
            if len(self._services) >= MOST_SERVICES:
                self._forget_idle()
            if len(self._services) >= MOST_SERVICES:
                self.refused += count
                return None, step_ms
            known = self._services[service] = _Service()
        if step_ms < known.closed_ms:
            self.late += count
            return None, step_ms
        if time_ms > known.newest_ms:
            known.newest_ms, known.fed_mono_ms = time_ms, self._mono_ms
            if not known.is_idle:
                self._ready += self._closed(service, known, time_ms - self.lateness_ms)
        self._changed[service] = None
        return known, step_ms

    def _forget_idle(self) -> None:
        for name in [name for name, each in self._services.items() if each.is_idle]:
            del self._services[name]
            self._changed[name] = None

    def _has_room(self, waiting: Mapping[int, object], step_ms: int, count: int) -> bool:
        if step_ms in waiting:
            return True
        if self._open >= MOST_OPEN:
            self.refused += count
            return False
        self._open += 1
        return True


def _in_time(cells: list[FamilyCell]) -> tuple[FamilyCell, ...]:
    return tuple(sorted(cells, key=lambda cell: cell.start_ms))
