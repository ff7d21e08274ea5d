"""Silences and acknowledgements that a person gave to one daemon hold for all: each writes down its own, and looks for others'.

They are consumed as commands, in order, like those of our own API; a command out of the cluster names the document it came from,
so that it is neither taken twice nor written back. Clocks may differ by OVERLAP_MS: each look goes back so far behind the last.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from detector.edges.mirror.documents import Conflict, Documents, Versioned, Write
from detector.edges.store.store import Store
from detector.errors import SinkError, StoreUnavailable
from detector.records import Command
from detector.telemetry import logger as log

FIELDS = {"what": "keyword", "key": "keyword", "instance": "keyword", "updated_ms": "date", "end_ms": "date"}
SHARED = ("silence", "acknowledge")
OVERLAP_MS = 3_600_000
KEPT_MS = 24 * 3_600_000  # what has ended is removed after a day
LOOK_FOR_OLD_MS = 3_600_000
LONGEST_SILENCE_MS = 31 * 24 * 3_600_000
LONGEST_KEY = 1000
A_PAGE = 500
MOST_SEEN = 50_000


class Orders(Documents, Protocol):
    """Documents that can be looked for."""

    async def search(self, query: Mapping[str, Any], order: str, limit: int) -> list[tuple[str, Versioned]]: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked of one daemon at `at_ms`, and when the others were let known. `end_ms` is when it no longer matters."""

    what: str
    key: str
    at_ms: int
    updated_ms: int
    end_ms: int
    who: str
    instance: str

    def body(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Order:
        """Raises ValueError when it is none of ours, or asks for what nobody may."""
        try:
            order = cls(**{name: kind(body[name]) for name, kind in _FIELD_KINDS.items()})
        except (KeyError, TypeError, OverflowError) as problem:
            raise ValueError(f"{problem!r}") from problem
        is_bounded = order.end_ms - order.at_ms <= LONGEST_SILENCE_MS and 0 < len(order.key) <= LONGEST_KEY
        if order.what not in SHARED or not is_bounded:
            raise ValueError(f"{order.what!r} for {order.key[:100]!r}")
        return order


_FIELD_KINDS = {"what": str, "key": str, "at_ms": int, "updated_ms": int, "end_ms": int, "who": str, "instance": str}


class SharedSilences:
    """`poll_s` is the time between two looks. `ring` is called when a command was written down."""

    def __init__(
        self,
        orders: Orders,
        store: Store,
        poll_s: float,
        now_ms: Callable[[], int],
        random: Random,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        self._orders = orders
        self._store = store
        self._poll_s = poll_s
        self._now_ms = now_ms
        self._random = random
        self._ring = ring
        self._seen: dict[str, None] = {}
        self._last_command = 0
        self._looked_ms: int | None = None
        self._removed_ms = 0
        self._is_away = False

    async def run(self) -> None:
        """Until cancelled."""
        self._removed_ms = self._now_ms() - round(LOOK_FOR_OLD_MS * self._random.random())
        while True:
            try:
                await self.exchange()
            except (SinkError, StoreUnavailable) as error:
                if not self._is_away:
                    log.warning("silences_not_shared", problem=str(error))
                self._is_away = True
            else:
                self._is_away = False
            await asyncio.sleep(self._poll_s * self._random.uniform(0.9, 1.0))

    async def exchange(self) -> None:
        """Ours are written, others' read, old ones removed. Raises SinkError, StoreUnavailable: the next call goes on there."""
        await self._write_ours()
        await self._read_theirs()
        if self._now_ms() - self._removed_ms >= LOOK_FOR_OLD_MS:
            await self._remove_old()
            self._removed_ms = self._now_ms()

    # -- how --------------------------------------------------------------------------------------------------------------

    async def _write_ours(self) -> None:
        """Every command since the last call; at the start all that the store still has, since writing twice does nothing."""
        instance = await asyncio.to_thread(lambda: self._store.instance)
        while commands := await asyncio.to_thread(self._store.commands_after, self._last_command, A_PAGE):
            writes = [write for command in commands if (write := self._write_of(command, instance)) is not None]
            await self._orders.put_many(writes)
            for write in writes:
                self._note(write.id)
            self._last_command = commands[-1].id

    def _write_of(self, command: Command, instance: str) -> Write | None:
        """None for what others need not know. What came from them is noted."""
        try:
            arguments = json.loads(command.arguments)
            if origin := arguments.get("origin"):
                self._note(str(origin))
                return None
            key, end_ms = str(arguments["key"]), int(arguments.get("until_ms", command.at_ms))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        if command.what not in SHARED or end_ms < self._now_ms() - KEPT_MS:
            return None
        order = Order(command.what, key, command.at_ms, self._now_ms(), end_ms, command.who, instance)
        return Write(f"{instance}-{command.at_ms}-{command.id}", order.body(), None)

    async def _read_theirs(self) -> None:
        now_ms = self._now_ms()
        since_ms = (now_ms if self._looked_ms is None else self._looked_ms) - OVERLAP_MS
        wanted: list[dict[str, Any]] = [{"range": {"updated_ms": {"gte": since_ms, "format": "epoch_millis"}}}]
        if self._looked_ms is None:  # a silence is in force however long ago it was given
            wanted.append({"range": {"end_ms": {"gt": now_ms, "format": "epoch_millis"}}})
        while True:
            query = {"bool": {"should": wanted, "minimum_should_match": 1}}
            found = await self._orders.search(query, "updated_ms", A_PAGE)
            fresh = [(id, each.body) for id, each in found if id not in self._seen]
            await self._take(fresh, now_ms)
            reached_ms = found[-1][1].body.get("updated_ms") if found else None
            if len(found) < A_PAGE or not fresh or not isinstance(reached_ms, int):
                break  # one without that time, which is none of ours, comes last
            wanted = [{"range": {"updated_ms": {"gte": reached_ms, "format": "epoch_millis"}}}]
        self._looked_ms = now_ms

    async def _take(self, fresh: Sequence[tuple[str, Mapping[str, Any]]], now_ms: int) -> None:
        """In the order in which people asked."""
        orders: list[tuple[str, Order]] = []
        for id, body in fresh:
            try:
                orders.append((id, Order.of(body)))
            except ValueError as problem:
                log.warning("silence_not_understood", id=id, problem=str(problem))
                self._note(id)
        for id, order in sorted(orders, key=lambda each: each[1].at_ms):
            if order.what != "silence" or order.end_ms > now_ms:
                arguments = {"key": order.key, "until_ms": order.end_ms, "origin": id}
                who = f"{order.who} at {order.instance}"[:200]
                await asyncio.to_thread(self._store.add_command, now_ms, who, order.what, json.dumps(arguments))
                log.info("silence_shared", what=order.what, dedup_key=order.key, who=who)
                self._ring()
            self._note(id)

    async def _remove_old(self) -> None:
        """Whoever looks first removes them."""
        before_ms = self._now_ms() - KEPT_MS
        query = {"range": {"end_ms": {"lt": before_ms, "format": "epoch_millis"}}}
        for id, each in await self._orders.search(query, "end_ms", A_PAGE):
            try:
                await self._orders.delete(id, each.version)
            except Conflict:
                continue

    def _note(self, id: str) -> None:
        self._seen[id] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
