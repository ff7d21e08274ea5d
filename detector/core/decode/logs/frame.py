"""What a container runtime, a log shipper or a log daemon put around a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from detector.records import Level


@dataclass(slots=True)
class Frame:
    """`payload` is the line as the application wrote it, without its newline. Lines with the same `key` follow one another.

    `name` says which frame, and the frames outside it: `cri`, `compose+docker`. `record` is the payload when it is a JSON object
    that was read on the way. `is_part` says that the line goes on in the next frame with this key.
    """

    payload: bytes
    name: str
    key: str = ""
    time_ms: int | None = None
    level: Level | None = None
    service: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    is_part: bool = False
    record: dict[str, Any] | None = None


def text(value: object) -> bytes:
    """A string of a JSON record as UTF-8."""
    return value.encode("utf-8", "replace") if isinstance(value, str) else b""


def within(outer: Frame, inner: Frame) -> Frame:
    """A frame found inside another: the outer one's key and whatever the inner one does not say."""
    inner.name = f"{outer.name}+{inner.name}"
    inner.key = f"{outer.key}/{inner.key}" if outer.key and inner.key else outer.key or inner.key
    inner.time_ms = outer.time_ms if inner.time_ms is None else inner.time_ms
    inner.level = inner.level or outer.level
    inner.service = inner.service or outer.service
    inner.labels = outer.labels + inner.labels
    return inner
