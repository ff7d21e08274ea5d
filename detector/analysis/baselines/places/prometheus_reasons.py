"""Why a signal cannot be made of what a Prometheus has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detector.core.signals.definition import DERIVED, FROM_LOGS, Family, SignalDefinition
from detector.core.signals.routing import SERVICE_LABELS, service_of
from detector.core.signals.whose import Row, labels_for, names_of_family
from detector.edges.prometheus.survey import Survey

_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What series there were before the change and after it. `refused` are questions that the server refused, by signal."""

    before: Survey
    after: Survey
    service: str
    refused: dict[str, str]

    @property
    def rows(self) -> tuple[Row, ...]:
        return (*self.before.rows, *self.after.rows)

    def is_before(self, family: Family, only: Mapping[str, str]) -> bool:
        """Whether the service had the series of a family's first side, or both sides are of the same name."""
        return _has(self.before, family, only)

    def why_vanished(self, family: Family | None) -> str:
        """Of a signal that was made of a family before the change."""
        if family is None:
            return "the signal vanished: the signals that it is made of do not come since the change"
        only = labels_for(family, self.service, self.rows) or {}
        name = names_of_family(family)[0]
        if _has(self.after, family, only):
            return f"the signal vanished: {name} comes since the change, but no number can be made of it"
        return f"the signal vanished: {name} does not come since the change"


def why_missing(signal: SignalDefinition, seen: Seen) -> str:
    if signal.id in seen.refused:
        return seen.refused[signal.id]
    if all(family.make in FROM_LOGS for family in signal.families):
        return "it is made of logs"
    if all(family.make in DERIVED for family in signal.families):
        return f"none of the signals that it is made of was found: {', '.join(signal.families[0].signals)}"
    families = [family for family in signal.families if family.of is not None]
    names = list(dict.fromkeys(names_of_family(family)[0] for family in families))
    known = seen.before.names | seen.after.names
    there = [family for family in families if names_of_family(family)[0] in known]
    if not there:
        more = f" or {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"no series is called {', '.join(names[:_MOST_NAMES])}{more}"
    return _why_not_of(there, seen)


def _why_not_of(there: list[Family], seen: Seen) -> str:
    family = next((each for each in there if labels_for(each, seen.service, seen.rows) is not None), None)
    name = names_of_family(family or there[0])[0]
    if family is None:
        owners = sorted({owner for row in seen.rows if row.name == name and (owner := service_of(there[0], row.labels))})
        if not owners:
            return f"{name} is there, but without a label that names a service ({', '.join(there[0].service or SERVICE_LABELS)})"
        return f"{name} is there, but of {_list(owners)} and not of {seen.service}"
    only = labels_for(family, seen.service, seen.rows) or {}
    if not _has(seen.before, family, only):
        return f"{name} came only after the change: there is no before"
    over = family.over.name if family.over is not None else ""
    if over and over not in seen.before.names:
        return f"{name} is there, but {over} is not, which goes with it"
    matches = ", ".join(map(str, family.of.matches)) if family.of is not None else ""
    how = f", {matches}" if matches else ""
    return f"{name} is there, but no number can be made of it: too few scrapes, or none with the labels that are needed{how}"


def _has(survey: Survey, family: Family, only: Mapping[str, str]) -> bool:
    first = names_of_family(family)[:1]
    return any(
        row.name in first and all(row.labels.get(label, "") == value for label, value in only.items()) for row in survey.rows
    )


def _list(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")
