"""A baseline: how a service was before a change, fixed for good. Its name is the hash of what it holds."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from detector.core.signals.chunks import Cells

FORMAT = 1
MOST_CELLS = 2_000_000  # of all signals: 14 days of 24 signals at 15 s
_DIGITS = 7  # significant ones that history is written with; its own rounding is coarser (see chunks.py)


@dataclass(frozen=True, slots=True)
class BaselineSignal:
    """One value and its evidence every `step_ms` from the baseline's `begin_ms` on; None: missing. `source` says where it came
    from: `history`, or a file."""

    name: str
    unit: str
    source: str
    values: tuple[float | None, ...]
    evidence: tuple[float, ...]

    @property
    def present(self) -> int:
        """How many cells hold a value."""
        return sum(1 for value in self.values if value is not None)


@dataclass(frozen=True, slots=True)
class Baseline:
    """`version` counts the baselines of a service in the store that made it; `change` is the id of the change that it is pinned
    to, or empty."""

    service: str
    version: int
    change: str
    made_by: str
    made_ms: int
    begin_ms: int
    end_ms: int
    step_ms: int
    signals: tuple[BaselineSignal, ...]

    @property
    def name(self) -> str:
        return f"{self.service}@{self.version}"


def canonical(baseline: Baseline) -> bytes:
    """The one way to write it as JSON: keys in order, no blanks, every number a float but those of time and version."""
    return json.dumps(_content(baseline), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(baseline: Baseline) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(baseline)).hexdigest()


def baseline_of(content: object) -> Baseline:
    """From JSON as it was parsed. Raises ValueError with words when it is no baseline."""
    fields = _object(content, "a baseline")
    if fields.get("format") != FORMAT:
        raise ValueError(f"it has format {fields.get('format')!r}, this release knows {FORMAT}")
    begin_ms, end_ms, step_ms = (_whole(fields, name) for name in ("begin_ms", "end_ms", "step_ms"))
    if step_ms <= 0 or end_ms <= begin_ms:
        raise ValueError("its span and step make no sense")
    cells = -(-(end_ms - begin_ms) // step_ms)
    signals = fields.get("signals")
    if not isinstance(signals, list) or not signals or cells * len(signals) > MOST_CELLS:
        raise ValueError(f"it has no signals, or more than {MOST_CELLS} cells")
    return Baseline(
        _text(fields, "service"),
        _whole(fields, "version"),
        _text(fields, "change"),
        _text(fields, "made_by"),
        _whole(fields, "made_ms"),
        begin_ms,
        end_ms,
        step_ms,
        tuple(_signal(each, cells) for each in signals),
    )


def on_grid(name: str, unit: str, source: str, cells: Cells, begin_ms: int, end_ms: int, step_ms: int) -> BaselineSignal:
    """Cells at any times, each in the step that it falls into; of two in one step the later one."""
    count = -(-(end_ms - begin_ms) // step_ms)
    values: list[float | None] = [None] * count
    evidence = [0.0] * count
    for time_ms, value, stands_behind in zip(cells.times_ms, cells.values, cells.evidence, strict=True):
        at = (time_ms - begin_ms) // step_ms
        if 0 <= at < count and math.isfinite(value):
            values[at], evidence[at] = _short(value), _short(stands_behind)
    return BaselineSignal(name, unit, source, tuple(values), tuple(evidence))


def step_of(rows: Sequence[Cells]) -> int | None:
    """The commonest distance of two cells in milliseconds; None when no row has two."""
    steps = Counter(later - earlier for cells in rows for earlier, later in pairwise(cells.times_ms))
    return min(steps, key=lambda step: (-steps[step], step)) if steps else None


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else 0.0


def _content(baseline: Baseline) -> dict[str, object]:
    return {
        "format": FORMAT,
        "service": baseline.service,
        "version": baseline.version,
        "change": baseline.change,
        "made_by": baseline.made_by,
        "made_ms": baseline.made_ms,
        "begin_ms": baseline.begin_ms,
        "end_ms": baseline.end_ms,
        "step_ms": baseline.step_ms,
        "signals": [
            {
                "name": each.name,
                "unit": each.unit,
                "source": each.source,
                "values": [None if value is None else float(value) for value in each.values],
                "evidence": [float(value) for value in each.evidence],
            }
            for each in baseline.signals
        ],
    }


def _signal(content: object, cells: int) -> BaselineSignal:
    fields = _object(content, "a signal")
    values, evidence = fields.get("values"), fields.get("evidence")
    if not isinstance(values, list) or not isinstance(evidence, list) or not len(values) == len(evidence) == cells:
        raise ValueError(f"signal {fields.get('name')!r} does not have the {cells} cells that its span holds")
    return BaselineSignal(
        _text(fields, "name"),
        _text(fields, "unit"),
        _text(fields, "source"),
        tuple(None if value is None else _number(value) for value in values),
        tuple(_number(value) for value in evidence),
    )


def _object(content: object, what: str) -> dict[str, object]:
    if not isinstance(content, dict):
        raise ValueError(f"where {what} should stand there is no object")
    return content


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its {name} is no text")
    return value


def _whole(fields: dict[str, object], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 53:
        raise ValueError(f"its {name} is no whole number")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a cell of it is no number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("a cell of it is no number that there is room for") from None
    if not math.isfinite(number):
        raise ValueError("a cell of it is not finite")
    return number
