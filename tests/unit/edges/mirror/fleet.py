"""Daemons that share incidents, on one virtual clock: the real agreement, attendance and ledger of each over a cluster in memory.

The cluster is a fake because no real one keeps to a virtual clock; the same classes run against the real one in
tests/integration/test_shared_documents.py and tests/faults/test_f27_many_sidecars.py. A daemon's outbox and incident are lists
that survive its crash, as its store would.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from detector.core.incidents.sharing import Send, Told
from detector.edges.mirror.agreement import Agreement, Wait
from detector.edges.mirror.attendance import Attendance
from detector.edges.mirror.documents import Body, Conflict, Version, Versioned, Write
from detector.edges.mirror.ledger import Ledger, Terms
from detector.errors import SinkError
from detector.records import Alert, AlertAction, Incident, IncidentState, Receiver
from detector.telemetry import Health, Metrics
from tests.unit.edges.records import incident

KEY = "key"
LEASE_S, CLAIM_S = 30.0, 12.0


@dataclass
class Cluster:
    """Implements Documents. Between `down` and `up` it does not answer; what was asked may have been done all the same."""

    random: Random
    is_down: bool = False
    outages: int = 0
    writes: int = 0
    reads: int = 0
    kept: dict[str, tuple[str, int]] = field(default_factory=dict)
    counter: int = 0

    async def get(self, id: str) -> Versioned | None:
        return (await self.get_many([id]))[0]

    async def get_many(self, ids: Sequence[str]) -> list[Versioned | None]:
        await self._take()
        self.reads += 1
        found = [self._read(each) for each in ids]
        await self._take()
        return found

    async def put(self, id: str, body: Body, expected: Version | None) -> Version:
        if not (await self.put_many([Write(id, body, expected)]))[0]:
            raise Conflict(id)
        return Version(self.kept[id][1], 1)

    async def put_many(self, writes: Sequence[Write]) -> list[bool]:
        await self._take()
        done = [self._write(each) for each in writes]
        await self._take()
        return done

    async def untouched(self, states: Sequence[str], before_ms: int, limit: int) -> list[tuple[str, Versioned]]:
        await self._take()
        found = [(id, self._read(id)) for id in self.kept]
        old = [(id, each) for id, each in found if each and each.body["state"] in states and each.body["touched_ms"] < before_ms]
        return sorted(old, key=lambda each: each[1].body["touched_ms"])[:limit]

    async def delete(self, id: str, expected: Version) -> None:
        await self._take()
        if id not in self.kept or self.kept[id][1] != expected.seq_no:
            raise Conflict(id)
        del self.kept[id]

    async def _take(self) -> None:
        await asyncio.sleep(self.random.uniform(0.001, 0.03))
        if self.is_down:
            if self.random.random() < 0.3:
                await asyncio.sleep(60)
            raise SinkError("connection refused", retryable=True, reason="connectionError")

    def _read(self, id: str) -> Versioned | None:
        if id not in self.kept:
            return None
        body, number = self.kept[id]
        return Versioned(json.loads(body), Version(number, 1))

    def _write(self, write: Write) -> bool:
        there = self.kept.get(write.id)
        if (None if there is None else there[1]) != (None if write.expected is None else write.expected.seq_no):
            return False
        self.counter += 1
        self.writes += 1
        self.kept[write.id] = (json.dumps(write.body), self.counter)
        return True


@dataclass(frozen=True)
class Rang:
    at_s: float
    action: str
    by: str


@dataclass
class Pager:
    """What a receiver has heard. A try may fail before it arrived, or after."""

    random: Random
    failing: float = 0.0
    slow_s: float = 0.4
    heard: list[Rang] = field(default_factory=list)
    on_heard: Callable[[Rang], None] = lambda _: None

    async def take(self, alert: Alert, by: str) -> None:
        await asyncio.sleep(self.random.uniform(0.01, self.slow_s))
        if self.random.random() < self.failing:
            raise SinkError("busy", retryable=True, reason="serverError")
        self.heard.append(Rang(asyncio.get_running_loop().time(), alert.action.value, by))
        self.on_heard(self.heard[-1])
        await asyncio.sleep(self.random.uniform(0.001, 0.1))

    def told(self) -> list[str]:
        return [each.action for each in self.heard if each.action != "update"]


class Sidecar:
    """One daemon. Everything in it but `rows`, `open_since`, `seq` and `history` is gone when it crashes."""

    def __init__(self, name: str, cluster: Cluster, pagers: dict[str, Pager], random: Random, skew_s: float = 0.0) -> None:
        self.name, self.cluster, self.pagers, self.random, self.skew_s = name, cluster, pagers, random, skew_s
        self.rows: dict[str, list[Alert]] = {receiver: [] for receiver in pagers}
        self.settled: list[tuple[str, str]] = []  # action, who told
        self.history: dict[str, str] = {}  # receiver -> last action that we delivered
        self.told_open: set[str] = set()
        self.seq = random.randrange(1, 1000)
        self.count = 0
        self.open_since: float | None = None
        self.up_since: float | None = None
        self.died_while_sending = 0
        self.sending: set[str] = set()
        self.agreement: Agreement | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._news = {receiver: asyncio.Event() for receiver in pagers}

    # -- what happens to it -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.up_since = loop.time()
        terms = Terms(int(LEASE_S * 1000), int(CLAIM_S * 1000))

        def now_ms() -> int:
            return int((loop.time() + self.skew_s) * 1000)

        self.ledger = Ledger(self.cluster, self.name, terms, now_ms, self.random, Health())
        self.agreement = Agreement(self.ledger, Metrics())
        attendance = Attendance(self.ledger, self, [Receiver(name) for name in self.pagers])
        stories = [self.agreement.run(), attendance.run(), *(self._lane(receiver) for receiver in self.pagers)]
        self._tasks = [asyncio.ensure_future(story) for story in stories]

    async def crash(self) -> None:
        """Whatever was on its way is lost; an alert that had arrived is not known to have."""
        self.died_while_sending += len(self.sending)
        self.up_since = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.sending.clear()
        self._tasks = []

    def sees(self) -> None:
        """One more event."""
        self.count += 1
        if self.open_since is None:
            self.open_since = asyncio.get_running_loop().time()
        for receiver in self.pagers:
            if receiver not in self.told_open:
                self._queue(receiver, AlertAction.TRIGGER)
        self.told_open.update(self.pagers)

    def has_news(self) -> None:
        if self.open_since is not None:
            self.count += 1
            for receiver in self.pagers:
                self._queue(receiver, AlertAction.UPDATE)

    def is_quiet(self) -> None:
        if self.open_since is None:
            return
        self.open_since = None
        for receiver in self.told_open & set(self.pagers):
            self._queue(receiver, AlertAction.RESOLVE)
        self.told_open = set()

    # -- what its store says (implements attendance.Own) ------------------------------------------------------------------

    async def open_incidents(self) -> Sequence[Incident]:
        return [] if self.open_since is None else [self._incident(IncidentState.OPEN)]

    async def told_of(self, key: str) -> Sequence[str]:
        return [receiver for receiver, action in self.history.items() if action != "resolve"]

    async def keys_owed(self) -> set[str]:
        return {KEY for rows in self.rows.values() if rows}

    async def tell_again(self, key: str) -> None:
        if self.open_since is not None:
            self.told_open = set()
            self.sees()

    async def adopt(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self.rows[alert.receiver].append(alert)
            self._news[alert.receiver].set()

    # -- how --------------------------------------------------------------------------------------------------------------

    def _queue(self, receiver: str, action: AlertAction) -> None:
        self.seq += 1
        rows = self.rows[receiver]
        rows[:] = [row for at, row in enumerate(rows) if row.action is not AlertAction.UPDATE]
        state = IncidentState.RESOLVED if action is AlertAction.RESOLVE else IncidentState.OPEN
        rows.append(Alert(receiver, action, self._incident(state), self.seq, 0))
        self._news[receiver].set()

    def _incident(self, state: IncidentState) -> Incident:
        return incident(KEY, state, count=self.count)

    async def _lane(self, receiver: str) -> None:
        attempts: dict[int, int] = defaultdict(int)
        while True:
            if not self.rows[receiver]:
                self._news[receiver].clear()
                await self._news[receiver].wait()
                continue
            row = self.rows[receiver][0]
            wait_s = await self._turn(receiver, row, attempts)
            await asyncio.sleep(wait_s)

    async def _turn(self, receiver: str, row: Alert, attempts: dict[int, int]) -> float:
        assert self.agreement is not None
        answer = await self.agreement.may_send(row)
        if isinstance(answer, Wait):
            return answer.seconds
        if isinstance(answer, Told):
            self._settle(receiver, row, answer.by)
            return 0.0
        assert isinstance(answer, Send)
        self.sending.add(receiver)
        try:
            await self.pagers[receiver].take(row, self.name)
        except SinkError:
            self.sending.discard(receiver)
            attempts[id(row)] += 1
            await self.agreement.failed(row, attempts[id(row)], is_final=False)
            return float(min(60.0, 2.0 ** attempts[id(row)]))
        await self.agreement.sent(row, "", None)
        self.sending.discard(receiver)
        self.history[receiver] = row.action.value
        self._settle(receiver, row, self.name)
        return 0.0

    def _settle(self, receiver: str, row: Alert, by: str) -> None:
        if row in self.rows[receiver]:
            self.rows[receiver].remove(row)
        self.settled.append((row.action.value, by))
