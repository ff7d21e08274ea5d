"""Records to bytes and back: JSON with a checksum, because SQLite serves a garbled page as if it were data."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
import zlib
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import orjson

T = TypeVar("T")


class GarbledRow(Exception):
    """A row's checksum or shape is wrong: the disk or somebody else changed it."""


def pack(record: Any) -> bytes:
    """A record as JSON. Lone surrogates (file names that are no UTF-8), which orjson refuses, are written as escapes."""
    try:
        return orjson.dumps(record)
    except TypeError:
        return json.dumps(dataclasses.asdict(record)).encode("ascii")


def unpack(kind: type[T], body: bytes) -> T:
    """The record that `pack` was given, equal in every field. Raises GarbledRow."""
    try:
        return revived(kind, parsed(body))
    except ValueError as error:
        raise GarbledRow(f"{kind.__name__}: {error}") from error


def revived(kind: type[T], value: Any) -> T:
    """The record whose JSON this is. Raises GarbledRow."""
    try:
        return typing.cast(T, _reviver(typing.cast(Any, kind))(value))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GarbledRow(f"{kind.__name__}: {error}") from error


def checksum(key: str, body: bytes) -> int:
    """CRC-32 over key and body: a row that was moved to another key is garbled too."""
    return zlib.crc32(body, zlib.crc32(key.encode("utf-8", "surrogatepass")))


def checked(key: str, body: bytes, crc: int) -> bytes:
    """The body, if it is what was written. Raises GarbledRow."""
    if not isinstance(body, bytes) or not isinstance(key, str) or checksum(key, body) != crc:
        raise GarbledRow(f"checksum of {key!r}")
    return body


def column(text: str) -> str:
    """Text that SQLite takes: lone surrogates are spelled out. Only for finding rows; the body keeps the text itself."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def parsed(body: bytes) -> Any:
    """What `pack` wrote, as JSON has it. Raises ValueError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


@functools.cache
def _reviver(kind: Any) -> Callable[[Any], Any]:
    """How a JSON value becomes `kind` again. Built from the record's own types, so that a new field needs no line here."""
    if kind in (int, str, bool):
        return _same
    if kind is float:
        return float
    if isinstance(kind, types.UnionType):
        (inner,) = [each for each in typing.get_args(kind) if each is not type(None)]
        revive = _reviver(inner)
        return lambda value: None if value is None else revive(value)
    if typing.get_origin(kind) is tuple:
        return _tuple_reviver(typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _record_reviver(kind)


def _same(value: Any) -> Any:
    return value


def _tuple_reviver(inner: tuple[Any, ...]) -> Callable[[Any], Any]:
    if inner[-1] is Ellipsis:
        revive = _reviver(inner[0])
        return lambda values: tuple(revive(value) for value in values)
    revivers = [_reviver(each) for each in inner]
    return lambda values: tuple(revive(value) for revive, value in zip(revivers, values, strict=True))


def _record_reviver(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    revivers = {field.name: _reviver(hints[field.name]) for field in dataclasses.fields(kind)}
    return lambda value: kind(**{name: revivers[name](each) for name, each in value.items() if name in revivers})
