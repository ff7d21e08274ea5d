"""What one payload says, whatever its layout."""

from __future__ import annotations

from dataclasses import dataclass

from detector.core.decode.logs.times import Moment
from detector.records import Level


@dataclass(slots=True)
class Reading:
    """`message` is the text of the line itself; `extra` the text of its error fields, a line each."""

    layout: str
    message: bytes
    level: Level | None = None
    moment: Moment | None = None
    extra: bytes = b""
    logger: str | None = None
    thread: str | None = None
    service: str | None = None
