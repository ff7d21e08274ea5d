"""Shared incidents as documents: read, thought about, and put back only if nobody else wrote meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from detector.core.incidents.shared_incident import Lapsed, SharedIncident, Watch
from detector.edges.mirror.documents import Conflict, Documents, Version, Versioned, Write
from detector.errors import SinkError
from detector.telemetry import Health, Trouble
from detector.telemetry import logger as log

T = TypeVar("T")
Step = Callable[[SharedIncident | None, Lapsed], tuple[SharedIncident | None, T]]

FIELDS = {"key": "keyword", "state": "keyword", "round": "integer", "touched_ms": "date"}
LONGEST_WAIT_S = 2.0  # for one answer of the cluster: an alert waits for two
PROBE_S = 5.0  # a cluster that did not answer is asked again after so long
SUBJECT = "agreement"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0


class Contended(Exception):
    """The cluster answers, and others were faster again and again."""


@dataclass(frozen=True, slots=True)
class Terms:
    """After how long without a sign of life a reporter no longer counts, and a claim may be taken over."""

    lease_ms: int
    claim_ms: int


@dataclass(frozen=True, slots=True)
class Read:
    """A document as it was read; `known` is None where there is none, or none that we can read."""

    key: str
    known: SharedIncident | None
    lapsed: Lapsed
    version: Version | None


class Ledger:
    """`now_ms` never runs backwards. Every method raises SinkError when the cluster does not answer in time, or refuses."""

    def __init__(
        self,
        documents: Documents,
        instance: str,
        terms: Terms,
        now_ms: Callable[[], int],
        random: Random,
        health: Health,
    ) -> None:
        self.instance = instance
        self.terms = terms
        self.now_ms = now_ms
        self.random = random
        self.conflicts = 0
        self._documents = documents
        self._health = health
        self._away_until_ms = 0
        self._watch = Watch(terms.lease_ms, terms.claim_ms)
        self._last_beat = 0
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    @property
    def is_away(self) -> bool:
        """Whether the cluster failed a moment ago: whoever cannot wait need not ask."""
        return self.away_s > 0

    @property
    def away_s(self) -> float:
        """For how long nobody need ask."""
        return max(0, self._away_until_ms - self.now_ms()) / 1000

    def beat(self) -> int:
        """A number that no document of ours holds yet; the time, where that goes on."""
        self._last_beat = max(self._last_beat + 1, self.now_ms())
        return self._last_beat

    def claim_age_ms(self, key: str, part: str, slot: str) -> int:
        """How long we have seen a claim unchanged."""
        return self._watch.claim_age_ms(key, part, slot, self.now_ms())

    async def change(self, key: str, step: Step[T], within_s: float) -> T:
        """Puts in place what `step` makes of the document, if that is something else, and returns what it says. `step` is called
        again for each version that another writer put there first. Raises Contended when that went on for `within_s`."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        pause_s = FIRST_PAUSE_S
        async with self._turn(key):
            while True:
                read = await self._read(key)
                after, said = step(read.known, read.lapsed)
                if after is None or after == read.known or await self._put(read, after):
                    return said
                if loop.time() >= end_s:
                    raise Contended(key)
                await asyncio.sleep(self.random.uniform(0, pause_s))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def read_many(self, keys: Sequence[str]) -> list[Read]:
        """In the order of the keys."""
        found = await self._answered(self._documents.get_many([document_id(key) for key in keys]))
        return [self._noted(key, each) for key, each in zip(keys, found, strict=True)]

    async def put_many(self, changes: Iterable[tuple[Read, SharedIncident]]) -> list[str]:
        """Returns the keys of those that somebody else has changed meanwhile."""
        changes = list(changes)
        writes = [Write(document_id(read.key), after.body(read.key, self.beat()), read.version) for read, after in changes]
        were_put = await self._answered(self._documents.put_many(writes))
        missed = [read.key for (read, _), was_put in zip(changes, were_put, strict=True) if not was_put]
        self.conflicts += len(missed)
        return missed

    async def untouched(self, states: Sequence[str], for_ms: int, limit: int) -> list[Read]:
        """Documents that nobody wrote for so long, by the writers' clocks."""
        found = await self._answered(self._documents.untouched(states, self.now_ms() - for_ms, limit))
        return [self._noted(str(each.body.get("key", id_)), each) for id_, each in found]

    async def delete(self, read: Read) -> None:
        """Unless somebody wrote it since."""
        if read.version is not None:
            try:
                await self._answered(self._documents.delete(document_id(read.key), read.version))
            except Conflict:
                self.conflicts += 1

    # -- how --------------------------------------------------------------------------------------------------------------

    async def _read(self, key: str) -> Read:
        return self._noted(key, await self._answered(self._documents.get(document_id(key))))

    def _noted(self, key: str, found: Versioned | None) -> Read:
        if found is None:
            return Read(key, None, Lapsed(), None)
        try:
            known = SharedIncident.of(found.body)
        except ValueError as problem:  # somebody else's, or another release's: what we write takes its place
            log.error("shared_incident_unreadable", dedup_key=key, problem=str(problem))
            return Read(key, None, Lapsed(), found.version)
        return Read(key, known, self._watch.look(key, known, self.now_ms()), found.version)

    async def _put(self, read: Read, after: SharedIncident) -> bool:
        try:
            await self._answered(self._documents.put(document_id(read.key), after.body(read.key, self.beat()), read.version))
        except Conflict:
            self.conflicts += 1
            return False
        return True

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """Our own lanes take turns at a document, so that they are no conflict to each other."""
        lock, users = self._turns.get(key, (asyncio.Lock(), 0))
        self._turns[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._turns.pop(key)
            if users > 1:
                self._turns[key] = (lock, users - 1)

    async def _answered(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                said = await answer
        except TimeoutError:
            error = SinkError("no answer in time", retryable=True, reason="contextDeadlineExceeded")
            self._gone(error)
            raise error from None
        except SinkError as error:
            self._gone(error)
            raise
        except Conflict:
            self._back()
            raise
        self._back()
        return said

    def _gone(self, error: SinkError) -> None:
        now_ms = self.now_ms()
        if not self._away_until_ms:
            log.warning("agreement_unavailable", reason=error.reason, problem=str(error))
        self._away_until_ms = now_ms + int(PROBE_S * 1000)
        self._health.set(Trouble.MIRROR_FAILING, SUBJECT, f"{error.reason}: {error}", now_ms)

    def _back(self) -> None:
        if self._away_until_ms:
            self._away_until_ms = 0
            log.info("agreement_available")
            self._health.clear(Trouble.MIRROR_FAILING, SUBJECT)


def document_id(key: str) -> str:
    """A dedup key as Elasticsearch takes it: at most 512 bytes."""
    plain = key.isascii() and key.isprintable() and 0 < len(key) <= 400
    return key if plain else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
