"""A classic histogram put together from `_bucket`, `_sum` and `_count`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from detector.core.decode.metrics.exposition_family import Role
from detector.core.decode.metrics.exposition_series import Broken
from detector.records import Distribution, Labels

MOST_BUCKETS = 1000


@dataclass(slots=True)
class Gathering:
    """What was seen of one histogram; `buckets` are totals up to a bound."""

    family: str
    labels: Labels
    unit: str
    time_ms: int
    group: int
    buckets: dict[float, float] = field(default_factory=dict)
    total: float | None = None
    count: float | None = None

    def take(self, role: Role, bound: float | None, value: float) -> None:
        """Raises Broken."""
        if role is Role.SUM:
            self.total = value
        elif role is Role.COUNT:
            self.count = value
        elif bound is not None:
            if len(self.buckets) >= MOST_BUCKETS:
                raise Broken(f"a histogram of more than {MOST_BUCKETS} buckets")
            self.buckets[bound] = value


def distribution_of(gathering: Gathering) -> Distribution:
    """A total that is smaller than the one before it was read a moment earlier: it counts as that one, as in Prometheus' own
    `histogram_quantile`. Raises Broken when nothing says how many there are in all, or a total is no count."""
    totals = gathering.buckets
    whole = totals.get(math.inf, gathering.count)
    if whole is None:
        raise Broken("a histogram without the bucket +Inf and without a count")
    counts: list[float] = []
    bounds = sorted(bound for bound in totals if math.isfinite(bound))
    below = 0.0
    for total in (*(totals[bound] for bound in bounds), whole):
        if not 0 <= total < math.inf:
            raise Broken("a histogram whose buckets count less than nothing, or no number")
        counts.append(max(0.0, total - below))
        below = max(below, total)
    total_sum = gathering.total
    return Distribution(tuple(bounds), tuple(counts), None if total_sum is None or math.isnan(total_sum) else total_sum)
