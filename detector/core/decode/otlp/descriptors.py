"""What protobuf's descriptors are, said to the type checker: its stubs leave open which of two implementations they come from."""

from __future__ import annotations

from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message


def of(kind: type[Message]) -> Descriptor:
    return cast("Descriptor", kind.DESCRIPTOR)


def inside(field: FieldDescriptor) -> Descriptor:
    """The message that a field holds."""
    return cast("Descriptor", field.message_type)
