"""Reads a tree of dataclasses from a document and the environment; every fault at once.

Each value of the document may be overridden by an environment variable named after its path: `store.path` by
TRIMWATCH_STORE_PATH, the second sink's url by TRIMWATCH_SINKS_1_URL; a list of texts is split at commas. A variable that names
no setting is not ours: Kubernetes itself sets TRIMWATCH_SERVICE_HOST where a service is called trimwatch.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping as Environment
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from detector.documents import Entry, Items, Mapping, Node, Scalar, fields
from detector.documents.fields import FaultList, WrongValue, unknown
from detector.errors import Fault
from detector.settings.values import Secret, Size, leaf

T = TypeVar("T")

PREFIX = "TRIMWATCH"
FROM_ENVIRONMENT = 0  # the line of a value that no file holds
_MOST_ITEMS = 64
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_WRONG = object()


class FaultyTree(Exception):
    """Something required could not be read; what, is in the fault list."""


@lru_cache(maxsize=64)
def hints_of(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    return typing.get_type_hints(kind)


@dataclass(frozen=True, slots=True)
class SettingsReader:
    """Reads with one file's faults and one environment."""

    faults: FaultList
    environ: Environment[str, str]

    def tree(self, kind: type[T], node: Node | None, path: str = "") -> T:
        """A dataclass from a mapping. Raises FaultyTree when a part of it is wrong; the faults are then in the list."""
        entries = self.entries(kind, node, path)
        hints = hints_of(typing.cast(Any, kind))
        values = {}
        for field in dataclasses.fields(kind):  # type: ignore[arg-type]
            value = self.field(field, hints[field.name], entries, _join(path, field.name), node)
            if value is not dataclasses.MISSING:
                values[field.name] = value
        if any(value is _WRONG for value in values.values()):
            raise FaultyTree
        return kind(**values)

    def entries(self, kind: type, node: Node | None, path: str) -> dict[str, Entry]:
        """The mapping's keys; those that mean nothing are faults."""
        known = [name for field in dataclasses.fields(kind) for name in keys_of(field.name, hints_of(kind)[field.name])]
        if node is None or (isinstance(node, Scalar) and node.is_null):
            return {}
        if not isinstance(node, Mapping):
            self.fault(node.line, path or "file", f"must be a mapping with {', '.join(known)}")
            raise FaultyTree
        for entry in node.entries:
            if entry.key not in known:
                self.fault(entry.line, _join(path, entry.key[:80]), unknown("key", entry.key, known))
        return {entry.key: entry for entry in node.entries}

    def field(self, field: dataclasses.Field[Any], wanted: Any, entries: dict[str, Entry], path: str, parent: Node | None) -> Any:
        """The field's value; MISSING leaves the default, _WRONG stands for a fault."""
        kind, is_optional = unwrapped(wanted)
        if kind is Secret:
            return self.secret(field, entries, path, parent)
        entry = entries.get(field.name)
        node = self.overlaid(kind, entry.value if entry else None, path)
        if node is None:
            if field.default is dataclasses.MISSING:
                self.fault(parent.line if parent else 1, path, "is missing")
                return _WRONG
            return dataclasses.MISSING
        if isinstance(node, Scalar) and node.is_null and (is_optional or field.default is not dataclasses.MISSING):
            return None if is_optional else dataclasses.MISSING
        return self.value(kind, node, path, field.metadata)

    def overlaid(self, kind: Any, node: Node | None, path: str) -> Node | None:
        """The node with what the environment says instead. A part of the tree is asked again for each of its fields."""
        if dataclasses.is_dataclass(kind) and kind is not Size:
            is_named = any(name.startswith(f"{variable(path)}_") for name in self.environ)
            return node if node is not None or not is_named else Mapping((), FROM_ENVIRONMENT)
        if members_of(kind):
            return self.overlaid_items(node, path)
        written = self.environ.get(variable(path))
        if written is None:
            return node
        if typing.get_origin(kind) is tuple:
            texts = [part.strip() for part in written.split(",") if part.strip()]
            return Items(tuple(Scalar(text, FROM_ENVIRONMENT, is_plain=False) for text in texts), FROM_ENVIRONMENT)
        is_unset = not written and kind is not str  # an empty text is a text: it switches a listener off
        return Scalar(written, FROM_ENVIRONMENT, is_plain=is_unset)

    def overlaid_items(self, node: Node | None, path: str) -> Node | None:
        """A list of trees: items that only the environment names are added after those of the file."""
        items = list(node.items) if isinstance(node, Items) else []
        while len(items) < _MOST_ITEMS and any(name.startswith(f"{variable(path)}_{len(items)}_") for name in self.environ):
            items.append(Mapping((), FROM_ENVIRONMENT))
        return Items(tuple(items), node.line if node else FROM_ENVIRONMENT) if items else node

    def value(self, kind: Any, node: Node, path: str, bounds: Environment[str, Any]) -> Any:
        try:
            if members_of(kind):
                return self.items(members_of(kind), node, path)
            if dataclasses.is_dataclass(kind) and kind is not Size:
                return self.tree(typing.cast(type, kind), node, path)
            return self.faults_of(path, partial(leaf, kind, self.filled(node, path), bounds))
        except FaultyTree:
            return _WRONG

    def items(self, members: dict[str, type], node: Node, path: str) -> Any:
        """A list of trees, each of the kind that its `type` names."""
        if not isinstance(node, Items):
            self.fault(node.line, path, f"must be a list; each item has a type: {', '.join(members)}")
            return _WRONG
        if len(node.items) > _MOST_ITEMS:
            self.fault(node.line, path, f"has {len(node.items)} items; at most {_MOST_ITEMS}")
            return _WRONG
        read = [self.member(members, item, f"{path}.{at}") for at, item in enumerate(node.items)]
        return _WRONG if any(item is _WRONG for item in read) else tuple(read)

    def member(self, members: dict[str, type], node: Node, path: str) -> Any:
        if not isinstance(node, Mapping):
            self.fault(node.line, path, f"must be a mapping; its type is one of {', '.join(members)}")
            return _WRONG
        entry = node.get("type")
        written = self.overlaid(str, entry.value if entry else None, f"{path}.type")
        if written is None:
            self.fault(node.line, f"{path}.type", f"is missing; write one of {', '.join(members)}")
            return _WRONG
        chosen = self.faults_of(f"{path}.type", lambda: fields.choice(written, list(members), "type"))
        try:
            return _WRONG if chosen is _WRONG else self.tree(members[chosen], node, path)
        except FaultyTree:
            return _WRONG

    def secret(self, field: dataclasses.Field[Any], entries: dict[str, Entry], path: str, parent: Node | None) -> Any:
        """Written out, or by the file that holds it."""
        names = (field.name, f"{field.name}_file")
        paths = (path, f"{path}_file")
        found = [entries.get(name) for name in names]
        nodes = [self.overlaid(str, entry.value if entry else None, at) for entry, at in zip(found, paths, strict=True)]
        said = [node if node is not None and not (isinstance(node, Scalar) and node.is_null) else None for node in nodes]
        if said[0] is not None and said[1] is not None:
            self.fault(said[1].line, paths[1], f"is one too many: {field.name} is there as well")
            return _WRONG
        if said[0] is not None:
            text = self.value(str, said[0], path, {})
            return _WRONG if text is _WRONG else Secret(value=text)
        if said[1] is not None:
            text = self.value(str, said[1], paths[1], {})
            return _WRONG if text is _WRONG else Secret(file=text)
        if field.default is dataclasses.MISSING:
            self.fault(parent.line if parent else 1, path, f"is missing; write it, or {names[1]}")
            return _WRONG
        return dataclasses.MISSING

    def filled(self, node: Node, path: str) -> Node:
        """The node with `${NAME}` and `${NAME:-default}` put in; `$${` is a plain `${`. The environment's own values stand."""
        if isinstance(node, Scalar) and node.line != FROM_ENVIRONMENT and "${" in node.text:
            return Scalar(_VARIABLE.sub(partial(self.variable_value, node, path), node.text), node.line, is_plain=False)
        if isinstance(node, Items):
            return Items(tuple(self.filled(item, path) for item in node.items), node.line)
        if isinstance(node, Mapping):
            entries = (Entry(entry.key, entry.line, self.filled(entry.value, path)) for entry in node.entries)
            return Mapping(tuple(entries), node.line)
        return node

    def variable_value(self, node: Node, path: str, reference: re.Match[str]) -> str:
        if reference[1] is None:
            return "${"
        value = self.environ.get(reference[1], reference[2])
        if value is None:
            self.fault(node.line, path, f"the environment has no {reference[1]}")
            raise FaultyTree
        return value

    def faults_of(self, path: str, read: typing.Callable[[], Any]) -> Any:
        try:
            return read()
        except WrongValue as wrong:
            self.fault(wrong.line, _join(path, wrong.field) if wrong.field else path, wrong.problem)
            return _WRONG

    def fault(self, line: int, path: str, problem: str) -> None:
        if line == FROM_ENVIRONMENT:
            self.faults.faults.append(Fault("environment", 1, variable(path), problem))
        else:
            self.faults.add(line, path, problem)


def variable(path: str) -> str:
    """`sinks.0.url` is TRIMWATCH_SINKS_0_URL."""
    return f"{PREFIX}_{path.upper().replace('.', '_')}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def keys_of(name: str, wanted: Any) -> tuple[str, ...]:
    return (name, f"{name}_file") if unwrapped(wanted)[0] is Secret else (name,)


def unwrapped(wanted: Any) -> tuple[Any, bool]:
    """`X | None` is (X, True)."""
    arguments = typing.get_args(wanted)
    if typing.get_origin(wanted) in (typing.Union, types.UnionType) and type(None) in arguments:
        return next(argument for argument in arguments if argument is not type(None)), True
    return wanted, False


def members_of(kind: Any) -> dict[str, type]:
    """For a tuple of one or several dataclasses that have a `type`: the types by name; else empty."""
    if typing.get_origin(kind) is not tuple:
        return {}
    item = typing.get_args(kind)[0]
    members = typing.get_args(item) if typing.get_origin(item) in (typing.Union, types.UnionType) else (item,)
    if not all(dataclasses.is_dataclass(member) for member in members):
        return {}
    return {typing.get_args(hints_of(member)["type"])[0]: member for member in members}
