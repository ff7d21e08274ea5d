"""What a value in a document may mean: text, number, duration, size, one of some words. Each says what is wrong in a sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from detector.documents.reading import Items, Mapping, Node, Scalar
from detector.errors import Fault

T = TypeVar("T")

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?) ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?")
_SIZE_UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE_UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_LONGEST = timedelta(days=3650)
_SHOWN = 80
_MOST_LISTED = 40


class WrongValue(ValueError):
    """The value does not fit its field; the text is the problem. `field` is added where it is deeper in the value."""

    def __init__(self, line: int, problem: str, field: str = "") -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.field = field


class FaultList:
    """Gathers what is wrong in one file, so that a person gets all of it at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.faults: list[Fault] = []

    def add(self, line: int, field: str, problem: str) -> None:
        self.faults.append(Fault(self.path, line, field, problem))

    def attempt(self, field: str, read: Callable[[], T], default: T) -> T:
        """What `read` returns; where that does not fit, the default, and the fault is noted."""
        try:
            return read()
        except WrongValue as wrong:
            self.add(wrong.line, f"{field}.{wrong.field}" if wrong.field else field, wrong.problem)
            return default


def shown(text: str) -> str:
    """A value in a message: quoted, on one line, not too long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """`unknown key 'pattern'; did you mean 'patterns'?`"""
    words = [str(candidate) for candidate in known]
    close = difflib.get_close_matches(word[:_SHOWN], words, n=1, cutoff=0.6)
    by_case = [candidate for candidate in words if candidate.lower() == word.lower()]
    nearest = (by_case or close)[:1]
    if nearest:
        return f"unknown {what} {shown(word)}; did you mean {nearest[0]!r}?"
    listed = f"; there is {', '.join(words)}" if len(words) <= _MOST_LISTED else ""
    return f"unknown {what} {shown(word)}{listed}"


def text(node: Node) -> str:
    scalar = _scalar(node, "a text")
    if scalar.is_null:
        raise WrongValue(node.line, "is empty; write a text")
    return scalar.text


def flag(node: Node) -> bool:
    value = _scalar(node, "true or false").text
    if value not in ("true", "false"):
        raise WrongValue(node.line, f"is {shown(value)}; write true or false")
    return value == "true"


def whole(node: Node, minimum: int | None = None, maximum: int | None = None) -> int:
    value = _scalar(node, "a whole number").text
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        raise WrongValue(node.line, f"is {shown(value)}; write a whole number")
    number = int(value)
    if minimum is not None and number < minimum:
        raise WrongValue(node.line, f"is {number}; must be at least {minimum}")
    if maximum is not None and number > maximum:
        raise WrongValue(node.line, f"is {number}; must be at most {maximum}")
    return number


def duration(node: Node) -> timedelta:
    """`15s`, `100ms`, `1h30m`; never negative."""
    value = _scalar(node, "a duration like 15s").text
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", value):
        raise WrongValue(node.line, f"is {shown(value)}; write a number and a unit (ms, s, m, h, d), like 15s or 1h30m")
    total = timedelta(milliseconds=round(sum(float(number) * _UNITS_MS[unit] for number, unit in _DURATION.findall(value))))
    if total > _LONGEST:
        raise WrongValue(node.line, f"is {shown(value)}; at most {_LONGEST.days}d")
    return total


def size(node: Node) -> int:
    """Bytes: `64KiB`, `1MiB`, `500`."""
    value = _scalar(node, "a size like 1MiB").text
    match = _SIZE.fullmatch(value)
    if not match:
        raise WrongValue(
            node.line, f"is {shown(value)}; write bytes or a number and a unit (KiB, MiB, GiB, kB, MB, GB), like 1MiB"
        )
    return round(float(match[1]) * _SIZE_UNITS[match[2] or ""])


def choice(node: Node, words: Sequence[str], what: str = "value") -> str:
    value = _scalar(node, f"one of {', '.join(words)}").text
    if value not in words:
        raise WrongValue(node.line, unknown(what, value, words))
    return value


def items(node: Node, what: str = "texts") -> tuple[Node, ...]:
    """A list's items."""
    if not isinstance(node, Items):
        raise WrongValue(node.line, f"must be a list of {what}")
    return node.items


def texts(node: Node) -> tuple[str, ...]:
    return tuple(text(item) for item in items(node))


def mapping(node: Node, known: Sequence[str]) -> Mapping:
    """A mapping whose keys are all known."""
    if not isinstance(node, Mapping):
        raise WrongValue(node.line, f"must be a mapping with {', '.join(known)}")
    for entry in node.entries:
        if entry.key not in known:
            raise WrongValue(entry.line, unknown("key", entry.key, known))
    return node


def needed(node: Mapping, key: str) -> Node:
    entry = node.get(key)
    if entry is None:
        raise WrongValue(node.line, f"the key {key!r} is missing")
    return entry.value


def _scalar(node: Node, wanted: str) -> Scalar:
    if not isinstance(node, Scalar):
        is_list = isinstance(node, Items)
        raise WrongValue(node.line, f"is a {'list' if is_list else 'mapping'}; write {wanted}")
    return node
