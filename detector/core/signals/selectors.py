"""Which series a family means, written as Prometheus writes it: `name{label="x", other!~"a|b"} > 0`.

Names that come over OTLP (`http.server.request.duration`, unit s) are read as Prometheus would write them:
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import re2

LONGEST = 2000
BOUND = "le"  # the label of a bucket that says up to where it counts
_NAME = r"[A-Za-z_:][\w:]*"
_SELECTOR = re.compile(rf"({_NAME})\s*(?:\{{(.*)\}})?\s*(?:>\s*(-?\d+(?:\.\d+)?))?", re.ASCII)
_MATCH = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.ASCII)
_ESCAPE = re.compile(r"\\(.)")
_ODD = re.compile(r"[^A-Za-z0-9_:]+", re.ASCII)
# Units of UCUM, as OTLP writes them, and the suffix Prometheus gives them.
_UNIT_SUFFIXES = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
}
_UNIT_SUFFIXES |= {"bytes": "bytes", "seconds": "seconds", "milliseconds": "milliseconds", "%": "percent", "Cel": "celsius"}


@dataclass(frozen=True, slots=True)
class Match:
    """`text` is a pattern for `=~` and `!~`. A label that a series lacks is empty."""

    label: str
    operator: str
    text: str

    def accepts(self, value: str) -> bool:
        is_it = self._is_it(value)
        if not is_it and self.label == BOUND and value:  # Prometheus 3 writes 1.0 what Prometheus 2 writes 1
            is_it = any(self._is_it(text) for text in bound_texts(value))
        return is_it == (self.operator in ("=", "=~"))

    def _is_it(self, value: str) -> bool:
        return _pattern(self.text).fullmatch(value) is not None if self.operator[-1] == "~" else value == self.text

    def __str__(self) -> str:
        escaped = self.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.operator}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Selector:
    """Values that are not `above` do not count: -1 and 0 often mean that there is none."""

    name: str
    matches: tuple[Match, ...] = ()
    above: float | None = None

    def accepts(self, labels: Mapping[str, str]) -> bool:
        return all(match.accepts(labels.get(match.label, "")) for match in self.matches)

    def accepts_bound(self, bound: float) -> bool:
        return all(match.accepts(bound_text(bound)) for match in self.matches if match.label == BOUND)

    @property
    def asked(self) -> frozenset[str]:
        return frozenset(match.label for match in self.matches)


def selector_of(text: str) -> Selector:
    """Raises ValueError with words."""
    found = _SELECTOR.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None:
        raise ValueError(f'{text[:80]!r} chooses no series; write name{{label="value"}}, and > 0 behind it where a value must be')
    name, inner, above = found.groups()
    matches, at, inner = [], 0, (inner or "").rstrip()
    while at < len(inner):
        match = _MATCH.match(inner, at)
        if match is None:
            raise ValueError(f'{inner[at:][:80]!r} is no condition; write label="value", !=, =~ or !~')
        label, operator, value = match[1], match[2], _ESCAPE.sub(_unescaped, match[3])
        if operator[-1] == "~":
            try:
                _pattern(value)
            except re2.error as error:
                raise ValueError(f"{value[:80]!r} is no pattern of RE2: {error}") from None
        matches.append(Match(label, operator, value))
        at = match.end()
    return Selector(name, tuple(matches), None if above is None else float(above))


def names_of(name: str, unit: str, is_counter: bool = False) -> tuple[str, ...]:
    """What a series may be called in a selector: as it is, and if it is no name of Prometheus' or has a unit of its own, as
    Prometheus would write it."""
    plain = _ODD.sub("_", name).strip("_") or "_"
    suffix = _UNIT_SUFFIXES.get(unit, "")
    names = [name, plain]
    if suffix and not plain.endswith(f"_{suffix}") and not plain.endswith(f"_{suffix}_total"):
        names.append(f"{plain}_{suffix}")
    if "." in name or is_counter:
        names += [f"{known}_total" for known in names[1:] if not known.endswith("_total")]
    return tuple(dict.fromkeys(names))


def all_names_of(name: str) -> Iterator[str]:
    """What it may be called if its unit is any, and it is a counter or none."""
    for unit in ("", *_UNIT_SUFFIXES):
        yield from names_of(name, unit, is_counter=True)


def bound_text(bound: float) -> str:
    """As a bucket's label says it."""
    if bound == math.inf:
        return "+Inf"
    short = f"{bound:g}"
    return short if float(short) == bound else repr(bound)


def bound_texts(text: str) -> tuple[str, ...]:
    """The other ways in which the same bound is written."""
    try:
        bound = float(text)
    except ValueError:
        return ()
    return bound_text(bound), repr(bound)


def label_name(name: str) -> str:
    """`service.name` as `service_name`."""
    return _ODD.sub("_", name) if not name.isidentifier() else name


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


@cache
def _pattern(text: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(text, options)
