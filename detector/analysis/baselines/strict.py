"""`--strict`: two point values against the acceptable deviation and nothing else, as a person does in a runbook's table.

A point value is the mean of the cells that are not missing. Where there is no baseline and the cells after are written with a
sign (`-20`, `+15`), they are the deviation itself.
"""

from __future__ import annotations

import math

import numpy as np

from detector.analysis import quantities as printed
from detector.analysis.baselines.asked import Asked
from detector.analysis.baselines.table import Floats
from detector.analysis.baselines.units import Measure
from detector.core.signals.spec import Direction
from detector.records import Verdict, VerdictState

_ROUNDING = 1e-9  # of the deviation: 0.3 - 0.1 is a little less than 0.2


def compare(signal: str, before: Floats, after: Floats, asked: Asked, measure: Measure, is_deviation: bool) -> Verdict:
    """One verdict for the whole; inconclusive where a value is missing. `is_deviation`: `after` holds deviations, in the column's
    own unit, or as written where that is percent or points."""
    baseline, later = _mean(before), _mean(after)
    if is_deviation and baseline is None and later is not None:
        given = later if measure.deviation_unit in ("%", "pp") else later * measure.deviation
        return _said(signal, None, None, given, asked, measure, _outcome(given, None, asked, measure))
    if baseline is None or later is None:
        which = "a value before or after" if baseline is None and later is None else "a value before" if baseline is None else ""
        why = f"no {which or 'value after'}: nothing to compare"
        return _verdict(
            signal, _times(baseline, measure), _times(later, measure), None, asked, measure, VerdictState.INCONCLUSIVE, why
        )
    observed = _observed(baseline, later, measure)
    return _said(signal, baseline, later, observed, asked, measure, _outcome(observed, later, asked, measure))


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _observed(baseline: float, later: float, measure: Measure) -> float:
    """In print: percent of the baseline, percentage points, the unit of what is accepted. Infinite for a rise from nothing."""
    change = later - baseline
    if measure.deviation_unit != "%":
        return change * measure.deviation
    if baseline == 0:
        return 0.0 if change == 0 else math.copysign(math.inf, change)
    return change / abs(baseline) * measure.deviation


def _outcome(observed: float, later: float | None, asked: Asked, measure: Measure) -> str:
    """What is wrong, in words; empty where nothing is."""
    accepted = asked.acceptable
    slack = _ROUNDING * max(abs(observed), abs(accepted.amount), 1e-300) if math.isfinite(observed) else 0.0
    if accepted.is_wanted:
        way = -1.0 if accepted.amount < 0 else 1.0
        if observed * way < abs(accepted.amount) - slack:
            return "less than it"
    else:
        is_down = asked.worse is Direction.DOWN
        worse = abs(observed) if asked.worse is Direction.BOTH else -observed if is_down else observed
        if worse > abs(accepted.amount) + slack:
            return "beyond it"
    if later is not None and measure.limit is not None:
        is_low = asked.worse is Direction.DOWN and not accepted.is_wanted
        if (later < measure.limit) if is_low else (later > measure.limit):
            return f"within it, but {'below' if is_low else 'above'} the limit of {_limit(asked)}"
    return ""


def _limit(asked: Asked) -> str:
    return asked.limit.text if asked.limit else ""


def _said(
    signal: str, baseline: float | None, later: float | None, observed: float, asked: Asked, measure: Measure, wrong: str
) -> Verdict:
    state = VerdictState.FAIL if wrong else VerdictState.PASS
    how = (
        printed.deviation(observed, measure.deviation_unit) if math.isfinite(observed) else "from zero, beyond every share of it"
    )
    if baseline is None:
        values = f"{how}, the deviation alone"
    else:
        base, new = (printed.level(_times(x, measure), measure.unit) for x in (baseline, later))
        values = f"{new} against {base} ({how})"
    note = f" ({measure.note})" if measure.note else ""
    within = "at least as wanted" if asked.acceptable.is_wanted else "within it"
    reason = f"{values}, accepted {asked.acceptable.text}: {wrong or within}: {state.value}{note}"
    known = observed if math.isfinite(observed) else None
    return _verdict(signal, _times(baseline, measure), _times(later, measure), known, asked, measure, state, reason)


def _verdict(
    signal: str,
    baseline: float | None,
    later: float | None,
    observed: float | None,
    asked: Asked,
    measure: Measure,
    state: VerdictState,
    reason: str,
) -> Verdict:
    unit = measure.unit
    return Verdict(signal, asked.layer, None, baseline, later, asked.acceptable.text, _round(observed), None, unit, state, reason)


def _times(value: float | None, measure: Measure) -> float | None:
    return None if value is None else _round(value * measure.level)


def _round(value: float | None) -> float | None:
    """Ten digits: what 14.000000000000012 has more is not the signal's."""
    return None if value is None else float(f"{value:.10g}")
