"""Which of the series that signals are made of a server has, and whose they are: one question for a moment, whatever it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detector.core.signals.definition import SignalDefinition
from detector.core.signals.selectors import Match
from detector.core.signals.whose import Row, labels_of, names_of_all
from detector.edges.prometheus.answers import Refused
from detector.edges.prometheus.client import PrometheusApi

_LOOKBACKS_S = (3600, 600, 60)  # a server that finds the first too much is asked for less
_TOO_MUCH = ("execution", "timeout", "too_many_samples")


@dataclass(frozen=True, slots=True)
class Survey:
    """What came in the last hour before some moment."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(row.name for row in self.rows)


async def survey(
    api: PrometheusApi, signals: Sequence[SignalDefinition], only: Mapping[str, str], at_ms: int, most_s: float = 3600
) -> Survey:
    """At most `most_s` are looked back. Raises Refused and Unanswered."""
    lookbacks = [max(1, round(min(most_s, lookback_s))) for lookback_s in _LOOKBACKS_S]
    refused: Refused | None = None
    for lookback_s in dict.fromkeys(lookbacks):
        try:
            found = await api.query(_question(signals, only, lookback_s), at_ms)
        except Refused as error:
            if error.kind not in _TOO_MUCH:
                raise
            refused = error
            continue
        rows = (Row(each.name, dict(each.labels), int(each.values[0])) for each in found.series if each.values)
        return Survey(tuple(rows), found.warnings)
    assert refused is not None
    raise refused


def _question(signals: Sequence[SignalDefinition], only: Mapping[str, str], lookback_s: int) -> str:
    names = "|".join(names_of_all(signals))
    matches = [Match("__name__", "=~", names), *(Match(label, "=", value) for label, value in sorted(only.items()))]
    chosen = ", ".join(map(str, matches))
    return f"count by (__name__, {', '.join(labels_of(signals))}) (last_over_time({{{chosen}}}[{lookback_s}s]))"


async def clock_ms(api: PrometheusApi) -> int:
    """What time it is by the server's clock. Raises Refused and Unanswered."""
    found = await api.query("time()")
    if not found.series or not found.series[0].values:
        raise Refused("data", "it does not say what time it is")
    return round(found.series[0].values[0] * 1000)
