"""OTLP logs, protobuf or JSON, made lines: what the OpenTelemetry Collector, or Fluent Bit, writes to Kafka.

Each log record becomes one JSON line in the shape in which shippers carry a line (`envelope`), so that partial lines and stack
traces are put together as theirs are. What was read from a file or a container's output is carried as it was read; what an
application's logging library has handed over is carried as a record: it has a level, and it is whole.
https://opentelemetry.io/docs/specs/otel/logs/data-model
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from detector.core.decode.logs import error_text, levels
from detector.core.decode.logs.otlp_owner import LONGEST_NAME, Owner, word
from detector.core.decode.otlp import attributes
from detector.core.decode.otlp.attributes import Plain
from detector.core.decode.otlp.parts import Part, parts_of
from detector.records import Level

MOST_LINES = 100_000
MOST_BYTES = 64 << 20
_NS = 1_000_000
_OF_A_FILE = ("log.file.path", "log.file.name", "log.iostream", "logtag")
_EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace")
_FIELDS = error_text.FIELDS | {"thread.name"}
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lines:
    """`text` is whole lines, each with its newline; `cut` of them lost their tail."""

    text: bytes
    cut: int


def lines_of(value: bytes, time_ms: int, max_line: int) -> Lines:
    """The lines of one request, in its order. `time_ms` is when the record was written (-1: unknown), for log records that say no
    time; a text of more than `max_line` bytes is cut there. Raises ValueError when the record is no such request."""
    lines: list[bytes] = []
    size = cut = 0
    for record in _records(value, time_ms):
        cut += _shorten(record, max_line)
        lines.append(orjson.dumps(record, default=_text, option=orjson.OPT_APPEND_NEWLINE))
        size += len(lines[-1])
        if len(lines) > MOST_LINES or size > MOST_BYTES:
            raise ValueError(f"more than {MOST_LINES} log records, or {MOST_BYTES} bytes of lines, in a record")
    return Lines(b"".join(lines), cut)


def _records(value: bytes, time_ms: int) -> Iterator[Record]:
    for resource in parts_of(value, LogsData):
        owner = Owner(_attributes(part.read(Resource).attributes) if (part := resource.one("resource")) else {})
        for scope in resource.each("scope_logs"):
            logger = _scope(scope)
            for log in scope.each("log_records"):
                yield _record(log.read(LogRecord), owner, logger, time_ms)


def _attributes(found: Iterable[KeyValue]) -> dict[str, Plain]:
    return {each.key: attributes.plain(each.value) for each in found}


def _scope(part: Part) -> str:
    found = part.one("scope")
    return found.read(InstrumentationScope).name[:LONGEST_NAME] if found is not None else ""


def _record(log: LogRecord, owner: Owner, logger: str, time_ms: int) -> Record:
    own = _attributes(log.attributes)
    when = (log.time_unix_nano or log.observed_time_unix_nano) // _NS or time_ms
    number = log.severity_number if 1 <= log.severity_number <= 24 else _number_of(log.severity_text)
    record: Record = {"severityNumber": number} if number else {}
    if tag := word(own, "logtag"):  # first in the line: that is where parts are looked for
        record["logtag"] = tag
    record |= owner.head(own)
    if when > 0:
        record["time"] = when
    if stream := word(own, "log.iostream") or word(own, "stream"):
        record["stream"] = stream
    is_line = not number or not (own.keys().isdisjoint(_OF_A_FILE) and owner.attributes.keys().isdisjoint(_OF_A_FILE))
    record |= _content(log, own, number, logger, when, is_line=is_line)
    return record


def _content(log: LogRecord, own: Mapping[str, Plain], number: int, logger: str, when: int, *, is_line: bool) -> Record:
    """What was said: as a line in `message`, or as a record."""
    original, body = own.get("log.record.original"), attributes.plain(log.body)
    if isinstance(original, str) and original:
        return {"message": original}
    errors = {} if own.keys().isdisjoint(_FIELDS) else {name: own[name] for name in own if name in _FIELDS and own[name]}
    if isinstance(body, dict):
        return {"record": errors | body}
    if is_line and errors.keys().isdisjoint(_EXCEPTION):
        return {"message": _text(body)}
    said: Record = {"time": when, "level": _LEVELS[(number - 1) // 4].name} if number else {"time": when}
    said |= {"message": _text(body) or log.event_name, "logger": logger}
    return {"record": said | errors}


def _number_of(severity: str) -> int:
    """The severity number of a level that is only named."""
    level = levels.named(severity[:20]) if severity else None
    return 0 if level is None else 4 * _LEVELS.index(level) + 1


def _text(value: object) -> str:
    """A body as text: bytes most likely are some, a list of texts is lines."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return attributes.text(value)  # type: ignore[arg-type]


def _shorten(record: Record, max_line: int) -> bool:
    """Whether the text of the line was cut."""
    holder = record if "message" in record else record.get("record", {})
    said = holder.get("message")
    if not isinstance(said, str) or len(said) <= max_line // 4 or len(text := said.encode("utf-8", "replace")) <= max_line:
        return False
    holder["message"] = text[:max_line].decode("utf-8", "ignore")
    return True


_LEVELS = (Level.TRACE, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)  # four severity numbers each, from 1
