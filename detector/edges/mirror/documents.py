"""Documents that several daemons change: whoever writes says which version it has read, and hears when that was not the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Body = Mapping[str, Any]


class Conflict(Exception):
    """Somebody else wrote, made or deleted the document since it was read: nothing was written. Read it again."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which write of a document this is, as the cluster counts them."""

    seq_no: int
    primary_term: int


@dataclass(frozen=True, slots=True)
class Versioned:
    """A document as it was read."""

    body: Body
    version: Version


@dataclass(frozen=True, slots=True)
class Write:
    """What to put where: over the version `expected`, or None: it must not exist."""

    id: str
    body: Body
    expected: Version | None


class Documents(Protocol):
    """Every method raises SinkError when the cluster cannot be asked, or refuses."""

    async def get(self, id: str) -> Versioned | None:
        """The document as of the last write; None when there is none."""

    async def get_many(self, ids: Sequence[str]) -> list[Versioned | None]:
        """As `get`, in one question, in the order of the ids."""

    async def put(self, id: str, body: Body, expected: Version | None) -> Version:
        """Raises Conflict. After any other error it may have been written all the same."""

    async def put_many(self, writes: Sequence[Write]) -> list[bool]:
        """As `put`, in one request; false for each that was a conflict."""

    async def untouched(self, states: Sequence[str], before_ms: int, limit: int) -> list[tuple[str, Versioned]]:
        """Documents in one of the states whose `touched_ms` is older, oldest first. May miss the writes of the last seconds."""

    async def delete(self, id: str, expected: Version) -> None:
        """Raises Conflict."""
