"""What becomes of metric points and of what logs tell: cells of golden signals, and changes that nobody announced.

Steps close as the watermark passes them. Where points stop, ticks close the steps in which something waits, and no more: who was
away for a while and comes back with what it kept is not late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector.core.signals.cells import FamilyCell
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.derived import Derivation
from detector.core.signals.folding import MOST_SERIES, Folding
from detector.core.signals.found import Found, found
from detector.core.signals.from_logs import LogFolding
from detector.core.signals.image_flip import METRIC, ImageFlips
from detector.records import Cell, Change, MetricPoint

STATE = "signals/"
_IMAGES = STATE + "images"
_LOGS = STATE + "logs/"
MOST_IDS = 1_000  # of changes that were recognised, the latest: a new one gets none of them


@dataclass(frozen=True, slots=True)
class FlowChanges:
    """What followed since the last call. `flooded`: so many samples of new series were refused, by the metric's name."""

    cells: tuple[Cell, ...] = ()
    changes: tuple[Change, ...] = ()
    state: tuple[tuple[str, bytes | None], ...] = ()
    flooded: tuple[tuple[str, int], ...] = ()


class SignalFlow:
    """`points`, `lines`, `start` and `tick` as they come, `drain` at every checkpoint. `is_live`: idle time counts; in replay
    there is none, and `finish` closes what is left."""

    def __init__(self, signals: Sequence[SignalDefinition], max_series: int = MOST_SERIES, *, is_live: bool = True) -> None:
        self.signals = tuple(signals)
        self.folding = Folding(self.signals, most_series=max_series)
        self.logs = LogFolding(self.signals)
        self._is_live = is_live
        self._derivation = Derivation(self.signals)
        self._flips = ImageFlips()
        self._units = {signal.id: signal.unit for signal in self.signals}
        self._made: dict[str, set[str]] = {}  # signals of logs and of other signals, with the services that had them
        self._cells: list[Cell] = []
        self._changes: list[Change] = []
        self._ids: dict[str, None] = {}
        self._told_of: dict[str, int] = {}
        self._has_images = False  # since the last drain
        self._newest_ms = -1
        self._fed_mono_ms = self._mono_ms = 0

    # -- inputs -----------------------------------------------------------------------------------------------------------

    def points(self, points: Sequence[MetricPoint], observed_ms: int) -> None:
        """Takes them in; steps that are over are closed."""
        folding = self.folding
        folding.take(points, observed_ms)
        if folding.has_seen(METRIC):
            self._look_for_flips(points)
        if folding.newest_ms > self._newest_ms:
            self._newest_ms, self._fed_mono_ms = folding.newest_ms, self._mono_ms
        if folding.newest_ms - folding.lateness_ms >= folding.closed_ms + folding.step_ms:
            self._close(None)

    def lines(self, service: str, time_ms: int, by_level: Mapping[str, int]) -> None:
        """So many lines of each level were there at that time; all of them, also quiet ones."""
        self.logs.take_lines(service, time_ms, by_level)

    def start(self, service: str, time_ms: int, seconds: float) -> None:
        """A start that succeeded then, after so long."""
        self.logs.take_start(service, time_ms, seconds)

    def tick(self, mono_ms: int) -> None:
        """Time went by, on a clock that never jumps."""
        self._mono_ms = mono_ms
        if not self._is_live:
            return
        idle_ms = mono_ms - self._fed_mono_ms
        if self._newest_ms >= 0 and idle_ms >= self.folding.lateness_ms + self.folding.step_ms:
            self._close(self._newest_ms + self.folding.step_ms)
        self._emit(self.logs.advance(mono_ms), is_elsewhere=True)

    def finish(self) -> None:
        """Nothing more comes."""
        if self._newest_ms >= 0:
            self._close(self._newest_ms + self.folding.step_ms)
        self._emit(self.logs.finish(), is_elsewhere=True)
        self._emit(self._derivation.finish(), is_elsewhere=True)

    # -- what followed ----------------------------------------------------------------------------------------------------

    def drain(self) -> FlowChanges:
        self._emit(self.logs.close(), is_elsewhere=True)
        state: list[tuple[str, bytes | None]] = [(_LOGS + name, body) for name, body in self.logs.drain().items()]
        if self._has_images:
            state.append((_IMAGES, self._flips.snapshot()))
        made = FlowChanges(tuple(self._cells), tuple(self._changes), tuple(state), self._flooded())
        self._cells, self._changes, self._has_images = [], [], False
        return made

    def restore(self, state: Mapping[str, bytes]) -> None:
        """What the last checkpoint held; called once, before the first input."""
        if _IMAGES in state:
            self._flips.restore(state[_IMAGES])
        logs = {key.removeprefix(_LOGS): body for key, body in state.items() if key.startswith(_LOGS)}
        self.logs.restore(logs, self._mono_ms)

    def found(self, service: str | None = None) -> Found:
        """Which signals came, of one service or of any, and why not the rest."""
        made = [signal for signal, services in self._made.items() if service is None or service in services]
        return found(self.folding, made, service)

    # -- how --------------------------------------------------------------------------------------------------------------

    def _close(self, until_ms: int | None) -> None:
        self._emit(self.folding.close(until_ms).cells)

    def _emit(self, cells: Iterable[FamilyCell], *, is_elsewhere: bool = False) -> None:
        """`is_elsewhere`: they were not made of points."""
        cells = tuple(cells)
        if not cells:
            return
        self._cells += [self._cell(each) for each in cells]
        if is_elsewhere:
            for each in cells:
                self._made.setdefault(each.signal, set()).add(each.service)
        derived = self._derivation.take(cells)
        if derived:
            self._emit(derived, is_elsewhere=True)

    def _cell(self, cell: FamilyCell) -> Cell:
        """A signal that is made of several others is a series of its own for each of them: `application/spikes:container/cpu`."""
        source = cell.family.partition(":")[2]
        name = f"{cell.signal}:{source}" if source else cell.signal
        return Cell(cell.service, name, self._units[cell.signal], cell.start_ms, cell.value, cell.evidence)

    def _look_for_flips(self, points: Sequence[MetricPoint]) -> None:
        told = [point for point in points if point.name == METRIC]
        if not told:
            return
        self._has_images = True
        for flip in self._flips.add(told):
            change = flip.change(self._ids)
            self._ids[change.id] = None
            if len(self._ids) > MOST_IDS:
                del self._ids[next(iter(self._ids))]
            self._changes.append(change)

    def _flooded(self) -> tuple[tuple[str, int], ...]:
        """Of names of which more was refused than when this was last asked."""
        flooded = self.folding.counts.flooded
        grown = tuple((name, count) for name, count in flooded.items() if count > self._told_of.get(name, 0))
        self._told_of = dict(flooded)
        return grown
