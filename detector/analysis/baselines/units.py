"""In which unit a column's numbers are, and how they and a deviation are printed.

Told by the cells (`0.012%`), else by `unit` in the configuration, else by the end of the column's name (`_ms`, `_seconds`,
`_percent`, `(%)`). Where none tells, an acceptable `+100ms` or `+5MiB` is in the column's own unit.

A column judged in percentage points may hold percent (68) or shares of 1 (0.68). Percent if the cells, the unit or the name say
so, or if any value is above 1; else shares of 1, unless the acceptable deviation would then be less than a hundredth of the
baseline, which nobody means (scrape failures of 0.012 % accepted to rise by 0.005 pp). The reason says which was taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from detector.analysis.baselines.asked import Asked, Limit
from detector.analysis.baselines.table import Floats

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES = {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
_BYTES |= {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}
_SHARES = {"%": 0.01, "pp": 0.01, "ratio": 1.0}
_FAMILIES = (_SECONDS, _BYTES, _SHARES)
_WORDS = {
    **dict.fromkeys(("ns", "nanoseconds"), "ns"),
    **dict.fromkeys(("us", "microseconds"), "us"),
    **dict.fromkeys(("ms", "msec", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "seconds"), "s"),
    **dict.fromkeys(("percent", "percentage", "pct", "%"), "%"),
    "minutes": "min",
    "hours": "h",
    "bytes": "B",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "kb": "kB",
    "mb": "MB",
    "gb": "GB",
    "ratio": "ratio",
}
_ALSO = {"percent": "%", "share": "ratio", "fraction": "ratio", "1": "ratio", "seconds": "s", "bytes": "B", "milliseconds": "ms"}
_LAST_WORD = re.compile(r"(?:^|[_\s.(\[/-])([a-zA-Z]+|%)[)\]]?$")
_MEANT = 0.01  # of the baseline: less is no acceptable deviation


class WrongUnit(ValueError):
    """The units of a column and of what is accepted do not fit; the text is the problem."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`level` and `deviation` turn a number of the judge (in the column's own unit, or a share of the baseline) into print;
    `unit` and `deviation_unit` are the units it then has. `amount` and `limit` are what is accepted, in the judge's. `note` says
    what was assumed."""

    unit: str
    level: float
    deviation: float
    deviation_unit: str
    amount: float
    limit: float | None
    note: str = ""


@np.errstate(all="ignore")
def measure(column: str, asked: Asked, written: str, before: Floats, after: Floats) -> Measure:
    """`written` is the unit that stands in the cells. Raises WrongUnit."""
    accepted = asked.acceptable
    told = written or _canonical(asked.unit)
    own = told or named_unit(column)
    if accepted.is_relative:
        unit = "" if own == "ratio" else own
        if not own and asked.limit and asked.limit.unit:
            own = _of_limit(asked.limit, before, after)
        is_share = told == "ratio"
        limit = _limit(asked.limit, own)
        return Measure("%" if is_share else unit, 100.0 if is_share else 1.0, 100.0, "%", accepted.amount / 100, limit)
    if accepted.unit == "pp":
        return _in_points(asked, own if own in _SHARES else "", told, before, after)
    wanted = _canonical(accepted.unit)
    factor = _factor(wanted, own or wanted)
    if factor is None:
        if told:
            raise WrongUnit(f"is in {told}; an acceptable deviation of {accepted.text} does not fit")
        own, factor = wanted, 1.0
    unit = own or wanted
    return Measure(unit, 1.0, 1 / factor, wanted or unit, accepted.amount * factor, _limit(asked.limit, unit))


def _in_points(asked: Asked, own: str, told: str, before: Floats, after: Floats) -> Measure:
    if told and told not in _SHARES:
        raise WrongUnit(f"is in {told}; an acceptable deviation of {asked.acceptable.text} does not fit")
    is_within_one = _is_within_one(before, after)
    note = ""
    if own == "ratio" and (told or is_within_one):
        is_share = True
    elif own in ("%", "pp"):
        is_share = False
    else:
        is_share = is_within_one and _is_meant(abs(asked.acceptable.amount) / 100, before)
        if is_within_one:
            note = "numbers read as shares of 1" if is_share else "numbers read as percent"
    factor = 100.0 if is_share else 1.0
    limit = _limit(asked.limit, "ratio" if is_share else "%")
    return Measure("%", factor, factor, "pp", asked.acceptable.amount / factor, limit, note)


def _is_within_one(before: Floats, after: Floats) -> bool:
    values = np.concatenate([before, after])
    values = values[np.isfinite(values)]
    return bool(values.size) and bool((values >= 0).all()) and bool((values <= 1).all())


def _is_meant(amount: float, before: Floats) -> bool:
    known = before[np.isfinite(before)]
    return not known.size or amount >= _MEANT * float(np.mean(known))


def _limit(limit: Limit | None, own: str) -> float | None:
    if limit is None:
        return None
    if not limit.unit:
        return limit.amount
    factor = _factor(_canonical(limit.unit), own)
    if factor is None:
        raise WrongUnit(f"is in {own or 'no unit that is known'}; a limit of {limit.text} does not fit")
    return limit.amount * factor


def _of_limit(limit: Limit, before: Floats, after: Floats) -> str:
    """The unit of a column of which only its limit has one: `75%` of a column of 0.62 means shares of 1."""
    unit = _canonical(limit.unit)
    return "ratio" if unit in _SHARES and _is_within_one(before, after) else unit


def between(unit: str, other: str) -> float | None:
    """By which a number in `unit`, as it was written, becomes one in `other`; None where the two measure different things."""
    return _factor(_canonical(unit), _canonical(other))


def _factor(unit: str, own: str) -> float | None:
    """By which a number in `unit` becomes one in `own`; None where the two measure different things."""
    if unit == own or not unit:
        return 1.0
    for family in _FAMILIES:
        if unit in family and own in family:
            return family[unit] / family[own]
    return None


def _canonical(unit: str) -> str:
    return _ALSO.get(unit, "us" if unit in ("µs", "μs") else unit)


def named_unit(column: str) -> str:
    """The unit at the end of a column's name, without the labels of a series."""
    name = column.split("{", 1)[0].strip().removesuffix("_total")
    found = _LAST_WORD.search(name)
    return _WORDS.get(found[1].lower(), "") if found else "%" if name.endswith("%") else ""
