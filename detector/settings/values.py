"""The kinds of values that settings are made of, and how a field carries its documentation."""

from __future__ import annotations

import typing
from collections.abc import Mapping as Metadata
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from detector.documents import Mapping, Node, Scalar, fields
from detector.documents.fields import WrongValue

Bounds = Metadata[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes; written `64KiB`, `1MiB`, `500`."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that never prints. Written as text, `${ENV}`, or by the sibling key `<name>_file`, read again when it changes."""

    value: str = ""
    file: str | None = None

    def __repr__(self) -> str:
        return "Secret(***)"

    def reveal(self) -> str:
        """The secret itself, from its file if it has one. Raises OSError when the file cannot be read."""
        if self.file is None:
            return self.value
        with open(self.file, encoding="utf-8") as source:
            return source.read().strip()


def say(doc: str, default: Any = ..., **bounds: Any) -> Any:
    """A field with its documentation. `bounds` (minimum, maximum: of the value's own kind) go into the JSON Schema and are
    checked."""
    metadata = {"doc": doc, **bounds}
    if default is ...:
        return field(metadata=metadata)
    if isinstance(default, list | dict | set):
        raise TypeError("defaults are immutable")
    return field(default=default, metadata=metadata)


def leaf(kind: Any, node: Node, bounds: Bounds) -> Any:
    """A value that has no parts of its own."""
    if kind is str:
        return fields.text(node) if not (isinstance(node, Scalar) and node.text == "" and not node.is_plain) else ""
    if kind is bool:
        return fields.flag(node)
    if kind is int:
        return fields.whole(node, bounds.get("minimum"), bounds.get("maximum"))
    if kind is timedelta:
        return _bounded(node, fields.duration(node), bounds)
    if kind is Size:
        return Size(_bounded(node, fields.size(node), bounds))
    if typing.get_origin(kind) is typing.Literal:
        return fields.choice(node, typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(fields.choice(node, [member.value for member in kind]))
    return _pairs(node) if typing.get_args(kind)[0] is not str else fields.texts(node)


def _bounded(node: Node, value: Any, bounds: Bounds) -> Any:
    low, high = bounds.get("minimum"), bounds.get("maximum")
    if low is not None and value < low:
        raise WrongValue(node.line, f"must be at least {spelled(low)}")
    if high is not None and value > high:
        raise WrongValue(node.line, f"must be at most {spelled(high)}")
    return value


def spelled(value: timedelta | int) -> str:
    """A duration or size as people write it in the file."""
    if isinstance(value, timedelta):
        ms = round(value.total_seconds() * 1000)
        for unit, factor in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
            if ms and ms % factor == 0:
                return f"{ms // factor}{unit}"
        return f"{ms}ms"
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return str(value)


def _pairs(node: Node) -> tuple[tuple[str, str], ...]:
    """A mapping of names to texts."""
    if not isinstance(node, Mapping):
        raise WrongValue(node.line, "must be a mapping of names to texts")
    return tuple((entry.key, fields.text(entry.value)) for entry in node.entries)
