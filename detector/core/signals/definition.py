"""A golden signal as its file tells it: what is judged, and out of which series each exporter family lets it be made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detector.core.signals.selectors import Selector
from detector.core.signals.spec import Acceptable, Direction, Layer, SignalKind


class Make(StrEnum):
    """How a number is made of series."""

    SHARE = "share"  # increase of the counters `of`, divided by that of the counters `over`
    RATIO = "ratio"  # sum of the gauges `of`, divided by the sum of the gauges `over` that belong to them
    RATE = "rate"  # increase of the counters `of`, a second (times `scale`)
    QUANTILE = "quantile"  # of the histograms `of`, their buckets merged
    DRAIN = (
        "drain"  # sum of the gauges `of`, divided by the increase of the counters `over` a second: how long until none is left
    )
    GAUGE = "gauge"  # the gauges `of`, folded by `fold`
    ZEROS = "zeros"  # the share of the samples of `of` that are 0
    DEVIATION = "deviation"  # the standard deviation of another signal's cells within a window
    SPIKES = "spikes"  # so many cells an hour of another signal are beyond a robust z
    LINES = "lines"  # the share of log lines with one of some levels
    STARTUP = "startup"  # the time from a start to the line that says that it succeeded


class Fold(StrEnum):
    SUM = "sum"
    MAX = "max"
    MEAN = "mean"


class Seen(StrEnum):
    """Where the names are known from."""

    LIVE = "live"
    DOCUMENTATION = "documentation"


class Origin(StrEnum):
    """Whose number the accepted deviation or the limit is."""

    ARTICLE = "article"
    OURS = "ours"


DERIVED = frozenset({Make.DEVIATION, Make.SPIKES})
FROM_LOGS = frozenset({Make.LINES, Make.STARTUP})


@dataclass(frozen=True, slots=True)
class Family:
    """One way to make a signal. `of` and `over` choose series; `service` names the labels of which the first that a series has
    says whose it is; `on` names the labels by which the two sides of a ratio belong together (empty: all that neither side asks
    for); `signals` are those a derived one looks at; `levels` those of log lines."""

    name: str
    seen: Seen
    make: Make
    of: Selector | None = None
    over: Selector | None = None
    quantile: float = 0.99
    scale: float = 1.0
    fold: Fold = Fold.SUM
    service: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalDefinition:
    """`limit` is in the signal's own unit (a share as 0.003). `span_s` is how much time is pooled for one judgement, `evidence`
    how much there must be in it: requests, samples or seconds, as the family counts. `families` in the order in which they are
    preferred."""

    id: str
    title: str
    layer: Layer
    kind: SignalKind
    unit: str
    direction: Direction
    acceptable: Acceptable | None
    limit: float | None
    is_required: bool
    span_s: float
    evidence: float
    origin: Origin
    families: tuple[Family, ...]
    where: str = ""
