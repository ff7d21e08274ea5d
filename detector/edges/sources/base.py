"""What a source is: it yields batches and keeps no state but its connection and its open files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from detector.records import Batch, LostRange, Points


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

    async def points(self, points: Points, token: str = "") -> None:
        """Hands metric points over, as `put` does with a batch."""
        ...

    async def lost(self, lost: LostRange) -> None:
        """Bytes or records that can no longer be read: counted, and an incident about ourselves."""
        ...


class SharedInbox(Inbox, Protocol):
    """For a source whose streams may go to another daemon and come back."""

    @property
    def longest_window_ms(self) -> int:
        """How far back in event time a rule may look."""
        ...

    async def resume(self, key: str) -> Resume | None:
        """Where a stream goes on by the last checkpoint; None when it was never read here. Also at any time after the start."""
        ...

    async def release(self, keys: Iterable[str]) -> None:
        """The streams belong to somebody else now. What was taken in is checkpointed; their state is kept in case they come
        back."""
        ...

    async def forget(self, keys: Iterable[str]) -> None:
        """The streams come back after somebody else got further: what we knew of them, position and state, is of no use."""
        ...

    def settled(self) -> Mapping[str, int]:
        """By stream key, the offset up to which every record was judged, written down, and all that followed from it told or
        given up. Only streams that moved since the start."""
        ...


class Source(Protocol):
    """Reads until it is cancelled or its input ends. `resume` holds the positions of the last checkpoint by stream key."""

    name: str

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None: ...


@runtime_checkable
class Bearing(Protocol):
    """A source that bears with whom it reads from, tries again for ever, and says what is wrong meanwhile."""

    @property
    def problems(self) -> Mapping[str, str]:
        """By what does not serve us (the servers, a topic, a pod), in words without secrets; empty when all is well."""
        ...
