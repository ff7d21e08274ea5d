"""Messages whose strings are no UTF-8: protobuf refuses them, Go's producers write them all the same.

On the wire strings and bytes are one. So they are read by twins of the messages that have bytes in place of strings.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, unknown_fields
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message

from detector.core.decode.otlp import descriptors

M = TypeVar("M", bound=Message)
_STRING, _BYTES = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_BYTES


def read(kind: type[M], data: bytes) -> M:
    """The message; what is no UTF-8 in its strings becomes U+FFFD. Raises ValueError when it is no such message."""
    try:
        return _checked(kind.FromString(data))
    except DecodeError:
        pass
    try:
        return kind(**_mended(_checked(_twin(descriptors.of(kind)).FromString(data)), descriptors.of(kind)))
    except DecodeError:
        raise ValueError(f"no {kind.DESCRIPTOR.name} of OTLP") from None


def _checked(message: M) -> M:
    """Refuses a message of another kind that happens to read as this one: traces have the outer levels of logs and metrics."""
    known = message.DESCRIPTOR.fields_by_number
    unknown = unknown_fields.UnknownFieldSet(message)
    if any(unknown[index].field_number in known for index in range(len(unknown))):
        raise ValueError(f"no {message.DESCRIPTOR.name} of OTLP")
    return message


def _mended(twin: Message, kind: Descriptor) -> dict[str, Any]:
    """The arguments that make the message: its descriptor says which bytes are a string."""
    found: dict[str, Any] = {}
    for field, value in twin.ListFields():
        real = kind.fields_by_name[field.name]
        if real.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            inner = descriptors.inside(real)
            found[real.name] = [_mended(item, inner) for item in value] if real.is_repeated else _mended(value, inner)
        elif real.type == FieldDescriptor.TYPE_STRING:
            found[real.name] = [item.decode("utf-8", "replace") for item in value] if real.is_repeated else _text(value)
        else:
            found[real.name] = list(value) if real.is_repeated else value
    return found


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _twin(descriptor: Descriptor) -> type[Message]:
    return message_factory.GetMessageClass(_pool(descriptor.file).FindMessageTypeByName(descriptor.full_name))


@lru_cache(maxsize=4)
def _pool(file: FileDescriptor) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for each in (*_below(file), file):
        proto = descriptor_pb2.FileDescriptorProto()
        each.CopyToProto(proto)
        for message in proto.message_type:
            _bytes_for_strings(message)
        pool.Add(proto)
    return pool


def _below(file: FileDescriptor) -> list[FileDescriptor]:
    """The files that this one imports, those they import first."""
    found: dict[str, FileDescriptor] = {}
    for each in file.dependencies:
        found |= {lower.name: lower for lower in (*_below(each), each)}
    return list(found.values())


def _bytes_for_strings(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        if field.type == _STRING:
            field.type = _BYTES
    for nested in message.nested_type:
        _bytes_for_strings(nested)
