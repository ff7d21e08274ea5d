"""The text of a JSON record's error fields, as the runtime would have printed it: `type: message`, frames, causes."""

from __future__ import annotations

from typing import Any

# fmt: off
FIELDS = frozenset((
    "error", "err", "exception", "Exception", "exc_info", "exc_text", "exc", "stack", "stack_trace", "stacktrace",
    "stackTrace", "StackTrace", "error.stack_trace", "error.message", "error.type", "error.stack", "error.kind",
    "error.cause", "error.code", "errorVerbose", "error_verbose", "thrown", "@x", "cause", "causes", "errors",
    "error_message", "errorMessage", "errorType", "error_type", "traceback", "backtrace", "reason", "detail", "details",
    "hint", "attr", "full_message", "exception.stacktrace", "exception.message", "exception.type", "failure", "panic",
    "errmsg", "stderr", "exception_message", "context", "stack_info", "extra_info",
))
# fmt: on
_TYPES = (
    "type",
    "name",
    "class",
    "exceptionType",
    "exc_type",
    "kind",
    "errorType",
    "className",
    "exception_class",
    "Type",
    "ClassName",
)
_MESSAGES = ("message", "msg", "exc_value", "errmsg", "Message", "localizedMessage", "error_message", "value")
_STACKS = (
    "stack",
    "stack_trace",
    "stackTrace",
    "stacktrace",
    "extendedStackTrace",
    "frames",
    "trace",
    "StackTraceString",
    "exc_info",
    "backtrace",
)
_CAUSES = ("cause", "caused_by", "causedBy", "InnerException", "previous", "innerException", "exceptions", "errors", "suppressed")
_LONGEST = 65_536
_DEEPEST = 12


def of(record: dict[str, Any]) -> str:
    """The text of all error fields of a record, in the record's order; at most 64 Ki characters."""
    names = record.keys() & FIELDS
    if not names:
        return ""
    parts: list[str] = []
    kind, message = (
        record.get("error.type") or record.get("exception.type"),
        record.get("error.message") or record.get("exception.message"),
    )
    if isinstance(kind, str) and isinstance(message, str):
        parts.append(f"{kind}: {message}")
        names = names - {"error.type", "error.message", "exception.type", "exception.message"}
    ordered = names if len(names) == 1 else [name for name in record if name in names]
    parts += [text for name in ordered if (text := rendered(record[name]))]
    return "\n".join(parts)[:_LONGEST]


def rendered(value: object, depth: int = 0) -> str:
    """One value: a string as it is, a list line by line, an object as an error if it looks like one."""
    if isinstance(value, str):
        return value.rstrip("\n")
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "\n".join(text for item in value[:2000] if (text := _item(item, depth)))
    return _error(value, depth) if isinstance(value, dict) else ""


def _item(item: object, depth: int) -> str:
    if isinstance(item, dict) and ("func" in item or "method" in item or "methodName" in item or "filename" in item):
        return _frame(item)
    return rendered(item, depth + 1)


def _frame(frame: dict[str, Any]) -> str:
    """zerolog's, Log4j's, Quarkus' and structlog's frames, in the way their languages print them."""
    if "filename" in frame:
        return f'  File "{frame["filename"]}", line {frame.get("lineno", "?")}, in {frame.get("name", "?")}'
    where = frame.get("class") or frame.get("className") or frame.get("declaringClass")
    called = frame.get("method") or frame.get("methodName") or frame.get("func")
    place = frame.get("file") or frame.get("fileName") or frame.get("source") or "Unknown"
    return f"\tat {where}.{called}({place}:{frame.get('line', '?')})" if where else f"\t{called} {place}:{frame.get('line', '?')}"


def _error(value: dict[str, Any], depth: int) -> str:
    kind, message, stack = _first(value, _TYPES), _first(value, _MESSAGES), _first(value, _STACKS)
    head = ": ".join(part for part in (kind, message) if isinstance(part, str) and part)
    trace = rendered(stack, depth + 1) if stack is not None else ""
    lines = [trace] if head and trace.startswith(head) else [head, trace]
    for name, item in value.items():
        if name in _CAUSES:
            cause = rendered(item, depth + 1)
            lines.append(f"Caused by: {cause}" if cause and isinstance(item, dict) and name != "errors" else cause)
        elif item not in (kind, message, stack) and not isinstance(item, bool | int | float):
            text = rendered(item, depth + 1)
            lines.append(f"{name}: {text}" if text else "")
    return "\n".join(line for line in lines if line)


def _first(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        found = value.get(name)
        if found:
            return found
    return None
