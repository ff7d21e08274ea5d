"""Series that were written before, by the bytes that named them, so that most are read no second time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from detector.core.decode.metrics.labels import LONGEST_NAME, MOST_LABELS, bounded, named, sorted_labels
from detector.core.decode.otlp import wire
from detector.records import Labels, MetricKind

MOST_SERIES = 10_000  # a generation; there are two, and a series is about 1.4 KB
MOST_FAMILIES = 10_000
MOST_TEXTS, LONGEST_TEXT = 40_000, 128  # that are one object from request to request: about 5 MB
LONGEST_KEY = 8 << 10  # a series with more text is read anew each time
_NAME = "__name__"
_KINDS = {
    1: MetricKind.COUNTER,
    2: MetricKind.GAUGE,
    3: MetricKind.HISTOGRAM,
    4: MetricKind.GAUGE,  # a gauge histogram: its buckets may fall
    5: MetricKind.SUMMARY,
    6: MetricKind.GAUGE,
    7: MetricKind.GAUGE,
}
_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_created")


class Unusable(ValueError):
    """A series that is none, and why, in words for its sender."""


TextKey = tuple[bytes, ...]  # names and values by turns
FamilyKey = tuple[int, bytes]  # type and unit
UNKNOWN_FAMILY: FamilyKey = (0, b"")
Getter = Callable[[list[bytes]], tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class Family:
    kind: MetricKind
    unit: str


class Series(NamedTuple):
    """What the points of one series have in common; unpacked for each of them."""

    name: str
    labels: Labels
    kind: MetricKind
    unit: str

    @property
    def shown(self) -> str:
        inside = ",".join(f"{name}={value!r}" for name, value in self.labels[:5])
        return f"{self.name}{{{inside}}}"


class KnownSeries:
    """Two generations: with a flood of new series the ones still in use go on, and memory is bounded."""

    def __init__(self) -> None:
        self.by_label_bytes: dict[bytes, Series] = {}
        self._before: dict[bytes, Series] = {}
        self.by_text: dict[FamilyKey, dict[TextKey, Series]] = {}
        self._text_before: dict[FamilyKey, dict[TextKey, Series]] = {}
        self._by_text_count = 0
        self.texts: dict[bytes, bytes] = {}
        self.getters: dict[bytes, Getter] = {}
        self._families: dict[str, Family] = {}

    def by_bytes(self, key: bytes) -> Series:
        """The series that these label fields, and nothing but them, name. Raises Unusable."""
        found = self.by_label_bytes.get(key)
        if found is not None:
            return found
        found = self._before.pop(key, None) or self._made(_label_fields(key), None)
        if len(key) > LONGEST_KEY:
            return found
        if len(self.by_label_bytes) >= MOST_SERIES:
            self._before = dict(self.by_label_bytes)
            self.by_label_bytes.clear()  # the dict itself is held by whoever reads a request
        self.by_label_bytes[key] = found
        return found

    def by_texts(self, key: TextKey, of: FamilyKey) -> Series:
        """The series of these names and values, one after the other, with what its family is. Raises Unusable."""
        found = self.by_text.get(of, {}).get(key)
        if found is None:
            kind, unit = of
            family = Family(_KINDS.get(kind, MetricKind.UNKNOWN), bounded(unit.decode("utf-8", "replace"), LONGEST_NAME))
            pairs = zip(key[::2], key[1::2], strict=True)
            found = self._text_before.get(of, {}).pop(key, None) or self._made(pairs, family)
            if sum(map(len, key)) > LONGEST_KEY:
                return found
            if self._by_text_count >= MOST_SERIES:
                self._text_before, self.by_text, self._by_text_count = self.by_text, {}, 0
            self.by_text.setdefault(of, {})[key] = found
            self._by_text_count += 1
        return found

    def same(self, text: bytes) -> bytes:
        """An equal text that was there before, if it is remembered: what is one object is sooner known to be the same."""
        if len(text) > LONGEST_TEXT:
            return text
        if len(self.texts) >= MOST_TEXTS:
            self.texts.clear()
        return self.texts.setdefault(text, text)

    def learn_family(self, data: bytes) -> None:
        """A MetricMetadata of 1.0, which comes in requests of its own. Raises ValueError."""
        kind, name, unit = 0, "", ""
        for each in wire.fields(data):
            if each.number == 1 and each.type == 0:
                kind = wire.varint(data, each.at)[0]
            elif each.type == wire.LENGTH and each.number in (2, 5):
                text = bounded(data[each.at : each.end].decode("utf-8", "replace"), LONGEST_NAME)
                name, unit = (text, unit) if each.number == 2 else (name, text)
        family = Family(_KINDS.get(kind, MetricKind.UNKNOWN), unit)
        if self._families.get(name) == family or (name not in self._families and len(self._families) >= MOST_FAMILIES):
            return
        self._families[name] = family
        self.by_label_bytes.clear()
        self._before.clear()

    def _made(self, pairs: Iterable[tuple[bytes, bytes]], family: Family | None) -> Series:
        texts = [(_text(name), _text(value)) for name, value in pairs]
        names = [name for name, _ in texts]
        if len(set(names)) != len(names) or "" in names:
            raise Unusable(f"{_excerpt(texts)}: a label without a name, or one name twice")
        try:
            labels = named(texts)
        except ValueError as problem:
            raise Unusable(f"{_excerpt(texts)}: {problem}") from None
        name = labels.pop(_NAME, "")
        if not name:
            raise Unusable(f"{_excerpt(texts)}: no {_NAME}")
        known = self._family(name) if family is None else family
        interned = tuple((sys.intern(label), sys.intern(value)) for label, value in sorted_labels(labels))
        return Series(sys.intern(name), interned, _part_of(known.kind, name), known.unit)

    def _family(self, name: str) -> Family:
        for suffix in ("", *_SUFFIXES):
            found = self._families.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
            if found is not None:
                return found
        return Family(MetricKind.UNKNOWN, "")


class SymbolRequest:
    """A request of 2.0: its series name their labels by places in its table of texts. What the places are is remembered from one
    request to the next, what stands there is not."""

    def __init__(self, known: KnownSeries, symbols: list[bytes]) -> None:
        self._known = known
        same = known.texts.get
        self.symbols = [same(text) or known.same(text) for text in symbols]
        self.by_tail: dict[bytes, dict[TextKey, Series]] = {}  # known series by what is said behind their samples
        self._families: dict[bytes, FamilyKey | None] = {}

    def known(self, refs: bytes, tail: bytes) -> Series | None:
        """The series of a packed list of places, behind which only `tail` is said; None when that is more than metadata,
        or unusable."""
        try:
            family = self._families[tail] if tail in self._families else self._of_tail(tail)
            if family is None:
                return None
            series = self.series(refs, family)
            self.by_tail[tail] = self._known.by_text.get(family, {})
            return series
        except ValueError:
            return None

    def series(self, refs: bytes, family: FamilyKey) -> Series:
        """`refs` is a packed list of places, in pairs. Raises Unusable, or ValueError when it is no list."""
        getter = self._known.getters.get(refs) or self._getter(refs)
        try:
            key = getter(self.symbols)
        except IndexError:
            raise Unusable("a series refers to a symbol that is not there") from None
        known = self._known.by_text.get(family)
        return (known.get(key) if known else None) or self._known.by_texts(key, family)

    def family(self, metadata: bytes) -> FamilyKey:
        """Raises ValueError."""
        kind, unit = 0, 0
        for each in wire.fields(metadata):
            if each.type == 0 and each.number in (1, 4):
                value = wire.varint(metadata, each.at)[0]
                kind, unit = (value, unit) if each.number == 1 else (kind, value)
        return kind, self.symbols[unit] if unit < len(self.symbols) else b""

    def _of_tail(self, tail: bytes) -> FamilyKey | None:
        fields = wire.fields(tail)
        found: FamilyKey | None = None
        if not fields:
            found = UNKNOWN_FAMILY
        elif [(each.number, each.type) for each in fields] == [(5, wire.LENGTH)]:
            found = self.family(tail[fields[0].at :])
        self._families[tail] = found
        return found

    def _getter(self, refs: bytes) -> Getter:
        if len(refs) > 10 * MOST_LABELS:
            raise Unusable(f"a series of more than {MOST_LABELS} labels")
        places = list(refs) if not refs or max(refs) < 128 else _places(refs)
        if len(places) % 2 or not places:
            raise Unusable("a series with a label name and no value, or without labels")
        if len(self._known.getters) >= MOST_SERIES:
            self._known.getters.clear()
        getter = self._known.getters[refs] = itemgetter(*places)
        return getter


def _part_of(kind: MetricKind, name: str) -> MetricKind:
    """Of a histogram or summary Prometheus writes each bucket and total as a series of its own, and those only rise."""
    if kind is MetricKind.HISTOGRAM or (kind is MetricKind.SUMMARY and name.endswith(("_count", "_sum"))):
        return MetricKind.GAUGE if name.endswith("_created") else MetricKind.COUNTER
    return kind


def _label_fields(key: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Of nothing but label fields: name and value of each."""
    for each in wire.fields(key):
        label = key[each.at : each.end]
        name = value = b""
        for part in wire.fields(label):
            if part.type != wire.LENGTH:
                continue
            if part.number == 1:
                name = label[part.at : part.end]
            elif part.number == 2:
                value = label[part.at : part.end]
        yield name, value


def _places(refs: bytes) -> list[int]:
    found, at = [], 0
    while at < len(refs):
        place, at = wire.varint(refs, at)
        found.append(place)
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Unusable(f"{data[:50]!r} is no UTF-8") from None


def _excerpt(texts: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{name[:50]}={value[:50]!r}" for name, value in texts[:5]) + "}"
