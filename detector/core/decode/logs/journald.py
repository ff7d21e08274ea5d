"""Records of the systemd journal (`journalctl -o json`). The export format is turned into these first (`journal_export`)."""

from __future__ import annotations

from typing import Any

from detector.core.decode.logs import levels
from detector.core.decode.logs.frame import Frame, text
from detector.records import Level


def read(record: dict[str, Any]) -> Frame | None:
    """None when the record is not the journal's."""
    if "MESSAGE" not in record or not ("__REALTIME_TIMESTAMP" in record or "PRIORITY" in record or "_PID" in record):
        return None
    unit = _word(record, "_SYSTEMD_UNIT", "UNIT", "_SYSTEMD_USER_UNIT")
    program = _word(record, "SYSLOG_IDENTIFIER", "_COMM")
    container = _word(record, "CONTAINER_NAME")
    service = container or (unit.removesuffix(".service") if unit else None) or program
    key = "/".join(filter(None, (unit or program, container, _word(record, "_PID"), _word(record, "_STREAM_ID", "_TRANSPORT"))))
    labels = tuple((name, value) for name, value in (("unit", unit), ("host", _word(record, "_HOSTNAME"))) if value)
    is_part = _word(record, "CONTAINER_PARTIAL_MESSAGE") == "true"
    return Frame(_message(record["MESSAGE"]), "journald", key, _time(record), _level(record), service, labels, is_part)


def _word(record: dict[str, Any], *names: str) -> str | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, list) and value:
            value = value[-1]
        if isinstance(value, str | int) and value != "":
            return str(value)
    return None


def _message(value: object) -> bytes:
    """A string; the numbers of its bytes when it is no UTF-8; null when it was too long; a list when the field was repeated."""
    if isinstance(value, list):
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).rstrip(b"\n")
        return b"\n".join(text(item) for item in value)
    return text(value).rstrip(b"\n")


def _time(record: dict[str, Any]) -> int | None:
    micros = _word(record, "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
    return int(micros) // 1000 if micros and micros.isdigit() and len(micros) < 20 else None


def _level(record: dict[str, Any]) -> Level | None:
    """What a program writes to its standard output gets priority 6 whatever it says: that is nobody's judgement."""
    priority = _word(record, "PRIORITY")
    if priority is None or not priority.isdigit() or len(priority) > 3:
        return None
    if priority == "6" and _word(record, "_TRANSPORT") == "stdout":
        return None
    return levels.syslog(int(priority))
