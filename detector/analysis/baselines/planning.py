"""Before a change: can each signal be judged at all, with what its baseline is like, in so many windows?

A plan whose accepted deviation is smaller than the smallest that would be found is refused, with a remedy that was tried on the
same baseline: more windows, longer windows; else what else there is to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from detector.analysis import quantities as printed
from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.catalogued import asked_of
from detector.analysis.baselines.comparison import Comparison, question_of, series_of
from detector.analysis.baselines.table import Table
from detector.analysis.baselines.units import Measure, WrongUnit, measure
from detector.core.signals.definition import SignalDefinition
from models.detectable import Detectable, detectable
from models.series import Question, Series

MORE_WINDOWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
_LONGER = (2, 4, 8)  # times the window
_DAY_S = 86_400.0
_LEAST_SIZE = 1e-300
_LONGEST_WINDOW_S = _DAY_S
_ABOUT_A_DAY_S = 0.95 * _DAY_S


@dataclass(frozen=True, slots=True)
class Planned:
    """One signal. `detectable` is the smallest worsening that would be found, None where it is not known; `accepted` how much may
    be lost (the limit's room, if that is less): both in `unit`, that of what is accepted. `remedy` is empty where it holds."""

    signal: str
    layer: str
    is_required: bool
    acceptable: str
    unit: str
    windows: int
    detectable: float | None
    accepted: float
    remedy: str = ""
    why_not: str = ""

    @property
    def is_enough(self) -> bool:
        return not self.remedy

    def __str__(self) -> str:
        if self.is_enough:
            return f"{self.signal}: {self.least} would be found, {self.acceptable} is accepted"
        return f"{self.signal}: {self.why_not or f'{self.least} is the least that would be found'}: {self.remedy}"

    @property
    def least(self) -> str:
        return printed.deviation(self.detectable, self.unit)


def plans(comparison: Comparison, windows: int) -> Iterator[Planned]:
    """Of every signal of its before-table; the after-table is not looked at. What has a unit that does not fit is not judged."""
    for name in comparison.signals():
        if name in comparison.before.columns:
            yield plan(name, comparison, comparison.asked.get(name, comparison.flags), windows)


def out_of_reach(
    tables: Mapping[str, Table], signals: Iterable[SignalDefinition], window_s: float, windows: int
) -> list[Planned]:
    """Required signals that cannot reach what is accepted with the evidence at hand. `tables` holds the before by the signal's
    id, in a column of that name; what is not in it is not told here."""
    made = []
    for signal in signals:
        if signal.is_required and (table := tables.get(signal.id)) is not None and signal.id in table.columns:
            asked = asked_of(signal)
            one = plan(signal.id, Comparison(table, Table("", table.times_s[:0], {}), asked, {}, window_s), asked, windows)
            made += [] if one.is_enough else [one]
    return made


@np.errstate(all="ignore")
def plan(name: str, comparison: Comparison, asked: Asked, windows: int) -> Planned:
    table = comparison.before
    values = table.columns[name]
    try:
        scale = measure(name, asked, table.units.get(name, ""), values, values[:0])
    except WrongUnit as wrong:
        told = Measure("", 1.0, 1.0, "", asked.acceptable.amount, None)
        return _planned(name, asked, told, windows, Detectable(windows, None, f"it {wrong}"), 0.0, "give it its unit")
    before = series_of(comparison, table, name, values, asked)
    question = question_of(asked, scale, comparison.window_s)
    (found,) = detectable(before, question, [windows])
    accepted = _accepted(before, question)
    enough = found.size is not None and found.size <= accepted
    remedy = "" if enough else _remedy(before, question, windows, found, accepted, asked, comparison.control, scale)
    return _planned(name, asked, scale, windows, found, accepted, remedy)


def _planned(name: str, asked: Asked, scale: Measure, windows: int, found: Detectable, accepted: float, remedy: str) -> Planned:
    size = None if found.size is None else found.size * scale.deviation
    return Planned(
        name,
        asked.layer,
        asked.is_required,
        asked.acceptable.text,
        scale.deviation_unit,
        windows,
        size,
        accepted * scale.deviation,
        remedy,
        found.why_not,
    )


def _accepted(before: Series, question: Question) -> float:
    """In the unit of the question. Where a limit is nearer than what is accepted, up to it."""
    amount = abs(question.amount)
    known = before.values[np.isfinite(before.values)]
    if question.limit is None or not known.size:
        return amount
    level = float(known.mean())
    room = abs(question.limit - level)
    if question.is_relative:
        room = room / abs(level) if level else np.inf
    return min(amount, room)


def _remedy(
    before: Series,
    question: Question,
    windows: int,
    found: Detectable,
    accepted: float,
    asked: Asked,
    control: Table | None,
    scale: Measure,
) -> str:
    """The first that is shown to do, else all that may."""
    more = [count for count in MORE_WINDOWS if count > windows]
    for tried in detectable(before, question, more):
        if tried.size is not None and tried.size <= accepted:
            return f"judge {tried.windows} windows instead of {windows}"
    for length in sorted({question.window_s * times for times in _LONGER} | ({found.least_window_s} - {0.0})):
        if question.window_s < length <= _LONGEST_WINDOW_S:
            (tried,) = detectable(before, replace(question, window_s=length), [windows])
            if tried.size is not None and tried.size <= accepted:
                return f"make windows of {printed.duration(length)}"
    ways = []
    if question.evidence and "needs" in found.why_not:
        ways.append("collect more requests or samples, or ask for less evidence")
    known = before.times_s[np.isfinite(before.values)]
    span_s = float(np.ptp(known)) if known.size else 0.0
    if span_s < _ABOUT_A_DAY_S:
        ways.append(f"take a longer baseline than {printed.duration(span_s)}" if span_s else "take a baseline")
    if not asked.load and asked.kind.value != "share":
        ways.append("adjust for its load")
    if control is None:
        ways.append("run a control beside it")
    if found.size is not None:
        ways.append(f"accept {printed.deviation(_rounded_up(found.size * scale.deviation), scale.deviation_unit)}")
    return ", or ".join(ways) or "do not require it"


def _rounded_up(size: float) -> float:
    """Two digits, up."""
    if not _LEAST_SIZE < size < np.inf:
        return size
    step = 10.0 ** (np.floor(np.log10(size)) - 1)
    return float(np.ceil(size / step) * step)
