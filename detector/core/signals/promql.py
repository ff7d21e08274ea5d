"""The query that asks Prometheus for a signal, made of the same family that folding uses.

It says what Prometheus can say: it does not spread increases over steps, and it does not know that a new series began at 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from detector.core.signals.definition import DERIVED, FROM_LOGS, Family, Fold, Make
from detector.core.signals.selectors import Match, Selector


def query(family: Family, only: Mapping[str, str] | None = None, window: str = "1m") -> str | None:
    """`only` are labels that every series must have besides, as `{"namespace": "shop"}`; increases are taken over `window`. None:
    Prometheus cannot say it (logs; deviations and spikes are computed from the answer for another signal)."""
    if family.make in DERIVED or family.make in FROM_LOGS or family.of is None:
        return None
    more = tuple(Match(label, "=", value) for label, value in sorted((only or {}).items()))
    made = _made(family, family.of, more, window)
    return made if family.scale == 1 else f"{made} * {family.scale:g}"


def presence(family: Family, only: Mapping[str, str] | None = None, window: str = "1h") -> str | None:
    """How many series of it there were: empty where there were none, which says why a signal is missing."""
    if family.of is None:
        return None
    more = tuple(Match(label, "=", value) for label, value in sorted((only or {}).items()))
    suffix = "_bucket" if family.make is Make.QUANTILE else ""
    asked = family.of if family.make is not Make.SHARE or family.over is None else family.over
    return f"count(last_over_time({_series(asked, more, suffix)}[{window}]))"


def _made(family: Family, of: Selector, more: tuple[Match, ...], window: str) -> str:
    series = _series(of, more)
    match family.make:
        case Make.QUANTILE:
            buckets = _series(of, more, "_bucket")
            return f"histogram_quantile({family.quantile:g}, sum by (le) (rate({buckets}[{window}])))"
        case Make.RATE:
            return f"sum(rate({series}[{window}]))"
        case Make.ZEROS:
            return f"avg({series} == bool 0)"
        case Make.GAUGE:
            fold = "avg" if family.fold is Fold.MEAN else family.fold.value
            return f"{fold}({_above(series, of)})"
        case _:
            return _two_sided(family, of, more, window)


def _two_sided(family: Family, of: Selector, more: tuple[Match, ...], window: str) -> str:
    over = family.over
    assert over is not None  # the catalogue has seen to it
    series, whole = _series(of, more), _series(over, more)
    match family.make:
        case Make.SHARE:  # `or 0 * whole`: no series of the part means that there was none of it
            total = f"sum(rate({whole}[{window}]))"
            return f"(sum(rate({series}[{window}])) or 0 * {total}) / {total}"
        case Make.DRAIN:
            return f"sum({_above(series, of)}) / sum(rate({whole}[{window}]))"
        case _:
            asked = sorted(of.asked ^ over.asked)
            joined = f"on ({', '.join(family.on)})" if family.on else f"ignoring ({', '.join(asked)})"
            part, rest = _above(series, of), _above(whole, over)
            if family.on:  # several containers of one name in a pod's life would make the join ambiguous
                part, rest = (f"sum by ({', '.join(family.on)}) ({side})" for side in (part, rest))
            return f"sum({part} and {joined} ({rest})) / sum({rest} and {joined} ({part}))"


def _series(selector: Selector, more: tuple[Match, ...], suffix: str = "") -> str:
    matches = ", ".join(map(str, (*selector.matches, *more)))
    return f"{selector.name}{suffix}{{{matches}}}" if matches else f"{selector.name}{suffix}"


def _above(series: str, selector: Selector) -> str:
    return series if selector.above is None else f"{series} > {selector.above:g}"
