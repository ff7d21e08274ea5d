"""Families of metrics, as `# TYPE` and `# UNIT` declare them, and which part in its family a sample plays by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from detector.core.decode.metrics.labels import LONGEST_NAME, bounded
from detector.records import MetricKind

COMMENT = re.compile(r'#[ \t]*+(TYPE|UNIT)[ \t]++("(?:[^"\\]|\\.)*+"|[^\s"]++)[ \t]++(\S++)\Z')
_KINDS = {
    "counter": MetricKind.COUNTER,
    "gauge": MetricKind.GAUGE,
    "histogram": MetricKind.HISTOGRAM,
    "summary": MetricKind.SUMMARY,
    "info": MetricKind.GAUGE,
    "stateset": MetricKind.GAUGE,
    "gaugehistogram": MetricKind.GAUGE,  # its buckets are no totals: each stands for itself
}


class Role(Enum):
    PLAIN = auto()  # a point of its own
    BUCKET = auto()
    SUM = auto()
    COUNT = auto()
    CREATED = auto()


@dataclass(frozen=True, slots=True)
class Part:
    family: str
    role: Role
    kind: MetricKind
    unit: str


class Families:
    """Of one scrape. `roles` holds what was asked for since the last declaration of that name."""

    def __init__(self) -> None:
        self.roles: dict[str, Part] = {}
        self._types: dict[str, str] = {}
        self._units: dict[str, str] = {}

    def learn(self, match: re.Match[str], is_openmetrics: bool) -> None:
        what, name, word = match.groups()
        name = bounded(re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] == '"' else name, LONGEST_NAME)
        if what == "UNIT":
            if is_openmetrics:
                self._units[name] = bounded(word, LONGEST_NAME)
        else:
            self._types.setdefault(name, word.lower())
        for suffix in ("", *_SUFFIXES):
            self.roles.pop(name + suffix, None)

    def of(self, name: str) -> Part:
        found = self.roles.get(name)
        if found is None:
            found = self.roles[name] = self._part(name)
        return found

    def _part(self, name: str) -> Part:
        own = self._types.get(name)
        if own is not None:
            return Part(name, Role.PLAIN, _KINDS.get(own, MetricKind.UNKNOWN), self._units.get(name, ""))
        for suffix, roles in _SUFFIXES.items():
            family = name.removesuffix(suffix)
            kind = self._types.get(family) if family != name else None
            if kind in roles:
                role, as_kind = roles[kind]
                unit = "" if suffix in ("_count", "_created") and kind != "histogram" else self._units.get(family, "")
                return Part(family, role, as_kind, unit)
        return Part(name, Role.PLAIN, MetricKind.UNKNOWN, self._units.get(name, ""))


_PLAIN_COUNTER = (Role.PLAIN, MetricKind.COUNTER)
_CREATED = (Role.CREATED, MetricKind.GAUGE)
_SUFFIXES: dict[str, dict[str | None, tuple[Role, MetricKind]]] = {
    "_bucket": {
        "histogram": (Role.BUCKET, MetricKind.COUNTER),
        "gaugehistogram": (Role.PLAIN, MetricKind.GAUGE),
    },
    "_sum": {"histogram": (Role.SUM, MetricKind.COUNTER), "summary": _PLAIN_COUNTER},
    "_count": {"histogram": (Role.COUNT, MetricKind.COUNTER), "summary": _PLAIN_COUNTER},
    "_created": {"histogram": _CREATED, "summary": _CREATED, "counter": _CREATED},
    "_total": {"counter": _PLAIN_COUNTER},
    "_gsum": {"gaugehistogram": (Role.PLAIN, MetricKind.GAUGE)},
    "_gcount": {"gaugehistogram": (Role.PLAIN, MetricKind.GAUGE)},
    "_info": {"info": (Role.PLAIN, MetricKind.GAUGE)},
}
