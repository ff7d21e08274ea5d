"""A silence given to one daemon holds at all others, over a real Elasticsearch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from detector.edges.mirror.shared_documents import SharedDocuments
from detector.edges.mirror.silences import FIELDS, KEPT_MS, SharedSilences
from detector.edges.store.store import Store
from detector.settings import ElasticsearchSettings, StoreSettings
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


class Room:
    """Daemons with a store each, on clocks of their own, and one cluster."""

    def __init__(self, node: Elasticsearch, folder: Path) -> None:
        self.node, self.folder = node, folder
        self.settings = ElasticsearchSettings(urls=(node.address,), prefix=fresh("trimwatch"))
        self.documents = SharedDocuments(self.settings, "silences", FIELDS)
        self.now_ms = NOW_MS
        self.stores: dict[str, Store] = {}

    def daemon(self, name: str, skew_ms: int = 0) -> SharedSilences:
        """One that has just started; a second of the same name is the first one restarted."""
        if name not in self.stores:
            self.stores[name] = Store.open(StoreSettings(path=str(self.folder / name)), NOW_MS)
        return SharedSilences(self.documents, self.stores[name], 1.0, lambda: self.now_ms + skew_ms, Random(1))

    def order(self, name: str, what: str = "silence", key: str = "key", for_ms: int = HOUR_MS) -> None:
        arguments = {"key": key} | ({"until_ms": self.now_ms + for_ms} if what == "silence" else {})
        self.stores[name].add_command(self.now_ms, "api", what, json.dumps(arguments))

    async def round(self, *daemons: SharedSilences) -> None:
        """Each looks once, when what the others wrote can be found."""
        for daemon in daemons:
            await daemon.exchange()
            await asyncio.to_thread(self.node.ask, "POST", f"/{self.documents.index}*/_refresh")

    def commands(self, name: str) -> list[tuple[str, str]]:
        found = self.stores[name].commands_after(0)
        return [(command.what, json.loads(command.arguments)["key"]) for command in found]

    def written(self) -> int:
        return int(self.node.ask("GET", f"/{self.documents.index}/_count")["count"])


def on(node: Elasticsearch, folder: Path, story: Callable[[Room], Awaitable[None]]) -> None:
    async def whole() -> None:
        room = Room(node, folder)
        try:
            await story(room)
        finally:
            await room.documents.close()
            for store in room.stores.values():
                store.close()

    asyncio.run(whole())


def test_a_silence_reaches_every_daemon_once(elasticsearch_node: Elasticsearch, tmp_path: Path) -> None:
    """As a command that says where it came from; it is taken once, also over restarts, and written back by nobody."""

    async def story(room: Room) -> None:
        one, two, three = (room.daemon(name) for name in ("one", "two", "three"))
        room.order("one")
        room.order("one", "acknowledge", "other")
        await room.round(one, two, three)
        await room.round(one, two, three, room.daemon("one"), room.daemon("two"), room.daemon("three"))
        assert [room.commands(name) for name in ("one", "two", "three")] == [[("silence", "key"), ("acknowledge", "other")]] * 3
        assert room.written() == 2
        (first, _) = room.stores["two"].commands_after(0)
        assert first.who == f"api at {room.stores['one'].instance}"
        assert json.loads(first.arguments)["until_ms"] == NOW_MS + HOUR_MS

    on(elasticsearch_node, tmp_path, story)


def test_who_starts_later_hears_of_what_is_in_force(elasticsearch_node: Elasticsearch, tmp_path: Path) -> None:
    """However long ago it was given; what has ended meanwhile is of no use to it."""

    async def story(room: Room) -> None:
        one = room.daemon("one")
        room.order("one", key="long", for_ms=10 * HOUR_MS)
        room.order("one", key="short", for_ms=HOUR_MS)
        await room.round(one)
        room.now_ms += 5 * HOUR_MS
        await room.round(room.daemon("late"))
        assert room.commands("late") == [("silence", "long")]

    on(elasticsearch_node, tmp_path, story)


def test_clocks_may_differ_by_half_an_hour(elasticsearch_node: Elasticsearch, tmp_path: Path) -> None:
    """Behind or ahead: what one writes the other finds, in later looks too."""

    async def story(room: Room) -> None:
        behind, ahead = room.daemon("behind", -HOUR_MS // 2), room.daemon("ahead", HOUR_MS // 2)
        await room.round(behind, ahead)
        for number in range(3):
            room.now_ms += 10_000
            room.order("behind", key=f"behind-{number}", for_ms=2 * HOUR_MS)
            room.order("ahead", key=f"ahead-{number}", for_ms=2 * HOUR_MS)
            await room.round(behind, ahead)
            await room.round(behind, ahead)
        assert sorted(room.commands("behind")) == sorted(room.commands("ahead"))
        assert len(room.commands("ahead")) == 6

    on(elasticsearch_node, tmp_path, story)


def test_what_has_ended_is_removed_after_a_day(elasticsearch_node: Elasticsearch, tmp_path: Path) -> None:
    """Not before."""

    async def story(room: Room) -> None:
        one = room.daemon("one")
        room.order("one", for_ms=HOUR_MS)
        await room.round(one)
        room.now_ms += KEPT_MS
        await room.round(one)
        assert room.written() == 1
        room.now_ms += 2 * HOUR_MS
        await room.round(one, room.daemon("two"))
        assert room.written() == 0
        assert room.commands("two") == []

    on(elasticsearch_node, tmp_path, story)


def test_the_later_of_two_silences_holds(elasticsearch_node: Elasticsearch, tmp_path: Path) -> None:
    """Given to two daemons for one key: a third takes them in the order in which they were given."""

    async def story(room: Room) -> None:
        one, two, three = (room.daemon(name) for name in ("one", "two", "three"))
        await room.round(three)
        room.order("two", for_ms=5 * HOUR_MS)
        room.now_ms += 1000
        room.order("one", for_ms=HOUR_MS)
        await room.round(one, two, three)
        (_, last) = room.stores["three"].commands_after(0)
        assert json.loads(last.arguments)["until_ms"] == NOW_MS + 1000 + HOUR_MS

    on(elasticsearch_node, tmp_path, story)


def test_rubbish_is_left_alone(elasticsearch_node: Elasticsearch, tmp_path: Path) -> None:
    """What is no silence of ours, or asks for more than a person may, is reported once and does nothing."""

    async def story(room: Room) -> None:
        whole = {
            "what": "silence",
            "key": "k",
            "at_ms": NOW_MS,
            "updated_ms": NOW_MS,
            "end_ms": NOW_MS + 1,
            "who": "x",
            "instance": "y",
        }
        for number, change in enumerate(
            ({"what": "tell_again"}, {"end_ms": NOW_MS * 2}, {"key": ""}, {"at_ms": "soon"}, {"who": None})
        ):
            await room.documents.put(f"rubbish-{number}", whole | change, None)
        await room.documents.put("empty", {"updated_ms": NOW_MS}, None)
        elasticsearch_node.ask("POST", f"/{room.documents.index}/_refresh")
        one = room.daemon("one")
        await room.round(one, one)
        assert room.commands("one") in ([], [("silence", "k")]), "a name that is none is no harm"

    on(elasticsearch_node, tmp_path, story)
