"""Where each logging library puts level, time, message, logger and thread in its JSON."""

from __future__ import annotations

import re
from typing import Any

from detector.core.decode.logs import colours, error_text, headers, levels, times
from detector.core.decode.logs.frame import text
from detector.core.decode.logs.reading import Reading
from detector.core.decode.logs.times import Moment
from detector.records import Level

_LEVELS: tuple[str, ...] = (
    "level",
    "log.level",
    "severity",
    "levelname",
    "lvl",
    "LogLevel",
    "level_name",
    "@l",
    "@level",
    "Level",
    "error_severity",
)
_LEVELS += ("severity_text", "severityText", "SeverityText", "loglevel", "log_level", "logLevel", "levelName", "label")
_TIMES = (
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "@t",
    "asctime",
    "Timestamp",
    "timeMillis",
    "date",
    "eventTime",
    "datetime",
    "@time",
    "t",
)
_MESSAGES: tuple[str, ...] = (
    "message",
    "msg",
    "event",
    "@m",
    "Message",
    "RenderedMessage",
    "short_message",
    "@message",
    "log",
    "text",
    "body",
    "errorMessage",
)
_MESSAGES += ("textPayload", "MESSAGE", "log.message", "note")
_LOGGERS = (
    "logger_name",
    "log.logger",
    "logger",
    "loggerName",
    "SourceContext",
    "Category",
    "target",
    "name",
    "@module",
    "module",
    "caller",
    "c",
)
_THREADS = ("thread_name", "process.thread.name", "thread", "threadName", "ctx", "thread.name")
_HOLE = re.compile(r"\{[@$]?([\w.]+)(?:,[^}:]*)?(?::[^}]*)?\}")
_SHAPES = (
    ("json-ecs", ("ecs.version", "log.level", "ecs")),
    ("json-logstash", ("@version", "level_value")),
    ("json-serilog", ("@mt", "@m")),
    ("json-dotnet", ("LogLevel",)),
    ("json-log4j", ("loggerFqcn", "timeMillis", "instant")),
    ("json-mongodb", ("attr",)),
    ("json-google", ("severity",)),
)
Record = dict[str, Any]


def read(record: Record, reference_ms: int) -> Reading:
    """Whatever a record says; flat dotted keys and nested ones alike. A record without a level whose message is a line with a
    header of its own takes the level from there."""
    record = _unfolded(record)
    message = _message(record)
    level = _level(record)
    reading = Reading(_layout(record), text(message), level, _moment(record, reference_ms))
    reading.extra = error_text.of(record).encode("utf-8", "replace")
    reading.logger, reading.thread = _word(record, _LOGGERS), _word(record, _THREADS)
    reading.service = _service(record)
    if level is None:
        _from_message(reading, record, reference_ms)
    return reading


def _unfolded(record: Record) -> Record:
    """Records that hold the real one: Google's jsonPayload, loguru's `record`, Rust tracing's `fields`, a watched `object`."""
    for name in ("jsonPayload", "record", "fields", "object"):
        inner = record.get(name)
        if isinstance(inner, dict) and ("message" in inner or "msg" in inner):
            return {**{key: value for key, value in record.items() if key != "text"}, **inner}
    return record


def _layout(record: Record) -> str:
    for name, keys in _SHAPES:
        for key in keys:
            if key in record:
                return name
    if "msg" in record:
        return "json-pino" if "pid" in record and "hostname" in record else "json-zap" if "ts" in record else "json-slog"
    return "json-structlog" if "event" in record else "json"


def _level(record: Record) -> Level | None:
    for name in _LEVELS:
        value = record.get(name)
        if value is not None:
            level = _one_level(value, name)
            if level is not None:
                return level
    log = record.get("log")
    if isinstance(log, dict) and (level := _one_level(log.get("level"), "level")) is not None:
        return level
    if "@t" in record or ("Timestamp" in record and "MessageTemplate" in record):
        return Level.INFO
    if isinstance(record.get("t"), dict):
        return levels.named(str(record.get("s", "")))
    return _rarer_level(record)


