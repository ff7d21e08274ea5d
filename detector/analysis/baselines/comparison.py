"""Every signal of two files, before and after a change, each judged by the question asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.analysis.baselines import strict
from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.table import Floats, Table
from detector.analysis.baselines.units import Measure, WrongUnit, between, measure, named_unit
from detector.analysis.baselines.verdict_text import LeftOut, accepted_levels, left_out_of, verdict_of
from detector.core.signals.spec import Direction
from detector.errors import BadInput, Fault
from detector.records import Verdict, VerdictState
from models.judging import Answer, Question, Series, judge


@dataclass(frozen=True, slots=True)
class Compared:
    """One signal: its verdicts, the one on all windows last, and what it was judged on, in the unit of `verdicts`. `chance` is
    the smallest level at which it would fail; None where it was not held against chance."""

    verdicts: tuple[Verdict, ...]
    before: tuple[Floats, Floats]
    after: tuple[Floats, Floats]
    limit: float | None
    accepted: tuple[float | None, float | None]
    chance: float | None = None
    warm_up: LeftOut | None = None
    is_required: bool = True

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
        drivers = {name for asked in (self.flags, *self.asked.values()) for name in (asked.load, asked.requests)}
        return [name for name in dict.fromkeys((*self.before.columns, *self.after.columns)) if name not in drivers]

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
        if faults:
            raise BadInput(faults[:20])
        for name, one in measures.items():
            yield self._compared(name, self.asked.get(name, self.flags), one)

    def _units(self, name: str) -> tuple[str, str, float | None]:
        """Of the numbers of the two tables, and by what those after are multiplied; None where that cannot be, or where one of
        them does not say."""
        known = self.asked.get(name, self.flags).unit or named_unit(name)
        was, now = self.before.units.get(name, ""), self.after.units.get(name, "")
        if not was and not now:
            return was, now, 1.0
        was, now = was or known, now or known
        if was and now:
            return was, now, between(now, was) if was != now else 1.0
        is_open = all(np.isfinite(self._column(table, name)).any() for table in (self.before, self.after))
        return was or "numbers without a unit", now or "numbers without a unit", None if is_open else 1.0

    @np.errstate(all="ignore")
    def _compared(self, name: str, asked: Asked, scale: Measure) -> Compared:
        was, now, factor = self._units(name)
        before, after = self._column(self.before, name), self._column(self.after, name)
        after = after if factor in (None, 1.0) else after * factor
        verdicts: tuple[Verdict, ...]
        chance, warm_up = None, None
        if factor is None:
            why = f"the unit changed from {was} to {now}"
            verdicts = (verdict_of(name, Answer(None, None, None, None, None, None, "inconclusive", why), asked, scale),)
        elif self.is_strict:
            is_deviation = name in self.after.signed and not np.isfinite(before).any()
            verdicts = (strict.compare(name, before, after, asked, scale, is_deviation),)
        else:
            answers = self._answers(name, before, after, asked, scale)
            chance, warm_up = answers[-1].chance, left_out_of(answers[-1], asked, scale)
            verdicts = tuple(verdict_of(name, answer, asked, scale) for answer in answers)
            verdicts = tuple(self._with_absence(name, verdict) for verdict in verdicts)
        level = scale.level
        limit = None if scale.limit is None else scale.limit * level
        return Compared(
            verdicts,
            (self.before.times_s, before * level),
            (self.after.times_s, after * level),
            limit,
            accepted_levels(verdicts[-1].baseline, asked, scale),
            chance,
            warm_up,
            asked.is_required,
        )

    def _answers(self, name: str, before: Floats, after: Floats, asked: Asked, scale: Measure) -> Sequence[Answer]:
        return judge(
            series_of(self, self.before, name, before, asked),
            series_of(self, self.after, name, after, asked),
            question_of(asked, scale, self.window_s),
        )

    def _column(self, table: Table, name: str) -> Floats:
        values = table.columns.get(name)
        return np.full(table.times_s.size, np.nan) if values is None else values

    def control_of(self, table: Table, name: str) -> Floats | None:
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


def series_of(comparison: Comparison, table: Table, name: str, values: Floats, asked: Asked) -> Series:
    """One signal of one of its tables, with what drives it, its control, and what stands behind its numbers."""
    load = table.columns.get(asked.load) if asked.load else None
    evidence = table.columns.get(asked.requests) if asked.requests else table.evidence.get(name)
    return Series(table.times_s, values, load, comparison.control_of(table, name), evidence)


def question_of(asked: Asked, scale: Measure, window_s: float) -> Question:
    """In the judge's units."""
    accepted = asked.acceptable
    return Question(
        asked.kind.value,
        Direction.UP.value if accepted.is_wanted else asked.worse.value,
        scale.amount if accepted.is_wanted else abs(scale.amount),
        accepted.is_relative,
        accepted.is_wanted,
        scale.limit,
        window_s,
        evidence=asked.evidence,
        span_s=asked.span_s,
        against=asked.against,
    )
