"""What is asked of each column: by the flags for all, by `--config` for those it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from detector.core.signals.spec import Acceptable, Direction, Layer, SignalKind, acceptable_of
from detector.documents import Mapping, Node, read_document
from detector.documents.fields import FaultList, WrongValue, choice, duration, flag, shown, text, unknown
from detector.errors import BadInput, Fault
from models.series import Against

KEYS = (
    "kind", "direction", "acceptable", "limit", "load", "unit", "layer", "required", "span", "evidence", "requests", "against",
)  # fmt: skip
AGAINST: tuple[Against, ...] = ("auto", "past", "control")
_LIMIT = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(%|[^\W\d_][^\s\d%]*)?")
_MOST_EVIDENCE = 1e12
_UNQUOTED = re.compile(r"^\s*[\w-]+:\s*>=", re.M)


@dataclass(frozen=True, slots=True)
class Limit:
    """A level that must not be crossed; `unit` is empty where it is written in the column's own."""

    text: str
    amount: float
    unit: str = ""


DEFAULT = acceptable_of("+10%")


@dataclass(frozen=True, slots=True)
class Asked:
    """How one signal is judged. `load` is the column that drives it, `unit` what its numbers are in; empty: not told. A rollout
    waits for what `is_required`. `span_s` is how much time may be pooled where one window cannot hold the `evidence` it needs
    (requests or samples, as the table counts them); 0: one window. `requests` is the column that says how many requests stand
    behind each number; `against` is what tells how it would have been."""

    kind: SignalKind = SignalKind.GAUGE
    direction: Direction = Direction.UP
    acceptable: Acceptable = DEFAULT
    limit: Limit | None = None
    load: str = ""
    unit: str = ""
    layer: str = ""
    line: int = 0
    is_required: bool = True
    span_s: float = 0.0
    evidence: float = 0.0
    requests: str = ""
    against: Against = "auto"

    @property
    def worse(self) -> Direction:
        """Which way is worse, once the sign of what is accepted is heard: `-10%` accepts a fall, `±35%` watches both ways."""
        if self.acceptable.text.lstrip().startswith(("±", "+-")):
            return Direction.BOTH
        is_fall = self.acceptable.amount < 0 and not self.acceptable.is_wanted
        return Direction.DOWN if is_fall and self.direction is Direction.UP else self.direction


def deviation_of(written: str) -> Acceptable:
    """As `acceptable_of`; a deviation in words is refused where it may be of the baseline or of the whole."""
    made = acceptable_of(written)
    if made.unit.lower() in ("percent", "percentage", "pct"):
        raise ValueError(f"{written!r} may mean two things: write % for a share of the baseline, pp for percentage points")
    return made


def limit_of(written: str) -> Limit:
    """Raises ValueError with words that say what one may write."""
    found = _LIMIT.fullmatch(written.strip())
    if found is None:
        raise ValueError(f"{written!r} is no level: write a number, with its unit if you like: 75%, 300ms, 0.3")
    return Limit(written, float(found[1]), found[2] or "")


def read_config(path: str, raw: bytes, flags: Asked, columns: Iterable[str]) -> dict[str, Asked]:
    """Each named column's question; what it does not say holds as in `flags`. `columns` are those there are. Raises BadInput with
    every fault."""
    names = list(columns)
    try:
        root = read_document(path, raw)
    except BadInput as bad:
        raise BadInput([_with_hint(fault, raw) for fault in bad.faults]) from None
    faults = FaultList(path)
    asked: dict[str, Asked] = {}
    if not isinstance(root, Mapping):
        raise BadInput([Fault(path, root.line, "file", f"must map columns to {', '.join(KEYS)}")])
    known = set(names)
    for entry in root.entries:
        if entry.key not in known:
            faults.add(entry.line, entry.key[:80], unknown("column", entry.key, names))
        asked[entry.key] = _asked(entry.key, entry.value, entry.line, flags, names, faults)
    if faults.faults:
        raise BadInput(sorted(faults.faults))
    return asked


def _asked(column: str, node: Node, line: int, flags: Asked, names: list[str], faults: FaultList) -> Asked:
    if not isinstance(node, Mapping):
        faults.add(node.line, column[:80], f"must be a mapping with {', '.join(KEYS)}")
        return flags
    made = replace(flags, line=line)
    for entry in node.entries:
        where = f"{column[:80]}.{entry.key[:80]}"
        if entry.key not in _READ:
            faults.add(entry.line, where, unknown("key", entry.key, KEYS))
            continue
        read = _READ[entry.key]
        made = faults.attempt(where, lambda made=made, read=read, node=entry.value: read(made, node), made)  # type: ignore[misc]
        column_named = {"load": made.load, "requests": made.requests}.get(entry.key, "")
        if column_named and column_named not in names:
            faults.add(entry.line, where, unknown("column", column_named, names))
        elif column_named == column:
            faults.add(entry.line, where, "is the column itself")
    return made


def _words(node: Node, read: Callable[[str], Acceptable | Limit]) -> Acceptable | Limit:
    try:
        return read(text(node))
    except ValueError as wrong:
        raise WrongValue(node.line, str(wrong)) from None


def _acceptable(made: Asked, node: Node) -> Asked:
    value = _words(node, deviation_of)
    assert isinstance(value, Acceptable)
    return replace(made, acceptable=value)


def _limit(made: Asked, node: Node) -> Asked:
    value = _words(node, limit_of)
    assert isinstance(value, Limit)
    return replace(made, limit=value)


def _evidence(node: Node) -> float:
    try:
        number = float(text(node))
    except ValueError:
        number = -1.0
    if not 0 <= number <= _MOST_EVIDENCE:
        raise WrongValue(node.line, f"is {shown(text(node))}; write how many requests or samples a window needs")
    return number


def _against(node: Node) -> Against:
    word = choice(node, list(AGAINST), "way to compare")
    return next(known for known in AGAINST if known == word)


_READ: dict[str, Callable[[Asked, Node], Asked]] = {
    "kind": lambda made, node: replace(made, kind=SignalKind(choice(node, list(SignalKind), "kind"))),
    "direction": lambda made, node: replace(made, direction=Direction(choice(node, list(Direction), "direction"))),
    "acceptable": _acceptable,
    "limit": _limit,
    "load": lambda made, node: replace(made, load=text(node)),
    "unit": lambda made, node: replace(made, unit=text(node)),
    "layer": lambda made, node: replace(made, layer=choice(node, list(Layer), "layer")),
    "required": lambda made, node: replace(made, is_required=flag(node)),
    "span": lambda made, node: replace(made, span_s=duration(node).total_seconds()),
    "evidence": lambda made, node: replace(made, evidence=_evidence(node)),
    "requests": lambda made, node: replace(made, requests=text(node)),
    "against": lambda made, node: replace(made, against=_against(node)),
}


def _with_hint(fault: Fault, raw: bytes) -> Fault:
    """A `>` that is not quoted begins a block of text in YAML, and what the reader says of that helps nobody."""
    if fault.problem.startswith("YAML") and _UNQUOTED.search(raw.decode("utf-8", "replace")):
        return replace(fault, problem=f"{fault.problem}; quote what begins with >, as in acceptable: {shown('>=+10pp')}")
    return fault
