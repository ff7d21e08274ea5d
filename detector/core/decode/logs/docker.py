"""Docker's json-file: `{"log":"line\\n","stream":"stdout","time":"..."}`; without its newline it goes on in the next one."""

from __future__ import annotations

from typing import Any

from detector.core.decode.logs import times
from detector.core.decode.logs.frame import Frame, text


def read(record: dict[str, Any]) -> Frame | None:
    """None when the record is not Docker's."""
    log = record.get("log")
    if not isinstance(log, str) or not ("stream" in record or "time" in record) or len(record) > 4:
        return None
    if "kubernetes" in record or "logtag" in record:
        return None
    stream, when = record.get("stream", ""), record.get("time")
    time_ms = times.read_ms(when.encode(), 0) if isinstance(when, str) else None
    is_part = not log.endswith("\n") and "stream" in record and time_ms is not None
    payload = text(log[:-1] if log.endswith("\n") else log)
    attributes = record.get("attrs")
    labels = tuple((k, v) for k, v in attributes.items() if isinstance(v, str)) if isinstance(attributes, dict) else ()
    return Frame(payload, "docker", stream if isinstance(stream, str) else "", time_ms, None, None, labels, is_part)
