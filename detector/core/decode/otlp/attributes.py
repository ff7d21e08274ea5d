"""Attributes of OpenTelemetry: key and value pairs whose values may be anything."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Plain = str | bool | int | float | bytes | list["Plain"] | dict[str, "Plain"] | None


def plain(value: AnyValue) -> Plain:
    """The value as Python has it; None where nothing, or nothing that this version knows, is set."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            return value.double_value
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: plain(item.value) for item in value.kvlist_value.values}
        case "bytes_value":
            return value.bytes_value
    return None


def text(value: Plain) -> str:
    """The value as a label: a string as it is, lists and maps as JSON, bytes in base64."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None:
        return ""
    return json(value).decode()


def json(value: Plain) -> bytes:
    """The value as JSON; bytes in it as the text that they most likely are."""
    return orjson.dumps(value, default=_default)


def pairs(attributes: Iterable[KeyValue]) -> Iterator[tuple[str, str]]:
    """As labels; attributes without a value are left out."""
    for attribute in attributes:
        value = attribute.value
        if said := value.string_value:  # nearly all
            yield attribute.key, said
        elif (found := plain(value)) is not None:
            yield attribute.key, text(found)


def _default(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"no JSON for {type(value).__name__}")
