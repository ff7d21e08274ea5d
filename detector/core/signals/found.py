"""Which signals could be made of what came, and why not the rest: `found 9 of 17 signals; missing: ..., because ...`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.core.signals.cells import Slot
from detector.core.signals.definition import DERIVED, FROM_LOGS, Make, SignalDefinition
from detector.core.signals.folding import Folding

_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Missing:
    signal: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    found: tuple[str, ...]
    missing: tuple[Missing, ...]

    def __str__(self) -> str:
        known = f"found {len(self.found)} of {len(self.found) + len(self.missing)} signals"
        if not self.missing:
            return known
        told = [f"{', '.join(ids)}, because {reason}" for reason, ids in self.reasons().items()]
        return f"{known}; missing: {'; '.join(told)}"

    def reasons(self) -> dict[str, list[str]]:
        """The signals that are missing, by the reason."""
        by_reason: dict[str, list[str]] = {}
        for missing in self.missing:
            by_reason.setdefault(missing.reason, []).append(missing.signal)
        return by_reason


def found(folding: Folding, made: Iterable[str] = (), service: str | None = None) -> Found:
    """For one service, or for any. `made` are signals that came of elsewhere: of logs, of the cells of others."""
    elsewhere = set(made)
    known, missing = [], []
    for signal in folding.signals:
        if signal.id in elsewhere or any(slot.seen_ms >= 0 for slot in _slots(folding, signal, service)):
            known.append(signal.id)
        else:
            missing.append(Missing(signal.id, _reason(folding, signal, service)))
    return Found(tuple(known), tuple(missing))


def _slots(folding: Folding, signal: SignalDefinition, service: str | None) -> list[Slot]:
    keys = (key for key in folding.slots if key[1] == signal.id and service in (None, key[0]))
    return [folding.slots[key] for key in keys]


def _reason(folding: Folding, signal: SignalDefinition, service: str | None) -> str:
    if all(family.make in FROM_LOGS for family in signal.families):
        return "it is made of logs and none told of it"
    if all(family.make in DERIVED for family in signal.families):
        return f"none of the signals that it is made of came: {', '.join(signal.families[0].signals)}"
    names = dict.fromkeys(family.of.name + _suffix(family.make) for family in signal.families if family.of is not None)
    came = [family.of for family in signal.families if family.of is not None and family.of.name in folding.came]
    if not came:
        more = f" or {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"no series came that is called {', '.join(list(names)[:_MOST_NAMES])}{more}"
    begun = _slots(folding, signal, service)
    if begun:
        sides = [slot.family.over.name for slot in begun if slot.family.over is not None]
        if sides:
            return f"{came[0].name} came, but not with it {sides[0]} in the labels and with the value that are needed"
        return f"{came[0].name} came, but too few samples to make a number of them"
    if service is not None and _slots(folding, signal, None):
        return f"{came[0].name} came, but of other services than {service}"
    return f"{came[0].name} came, but never with {', '.join(map(str, came[0].matches)) or 'a label that names a service'}"


def _suffix(make: Make) -> str:
    return "_bucket" if make is Make.QUANTILE else ""
