"""What collectors and stores make of a record before an index has it: OpenTelemetry in its mapping modes, Data Prepper, decoded
JSON under a key of its own, `event.original`. Each is turned back into the line, or the record, that an application wrote."""

from __future__ import annotations

from typing import Any

import orjson

from detector.core.decode.logs import levels, times
from detector.core.decode.logs.frame import Frame, text
from detector.records import Level

Record = dict[str, Any]

_DECODED = ("json", "structured", "log_processed", "log_parsed", "parsed")
_BODIES = (("body", "attributes", "resource", "scope"), ("Body", "Attributes", "Resource", "Scope"))
_TEXTS = ("severity_text", "SeverityText", "severityText")
_NUMBERS = ("severity_number", "SeverityNumber", "severityNumber")
_OTEL = frozenset((*_TEXTS, *_NUMBERS, "observed_timestamp", "observedTime", "serviceName", "instrumentationScope", "Resource"))
_EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace")
_SERVICES = ("service.name", "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name", "k8s.container.name")
_PLACES = ("k8s.namespace.name", "k8s.pod.name", "k8s.container.name")
_DEEPEST = 6


def otel(record: Record) -> Frame | None:
    """A log record of OpenTelemetry. One without a severity carries a line as it was read from a file."""
    if _OTEL.isdisjoint(record.keys()) and "scope" not in record and "resource" not in record:
        return None
    body, attributes, resource, scope = next(
        ((record[names[0]], *(_under(record, name) for name in names[1:])) for names in _BODIES if names[0] in record),
        (None, {}, {}, {}),
    )
    line, inner = _body(body)
    if line is None and inner is None:
        return None
    resource = _unprefixed(resource, "attributes.")
    attributes |= {
        name.removeprefix("log.attributes."): value for name, value in _dotted(record).items() if "attributes." in name
    }
    resource |= _unprefixed(attributes, "resource.attributes.")
    time_ms = next((ms for name in ("@timestamp", "time", "observedTime") if (ms := _ms(record.get(name))) is not None), None)
    where = [_word(resource.get(name)) or _word(attributes.get(name)) for name in _PLACES]
    key = "/".join(filter(None, (*where, _word(attributes.get("log.file.path")), _word(attributes.get("log.iostream")))))
    labels = tuple((name, value) for name, value in zip(("namespace", "pod", "container"), where, strict=True) if value)
    service = _word(record.get("serviceName")) or next((_word(resource[name]) for name in _SERVICES if resource.get(name)), "")
    severity = _severity(record)
    told = {name: attributes[name] for name in _EXCEPTION if isinstance(attributes.get(name), str)}
    if inner is None and not severity and not told:
        is_part = attributes.get("logtag") == "P"
        return Frame(text(line).removesuffix(b"\n"), "otel", key, time_ms, None, service or None, labels, is_part)
    whole = {**(inner if inner is not None else {"message": line}), **told}
    if severity and not any(name in whole for name in ("level", "severity", "log.level")):
        whole["severity"] = severity
    if (logger := _word(scope.get("name"))) and "logger" not in whole:
        whole["log.logger"] = logger
    return Frame(orjson.dumps(whole), "otel", key, time_ms, None, service or None, labels)


def decoded(record: Record) -> tuple[str, Record] | None:
    """What a shipper read out of the line and put under a key of its own, with the key's name."""
    if isinstance(record.get("message"), str) or isinstance(record.get("log"), str):
        return None
    for name in _DECODED:
        inner = record.get(name)
        if isinstance(inner, dict) and inner:
            return name, inner
    return None


def original(record: Record) -> str | None:
    """The line as it was read, where what became of it is only a part of it."""
    event = record.get("event")
    found = record.get("event.original") or (event.get("original") if isinstance(event, dict) else None)
    if not isinstance(found, str):
        return None
    message = record.get("message")
    if isinstance(message, str) and (message not in found or len(message) >= len(found.rstrip("\n"))):
        return None
    return found


def gathered(record: Record) -> Record | None:
    """Serilog's and winston's writers put what was thrown beside the message, under names that only they use."""
    if isinstance(record.get("exceptions"), list) and "message" in record:
        return {**{name: value for name, value in record.items() if name != "exceptions"}, "exception": record["exceptions"]}
    fields = record.get("fields")
    if isinstance(fields, dict) and "message" in record and "severity" in record and ("stack" in fields or "err" in fields):
        return {**{name: value for name, value in record.items() if name != "fields"}, **fields, "message": record["message"]}
    return None


def level(record: Record) -> Level | None:
    """A level that a shipper guessed or took over."""
    log = record.get("log")
    found = record.get("level") or record.get("log.level") or (log.get("level") if isinstance(log, dict) else None)
    return levels.named(found) if isinstance(found, str) else None


def _body(body: object) -> tuple[str | None, Record | None]:
    """The line, or the record, in a body."""
    if isinstance(body, str):
        return body, None
    if not isinstance(body, dict):
        return None, None
    for name in ("text", "stringValue"):
        if isinstance(body.get(name), str):
            return body[name], None
    for name in ("structured", "flattened"):
        if isinstance(body.get(name), dict):
            return None, body[name]
    return None, body


def _severity(record: Record) -> str:
    for name in _TEXTS:
        if word := _word(record.get(name)):
            return word
    for name in _NUMBERS:
        number = record.get(name)
        if isinstance(number, int) and 1 <= number <= 24:
            return ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")[(number - 1) // 4]
    severity = record.get("severity")
    return _word(severity.get("text")) if isinstance(severity, dict) else ""


def _under(record: Record, name: str) -> Record:
    """What stands below a name, nested or dotted, by its dotted name."""
    found = record.get(name)
    below = _dotted(found) if isinstance(found, dict) else {}
    return below | _unprefixed(record, f"{name}.")


def _unprefixed(record: Record, prefix: str) -> Record:
    return {name.removeprefix(prefix).replace("@", "."): value for name, value in record.items() if name.startswith(prefix)} | {
        name: value for name, value in record.items() if prefix == "attributes." and not name.startswith(prefix)
    }


def _dotted(record: Record, depth: int = 0) -> Record:
    """Every leaf by its dotted name. Data Prepper writes @ for the dots inside of names."""
    out: Record = {}
    for name, value in record.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            out |= {f"{name}.{below}": leaf for below, leaf in _dotted(value, depth + 1).items()}
        else:
            out[name.replace("@", ".")] = value
    return out


def _ms(value: object) -> int | None:
    if isinstance(value, str):
        moment = times.read(value.encode("utf-8", "replace"), 0) if value[:4].isdigit() else None
        return None if moment is None else moment.ms
    return times.number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
