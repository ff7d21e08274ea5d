"""What a consumer of the feed is: it takes documents about what was found, in order, and says which of them it cannot use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Document:
    """One thing that was found or done. `id` rises and is never used twice; `kind` is finding, incident, delivery, verdict or
    baseline; `key` is the dedup key, or what else says which one; `at_ms` is when it was written down. `body` is the record as
    JSON has it (`records.py`: its fields by name). The same document may come again, with the same id, after a crash or an answer
    that was lost."""

    id: int
    kind: str
    key: str
    at_ms: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that will never be taken, and why; no secret in it."""

    document: Document
    reason: str


class Mirror(Protocol):
    """`take` returns what was refused; all others are in. Raises SinkError when it is not known that all others are in: the same
    documents come again later, whether the error is retryable or not, so that nothing is lost to a wrong password."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> frozenset[str]:
        """Which documents it wants."""

    async def open(self) -> None:
        """Before the first document, and again after a SinkError of it. Raises SinkError."""

    async def take(self, documents: Sequence[Document]) -> Sequence[Refused]:
        """Documents in the order of their ids. To be called again with those that were not refused after SinkError."""

    async def close(self) -> None:
        """May be called twice, and before `open`."""
