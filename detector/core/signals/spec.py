"""What a signal is, and how much of a change is accepted: `+15%`, `+0.1pp`, `-10pp`, `+100ms`, `>=+10pp`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class SignalKind(StrEnum):
    """Which statistic suits it."""

    LATENCY = "latency"  # durations and sizes, above zero
    SHARE = "share"  # of a whole: errors of requests
    RATE = "rate"  # so many a time
    GAUGE = "gauge"  # a level
    COUNT = "count"  # rare events
    TREND = "trend"  # a gauge whose slope matters


class Direction(StrEnum):
    """Which way is worse."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Layer(StrEnum):
    """Where it is measured."""

    APPLICATION = "application"
    CONTAINER = "container"
    NETWORK = "network"
    STORAGE = "storage"
    MONITORING = "monitoring"


_ACCEPTABLE = re.compile(r"(>=|<=|±|\+-)?\s*([+-]?)\s*(\d+(?:\.\d+)?|\.\d+)\s*(%|[^\W\d_][^\s\d%]*)?")


@dataclass(frozen=True, slots=True)
class Acceptable:
    """A deviation as a person wrote it. `amount` keeps its sign. `unit` is `%` for a share of the baseline, else the signal's own
    (`pp` for one that is a share). `is_wanted`: the change must be at least so much, as in `>=+10pp` or `<=-10pp`; the other
    two, `<=+10pp` and `>=-10pp`, say in other words what `+10pp` and `-10pp` do."""

    text: str
    amount: float
    unit: str
    is_wanted: bool = False

    @property
    def is_relative(self) -> bool:
        return self.unit == "%"


def acceptable_of(text: str) -> Acceptable:
    """Raises ValueError with words that say what one may write."""
    found = _ACCEPTABLE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no deviation: write +15%, +0.1pp, -10pp, +100ms or >=+10pp")
    sign = -1.0 if found[2] == "-" else 1.0
    is_wanted = found[1] == (">=" if sign > 0 else "<=")
    return Acceptable(text, sign * float(found[3]), found[4] or "", is_wanted)
