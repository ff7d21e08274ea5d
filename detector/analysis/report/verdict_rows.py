"""What a table of verdicts has in each of its cells, whatever it is drawn on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.analysis import quantities
from detector.core.signals.spec import acceptable_of
from detector.records import Verdict, VerdictState

HEADINGS = ("signal", "baseline", "after", "acceptable", "observed", "verdict")
MARKS = {VerdictState.PASS: "✓", VerdictState.FAIL: "✗", VerdictState.INCONCLUSIVE: "?"}
_LOUDEST = {VerdictState.FAIL: 0, VerdictState.INCONCLUSIVE: 1, VerdictState.PASS: 2}


@dataclass(frozen=True, slots=True)
class WarmUpRow:
    """The start of the after-period that was not judged: its level and deviation, in the units of the signal's verdict."""

    seconds: float
    after: float | None
    observed: float | None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One signal. `verdicts` are those of its windows and, last, the one on all; `before` and `after` its course, None where
    nothing is known; `usual` the range in which nine of ten samples before lay; `accepted` the levels within which it passes,
    None on an open side. All levels in the verdicts' unit. `chance` is the smallest level at which it would fail."""

    verdicts: tuple[Verdict, ...]
    before: tuple[float | None, ...] = ()
    after: tuple[float | None, ...] = ()
    usual: tuple[float, float] | None = None
    accepted: tuple[float | None, float | None] = (None, None)
    limit: float | None = None
    chance: float | None = None
    warm_up: WarmUpRow | None = None
    is_required: bool = True

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


def warm_up_cells(row: VerdictRow) -> tuple[str, str, str, str, str, str] | None:
    """A row of its own below the signal's, in the order of HEADINGS; None where the signal began as it went on."""
    if row.warm_up is None:
        return None
    whole, seen = row.whole, row.warm_up
    return (
        f"{whole.signal}, warm-up",
        quantities.level(whole.baseline, whole.unit),
        quantities.level(seen.after, whole.unit),
        "-",
        quantities.deviation(seen.observed, deviation_unit(whole)),
        f"first {quantities.duration(seen.seconds)}, not judged",
    )


def deviation_unit(verdict: Verdict) -> str:
    """Of what is observed; where only a limit is given, the signal's own."""
    try:
        return acceptable_of(verdict.acceptable).unit or verdict.unit
    except ValueError:
        return verdict.unit


def loudest_first(rows: Iterable[VerdictRow]) -> list[VerdictRow]:
    return sorted(rows, key=lambda row: _LOUDEST[row.whole.state])
