"""A judge's answer in print: numbers in units, and why in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.analysis import quantities as printed
from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.units import Measure
from detector.core.signals.spec import Direction
from detector.records import Verdict, VerdictState
from models.judging import Answer

_AGAINST = {
    "its load": "at equal load",
    "the control": "against the control",
    "the control times its slope": "against the control",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A warm-up in print: its level is in the verdict's unit, the deviation in that of what is accepted."""

    seconds: float
    after: float | None
    observed: float | None


def verdict_of(name: str, answer: Answer, asked: Asked, scale: Measure) -> Verdict:
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
    if how := _AGAINST.get(answer.against, "at the same time of day or week" if answer.against else ""):
        parts.append(how)
    limit = f", limit {asked.limit.text}" if asked.limit and asked.limit.text not in asked.acceptable.text else ""
    more = ""
    if answer.windows_needed:
        more = f" ({answer.windows_needed:,} more {'window' if answer.windows_needed == 1 else 'windows'} would settle it)"
    start = f"{' '.join(parts)}, accepted {asked.acceptable.text}{limit}: " if parts else ""
    left_out = answer.warm_up and f" ({printed.duration(answer.warm_up.seconds)} of warm-up left out)"
    note = f" ({scale.note})" if scale.note else ""
    if _was_beyond(answer.baseline, asked, scale):
        note += " (the level before was beyond the limit)"
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
        f"{start}{answer.reason}: {answer.state}{more}{left_out or ''}{note}",
        answer.windows_needed,
    )


def _was_beyond(baseline: float | None, asked: Asked, scale: Measure) -> bool:
    if baseline is None or scale.limit is None:
        return False
    return baseline < scale.limit if asked.worse is Direction.DOWN else baseline > scale.limit


def left_out_of(whole: Answer, asked: Asked, scale: Measure) -> LeftOut | None:
    """What the warm-up was like, as its own row tells it."""
    if whole.warm_up is None:
        return None
    level, base = whole.warm_up.level, whole.baseline
    change = None if level is None or base is None else level - base
    if change is not None and asked.acceptable.is_relative:
        change = change / abs(base) if base else None
    return LeftOut(whole.warm_up.seconds, _times(level, scale.level), _times(change, scale.deviation))


def accepted_levels(baseline: float | None, asked: Asked, scale: Measure) -> tuple[float | None, float | None]:
    """Between which a signal is within what is accepted, in print; None on a side that is open."""
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
