"""One sample's line: name, labels, number, time. Every expression is linear in the line: what repeats never gives back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from detector.core.decode.metrics.labels import LONGEST_NAME, MOST_LABELS, bounded, named, sorted_labels
from detector.records import Labels

_QUOTED = r'"(?:[^"\\]|\\.)*+"'
LINE = re.compile(
    rf'([^\s{{}}"#]*+(?:[ \t]*+\{{(?:[^"}}]|{_QUOTED})*+\}})?+)[ \t]*+(?<=[ \t}}])([^\s{{}}]++)'  # series, number
    r"(?:[ \t]++([^\s#]++))?+(?:[ \t]*+(#.*+))?+\Z"  # time, exemplar
)
NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what `surrogateescape` made of other bytes
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*+")
_LABEL = re.compile(
    rf"[ \t]*+(?:([a-zA-Z_][a-zA-Z0-9_]*+|{_QUOTED})[ \t]*+=[ \t]*+({_QUOTED})|({_QUOTED}))[ \t]*+(?:,|\Z)", re.DOTALL
)
# Labels as nearly everybody writes them: without blanks, escapes and quoted names.
_SIMPLE = re.compile(r'(?:[a-zA-Z_][a-zA-Z0-9_]*+="[^"\\]*+"(?:,|\Z))*+\Z')
_SIMPLE_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*+)="([^"\\]*+)"')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BLANK = re.compile(r"[ \t]*+\Z")
_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?|[+-]?(?:inf|infinity)|[+-]?nan", re.IGNORECASE | re.ASCII)
_LONGEST_NUMBER = 400
_MOST_PAIRS = 10_000


Pair = tuple[str, str]
Pairs = dict[Pair, Pair]


class Broken(ValueError):
    """A line that cannot be used, and why; the others can."""


@dataclass(frozen=True, slots=True)
class Series:
    """`bound` is its label `le` as a number, for one that may be a bucket; `group` is the same number for series whose labels are
    the same but for `le`."""

    name: str
    labels: Labels
    bound: float | None
    without_bound: Labels
    group: int


def number(text: str) -> float:
    """Raises Broken."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise Broken("no number")
    return float(text)


def series_of(text: str, ours: Mapping[str, str], honor_labels: bool, pairs_known: Pairs) -> Series:
    """`pairs_known` are labels that many series share: one object each. Raises Broken when the text is no series."""
    brace = text.find("{")
    head = text if brace < 0 else text[:brace].rstrip(" \t")
    if brace >= 0 and _SIMPLE.match(text, brace + 1, len(text) - 1):
        own = _SIMPLE_LABEL.findall(text, brace + 1, len(text) - 1)
        if _NAME.fullmatch(head) and len(own) <= MOST_LABELS and len(dict(own)) == len(own):
            return _series(head, _joined_of(own, ours, honor_labels), pairs_known)
    pairs = [] if brace < 0 else list(_items(text[brace + 1 : -1]))
    quoted = [value for name, value in pairs if name is None]
    if len(quoted) + bool(head) != 1:
        raise Broken("without a name" if not head and not quoted else "with more than one name")
    if quoted and pairs[0][0] is not None:
        raise Broken("a name behind labels")
    name = head or quoted[0]
    if not name or (head and not _NAME.fullmatch(head)):
        raise Broken("the name of a metric that is none; in quotes it may be any text")
    labels = [(label, value) for label, value in pairs if label is not None]
    if len(dict(labels)) < len(labels):
        raise Broken("a label that stands there twice")
    return _series(name, _joined_of(labels, ours, honor_labels), pairs_known)


def _joined_of(own: list[Pair], ours: Mapping[str, str], honor_labels: bool) -> dict[str, str]:
    try:
        return _joined(named(own), ours, honor_labels)
    except ValueError as error:
        raise Broken(str(error)) from None


def _series(name: str, labels: dict[str, str], pairs_known: Pairs) -> Series:
    try:
        every = sorted_labels(labels)
    except ValueError as error:
        raise Broken(str(error)) from None
    if len(pairs_known) < _MOST_PAIRS:
        every = tuple([pairs_known.setdefault(pair, pair) for pair in every])
    else:
        every = tuple([pairs_known.get(pair, pair) for pair in every])
    bound: float | None = None
    if name.endswith("_bucket") and "le" in labels:
        bound = number(labels["le"])
    without = tuple(pair for pair in every if pair[0] != "le") if bound is not None else every
    # Two series of one target get one number only when their labels are the same, or by a chance of 1 in 2^61.
    return Series(bounded(name, LONGEST_NAME), every, bound, without, hash(without))


def _joined(own: dict[str, str], ours: Mapping[str, str], honor_labels: bool) -> dict[str, str]:
    """As Prometheus does where both have a label."""
    if honor_labels:
        return {**ours, **own}
    joined = dict(own)
    for label, value in ours.items():
        if label in own:
            moved = f"exported_{label}"
            while moved in own or moved in ours:
                moved = f"exported_{moved}"
            joined[moved] = own[label]
        joined[label] = value
    return joined


def _items(text: str) -> Iterator[tuple[str | None, str]]:
    """Labels, and (None, name) for a name inside the braces; a comma at the end is legal: old Java clients write it."""
    at = found = 0
    while not _BLANK.match(text, at):
        match = _LABEL.match(text, at)
        if match is None:
            raise Broken("labels that are none")
        label, value, alone = match.groups()
        at, found = match.end(), found + 1
        if found > MOST_LABELS:
            raise Broken(f"more than {MOST_LABELS} labels")
        if alone is not None:
            yield None, _plain(alone)
        else:
            yield _plain(label) if label[0] == '"' else label, _plain(value)


def _plain(quoted: str) -> str:
    inside = quoted[1:-1]
    return _ESCAPE.sub(_meant, inside) if "\\" in inside else inside


def _meant(escape: re.Match[str]) -> str:
    r"""`\n`, `\"` and `\\`; another one stands for itself, as Prometheus reads it."""
    sign = escape[1]
    return "\n" if sign == "n" else sign if sign in '"\\' else escape[0]
