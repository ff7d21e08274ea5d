"""Whose the series of a server are that holds those of many services, and by which labels one asks for those of one.

The rule is that of folding: the first of a family's labels that a series has names its service. Where none is named so, any of
the labels may name it: somebody who says `--service shop` means `job="shop"`, too. And where the service's other series have one
value of such a label that nobody else's have, that value stands for it: `up{job="shop-pods"}` is the shop's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector.core.signals.definition import Family, Make, SignalDefinition
from detector.core.signals.routing import SERVICE_LABELS, service_of


@dataclass(frozen=True, slots=True)
class Row:
    """So many series of one name have these of the labels that name services."""

    name: str
    labels: Mapping[str, str]
    count: int


def labels_of(signals: Iterable[SignalDefinition]) -> tuple[str, ...]:
    """All that may name a service."""
    named = (label for signal in signals for family in signal.families for label in family.service)
    return tuple(dict.fromkeys((*SERVICE_LABELS, *named)))


def names_of_family(family: Family) -> tuple[str, ...]:
    """What its series are called, `of` first; without those of a derived family or one of logs."""
    if family.of is None:
        return ()
    suffix = "_bucket" if family.make is Make.QUANTILE else ""
    over = () if family.over is None else (family.over.name,)
    return tuple(dict.fromkeys((f"{family.of.name}{suffix}", *over)))


def names_of_all(signals: Iterable[SignalDefinition]) -> tuple[str, ...]:
    names = (name for signal in signals for family in signal.families for name in names_of_family(family))
    return tuple(dict.fromkeys(names))


def services(rows: Sequence[Row], signals: Iterable[SignalDefinition]) -> dict[str, set[str]]:
    """By service the ids of the signals of which some series came, the richest service first."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    found: dict[str, set[str]] = {}
    for signal in signals:
        for family in signal.families:
            for name in names_of_family(family)[:1]:
                for row in by_name.get(name, ()):
                    if service := service_of(family, row.labels):
                        found.setdefault(service, set()).add(signal.id)
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))


def labels_for(family: Family, service: str, rows: Sequence[Row]) -> dict[str, str] | None:
    """What every series of the service has, for `promql.query`; "" stands for a label that it lacks. None if it has none."""
    if service == "":
        return {}
    labels = family.service or SERVICE_LABELS
    names = names_of_family(family)
    near = [row for row in rows if row.name in names]
    counts: dict[str, int] = {}
    for row in near:
        if service_of(family, row.labels) == service:
            label = next(name for name in labels if row.labels.get(name))
            counts[label] = counts.get(label, 0) + row.count
    if counts:
        label = max(counts, key=lambda name: counts[name])
        return {label: service} | dict.fromkeys(_of_others(label, service, labels, near), "")
    for row in near:
        for name in labels:
            if row.labels.get(name) == service:
                counts[name] = counts.get(name, 0) + row.count
    if counts:
        return {max(counts, key=lambda name: counts[name]): service}
    return _by_company(labels, service, rows, near)


def _by_company(labels: Sequence[str], service: str, rows: Sequence[Row], near: Sequence[Row]) -> dict[str, str] | None:
    """The one value of one of the labels that the service's other series have, and no series of somebody else."""
    for label in labels:
        owners: dict[str, set[str]] = {}
        for row in rows:
            ahead = (row.labels[name] for name in SERVICE_LABELS if name != label and row.labels.get(name))
            if (value := row.labels.get(label)) and (owner := next(ahead, "")):
                owners.setdefault(value, set()).add(owner)
        values = [value for value, owned in owners.items() if owned == {service}]
        if len(values) == 1 and any(row.labels.get(label) == values[0] for row in near):
            return {label: values[0]}
    return None


def _of_others(label: str, service: str, labels: Sequence[str], near: Sequence[Row]) -> set[str]:
    """Labels before this one by which a series with it belongs to somebody else."""
    ahead = labels[: labels.index(label)]
    others = (row.labels for row in near if row.labels.get(label) == service)
    return {name for row in others for name in ahead if row.get(name, service) not in ("", service)}
