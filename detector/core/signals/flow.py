"""What becomes of metric points and of what logs tell: cells of golden signals, and changes that nobody announced.

Steps close as the watermark of the slowest stream that is alive passes them. At the start and when time jumps they wait a little,
since others may come with what they kept, too; in replay there is no clock, and all points are one stream. Where points stop,
ticks close the steps in which something waits, and no more: who was away for a while and comes back with what it kept is not
late. What waits is in the journal, so that a killed process goes on with it; what was made of it is told with the checkpoint that
closed its step, once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import orjson

from detector.core.signals.cells import FamilyCell
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.derived import Derivation
from detector.core.signals.figures import SignalFigures
from detector.core.signals.folding import MOST_SERIES, Folding, FoldingCounts
from detector.core.signals.followed import FlowChanges, Past
from detector.core.signals.found import Found, found
from detector.core.signals.from_logs import LogFolding
from detector.core.signals.image_flip import METRIC, ImageFlips
from detector.core.signals.journal import Journal
from detector.core.signals.streams import WAIT_MS, Streams
from detector.records import Cell, Change, MetricPoint, Remembered

STATE = "signals/"
_IMAGES, _CHOICE, _GONE, _LOGS = STATE + "images", STATE + "choice", STATE + "gone", STATE + "logs/"
MOST_IDS = 1_000  # of changes that were recognised, the latest: a new one gets none of them
MOST_FLOODS = 5  # metrics that are told of by name; what more of them do is counted
FLOOD_PAUSE_MS = 60_000
CATCH_UP_MS = 30_000  # after a start: who was not served meanwhile sends what it kept, and not all do it at once
MOST_CAUGHT_UP = 1_000_000
_ALWAYS = 1 << 62
_WINDOWS_BACK = 4  # a window is told with the first value behind it, which may be long in coming


class SignalFlow:
    """`points`, `lines`, `start` and `tick` as they come, `drain` at every checkpoint. `is_live`: idle time counts, and what
    waits is journaled; in replay neither, and `finish` closes what is left."""

    def __init__(
        self, signals: Sequence[SignalDefinition], max_series: int = MOST_SERIES, *, wait_ms: int = WAIT_MS, is_live: bool = True
    ) -> None:
        self.signals = tuple(signals)
        self.folding = Folding(self.signals, most_series=max_series)
        self.logs = LogFolding(self.signals)
        self.journal = Journal() if is_live else None
        self._derivation = Derivation(self.signals)
        self._flips = ImageFlips()
        self._units = {signal.id: signal.unit for signal in self.signals}
        self._made: dict[str, set[str]] = {}  # signals of logs and of other signals, with the services that had them
        self._cells: list[Cell] = []
        self._changes: list[Change] = []
        self._ids: dict[str, None] = {}
        self._told: dict[str, tuple[int, int]] = {}  # floods: how many were told, and when
        self._known_state: dict[str, bytes] = {_CHOICE: b"[]", _GONE: b"[]"}
        self._has_images = self._has_closed = False  # since the last drain
        self._newest_ms = -1
        self._fed_mono_ms = self._mono_ms = 0
        self._catch_up_until_ms = 0  # by the clock that never jumps; steps that are over wait so long
        self._wait_until_ms: int | None = None  # by that clock; None: nothing is waited for
        self._caught_up = 0
        self._is_reborn = False  # and nothing came since
        self._wait_ms = wait_ms
        self._streams = Streams(wait_ms, self.folding.lateness_ms + self.folding.step_ms)
        self._cells_made = self._repeated = 0

    # -- inputs -----------------------------------------------------------------------------------------------------------

    def points(
        self, points: Sequence[MetricPoint], observed_ms: int, digest: str = "", service: str = "", stream: str = ""
    ) -> None:
        """Takes them in; steps that are over are closed. A push with the digest of an earlier one came before. `service` is
        whose they are where they do not say so, `stream` in which they came."""
        folding, journal = self.folding, self.journal
        if digest and journal is not None and journal.has_come(digest):
            self._repeated += len(points)
            return
        folding.fallback, folding.taken = service, journal.taken if journal is not None else None
        came_ms = folding.take(points, observed_ms)
        if journal is not None:
            journal.number(service)
        if folding.has_seen(METRIC):
            self._look_for_flips(points)
        if came_ms < 0:
            return
        if journal is not None:
            self._streams.came(
                stream,
                came_ms,
                folding.newest_ms,
                self._mono_ms,
                is_late=came_ms < folding.closed_ms,
                lateness_ms=folding.lateness_ms,
            )
        if folding.newest_ms > self._newest_ms:
            if journal is not None:
                self._look_for_a_hole(folding.newest_ms)
            self._newest_ms, self._fed_mono_ms = folding.newest_ms, self._mono_ms
        if self._wait_until_ms is not None:
            self._caught_up += len(points)
            if self._caught_up >= MOST_CAUGHT_UP:
                self._wait_until_ms = None
        self._close_what_is_over()

    def lines(self, service: str, time_ms: int, by_level: Mapping[str, int]) -> None:
        """So many lines of each level were there at that time; all of them, also quiet ones."""
        self.logs.take_lines(service, time_ms, by_level)

    def start(self, service: str, time_ms: int, seconds: float) -> None:
        """A start that succeeded then, after so long."""
        self.logs.take_start(service, time_ms, seconds)

    def tick(self, mono_ms: int) -> None:
        """Time went by, on a clock that never jumps."""
        self._mono_ms = mono_ms
        if self.journal is None:
            return
        if self._wait_until_ms is not None and mono_ms >= self._wait_until_ms:
            self._wait_until_ms = None
        self._close_what_is_over()
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
        if self._has_closed:
            choice = json.dumps(self.folding.choice()).encode()  # names may hold bytes that are no UTF-8, which orjson refuses
            state += self._changed({_CHOICE: choice, _GONE: orjson.dumps(list(self.folding.gone))})
        entry = None
        if self.journal is not None:
            forgotten, self.folding.forgotten = self.folding.forgotten, []
            self.journal.forget(forgotten)
            entry = self.journal.drain(self.folding.closed_ms, self.folding.newest_ms)
        made = FlowChanges(tuple(self._cells), tuple(self._changes), tuple(state), entry, self._flooded())
        self._cells_made += len(self._cells)
        self._cells, self._changes, self._has_images, self._has_closed = [], [], False, False
        return made

    def restore(self, state: Mapping[str, bytes], remembered: Remembered, past: Past) -> None:
        """What the last checkpoint held; called once, after the first tick and before the first input. The steps that the journal
        says were closed are closed again, and what that makes is not told."""
        if _IMAGES in state:
            self._flips.restore(state[_IMAGES])
        self.logs.restore({key.removeprefix(_LOGS): body for key, body in state.items() if key.startswith(_LOGS)}, self._mono_ms)
        self._restore_folding(state)
        if self.journal is not None:
            self._do_again(self.journal, remembered)
        self._newest_ms, self._fed_mono_ms = self.folding.newest_ms, self._mono_ms
        self._is_reborn = self._newest_ms >= 0
        self._catch_up_until_ms = self._mono_ms + CATCH_UP_MS if self._is_reborn else 0
        if self._is_reborn and self._wait_ms:  # who is behind the others has to come first
            self._wait(self._mono_ms + self.folding.lateness_ms + self.folding.step_ms)
        closed_ms, window_ms = self.folding.closed_ms, self._derivation.window_ms
        if closed_ms >= 0 and self._derivation.sources:
            cells = past(self._derivation.sources, closed_ms // window_ms * window_ms - _WINDOWS_BACK * window_ms, closed_ms)
            self._derivation.take([_family_cell(cell, self.folding.step_ms) for cell in cells])

    def found(self, service: str | None = None) -> Found:
        """Which signals came, of one service or of any, and why not the rest."""
        made = [signal for signal, services in self._made.items() if service is None or service in services]
        return found(self.folding, made, service)

    def services(self) -> list[str]:
        """Those of which any signal was made."""
        of_points = {service for (service, _, _), slot in self.folding.slots.items() if slot.seen_ms >= 0}
        return sorted(of_points.union(*self._made.values()))

    def figures(self) -> SignalFigures:
        counts, journal = self.folding.counts, self.journal
        return SignalFigures(
            series=self.folding.series,
            journal_points=journal.points if journal else 0,
            cells=self._cells_made,
            vanished=counts.vanished,
            unkept=journal.unkept if journal else 0,
            hurried=counts.hurried,
            unmerged=counts.unmerged,
            held_ms=max(0, self._newest_ms - self._slowest_ms()),
            behind=tuple(self._streams.behind),
            unused_points={
                "late": counts.late,
                "ahead": counts.ahead,
                "flood": counts.refused_series + counts.refused_services,
                "repeated": self._repeated,
            },
            unused_lines={"late": self.logs.late, "flood": self.logs.refused},
        )

    # -- how --------------------------------------------------------------------------------------------------------------

    def _look_for_a_hole(self, newest_ms: int) -> None:
        """Time that jumps, or goes on after all was quiet, means that someone was away: others may have kept what lies in
        between. Right after a start they get longer, for it was we who were away. Who is alive and behind holds steps after
        that, so all that is waited for here is the first push of each."""
        lateness_ms, mono_ms, before_ms = self.folding.lateness_ms, self._mono_ms, self._newest_ms
        is_hole = before_ms >= 0 and newest_ms - before_ms > lateness_ms
        is_after_silence = before_ms < 0 or mono_ms - self._fed_mono_ms > lateness_ms
        if self._is_reborn and self._wait_ms:
            self._wait_until_ms = None
            self._wait(mono_ms + self._wait_ms)
        self._is_reborn = False
        if is_hole and mono_ms < self._catch_up_until_ms:
            self._wait(self._catch_up_until_ms)
        elif self._wait_ms and self._wait_until_ms is None and (is_hole or is_after_silence):
            self._wait(mono_ms + self._wait_ms)

    def _wait(self, until_mono_ms: int) -> None:
        if self._wait_until_ms is None:
            self._caught_up = 0
        self._wait_until_ms = max(until_mono_ms, self._wait_until_ms or 0)

    def _close_what_is_over(self) -> None:
        folding = self.folding
        over_ms = folding.closed_ms + folding.step_ms + folding.lateness_ms
        if folding.is_crowded:
            self._close(folding.closed_ms)
        if self._newest_ms < over_ms or self._wait_until_ms is not None:
            return
        slowest_ms = self._slowest_ms()
        if slowest_ms >= over_ms:
            self._close(slowest_ms - folding.lateness_ms)

    def _slowest_ms(self) -> int:
        if self.journal is None:
            return self._newest_ms
        return self._streams.slowest_ms(self._newest_ms, self._mono_ms)

    def _close(self, until_ms: int) -> None:
        before_ms = self.folding.closed_ms
        closed = self.folding.close(until_ms)
        if self.folding.closed_ms > before_ms:
            self._has_closed = True
            if self.journal is not None:
                self.journal.close(self.folding.closed_ms)
        self._emit(closed.cells)

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

    def _do_again(self, journal: Journal, remembered: Remembered) -> None:
        folding = self.folding
        for row in journal.restore(remembered):
            at = 0
            for until, closed_ms in (*row.closings, (len(row.points), -1)):
                for service, run in groupby(range(at, until), row.services.__getitem__):
                    folding.fallback = service
                    folding.take([point for each in run if (point := row.points[each]) is not None], _ALWAYS)
                at = until
                if closed_ms >= 0:
                    folding.close(closed_ms)
        journal.settle(folding.find)
        folding.counts = FoldingCounts()
        folding.forgotten = []

    def _restore_folding(self, state: Mapping[str, bytes]) -> None:
        """What is not ours is left out."""
        with contextlib.suppress(ValueError, TypeError):
            choice = json.loads(state.get(_CHOICE, b"[]"))
            self.folding.choose([(str(service), str(signal), str(family)) for service, signal, family in choice])
        with contextlib.suppress(ValueError, TypeError):
            self.folding.gone = dict.fromkeys(map(int, orjson.loads(state.get(_GONE, b"[]"))))
        self._known_state |= {key: state[key] for key in (_CHOICE, _GONE) if key in state}

    def _changed(self, state: Mapping[str, bytes]) -> list[tuple[str, bytes | None]]:
        """What is not as it was written last."""
        changed = [(key, body) for key, body in state.items() if self._known_state.get(key) != body]
        self._known_state |= dict(changed)
        return [*changed]

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
        """Metrics of which more was refused than was told, once a minute; only a few are ever told of by name, because a flood of
        names must not be one of incidents."""
        grown = []
        for name, count in self.folding.counts.flooded.items():
            known = self._told.get(name)
            if known is None and len(self._told) >= MOST_FLOODS:
                continue
            if known is None or (count > known[0] and self._mono_ms - known[1] >= FLOOD_PAUSE_MS):
                self._told[name] = count, self._mono_ms
                grown.append((name, count))
        return tuple(grown)


def _family_cell(cell: Cell, step_ms: int) -> FamilyCell:
    return FamilyCell(cell.service, cell.signal, "", cell.time_ms, cell.value, cell.evidence, step_ms / 1000)
