"""The one guarded YAML reader. Everything people write (settings, rules) comes through here, and it may be hostile.

A document is at most 1 MiB, nests at most 64 deep and has at most 50,000 values. Anchors, aliases, tags, merge keys and duplicate
keys are refused. libyaml's events are read one by one: its loader crashes the process on deep nesting, and a self reference
never ends. Scalars stay text; the field that takes a value decides what it means, so `no` is a word where a word is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from detector.errors import BadInput, Fault

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_VALUES = 50_000
MAX_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `is_plain`: it was written without quotes, so that `~` or nothing at all mean null."""

    text: str
    line: int
    is_plain: bool = True

    @property
    def is_null(self) -> bool:
        return self.is_plain and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value; `line` is the key's."""

    key: str
    line: int
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their values, in the order they were written; no key twice."""

    entries: tuple[Entry, ...]
    line: int

    def get(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


Node = Scalar | Items | Mapping


def read_document(path: str, text: str | bytes) -> Node:
    """The document's root; an empty one is an empty mapping. Lines count from 1. Raises BadInput with every fault found."""
    reader = _Reader(path)
    root = reader.read(_decoded(path, text))
    if reader.faults:
        raise BadInput(reader.faults)
    return root


def read_file(path: str) -> bytes:
    """A file's bytes, one more than a document may have at the most. Raises BadInput when it cannot be read."""
    try:
        with open(path, "rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError as problem:
        raise BadInput([Fault(path, 1, "file", problem.strerror or str(problem))]) from None


def _decoded(path: str, text: str | bytes) -> str:
    if len(text) > MAX_BYTES:
        raise BadInput([Fault(path, 1, "file", f"is larger than {MAX_BYTES >> 20} MiB")])
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = text.count(b"\n", 0, problem.start) + 1
        raise BadInput([Fault(path, line, "file", f"is not UTF-8: byte 0x{text[problem.start]:02x}")]) from None


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    line: int
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    key: Scalar | None = None


class _Reader:
    """Builds the tree from events with a stack of its own: no recursion for a document to exhaust."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.faults: list[Fault] = []
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.values = 0

    def read(self, text: str) -> Node:
        documents = 0
        for event in self.events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse(_line(event), "a second document is not read; one file holds one document")
            elif isinstance(event, yaml.NodeEvent):
                self.take(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.close()
        return self.root if self.root is not None and not _is_nothing(self.root) else Mapping((), 1)

    def events(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as problem:
            mark = getattr(problem, "problem_mark", None)
            line = mark.line + 1 if mark is not None else text.count("\n", 0, getattr(problem, "position", 0)) + 1
            self.refuse(
                line, f"YAML: {getattr(problem, 'problem', None) or getattr(problem, 'reason', None) or 'cannot be read'}"
            )

    def where(self) -> str:
        """The path of keys to where we are, for people."""
        parts = [
            frame.key.text if frame.key else str(len(frame.items)) for frame in self.stack if frame.key or not frame.is_mapping
        ]
        return ".".join(part[:60] for part in parts[:8]) or "file"

    def fault(self, line: int, problem: str) -> None:
        self.faults.append(Fault(self.path, line, self.where(), problem))
        if len(self.faults) >= MAX_FAULTS:
            raise BadInput(self.faults)

    def refuse(self, line: int, problem: str) -> NoReturn:
        """For what makes reading on pointless or dangerous."""
        self.fault(line, problem)
        raise BadInput(self.faults)

    def take(self, event: yaml.NodeEvent) -> None:
        line = _line(event)
        self.values += 1
        if self.values > MAX_VALUES:
            self.refuse(line, f"has more than {MAX_VALUES} values")
        if isinstance(event, yaml.AliasEvent):
            self.refuse(line, f"*{str(event.anchor)[:40]}: aliases are not read; write the value out")
        if event.anchor is not None:
            self.fault(line, f"&{str(event.anchor)[:40]}: anchors are not read; write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.fault(line, f"{str(tag)[:80]}: tags are not read; write a plain value")
        if isinstance(event, yaml.ScalarEvent):
            self.put(Scalar(event.value, line, not event.style))
        elif len(self.stack) >= MAX_DEPTH:
            self.refuse(line, f"nests deeper than {MAX_DEPTH}")
        else:
            self.stack.append(_Open(line, isinstance(event, yaml.MappingStartEvent)))

    def close(self) -> None:
        frame = self.stack.pop()
        node: Node = Mapping(tuple(frame.entries), frame.line) if frame.is_mapping else Items(tuple(frame.items), frame.line)
        self.put(node)

    def put(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if not frame.is_mapping:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self.key(frame, node)
        else:
            frame.entries.append(Entry(frame.key.text, frame.key.line, node))
            frame.key = None

    def key(self, frame: _Open, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self.refuse(node.line, "a key must be a word")
        if node.is_plain and node.text == "<<":
            self.fault(node.line, "<<: merge keys are not read; write the keys out")
        if node.text in frame.keys:
            self.fault(node.line, f"the key {node.text[:80]!r} is there twice")
        frame.keys.add(node.text)
        return node


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def line_at(root: Node, path: str) -> int:
    """The line of the value at a path like `sinks.0.url`, or of the deepest part of it that is there."""
    node, line = root, root.line
    for part in path.split("."):
        if isinstance(node, Mapping) and (entry := node.get(part)) is not None:
            node, line = entry.value, entry.line
        elif isinstance(node, Items) and part.isdigit() and int(part) < len(node.items):
            node = node.items[int(part)]
            line = node.line
        else:
            break
    return line
