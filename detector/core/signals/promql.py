"""The query that asks Prometheus for a signal, made of the same family that folding uses.

It says what Prometheus can say: it does not spread increases over steps, and it does not know that a new series began at 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from detector.core.signals.definition import DERIVED, FROM_LOGS, Family, Fold, Make
from detector.core.signals.selectors import Match, Selector


def query(family: Family, only: Mapping[str, str] | None = None, window: str = "1m", is_fresh: bool = False) -> str | None:
    """`only` are labels that every series must have besides, as `{"namespace": "shop"}`; increases are taken over `window`. With
    `is_fresh` a level counts that came within it, too: where nobody marks the end of a series (OTLP), Prometheus would go on with
    its last value for five minutes, and a pod that was replaced would count twice. None: Prometheus cannot say it (logs;
    deviations and spikes are computed from the answer for another signal)."""
    if family.make in DERIVED or family.make in FROM_LOGS or family.of is None:
        return None
    more = tuple(Match(label, "=", value) for label, value in sorted((only or {}).items()))
    made = _made(family, family.of, more, window, is_fresh)
    return made if family.scale == 1 else f"{made} * {family.scale:g}"


def evidence(family: Family, only: Mapping[str, str] | None = None, window: str = "1m", share: float = 1.0) -> str | None:
    """What stands behind answers of `query`: requests of a share or a quantile, else samples; `share` of those in a window."""
    if family.of is None:
        return None
    more = tuple(Match(label, "=", value) for label, value in sorted((only or {}).items()))
    if family.make is Make.QUANTILE:
        counted = _series(family.of, (*more, Match("le", "=", "+Inf")), "_bucket")
    elif family.make is Make.SHARE and family.over is not None:
        counted = _series(family.over, more)
    else:
        return f"sum(count_over_time({_series(family.of, more)}[{window}])) * {share:g}"
    return f"sum(increase({counted}[{window}])) * {share:g}"


def scrapes(family: Family, only: Mapping[str, str] | None = None, window: str = "10m") -> str | None:
    """How many samples a series of it has in a window: the median of them."""
    if family.of is None:
        return None
    more = tuple(Match(label, "=", value) for label, value in sorted((only or {}).items()))
    counted = _series(family.of, more, "_bucket" if family.make is Make.QUANTILE else "")
    return f"quantile(0.5, count_over_time({counted}[{window}]))"


def presence(family: Family, only: Mapping[str, str] | None = None, window: str = "1h") -> str | None:
    """How many series of it there were: empty where there were none, which says why a signal is missing."""
    if family.of is None:
        return None
    more = tuple(Match(label, "=", value) for label, value in sorted((only or {}).items()))
    suffix = "_bucket" if family.make is Make.QUANTILE else ""
    asked = family.of if family.make is not Make.SHARE or family.over is None else family.over
    return f"count(last_over_time({_series(asked, more, suffix)}[{window}]))"


def _made(family: Family, of: Selector, more: tuple[Match, ...], window: str, is_fresh: bool) -> str:
    series = _series(of, more)
    level = _level(series, window if is_fresh else "")
    match family.make:
        case Make.QUANTILE:
            buckets = _series(of, more, "_bucket")
            return f"histogram_quantile({family.quantile:g}, sum by (le) (rate({buckets}[{window}])))"
        case Make.RATE:
            return f"sum(rate({series}[{window}]))"
        case Make.ZEROS:
            return f"avg({level} == bool 0)"
        case Make.GAUGE:
            fold = "avg" if family.fold is Fold.MEAN else family.fold.value
            return f"{fold}({_above(level, of)})"
        case _:
            return _two_sided(family, of, more, window, is_fresh)


def _two_sided(family: Family, of: Selector, more: tuple[Match, ...], window: str, is_fresh: bool) -> str:
    over = family.over
    assert over is not None  # the catalogue has seen to it
    series, whole = _series(of, more), _series(over, more)
    level, full = (_level(side, window if is_fresh else "") for side in (series, whole))
    match family.make:
        case Make.SHARE:  # `or 0 * whole`: no series of the part means that there was none of it
            total = f"sum(rate({whole}[{window}]))"
            return f"(sum(rate({series}[{window}])) or 0 * {total}) / {total}"
        case Make.DRAIN:
            return f"sum({_above(level, of)}) / sum(rate({whole}[{window}]))"
        case _:
            asked = sorted(of.asked ^ over.asked)
            joined = f"on ({', '.join(family.on)})" if family.on else f"ignoring ({', '.join(asked)})"
            part, rest = _above(level, of), _above(full, over)
            if family.on:  # several containers of one name in a pod's life would make the join ambiguous
                part, rest = (f"sum by ({', '.join(family.on)}) ({side})" for side in (part, rest))
            return f"sum({part} and {joined} ({rest})) / sum({rest} and {joined} ({part}))"


def _series(selector: Selector, more: tuple[Match, ...], suffix: str = "") -> str:
    matches = ", ".join(map(str, (*selector.matches, *more)))
    return f"{selector.name}{suffix}{{{matches}}}" if matches else f"{selector.name}{suffix}"


def _level(series: str, window: str) -> str:
    return f"({series} and count_over_time({series}[{window}]))" if window else series


def _above(series: str, selector: Selector) -> str:
    return series if selector.above is None else f"{series} > {selector.above:g}"
