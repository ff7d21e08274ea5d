"""What the verdicts on many signals say of the rollout as a whole, and how many would fail without any change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detector.analysis import quantities
from detector.analysis.report.verdict_rows import VerdictRow
from detector.plain_text import one_line
from detector.records import VerdictState
from models.holm import holm

ALPHA = 0.01  # the level at which one signal is judged, and one layer
_MOST_NAMED = 5


def summary(rows: Sequence[VerdictRow], is_strict: bool, written: Callable[[str], str] = one_line) -> str:
    """Counts, then the expected number of false fails, of signals that could be judged. `written` makes a name fit to print."""
    count = {state: sum(row.whole.state is state for row in rows) for state in VerdictState}
    said = f"{len(rows):,} {'signal' if len(rows) == 1 else 'signals'}: {count[VerdictState.FAIL]:,} failed, "
    said += f"{count[VerdictState.INCONCLUSIVE]:,} inconclusive, {count[VerdictState.PASS]:,} passed"
    if is_strict:
        return f"{said}; point values compared, chance not considered."
    expected = ALPHA * sum(row.chance is not None for row in rows)
    return f"{said}; without any change about {quantities.digits(expected)} would fail by chance. {outcome(rows, written)}"


def outcome(rows: Sequence[VerdictRow], written: Callable[[str], str] = one_line) -> str:
    """Fails if a required signal failed and still does after Holm's correction among the required ones of its layer; a signal's
    own verdict is not touched by it."""
    required = [row for row in rows if row.is_required]
    failed = [row for row in required if row.whole.state is VerdictState.FAIL]
    beyond = _beyond_chance(required)
    if stands := [row for row in failed if row.chance is None or row.whole.signal in beyond]:
        return f"The rollout fails: {_named(stands, written)}."
    if failed:
        words = "may be" if len(failed) == 1 else "may each be"
        return (
            f"The rollout waits: {_named(failed, written)} {words} the one that fails by chance among so many of a layer (Holm)."
        )
    if waiting := [row for row in required if row.whole.state is VerdictState.INCONCLUSIVE]:
        return f"The rollout waits: {len(waiting):,} of {len(required):,} required signals without a pass."
    return "The rollout passes: every required signal did." if required else "The rollout waits: no signal is required."


def _beyond_chance(rows: Sequence[VerdictRow]) -> set[str]:
    layers: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        if row.chance is not None:
            layers.setdefault(row.whole.layer, []).append((row.whole.signal, row.chance))
    found: set[str] = set()
    for signals in layers.values():
        refused = holm([chance for _, chance in signals], ALPHA)
        found |= {signal for (signal, _), is_refused in zip(signals, refused, strict=True) if is_refused}
    return found


def _named(rows: Sequence[VerdictRow], written: Callable[[str], str]) -> str:
    more = f" and {len(rows) - _MOST_NAMED:,} more" if len(rows) > _MOST_NAMED else ""
    return ", ".join(written(row.whole.signal) for row in rows[:_MOST_NAMED]) + more
