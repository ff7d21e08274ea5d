"""What a sink is: it builds a request, reads the answer, and says whether a failure may be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from detector.records import Alert


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it. `note` is what the sink wants to be given with the next alert of the same dedup key (Slack: the
    message's channel and ts), at most 1 KiB. `again_after_s` asks for the same alert to be sent again after so long
    (Alertmanager forgets what is not repeated); None: done."""

    note: str = ""
    again_after_s: float | None = None


class Sink(Protocol):
    """One receiver of alerts."""

    name: str

    async def open(self) -> None:
        """Takes hold of what sending needs. Called once, before the first `send`."""
        ...

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        """Tells the receiver. `note` is the last note of this dedup key, or "". Raises SinkError."""
        ...

    async def close(self) -> None:
        """Lets go of everything; may be called twice, and without `open`."""
        ...
