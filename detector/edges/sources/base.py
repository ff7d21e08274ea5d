"""What a source is: it yields batches and keeps no state but its connection and its open files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from detector.records import Batch, LostRange


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a stream goes on after a restart: the offset that was checkpointed (a line start), and what the source wrote beside
    it to know the stream again (`token`, at most 1 KiB of text the source alone understands)."""

    stream_key: str
    offset: int
    token: str


class Inbox(Protocol):
    """Where a source puts what it read. Bounded: `put` returns when the batch was taken in, so that a full pipeline slows the
    source and the batch's buffer may be reused."""

    async def put(self, batch: Batch, token: str = "") -> None:
        """Hands a batch over. `token` is stored beside the stream's position in the same checkpoint and comes back as
        `Resume.token`."""
        ...

    async def lost(self, lost: LostRange) -> None:
        """Bytes that can no longer be read: counted, and an incident about ourselves."""
        ...


class Source(Protocol):
    """Reads until it is cancelled or its input ends. `resume` holds the positions of the last checkpoint by stream key."""

    name: str

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None: ...
