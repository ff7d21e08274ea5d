"""The answer of Prometheus' `query_range` (and `query`) as JSON: https://prometheus.io/docs/prometheus/latest/querying/api/

A series is named by its `__name__` and those labels in which it differs from others of that name in its file. What is the same
throughout a file (pod, version) may be another word in the other one: after a trim the pod is a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from detector.analysis.baselines.table import MAX_SIGNALS, Floats, Table, seconds_of
from detector.documents.fields import shown
from detector.errors import BadInput, Fault

Labels = Mapping[str, str]
_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Ranged:
    """One series as it came: labels with `__name__`, times in seconds, values."""

    labels: Labels
    times_s: Floats
    values: Floats


def read_query_range(path: str, raw: bytes) -> list[Ranged]:
    """Raises BadInput when it is none, or when it holds Prometheus' own error."""
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        raise BadInput([Fault(path, problem.lineno, "file", f"JSON: {problem.msg}")]) from None
    if not isinstance(answer, dict):
        raise BadInput([Fault(path, 1, "file", "must be the JSON object that query_range answers")])
    if answer.get("status") == "error":
        raise BadInput([Fault(path, 1, "error", f"Prometheus refused the query: {shown(str(answer.get('error')))}")])
    data = answer.get("data", answer)
    rows = data.get("result") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise BadInput([Fault(path, 1, "data.result", "is missing; give what query_range answers")])
    if not rows:
        raise BadInput([Fault(path, 1, "data.result", "holds no series: the query found nothing")])
    if len(rows) > MAX_SIGNALS:
        raise BadInput([Fault(path, 1, "data.result", f"holds {len(rows)} series; at most {MAX_SIGNALS} are judged in one call")])
    faults: list[Fault] = []
    read = [_series(path, at, row, faults) for at, row in enumerate(rows)]
    if faults:
        raise BadInput(faults[:_MOST_FAULTS])
    return [one for one in read if one is not None]


def _series(path: str, at: int, row: object, faults: list[Fault]) -> Ranged | None:
    where = f"data.result.{at}"
    labels = row.get("metric", {}) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(labels, dict):
        faults.append(Fault(path, 1, where, "must hold metric and values"))
        return None
    pairs = row.get("values", [row["value"]] if "value" in row else None)
    if pairs is None or not isinstance(pairs, list):
        problem = "holds native histograms; query a quantile of them" if "histograms" in row else "holds no values"
        faults.append(Fault(path, 1, where, problem))
        return None
    try:
        flat = np.array([(float(time), float(value)) for time, value in pairs], dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        faults.append(Fault(path, 1, f"{where}.values", _odd_pair(pairs)))
        return None
    times, values = flat[:, 0], flat[:, 1]
    if not np.isfinite(times).all():
        faults.append(Fault(path, 1, f"{where}.values", "a time is no finite number"))
        return None
    return Ranged({str(name): str(value) for name, value in labels.items()}, seconds_of(times)[0], values)


def _odd_pair(pairs: Sequence[object]) -> str:
    for at, pair in enumerate(pairs):
        try:
            is_pair = np.array(pair, dtype=np.float64).shape == (2,)
        except (TypeError, ValueError):
            is_pair = False
        if not is_pair:
            return f"entry {at} is {shown(str(pair))}; it must be [time, value]"
    return "must be a list of [time, value]"


def kept_labels(files: Iterable[Sequence[Ranged]]) -> Mapping[str, frozenset[str]]:
    """For each `__name__` the labels that tell its series apart in some file."""
    kept: dict[str, set[str]] = {}
    for file in files:
        seen: dict[str, list[Labels]] = {}
        for one in file:
            seen.setdefault(one.labels.get("__name__", ""), []).append(one.labels)
        for name, group in seen.items():
            labels = {label for labels in group for label in labels}
            differing = {label for label in labels if len({each.get(label) for each in group}) > 1}
            kept.setdefault(name, set()).update(differing)
    return {name: frozenset(labels) for name, labels in kept.items()}


def named(labels: Labels, kept: Mapping[str, frozenset[str]]) -> str:
    """`http_requests_total{code="500"}`; `value` where there is nothing to name it by, as after `sum()`."""
    name = labels.get("__name__", "")
    told = ",".join(f'{label}="{labels[label]}"' for label in sorted(kept.get(name, ())) if label in labels)
    return f"{name}{{{told}}}" if told else name or "value"


def table_of(path: str, read: Sequence[Ranged], kept: Mapping[str, frozenset[str]]) -> Table:
    """All series on one time axis; where one has no sample, it is missing. Of samples of one time the last counts."""
    times = np.unique(np.concatenate([one.times_s for one in read]))
    if not times.size:
        raise BadInput([Fault(path, 1, "data.result", "holds no sample")])
    columns: dict[str, Floats] = {}
    notes: list[str] = []
    for one in read:
        name = named(one.labels, kept)
        if name in columns:
            notes.append(f"{name} is there twice; the first counts")
            continue
        column = np.full(times.size, np.nan)
        column[np.searchsorted(times, one.times_s)] = np.where(np.isfinite(one.values), one.values, np.nan)
        columns[name] = column
    return Table(path, times, columns, notes=tuple(notes[:5]))
