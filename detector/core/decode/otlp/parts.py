"""An OTLP request taken apart: the same steps down through its levels whether it came as protobuf or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from detector.core.decode import guarded_json
from detector.core.decode.otlp import descriptors, json_form, lenient, wire

M = TypeVar("M", bound=Message)
MOST_BYTES = 32 << 20
MOST_A_MESSAGE = 4 << 20
PIECE = 256 << 10


class Part(Protocol):
    """A message somewhere in the request. All raise ValueError when it is not what it should be."""

    def each(self, name: str) -> Iterator[Part]:
        """The messages of a repeated field, in order."""
        ...

    def one(self, name: str) -> Part | None:
        """The message of a field; None when it is not set."""
        ...

    def read(self, kind: type[M]) -> M:
        """The whole of it; `kind` is the class of its kind of message."""
        ...

    def pieces(self, kind: type[M], name: str) -> Iterator[M]:
        """The same, several times where it is large: a share each of the long list `name` in one of its fields."""
        ...


def parts_of(value: bytes, request: type[Message]) -> Iterator[Part]:
    """The elements of the request's one list (`resource_logs`, `resource_metrics`). Raises ValueError when the bytes are neither
    form of such a request."""
    (field,) = descriptors.of(request).fields
    if len(value) > MOST_BYTES:
        raise ValueError(f"{len(value)} bytes of OTLP; at most {MOST_BYTES} are read")
    # A request in protobuf begins with the byte of a newline, JSON may: then what follows must tell.
    is_json = value.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    if value[:1] != b"{":
        try:
            whole = _WirePart(descriptors.of(request), value)
            if whole.may_hold(field):
                return whole.each(field.name)
        except ValueError:
            if not is_json:
                raise
        if not is_json:
            raise ValueError(f"protobuf, but no {field.json_name} of OTLP")
    record = guarded_json.load(value)
    if field.json_name not in record and field.name not in record:
        raise ValueError(f"JSON without {field.json_name}")
    return _JsonPart(descriptors.of(request), record).each(field.name)


class _WirePart:
    __slots__ = ("_data", "_fields", "_kind")

    def __init__(self, kind: Descriptor, data: bytes) -> None:
        self._kind, self._data = kind, data
        self._fields: list[wire.Field] | None = None

    @property
    def fields(self) -> list[wire.Field]:
        if self._fields is None:
            self._fields = wire.fields(self._data)
        return self._fields

    def may_hold(self, field: FieldDescriptor) -> bool:
        """Whether it is empty or has this field, a message: text that by chance reads as protobuf has others."""
        kinds = {each.type for each in self.fields if each.number == field.number}
        return kinds == {wire.LENGTH} or not self.fields

    def each(self, name: str) -> Iterator[Part]:
        field = self._kind.fields_by_name[name]
        for content in self._contents(field):
            yield _WirePart(descriptors.inside(field), content)

    def one(self, name: str) -> Part | None:
        field = self._kind.fields_by_name[name]
        contents = self._contents(field)
        return (
            _WirePart(descriptors.inside(field), b"".join(contents)) if contents else None
        )  # a message said twice is both, merged

    def read(self, kind: type[M]) -> M:
        self._expect(self._data, MOST_A_MESSAGE)
        return lenient.read(kind, self._data)

    def pieces(self, kind: type[M], name: str) -> Iterator[M]:
        if len(self._data) <= PIECE:
            yield self.read(kind)
            return
        holders = {field.number: field for field in self._kind.fields if field.message_type and _lists(field, name)}
        large = [each for each in self.fields if each.number in holders and each.type == wire.LENGTH]
        rest = self._without(self.fields, large)
        for each in large:
            inner = descriptors.inside(holders[each.number]).fields_by_name[name].number
            for share in _shares(self._data[each.at : each.end], inner):
                yield lenient.read(kind, rest + wire.field(each.number, share))

    def _contents(self, field: FieldDescriptor) -> list[bytes]:
        found = [each for each in self.fields if each.number == field.number]
        if any(each.type != wire.LENGTH for each in found):
            raise ValueError(f"the {field.json_name} of {self._kind.name} is no message")
        return [self._data[each.at : each.end] for each in found]

    def _without(self, fields: list[wire.Field], left_out: list[wire.Field]) -> bytes:
        rest = b"".join(self._data[each.begin : each.end] for each in fields if each not in left_out)
        self._expect(rest, PIECE)
        return rest

    def _expect(self, data: bytes, most: int) -> None:
        if len(data) > most:
            raise ValueError(f"a {self._kind.name} of {len(data)} bytes; at most {most} are read")


class _JsonPart:
    """Its parts are in memory anyway: nothing is gained by reading it in pieces."""

    __slots__ = ("_kind", "_record")

    def __init__(self, kind: Descriptor, record: Any) -> None:
        if not isinstance(record, dict):
            raise ValueError(f"the {kind.name} is no JSON object")
        self._kind, self._record = kind, record

    def each(self, name: str) -> Iterator[Part]:
        field = self._kind.fields_by_name[name]
        found = self._value(field)
        if found is not None and not isinstance(found, list):
            raise ValueError(f"the {field.json_name} of {self._kind.name} is no list")
        for record in found or ():
            yield _JsonPart(descriptors.inside(field), record)

    def one(self, name: str) -> Part | None:
        field = self._kind.fields_by_name[name]
        found = self._value(field)
        return None if found is None else _JsonPart(descriptors.inside(field), found)

    def read(self, kind: type[M]) -> M:
        return json_form.message(kind, self._record)

    def pieces(self, kind: type[M], name: str) -> Iterator[M]:
        yield self.read(kind)

    def _value(self, field: FieldDescriptor) -> Any:
        found = self._record.get(field.json_name)
        return self._record.get(field.name) if found is None else found


def _lists(field: FieldDescriptor, name: str) -> bool:
    return name in descriptors.inside(field).fields_by_name and not field.is_repeated


def _shares(data: bytes, number: int) -> Iterator[bytes]:
    """A message that holds a long list, as several that hold a share of it each, and all the rest."""
    fields = wire.fields(data)
    rest = b"".join(data[each.begin : each.end] for each in fields if each.number != number)
    share: list[bytes] = []
    size = len(rest)
    for each in fields:
        if each.number != number:
            continue
        if share and size + each.end - each.begin > PIECE:
            yield rest + b"".join(share)
            share, size = [], len(rest)
        share.append(data[each.begin : each.end])
        size += each.end - each.begin
        if size > MOST_A_MESSAGE:
            raise ValueError(f"a message of {size} bytes; at most {MOST_A_MESSAGE} are read")
    yield rest + b"".join(share)
