"""What is asked of a signal of the catalogue, in the words of a comparison."""

from __future__ import annotations

import math

from detector.analysis import quantities
from detector.analysis.baselines.asked import Asked, Limit
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.spec import Acceptable

_WINDOW_S = 900.0  # of a signal that says nothing of its span


def asked_of(signal: SignalDefinition) -> Asked:
    """Numbers of its column are in the unit of its file. A signal with a limit alone may go anywhere below it: what is accepted
    is then infinite, and its text names the limit."""
    limit = None if signal.limit is None else Limit(_level(signal.limit, signal.unit), signal.limit)
    acceptable = signal.acceptable
    if acceptable is None:
        acceptable = Acceptable("any" if limit is None else f"up to {limit.text}", math.inf, signal.unit)
    return Asked(
        kind=signal.kind,
        direction=signal.direction,
        acceptable=acceptable,
        limit=limit,
        unit=signal.unit,
        layer=signal.layer.value,
        is_required=signal.is_required,
        span_s=signal.span_s if signal.span_s > _WINDOW_S else 0.0,
        evidence=signal.evidence,
    )


def _level(amount: float, unit: str) -> str:
    return f"{quantities.digits(amount * 100)}%" if unit == "ratio" else quantities.level(amount, unit)
