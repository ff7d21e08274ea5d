"""Says now and then that we see our open incidents still, and ends those that nobody sees any more: who opened them is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from detector.core.incidents import sharing
from detector.core.incidents.shared_incident import Lapsed, SharedIncident
from detector.core.incidents.sharing import Known
from detector.edges.mirror.agreement import WITHIN_S, kept
from detector.edges.mirror.ledger import Contended, Ledger, Read
from detector.edges.store.rows import GarbledRow, revived
from detector.edges.store.store import Store
from detector.errors import SinkError, StoreUnavailable
from detector.records import Alert, AlertAction, Incident, IncidentState, Receiver
from detector.telemetry import logger as log

A_PAGE = 100
MOST_AT_ONCE = 500  # of incidents that nobody sees; some stay, whose receivers nobody here knows
SOON_S = 5.0
FORGET_EVERY_MS = 3_600_000
KEPT_MS = 7 * 24 * 3_600_000  # an incident that was over for so long begins at round 1 again
MOST_ASKED = 10_000


class Own(Protocol):
    """What this daemon's own store knows, and takes. Raises StoreUnavailable."""

    async def open_incidents(self) -> Sequence[Incident]:
        """All that are not resolved."""

    async def told_of(self, key: str) -> Sequence[str]:
        """Receivers that we have told of the incident, and not of its end."""

    async def keys_owed(self) -> set[str]:
        """Dedup keys of the alerts that are owed."""

    async def tell_again(self, key: str) -> None:
        """The pipeline tells the incident's receivers once more."""

    async def adopt(self, alerts: Sequence[Alert]) -> None:
        """Queues alerts."""


