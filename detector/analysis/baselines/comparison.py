"""Every signal of two files, before and after a change, each judged by the question asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.analysis import quantities as printed
from detector.analysis.baselines import strict
from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.table import Floats, Table
from detector.analysis.baselines.units import Measure, WrongUnit, measure
from detector.core.signals.spec import Direction
from detector.errors import BadInput, Fault
from detector.records import Verdict, VerdictState
from models.judging import Answer, Question, Series, judge


@dataclass(frozen=True, slots=True)
class Compared:
    """One signal: its verdicts, the one on all windows last, and what it was judged on, in the unit of `verdicts`."""

    verdicts: tuple[Verdict, ...]
    before: tuple[Floats, Floats]
    after: tuple[Floats, Floats]
    limit: float | None
    accepted: tuple[float | None, float | None]

    @property
    def whole(self) -> Verdict:
        return self.verdicts[-1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and how. `asked` holds for the columns it names, `flags` for the others. `config` is named in faults."""

    before: Table
    after: Table
    flags: Asked
    asked: Mapping[str, Asked]
    window_s: float = 900.0
    control: Table | None = None
    is_strict: bool = False
    config: str = ""

    def signals(self) -> list[str]:
        """In the order of the before-file, then what is new; a column that drives others is none."""
        loads = {asked.load for asked in (self.flags, *self.asked.values()) if asked.load}
        return [name for name in dict.fromkeys((*self.before.columns, *self.after.columns)) if name not in loads]

    def run(self) -> Iterator[Compared]:
        """Raises BadInput, before any is judged, where units do not fit."""
        measures, faults = {}, []
        for name in self.signals():
            asked = self.asked.get(name, self.flags)
            written = self.before.units.get(name) or self.after.units.get(name, "")
            try:
                measures[name] = measure(name, asked, written, self._column(self.before, name), self._column(self.after, name))
            except WrongUnit as wrong:
                where = (self.config, asked.line) if asked.line else (self.before.path, 1)
                faults.append(Fault(*where, name[:80], str(wrong)))
            both = {table.units.get(name, "") for table in (self.before, self.after) if name in table.columns}
            if len(both - {""}) > 1:
                faults.append(Fault(self.after.path, 1, name[:80], f"is in {' and '.join(sorted(both))}; write one unit"))
        if faults:
            raise BadInput(faults[:20])
        for name, one in measures.items():
            yield self._compared(name, self.asked.get(name, self.flags), one)

    def _compared(self, name: str, asked: Asked, scale: Measure) -> Compared:
        before, after = self._column(self.before, name), self._column(self.after, name)
        verdicts: tuple[Verdict, ...]
        if self.is_strict:
            is_deviation = name in self.after.signed and not np.isfinite(before).any()
            verdicts = (strict.compare(name, before, after, asked, scale, is_deviation),)
        else:
            verdicts = tuple(_told(name, answer, asked, scale) for answer in self._answers(name, before, after, asked, scale))
            verdicts = tuple(self._with_absence(name, verdict) for verdict in verdicts)
        level = scale.level
        limit = None if scale.limit is None else scale.limit * level
        return Compared(
            verdicts,
            (self.before.times_s, before * level),
            (self.after.times_s, after * level),
            limit,
            _accepted(verdicts[-1].baseline, asked, scale),
        )

    def _answers(self, name: str, before: Floats, after: Floats, asked: Asked, scale: Measure) -> Sequence[Answer]:
        old = Series(self.before.times_s, before, self._load(self.before, asked), self._control(self.before, name))
        new = Series(self.after.times_s, after, self._load(self.after, asked), self._control(self.after, name))
        accepted = asked.acceptable
        question = Question(
            asked.kind.value,
            Direction.UP.value if accepted.is_wanted else asked.worse.value,
            scale.amount if accepted.is_wanted else abs(scale.amount),
            accepted.is_relative,
            accepted.is_wanted,
            scale.limit,
            self.window_s,
        )
        return judge(old, new, question)

    def _column(self, table: Table, name: str) -> Floats:
        values = table.columns.get(name)
        return np.full(table.times_s.size, np.nan) if values is None else values

    def _load(self, table: Table, asked: Asked) -> Floats | None:
        return table.columns.get(asked.load) if asked.load else None

    def _control(self, table: Table, name: str) -> Floats | None:
        """The control's values at the times of `table`: at the same time, else the nearest within half a step."""
        if self.control is None or (values := self.control.columns.get(name)) is None:
            return None
        times = self.control.times_s
        right = np.clip(np.searchsorted(times, table.times_s), 1, max(times.size - 1, 1))
        left = np.minimum(right - 1, times.size - 1)
        right = np.minimum(right, times.size - 1)
        nearest = np.where(np.abs(times[right] - table.times_s) < np.abs(times[left] - table.times_s), right, left)
        step = float(np.median(np.diff(times))) if times.size > 1 else 0.0
        is_near = np.abs(times[nearest] - table.times_s) <= max(step / 2, 1e-3)
        return np.where(is_near, values[nearest], np.nan)

    def _with_absence(self, name: str, verdict: Verdict) -> Verdict:
        """A signal that one of the files lacks has a finding of its own."""
        for table, why in ((self.after, "the signal vanished"), (self.before, "the signal is new, it has no baseline")):
            if name not in table.columns:
                return replace(verdict, state=VerdictState.INCONCLUSIVE, reason=f"{why}: {table.path} has no such column")
        return verdict


