"""What Prometheus answers, read: `status`, `data`, `errorType`, `warnings`. Values are texts, times are seconds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detector.masking import mask
from detector.plain_text import cut, one_line
from detector.records import Labels

MOST_WARNINGS = 10
_INFINITIES = {"+Inf": math.inf, "-Inf": -math.inf, "Inf": math.inf, "NaN": math.nan}


class Refused(Exception):
    """`kind` is Prometheus' own word (bad_data, timeout, execution, unavailable, ...), `http` where no Prometheus answered,
    `data` where its answer is not what its documentation says."""

    def __init__(self, kind: str, message: str, status: int = 200) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Series:
    """Values in time order; `labels` are sorted, without the name (empty where a calculation took it away)."""

    name: str
    labels: Labels
    times_ms: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """`warnings`: Prometheus says that data are partial, or doubts the question. `unusable`: series that are left out, and
    why."""

    series: tuple[Series, ...] = ()
    warnings: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """`error` is (type, message)."""

    data: Any
    warnings: tuple[str, ...]
    error: tuple[str, str] | None


def said(body: bytes) -> Said | None:
    """None when it is no answer of Prometheus."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or answer.get("status") not in ("success", "error"):
        return None
    told = [each for key in ("warnings", "infos") if isinstance(answer.get(key), list) for each in answer[key]]
    warnings = tuple(_words(each) for each in told[:MOST_WARNINGS])
    error = None
    if answer["status"] == "error":
        error = (_words(answer.get("errorType", "unknown")), _words(answer.get("error", "no reason given")))
    return Said(answer.get("data"), warnings, error)


def series_of(answer: Said) -> Found:
    """Raises Refused (`data`)."""
    series: list[Series] = []
    unusable: list[str] = []
    try:
        kind, result = answer.data["resultType"], answer.data["result"]
        if kind == "scalar":
            return Found((_series({}, [result]),), answer.warnings)
        if kind not in ("matrix", "vector"):
            raise Refused("data", f"a {_words(kind)} where values were asked for")
        for each in result:
            labels = _labels(each["metric"])
            if "histograms" in each or "histogram" in each:
                unusable.append(_native(labels))
            rows = each.get("values", [each["value"]] if "value" in each else [])
            if rows:
                series.append(_series(labels, rows))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Refused("data", f"the answer is not as documented: {type(error).__name__}") from None
    return Found(tuple(series), answer.warnings, tuple(unusable))


def joined(parts: Sequence[Found]) -> Found:
    """Parts of one range, in time order."""
    if len(parts) == 1:
        return parts[0]
    by_labels: dict[tuple[str, Labels], list[Series]] = {}
    for part in parts:
        for each in part.series:
            by_labels.setdefault((each.name, each.labels), []).append(each)
    series = (
        Series(name, labels, tuple(t for each in pieces for t in each.times_ms), tuple(v for each in pieces for v in each.values))
        for (name, labels), pieces in by_labels.items()
    )
    return Found(tuple(series), _each_once(part.warnings for part in parts), _each_once(part.unusable for part in parts))


def label_sets(answer: Said) -> tuple[tuple[Mapping[str, str], ...], Found]:
    """Raises Refused (`data`)."""
    try:
        return tuple(_labels(each) for each in answer.data), Found((), answer.warnings)
    except (TypeError, AttributeError):
        raise Refused("data", "the answer is no list of labels") from None


def names(answer: Said) -> tuple[tuple[str, ...], Found]:
    """Raises Refused (`data`)."""
    if not isinstance(answer.data, list) or not all(isinstance(each, str) for each in answer.data):
        raise Refused("data", "the answer is no list of names")
    return tuple(answer.data), Found((), answer.warnings)


def _series(labels: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> Series:
    pairs = [(round(float(time) * 1000), _number(value)) for time, value in rows]
    name = labels.get("__name__", "")
    own = tuple(sorted((key, value) for key, value in labels.items() if key != "__name__"))
    return Series(name, own, tuple(time for time, _ in pairs), tuple(value for _, value in pairs))


def _labels(metric: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in metric.items()}


def _number(text: Any) -> float:
    if not isinstance(text, str):
        raise TypeError
    special = _INFINITIES.get(text)
    return float(text) if special is None else special


def _native(labels: Mapping[str, str]) -> str:
    name = one_line(labels.get("__name__", "a series without a name"))[:200]
    return f"{name}: a native histogram has no single value; ask for histogram_quantile(0.99, rate({name}[5m])) instead"


def _each_once(texts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for each in texts for text in each))


def _words(text: Any) -> str:
    return cut(one_line(mask(str(text)[:1000])), 300)