class Attendance:
    """`run` beside the lanes. `receivers` are ours, by what they want to hear."""

    def __init__(self, ledger: Ledger, own: Own, receivers: Sequence[Receiver]) -> None:
        self._ledger = ledger
        self._own = own
        self._wants = {each.name: each.wants_resolves for each in receivers}
        self._least_rank = min((each.min_severity.rank for each in receivers), default=0)
        self._asked: dict[str, int] = {}
        self._forgot_ms = 0

    async def run(self) -> None:
        """Until cancelled: soon after the start, then three times a lease, so that one lost turn costs nobody his place."""
        turn_s = self._ledger.terms.lease_ms / 3000
        self._forgot_ms = self._ledger.now_ms()
        await asyncio.sleep(min(turn_s, SOON_S) * self._ledger.random.random())
        while True:
            await self._turn(self.attend)
            await asyncio.sleep(turn_s * self._ledger.random.uniform(0.8, 1.0))
            await self._turn(self.end_what_nobody_sees)
            await self._turn(self.forget_old)

    async def attend(self) -> None:
        """One sign of life in every open incident that a receiver may hear of."""
        incidents = [each for each in await self._own.open_incidents() if each.severity.rank >= self._least_rank]
        for page in _pages(incidents):
            reads = await self._ledger.read_many([incident.dedup_key for incident in page])
            await self._attend_to(
                dict(zip((incident.dedup_key for incident in page), zip(page, reads, strict=True), strict=True))
            )

    async def end_what_nobody_sees(self) -> None:
        """Incidents without a sign of life for a lease, whoever told of them."""
        for read in await self._ledger.untouched(("open", "closing"), self._ledger.terms.lease_ms, MOST_AT_ONCE):
            if read.known is None:
                continue
            slots, body = await self._ledger.change(read.key, self._end, WITHIN_S)
            if slots:
                log.info("incident_adopted", dedup_key=read.key, slots=slots)
                await self._own.adopt(list(self._ends(read.key, slots, body)))

    async def forget_old(self) -> None:
        """Documents that nobody wrote for long, now and then: their incidents are over, or were of receivers that are no more."""
        now_ms = self._ledger.now_ms()
        if now_ms - self._forgot_ms < FORGET_EVERY_MS:
            return
        for read in await self._ledger.untouched(("open", "closing", "resolved"), KEPT_MS, MOST_AT_ONCE):
            await self._ledger.delete(read)
        self._forgot_ms = now_ms

    # -- how --------------------------------------------------------------------------------------------------------------

    async def _turn(self, duty: Callable[[], Awaitable[None]]) -> None:
        try:
            await duty()
        except (SinkError, Contended, StoreUnavailable) as error:
            log.info("attendance_missed", problem=f"{type(error).__name__}: {error}")

    async def _attend_to(self, page: Mapping[str, tuple[Incident, Read]]) -> None:
        changes: list[tuple[Read, SharedIncident]] = []
        forgotten: list[Read] = []
        owed = await self._own.keys_owed()
        for incident, read in page.values():
            told = () if read.key in owed or _is_settled(read.known) else await self._own.told_of(read.key)
            after, is_forgotten = self._sign(incident, told, read.known)
            if after is not None:
                changes.append((read, after))
            elif is_forgotten:
                forgotten.append(read)
        if forgotten:
            await self._tell_again([read for read in forgotten if read.key not in owed])
        missed = await self._ledger.put_many(changes) if changes else []
        for key in missed:
            sign = partial(self._sign, page[key][0], ())
            await self._ledger.change(key, lambda known, _, sign=sign: sign(known), WITHIN_S)  # type: ignore[misc]

    def _sign(self, incident: Incident, told: Sequence[str], known: Known) -> tuple[Known, bool]:
        body = kept(incident) if known is None else {}
        return sharing.attended(known, self._ledger.instance, incident.count, self._ledger.beat(), told, body)

    async def _tell_again(self, forgotten: Sequence[Read]) -> None:
        """Once a round."""
        for read in forgotten:
            if read.known is None or self._asked.get(read.key) == read.known.round:
                continue
            self._asked[read.key] = read.known.round
            if len(self._asked) > MOST_ASKED:
                del self._asked[next(iter(self._asked))]
            log.info("incident_told_again", dedup_key=read.key)
            await self._own.tell_again(read.key)

    def _end(self, known: Known, lapsed: Lapsed) -> tuple[Known, tuple[list[str], Mapping[str, Any]]]:
        if (
            known is None
            or (end := sharing.ended(known, self._ledger.instance, self._ledger.beat(), lapsed, self._wants)) is None
        ):
            return None, ([], {})
        return end[0], (end[1], known.incident)

    def _ends(self, key: str, slots: Sequence[str], body: Mapping[str, Any]) -> Iterator[Alert]:
        """Numbered by the time, which is above any number that the daemon that is gone has given out."""
        try:
            incident = replace(revived(Incident, body), dedup_key=key, state=IncidentState.RESOLVED)
        except GarbledRow as problem:
            log.error("shared_incident_unreadable", dedup_key=key, problem=str(problem))
            return
        now_ms = self._ledger.now_ms()
        for number, slot in enumerate(slots):
            receiver, instead_of = sharing.receiver_of(slot)
            yield Alert(receiver, AlertAction.RESOLVE, incident, now_ms + number, now_ms, instead_of)


class StoreOwn:
    """Implements Own. `wake` is called when the lanes have got something to do."""

    def __init__(self, store: Store, now_ms: Callable[[], int], wake: Callable[[], None]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._wake = wake

    async def open_incidents(self) -> Sequence[Incident]:
        return await asyncio.to_thread(self._store.open_incidents)

    async def told_of(self, key: str) -> Sequence[str]:
        return await asyncio.to_thread(self._store.outbox.told_of, key)

    async def keys_owed(self) -> set[str]:
        return await asyncio.to_thread(self._store.outbox.keys_owed)

    async def tell_again(self, key: str) -> None:
        await asyncio.to_thread(self._store.add_command, self._now_ms(), "agreement", "tell_again", json.dumps({"key": key}))

    async def adopt(self, alerts: Sequence[Alert]) -> None:
        await asyncio.to_thread(self._store.outbox.adopt, alerts, self._now_ms())
        self._wake()


def _is_settled(known: Known) -> bool:
    """Whether everybody who was to be told is known to be."""
    return known is not None and all(telling.is_delivered for telling in known.told.values())


def _pages(incidents: Sequence[Incident]) -> Iterator[Sequence[Incident]]:
    for begin in range(0, len(incidents), A_PAGE):
        yield incidents[begin : begin + A_PAGE]
