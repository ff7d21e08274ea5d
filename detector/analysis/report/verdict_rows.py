"""What a table of verdicts has in each of its cells, whatever it is drawn on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detector.analysis import quantities
from detector.core.signals.spec import acceptable_of
from detector.records import Verdict, VerdictState

HEADINGS = ("signal", "baseline", "after", "acceptable", "observed", "verdict")
MARKS = {VerdictState.PASS: "✓", VerdictState.FAIL: "✗", VerdictState.INCONCLUSIVE: "?"}
_LOUDEST = {VerdictState.FAIL: 0, VerdictState.INCONCLUSIVE: 1, VerdictState.PASS: 2}
_FALSE_FAIL = 0.01  # the level at which one signal is judged


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One signal. `verdicts` are those of its windows and, last, the one on all; `before` and `after` its course, None where
    nothing is known; `usual` the range in which nine of ten samples before lay; `accepted` the levels within which it passes,
    None on an open side. All levels in the verdicts' unit."""

    verdicts: tuple[Verdict, ...]
    before: tuple[float | None, ...] = ()
    after: tuple[float | None, ...] = ()
    usual: tuple[float, float] | None = None
    accepted: tuple[float | None, float | None] = (None, None)
    limit: float | None = None

    @property
    def whole(self) -> Verdict:
        return self.verdicts[-1]

    @property
    def windows(self) -> str:
        """A mark a window."""
        return "".join(MARKS[verdict.state] for verdict in self.verdicts[:-1])

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """In the order of HEADINGS; nothing in them is escaped."""
        whole = self.whole
        return (
            whole.signal,
            quantities.level(whole.baseline, whole.unit),
            quantities.level(whole.after, whole.unit),
            whole.acceptable,
            quantities.deviation(whole.observed, deviation_unit(whole)),
            whole.state.value,
        )


def deviation_unit(verdict: Verdict) -> str:
    """Of what is observed; where only a limit is given, the signal's own."""
    try:
        return acceptable_of(verdict.acceptable).unit or verdict.unit
    except ValueError:
        return verdict.unit


def loudest_first(rows: Iterable[VerdictRow]) -> list[VerdictRow]:
    return sorted(rows, key=lambda row: _LOUDEST[row.whole.state])


def summary(rows: Sequence[VerdictRow], is_strict: bool) -> str:
    """One sentence over all signals, with the number of false fails to expect."""
    count = {state: sum(row.whole.state is state for row in rows) for state in VerdictState}
    said = f"{len(rows):,} {'signal' if len(rows) == 1 else 'signals'}: {count[VerdictState.FAIL]:,} failed, "
    said += f"{count[VerdictState.INCONCLUSIVE]:,} inconclusive, {count[VerdictState.PASS]:,} passed"
    if is_strict:
        return f"{said}; point values compared, chance not considered."
    return f"{said}; without any change about {quantities.digits(len(rows) * _FALSE_FAIL)} would fail by chance."
