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
# The cluster's time for an answer, in turns of our own loop: on a machine that has no time for us either, both are slow.
TURNS, TURN_S = 8, 0.5
FIRST_TURNS = 16  # until it has answered once: a new cluster, or a new index in it, takes its time
PROBE_S = 5.0  # a cluster that did not answer is asked again after so long
SUBJECT = "agreement"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CROWD_PAUSE_S = 0.01  # for each daemon that sees the incident, or a crowd would be in its own way


class Contended(Exception):
    """The cluster answers, and others were faster again and again."""


class Slow(SinkError):
    """No answer in time."""


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
        self._has_answered = False
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
        end_s, pause_s = loop.time() + within_s, FIRST_PAUSE_S
        async with self._turn(key):
            while True:
                try:
                    read = await self._read(key)
                    after, said = step(read.known, read.lapsed)
                    if after is None or after == read.known or await self._put(read, after):
                        return said
                except SinkError:
                    if pause_s > FIRST_PAUSE_S:  # it answered a moment ago: somebody else was faster
                        raise Contended(key) from None
                    raise
                if loop.time() >= end_s:
                    raise Contended(key)
                crowd = len(read.known.reporters) if read.known is not None else 0
                await asyncio.sleep(self.random.uniform(0, max(pause_s, crowd * CROWD_PAUSE_S)))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def read_many(self, keys: Sequence[str]) -> list[Read]:
        """In the order of the keys."""
        found = await self._answered(lambda: self._documents.get_many([document_id(key) for key in keys]))
        return [self._noted(key, each) for key, each in zip(keys, found, strict=True)]

    async def put_many(self, changes: Iterable[tuple[Read, SharedIncident]]) -> list[str]:
        """Returns the keys of those that somebody else has changed meanwhile."""
        changes = list(changes)
        writes = [Write(document_id(read.key), after.body(read.key, self.beat()), read.version) for read, after in changes]
        were_put = await self._answered(lambda: self._documents.put_many(writes))
        missed = [read.key for (read, _), was_put in zip(changes, were_put, strict=True) if not was_put]
        self.conflicts += len(missed)
        return missed

    async def untouched(self, states: Sequence[str], for_ms: int, limit: int) -> list[Read]:
        """Documents that nobody wrote for so long, by the writers' clocks."""
        found = await self._answered(lambda: self._documents.untouched(states, self.now_ms() - for_ms, limit))
        return [self._noted(str(each.body.get("key", id_)), each) for id_, each in found]

    async def delete(self, read: Read) -> None:
        """Unless somebody wrote it since."""
        if (version := read.version) is not None:
            try:
                await self._answered(lambda: self._documents.delete(document_id(read.key), version))
            except Conflict:
                self.conflicts += 1

    # -- how --------------------------------------------------------------------------------------------------------------

    async def _read(self, key: str) -> Read:
        return self._noted(key, await self._answered(lambda: self._documents.get(document_id(key))))

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
        body = after.body(read.key, self.beat())
        try:
            await self._answered(lambda: self._documents.put(document_id(read.key), body, read.version))
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

    async def _answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the cluster says; a question that it could not answer is asked again while there is time for it."""
        for turns_left in reversed(range(TURNS if self._has_answered else FIRST_TURNS)):
            try:
                said = await _patiently(ask(), turns_left + 1)
            except Conflict:
                self._back()
                raise
            except SinkError as error:
                if turns_left == 0 or not error.retryable or isinstance(error, Slow):
                    self._gone(error)
                    raise
                await asyncio.sleep(self.random.uniform(0.5, 1.0) * TURN_S)
            else:
                self._back()
                return said
        raise AssertionError

    def _gone(self, error: SinkError) -> None:
        now_ms = self.now_ms()
        if not self._away_until_ms:
            log.warning("agreement_unavailable", reason=error.reason, problem=str(error))
        self._away_until_ms = now_ms + int(PROBE_S * 1000)
        self._health.set(Trouble.MIRROR_FAILING, SUBJECT, f"{error.reason}: {error}", now_ms)

    def _back(self) -> None:
        self._has_answered = True
        if self._away_until_ms:
            self._away_until_ms = 0
            self._watch.begin_anew()
            log.info("agreement_available")
            self._health.clear(Trouble.MIRROR_FAILING, SUBJECT)


def document_id(key: str) -> str:
    """A dedup key as Elasticsearch takes it: at most 512 bytes."""
    plain = key.isascii() and key.isprintable() and 0 < len(key) <= 400
    return key if plain else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


async def _patiently(answer: Awaitable[T], turns: int) -> T:
    asked = asyncio.ensure_future(answer)
    try:
        for _ in range(turns):
            if (await asyncio.wait([asked], timeout=TURN_S))[0]:
                return asked.result()
    finally:
        asked.cancel()
    raise Slow("no answer in time", retryable=True, reason="contextDeadlineExceeded")