def _one_level(value: object, name: str) -> Level | None:
    if isinstance(value, str):
        value = colours.strip_text(value)
        if value.lstrip("-").isdigit() and len(value) < 7:
            return levels.numbered(int(value))
        return levels.named(value)
    if isinstance(value, dict):
        return _one_level(value.get("name") or value.get("level"), name)
    if isinstance(value, int | float) and not isinstance(value, bool) and name != "label":
        return levels.numbered(value)
    return None


def _rarer_level(record: Record) -> Level | None:
    """klog writes no level: an `err` key is its error. Kubernetes events have a type, MySQL a `prio`, Kibana tags."""
    if "v" in record and "ts" in record and "msg" in record:
        return Level.INFO
    if "ts" in record and "msg" in record and "err" in record:
        return Level.ERROR
    if record.get("kind") == "Event" and record.get("type") in ("Warning", "Normal"):
        return Level.WARN if record["type"] == "Warning" else Level.INFO
    if "prio" in record and "err_code" in record:
        return (Level.INFO, Level.ERROR, Level.WARN, Level.INFO)[record["prio"] % 4] if isinstance(record["prio"], int) else None
    tags = record.get("tags")
    if isinstance(tags, list) and tags and isinstance(tags[0], str):
        return levels.named(tags[0])
    if "response_code" in record or (
        "status" in record and ("request" in record or "method" in record or "request_method" in record)
    ):
        return Level.INFO
    return None


def _moment(record: Record, reference_ms: int) -> Moment | None:
    for name in _TIMES:
        value = record.get(name)
        if isinstance(value, dict):
            value = value.get("$date") or value.get("repr")
        if isinstance(value, str):
            moment = times.read(value.encode("utf-8", "replace"), reference_ms)
            if moment is not None:
                return moment
        elif isinstance(value, int | float) and not isinstance(value, bool):
            ms = times.number(value)
            if ms is not None:
                return Moment(ms, True)
    instant = record.get("instant")
    if isinstance(instant, dict) and isinstance(instant.get("epochSecond"), int):
        ms = times.number(instant["epochSecond"])
        return None if ms is None else Moment(ms, True)
    return None


def _message(record: Record) -> str:
    for name in _MESSAGES:
        value = record.get(name)
        if isinstance(value, str):
            if name == "event" and "message" in record:
                continue
            return colours.strip_text(value)
        if isinstance(value, dict | list) and name in ("message", "msg", "body"):
            return error_text.rendered(value)
    template = record.get("@mt") or record.get("MessageTemplate")
    if isinstance(template, str):
        properties = record.get("Properties")
        return _filled(template, properties if isinstance(properties, dict) else record)
    return ""


def _filled(template: str, values: Record) -> str:
    """A Serilog message template with its holes filled in: strings without quotes, as a person would write the message."""

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            return match[0]
        return value if isinstance(value, str) else str(value)

    return _HOLE.sub(fill, template)


def _word(record: Record, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
    log = record.get("log")
    if names is _LOGGERS and isinstance(log, dict) and isinstance(log.get("logger"), str):
        return str(log["logger"])
    return None


def _service(record: Record) -> str | None:
    service = record.get("service.name") or record.get("service") or record.get("serviceContext") or record.get("appname")
    if isinstance(service, dict):
        service = service.get("name") or service.get("service")
    if isinstance(service, str) and service:
        return service
    if "v" in record and "hostname" in record and isinstance(record.get("name"), str):
        return str(record["name"])
    return None


def _from_message(reading: Reading, record: Record, reference_ms: int) -> None:
    header = headers.read(reading.message.split(b"\n", 1)[0]) if reading.message else None
    if header is None or header.level is None:
        return
    reading.level, reading.message = header.level, reading.message[header.message :]
    reading.layout = f"json+{header.layout}"
    if reading.moment is None and header.time:
        reading.moment = times.read(header.time, reference_ms)