def _told(name: str, answer: Answer, asked: Asked, scale: Measure) -> Verdict:
    """The answer in print: numbers in units, and why in a sentence."""
    base, new = (_times(x, scale.level) for x in (answer.baseline, answer.after))
    observed, low, high = (_times(x, scale.deviation) for x in (answer.observed, answer.low, answer.high))
    if low is not None and high is not None and low > high:
        low, high = high, low
    parts = []
    if new is not None or base is not None:
        parts.append(f"{printed.level(new, scale.unit)} against {printed.level(base, scale.unit)}")
    if observed is not None:
        ends = printed.interval(low, high, scale.deviation_unit)
        parts.append(f"({printed.deviation(observed, scale.deviation_unit)}{f', 95 % interval {ends}' if ends else ''})")
    limit = f", limit {asked.limit.text}" if asked.limit else ""
    more = ""
    if answer.windows_needed:
        more = f" ({answer.windows_needed} more {'window' if answer.windows_needed == 1 else 'windows'} would settle it)"
    note = f" ({scale.note})" if scale.note else ""
    start = f"{' '.join(parts)}, accepted {asked.acceptable.text}{limit}: " if parts else ""
    return Verdict(
        name,
        asked.layer,
        answer.window,
        base,
        new,
        asked.acceptable.text,
        observed,
        None if low is None and high is None else (low, high),
        scale.unit,
        VerdictState(answer.state),
        f"{start}{answer.reason}: {answer.state}{more}{note}",
        answer.windows_needed,
    )


def _accepted(baseline: float | None, asked: Asked, scale: Measure) -> tuple[float | None, float | None]:
    """The levels between which a signal is within what is accepted, in print; None on a side that is open."""
    accepted = asked.acceptable
    if baseline is None or not np.isfinite(accepted.amount):
        return None, None
    amount = scale.amount * (abs(baseline) if accepted.is_relative else scale.level)
    if accepted.is_wanted:
        return (None, baseline + amount) if amount < 0 else (baseline + amount, None)
    room = abs(amount)
    if asked.worse is Direction.BOTH:
        return baseline - room, baseline + room
    return (baseline - room, None) if asked.worse is Direction.DOWN else (None, baseline + room)


def _times(value: float | None, factor: float) -> float | None:
    """Ten digits: what 14.000000000000012 has more is not the signal's. None for what is no number."""
    return None if value is None or not np.isfinite(value) else float(f"{value * factor:.10g}")
