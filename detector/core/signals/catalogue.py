"""Signal files in, definitions out, or every fault of every file at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from detector.core.signals.definition import DERIVED, FROM_LOGS, Family, Fold, Make, Origin, Seen, SignalDefinition
from detector.core.signals.selectors import Selector, selector_of
from detector.core.signals.spec import Acceptable, Direction, Layer, SignalKind, acceptable_of
from detector.documents import Items, Mapping, Node, fields, read_document
from detector.documents.fields import FaultList, WrongValue, shown, unknown
from detector.errors import BadInput, BadRules, Fault
from detector.records import Level

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

KEYS = ("title", "kind", "unit", "direction", "acceptable", "limit", "required", "span", "evidence", "origin", "from")
FAMILY_KEYS = (
    "family", "seen", "make", "of", "over", "quantile", "scale", "fold", "service", "on", "signals", "levels",
)  # fmt: skip
MOST_FAMILIES = 32
_NEEDED = ("title", "kind", "unit", "direction", "origin", "from")
_TWO_SIDED = frozenset({Make.SHARE, Make.RATIO, Make.DRAIN})
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,9})?")
_LIMIT = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(\S*)")
_LONGEST_SPAN_S = 14 * 86_400.0


@dataclass(frozen=True, slots=True)
class SignalFile:
    """`id` is what its place says: layer/name."""

    id: str
    path: str
    text: str | bytes


def load_signals(files: Iterable[SignalFile]) -> tuple[SignalDefinition, ...]:
    """In order; a later id replaces an earlier one in its place. Raises BadRules with the faults of all files."""
    signals: dict[str, SignalDefinition] = {}
    faults: list[Fault] = []
    for file in files:
        try:
            signals[file.id] = read_signal(file)
        except BadInput as bad:
            faults.extend(bad.faults)
    if not faults:
        faults.extend(_unnamed(signals))
    if faults:
        raise BadRules(faults)
    return tuple(signals.values())


def _unnamed(signals: dict[str, SignalDefinition]) -> Iterable[Fault]:
    for signal in signals.values():
        for named in sorted({name for family in signal.families for name in family.signals} - signals.keys()):
            yield Fault(signal.where, 1, "from.signals", unknown("signal", named, signals))


def read_signal(file: SignalFile) -> SignalDefinition:
    """One signal. Raises BadInput with all of its faults."""
    root = read_document(file.path, file.text)
    if not isinstance(root, Mapping):
        raise BadInput([Fault(file.path, root.line, "file", "must be a mapping of a signal's fields")])
    reader = _SignalReader(file, root)
    signal = reader.signal()
    if reader.faults.faults:
        raise BadInput(sorted(reader.faults.faults))
    return signal


class _SignalReader:
    """Reads field after field and goes on where one is wrong."""

    def __init__(self, file: SignalFile, root: Mapping) -> None:
        self.file = file
        self.root = root
        self.faults = FaultList(file.path)

    def field(self, key: str, read: Callable[[Node], T], default: T) -> T:
        entry = self.root.get(key)
        return default if entry is None else self.faults.attempt(key, lambda: read(entry.value), default)

    def signal(self) -> SignalDefinition:
        self.check_keys()
        unit = self.field("unit", fields.text, "")
        return SignalDefinition(
            id=self.file.id,
            title=self.field("title", fields.text, ""),
            layer=self.layer(),
            kind=self.field("kind", lambda node: _word(node, SignalKind), SignalKind.GAUGE),
            unit=unit,
            direction=self.field("direction", lambda node: _word(node, Direction), Direction.UP),
            acceptable=self.field("acceptable", _acceptable, None),
            limit=self.field("limit", lambda node: _limit(node, unit), None),
            is_required=self.field("required", fields.flag, True),
            span_s=self.field("span", _span_s, 900.0),
            evidence=self.field("evidence", lambda node: _number(node, at_least=0.0), 1.0),
            origin=self.field("origin", lambda node: _word(node, Origin), Origin.OURS),
            families=self.families(),
            where=self.file.path,
        )

    def check_keys(self) -> None:
        for entry in self.root.entries:
            if entry.key not in KEYS:
                self.faults.add(entry.line, entry.key[:80], unknown("key", entry.key, KEYS))
        for key in _NEEDED:
            if self.root.get(key) is None:
                self.faults.add(self.root.line, key, "is missing")
        if self.root.get("acceptable") is None and self.root.get("limit") is None:
            self.faults.add(self.root.line, "acceptable", "is missing; a signal has an accepted deviation, a limit, or both")

    def layer(self) -> Layer:
        folder = self.file.id.partition("/")[0]
        if folder in list(Layer):
            return Layer(folder)
        self.faults.add(1, "file", f"lies in {shown(folder)}; its folder is its layer: {', '.join(Layer)}")
        return Layer.APPLICATION

    def families(self) -> tuple[Family, ...]:
        entry = self.root.get("from")
        if entry is None:
            return ()
        if not isinstance(entry.value, Items) or not 0 < len(entry.value.items) <= MOST_FAMILIES:
            self.faults.add(entry.value.line, "from", f"must be a list of 1 to {MOST_FAMILIES} families")
            return ()
        read = []
        for at, node in enumerate(entry.value.items):
            family = self.family(f"from.{at}", node)
            if family is not None:
                read.append(family)
        return tuple(read)

    def family(self, place: str, node: Node) -> Family | None:
        """Every fault of it; None if its frame is wrong."""
        before = len(self.faults.faults)
        known = self.faults.attempt(place, lambda: fields.mapping(node, FAMILY_KEYS), None)
        if known is None:
            return None

        def field(key: str, read: Callable[[Node], T], default: T) -> T:
            entry = known.get(key)
            return default if entry is None else self.faults.attempt(f"{place}.{key}", lambda: read(entry.value), default)

        for key in ("family", "seen", "make"):
            if known.get(key) is None:
                self.faults.add(known.line, f"{place}.{key}", "is missing")
        family = Family(
            name=field("family", fields.text, ""),
            seen=field("seen", lambda value: _word(value, Seen), Seen.DOCUMENTATION),
            make=field("make", lambda value: _word(value, Make), Make.GAUGE),
            of=field("of", _selector, None),
            over=field("over", _selector, None),
            quantile=field("quantile", lambda value: _number(value, 0.0, 1.0), 0.99),
            scale=field("scale", _number, 1.0),
            fold=field("fold", lambda value: _word(value, Fold), Fold.SUM),
            service=field("service", fields.texts, ()),
            on=field("on", fields.texts, ()),
            signals=field("signals", fields.texts, ()),
            levels=field("levels", _levels, ()),
        )
        if len(self.faults.faults) == before:
            self.check_parts(place, known, family)
        return family

    def check_parts(self, place: str, node: Mapping, family: Family) -> None:
        """What it is made of is there, and nothing else."""
        is_two_sided = family.make in _TWO_SIDED
        is_derived, is_from_logs = family.make in DERIVED, family.make in FROM_LOGS
        needed = {
            "of": not is_derived and not is_from_logs,
            "over": is_two_sided,
            "signals": is_derived,
            "levels": family.make is Make.LINES,
        }
        for key, is_needed in needed.items():
            entry = node.get(key)
            if is_needed and entry is None:
                self.faults.add(node.line, f"{place}.{key}", f"is missing; `make: {family.make}` needs it")
            elif entry is not None and not is_needed:
                self.faults.add(entry.line, f"{place}.{key}", f"does not go with `make: {family.make}`")


def _word(node: Node, words: type[E]) -> E:
    return words(fields.choice(node, list(words)))


def _number(node: Node, at_least: float | None = None, at_most: float | None = None) -> float:
    text = fields.text(node)
    if not _NUMBER.fullmatch(text):
        raise WrongValue(node.line, f"is {shown(text)}; write a number")
    number = float(text)
    if (at_least is not None and number < at_least) or (at_most is not None and number > at_most):
        raise WrongValue(node.line, f"is {text}; must be between {at_least} and {at_most}")
    return number


def _acceptable(node: Node) -> Acceptable | None:
    try:
        return acceptable_of(fields.text(node))
    except ValueError as problem:
        raise WrongValue(node.line, str(problem)) from None


def _limit(node: Node, unit: str) -> float | None:
    """`75%` of a signal in `ratio`, else a number in the signal's own unit, which may stand behind it."""
    text = fields.text(node)
    found = _LIMIT.fullmatch(text)
    if found is not None and found[2] in ("", unit):
        return float(found[1])
    if found is not None and found[2] == "%" and unit == "ratio":
        return float(found[1]) / 100
    raise WrongValue(node.line, f"is {shown(text)}; write a number in {unit or 'the unit of the signal'}, or % of a ratio")


def _span_s(node: Node) -> float:
    seconds = fields.duration(node).total_seconds()
    if not 60 <= seconds <= _LONGEST_SPAN_S:
        raise WrongValue(node.line, "must be between 1m and 14d")
    return seconds


def _selector(node: Node) -> Selector | None:
    try:
        return selector_of(fields.text(node))
    except ValueError as problem:
        raise WrongValue(node.line, str(problem)) from None


def _levels(node: Node) -> tuple[str, ...]:
    return tuple(fields.choice(item, [level.name for level in Level], "level") for item in fields.items(node, "levels"))
