"""What a place of the before is asked, and what it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from detector.analysis.baselines.comparison import Compared
from detector.analysis.baselines.table import Table
from detector.core.signals.definition import SignalDefinition
from detector.records import VerdictState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The time before `change_ms`, at most `span_ms` of it, and what came since, to `until_ms`. `change` is an id, or empty."""

    service: str
    change: str
    change_ms: int
    until_ms: int
    window_ms: int
    span_ms: int
    now_ms: int

    @property
    def begin_ms(self) -> int:
        return self.change_ms - self.span_ms


@dataclass(frozen=True, slots=True)
class Held:
    """What one place has. `tables` are of one column, named by the signal's id, in the unit of its file. `after` is the same
    after the change, where the place knows that too. `doubts` say why a signal that is there cannot be judged; `missing` why one
    is not there. `notes` are about the place as a whole."""

    place: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    after: Mapping[str, Table] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_own: bool = False


class Place(Protocol):
    """Says what it has of the signals it is asked for. What is wrong with the place is a note of what it holds, no exception."""

    def look(self, wanted: Wanted, signals: Sequence[SignalDefinition]) -> Held: ...


@dataclass(frozen=True, slots=True)
class Before:
    """How a service was, by signal id. `tables` have one column each, named as the signal, on times of their own, in the unit of
    its file. `after` is there where the place that knew the before knows the time since, too: such a signal has to be judged on
    it, because the two were measured alike. `doubts`: it is there, and cannot be judged; `missing`: it is not there; both say
    why. `places` says where each came from. `is_own`: some came of our own history, and no baseline was pinned."""

    tables: Mapping[str, Table]
    after: Mapping[str, Table]
    doubts: Mapping[str, str]
    missing: Mapping[str, str]
    places: Mapping[str, str]
    notes: tuple[str, ...] = ()
    is_own: bool = False

    @property
    def source(self) -> str:
        """For people: `the before of 7 signals from Prometheus http://prometheus:9090, of 2 from own history`."""
        counted: dict[str, int] = {}
        for place in self.places.values():
            counted[place] = counted.get(place, 0) + 1
        if not counted:
            return "; ".join(("no before was found", *self.notes))
        told = [f"of {count} {'signal' if count == 1 else 'signals'} from {place}" for place, count in counted.items()]
        return "; ".join((f"the before {', '.join(told)}", *self.notes))

    def __str__(self) -> str:
        """`found 9 of 27 signals; missing: ..., because ...`."""
        known = f"found {len(self.tables)} of {len(self.tables) + len(self.missing)} signals"
        by_reason: dict[str, list[str]] = {}
        for signal, reason in self.missing.items():
            by_reason.setdefault(reason, []).append(signal)
        told = [f"{', '.join(ids)}, because {reason}" for reason, ids in by_reason.items()]
        return f"{known}; missing: {'; '.join(told)}" if told else known

    def judged(self, signal: str, compared: Compared) -> Compared:
        """Inconclusive, whatever the numbers said, where there are doubts of the signal: never a pass, and no failure either."""
        why = self.doubts.get(signal)
        if why is None:
            return compared
        state = VerdictState.INCONCLUSIVE
        reason = f"{why}: {state}"
        verdicts = (replace(one, state=state, reason=reason, windows_needed=None) for one in compared.verdicts)
        return replace(compared, verdicts=tuple(verdicts))


def gathered(helds: Iterator[Held] | Sequence[Held], signals: Sequence[SignalDefinition]) -> Before:
    """Of each signal what the first place says that has it without a doubt, else the first that has it."""
    tables: dict[str, Table] = {}
    after: dict[str, Table] = {}
    doubts: dict[str, str] = {}
    reasons: dict[str, list[str]] = {signal.id: [] for signal in signals}
    places: dict[str, str] = {}
    notes: list[str] = []
    is_own = False
    for held in helds:
        notes += held.notes
        for id_, why in held.missing.items():
            reasons[id_].append(why)
        for id_, table in held.tables.items():
            if id_ in tables and (id_ not in doubts or id_ in held.doubts):
                continue
            tables[id_], places[id_] = table, held.place
            _set(after, id_, held.after.get(id_))
            _set(doubts, id_, held.doubts.get(id_))
            is_own = is_own or held.is_own
    told = {id_: "; ".join(dict.fromkeys(why)) or _nowhere(notes) for id_, why in reasons.items() if id_ not in tables}
    return Before(tables, after, doubts, told, places, tuple(notes), is_own)


def _set(known: dict[str, T], id_: str, new: T | None) -> None:
    known.pop(id_, None)
    if new is not None:
        known[id_] = new


def _nowhere(notes: Sequence[str]) -> str:
    return "; ".join(notes) or "no place was asked"
