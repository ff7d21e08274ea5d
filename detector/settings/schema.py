"""The JSON Schema of a tree of settings dataclasses, so that editors complete and explain."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from detector.settings.reader import hints_of, keys_of, members_of, unwrapped
from detector.settings.values import Secret, Size, spelled

_VARIABLE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}
_DURATION = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$|\$\{"}
_SIZE_TEXT = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(B|[KMGT]iB|[kMGT]B)?$|\$\{"}

Schema = dict[str, Any]


def schema_of(kind: type, title: str) -> Schema:
    """The schema of a document whose root is the dataclass."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return {**head, "description": (kind.__doc__ or "").strip(), **_tree(kind)}


def _tree(kind: type) -> Schema:
    properties: Schema = {}
    required = []
    for field in dataclasses.fields(kind):
        wanted = hints_of(kind)[field.name]
        names = keys_of(field.name, wanted)
        for name in names:
            about = field.metadata["doc"] if name == field.name else f"File that holds `{field.name}`."
            properties[name] = {"description": about, **_default(field), **_value(wanted, field.metadata)}
        if field.default is dataclasses.MISSING and len(names) == 1:
            required.append(field.name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _default(field: dataclasses.Field[Any]) -> Schema:
    """The default where it can be written in one line."""
    value = field.default
    if isinstance(value, timedelta | Size):
        return {"default": spelled(value if isinstance(value, timedelta) else value.bytes)}
    return {"default": value} if isinstance(value, str | int | bool) else {}


def _value(wanted: Any, bounds: Mapping[str, Any]) -> Schema:
    kind, is_optional = unwrapped(wanted)
    schema = _kind(kind, bounds)
    return {"anyOf": [schema, {"type": "null"}]} if is_optional else schema


def _kind(kind: Any, bounds: Mapping[str, Any]) -> Schema:
    if members := members_of(kind):
        return {"type": "array", "items": {"oneOf": [_tree(member) for member in members.values()]}}
    if kind is Size:
        return {"anyOf": [{"type": "integer", "minimum": 0}, _SIZE_TEXT]}
    if kind is Secret or kind is str:
        return {"type": "string"}
    if dataclasses.is_dataclass(kind):
        return _tree(typing.cast(type, kind))
    if kind is bool:
        return {"anyOf": [{"type": "boolean"}, _VARIABLE]}
    if kind is int:
        limits = {name: bounds[name] for name in ("minimum", "maximum") if name in bounds}
        return {"anyOf": [{"type": "integer", **limits}, _VARIABLE]}
    if kind is timedelta:
        return _DURATION
    return _words(kind)


def _words(kind: Any) -> Schema:
    """Some words, a list of texts, or a mapping of texts."""
    if typing.get_origin(kind) is typing.Literal:
        words = list(typing.get_args(kind))
        return {"const": words[0]} if len(words) == 1 else {"enum": words}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if typing.get_args(kind)[0] is not str:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    return {"type": "array", "items": {"type": "string"}}
