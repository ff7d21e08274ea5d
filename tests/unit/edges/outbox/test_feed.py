from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest

from detector.edges.mirror.base import Document, Refused
from detector.edges.outbox import feed as feed_module
from detector.edges.outbox.feed import BUG_ATTEMPTS, FeedLane, FeedTools
from detector.edges.outbox.retry_plan import RetryPlan
from detector.edges.store.store import Store
from detector.errors import SinkError
from detector.records import Checkpoint
from detector.settings import OutboxSettings
from detector.telemetry import Health, Metrics, Trouble
from tests.unit.edges.records import finding, incident

AWAY = SinkError("away", retryable=True, reason="connectionError")


@dataclass
class ScriptedMirror:
    """Raises what it is told to, in turn, then takes everything but what `refuses`. A fake, because no cluster can be made to
    fail in each of these ways on demand; the mirror itself is tested against the real one."""

    name: str = "mirror"
    kinds: frozenset[str] = frozenset({"finding", "incident"})
    raises: list[Exception | None] = field(default_factory=list)
    refuses: Callable[[Document], bool] = lambda _document: False
    breaks: Callable[[Document], bool] = lambda _document: False
    asked: list[list[int]] = field(default_factory=list)
    taken: list[Document] = field(default_factory=list)
    opened: int = 0
    fails_to_open: int = 0
    closed: int = 0
    has_taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        self.opened += 1
        if self.opened <= self.fails_to_open:
            raise ZeroDivisionError

    async def take(self, documents: Sequence[Document]) -> Sequence[Refused]:
        self.asked.append([document.id for document in documents])
        if self.raises and (error := self.raises.pop(0)) is not None:
            raise error
        if any(map(self.breaks, documents)):
            raise ZeroDivisionError
        self.taken += [document for document in documents if not self.refuses(document)]
        self.has_taken.set()
        return [Refused(document, "mapping") for document in documents if self.refuses(document)]

    async def close(self) -> None:
        self.closed += 1


@dataclass
class Bench:
    """A store, a mirror and its lane; `settled` passes until there is nothing more to do, and returns the pauses it was told."""

    store: Store
    mirror: ScriptedMirror
    metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.store.feed.use({self.mirror.name: self.mirror.kinds}, 10_000, 0, [])
        plan = RetryPlan(OutboxSettings(first_retry=timedelta(seconds=1)), Random(1))
        self.lane = FeedLane(self.mirror, FeedTools(self.store.feed, plan, self.metrics, self.health, lambda: 5_000))

    async def settled(self) -> list[float]:
        pauses = []
        while (pause_s := await self.lane.send_due()) is not None:
            pauses.append(pause_s)
        return pauses

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def find(self, *keys: str) -> None:
        self.store.write(Checkpoint(1_000, findings=tuple(finding(key, number) for number, key in enumerate(keys))))


def test_documents_go_out_in_order_and_once(store: Store) -> None:
    """In batches, oldest first; what was taken is not shown again, also not to the lane of the next process."""
    bench = Bench(store, ScriptedMirror())
    bench.find(*(f"k{number}" for number in range(700)))
    assert asyncio.run(bench.settled()) == []
    assert [document.key for document in bench.mirror.taken] == [f"k{number}" for number in range(700)]
    assert [len(batch) for batch in bench.mirror.asked] == [300, 300, 100]
    again = Bench(store, ScriptedMirror())
    asyncio.run(again.settled())
    assert again.mirror.asked == []
    assert bench.value("trimwatch_feed_taken_total", consumer="mirror") == 700


def test_a_mirror_that_is_away_is_tried_with_growing_pauses_and_loses_nothing(store: Store) -> None:
    """The same batch comes again however it failed, retryable or not; the trouble is told, and over when it is."""
    refused = SinkError("wrong password", retryable=False, reason="authError")
    bench = Bench(store, ScriptedMirror(raises=[AWAY, refused, AWAY, AWAY]))
    bench.find("a", "b")
    pauses = asyncio.run(bench.settled())
    assert [document.key for document in bench.mirror.taken] == ["a", "b"]
    assert len(pauses) == 4
    assert all(0.75 * 2**number <= pause_s <= 2**number for number, pause_s in enumerate(pauses))
    assert bench.health.reports() == []
    assert bench.value("trimwatch_feed_failed_total", consumer="mirror", reason="connectionError") == 3


def test_trouble_is_told_after_three_failures_and_leaves_us_ready(store: Store) -> None:
    """Twice is bad luck; a wrong password is told at once. Whoever judges and alerts goes on."""
    bench = Bench(store, ScriptedMirror(raises=[AWAY, AWAY, AWAY]))
    bench.find("a")
    for told in (0, 0, 1):
        asyncio.run(bench.lane.send_due())
        assert len(bench.health.reports()) == told
    assert bench.health.reports()[0].trouble is Trouble.MIRROR_FAILING
    assert bench.health.is_ready


def test_retry_after_is_kept_to(store: Store) -> None:
    """What the cluster asks for is what is waited."""
    bench = Bench(store, ScriptedMirror(raises=[SinkError("busy", retryable=True, reason="rateLimited", retry_after_s=42.0)]))
    bench.find("a")
    assert asyncio.run(bench.settled()) == [42.0]


def test_what_is_refused_becomes_a_dead_letter_and_holds_nothing_up(store: Store) -> None:
    """With the reason, the kind and a sample; the others of its batch are taken."""
    bench = Bench(store, ScriptedMirror(refuses=lambda document: document.key == "b"))
    bench.find("a", "b", "c")
    asyncio.run(bench.settled())
    assert [document.key for document in bench.mirror.taken] == ["a", "c"]
    (kept,) = store.history.dead_letters()
    assert (kept.record.stream_name, kept.record.position, kept.record.reason) == ("mirror", "finding 2", "mapping")
    assert b'"dedup_key": "b"' in kept.record.sample
    assert bench.value("trimwatch_feed_refused_total", consumer="mirror") == 1


def test_a_bug_about_one_document_costs_that_document(store: Store) -> None:
    """An exception that nobody expects: its batch goes one at a time, and only the one that raises is let go, in the end."""
    bench = Bench(store, ScriptedMirror(breaks=lambda document: document.key == "b"))
    bench.find("a", "b", "c", "d")
    pauses = asyncio.run(bench.settled())
    assert [document.key for document in bench.mirror.taken] == ["a", "c", "d"]
    assert len(pauses) == 1 + BUG_ATTEMPTS - 1 + 1
    assert [kept.record.reason for kept in store.history.dead_letters()] == ["ZeroDivisionError while it was written"]


def test_a_bug_in_opening_costs_no_document(store: Store) -> None:
    """However often: it is tried again, and nothing becomes a dead letter."""
    bench = Bench(store, ScriptedMirror(fails_to_open=3 * BUG_ATTEMPTS))
    bench.find("a")
    assert len(asyncio.run(bench.settled())) == 3 * BUG_ATTEMPTS
    assert [document.key for document in bench.mirror.taken] == ["a"]
    assert store.history.dead_letters() == []


def test_texts_are_masked_before_they_leave(store: Store) -> None:
    """A password in a log line does not reach the mirror; identity stays."""
    bench = Bench(store, ScriptedMirror())
    store.write(Checkpoint(1, incidents=(incident("token=abcdefgh", title="password=hunter22 refused"),)))
    asyncio.run(bench.settled())
    (document,) = bench.mirror.taken
    assert document.body["title"] == "password=*** refused"
    assert document.body["dedup_key"] == document.key == "token=abcdefgh"


def test_a_running_lane_takes_what_is_written_and_ends_when_told(store: Store) -> None:
    """It is woken by a checkpoint, `drained` returns when nothing waits, and the mirror is closed when the task is cancelled."""
    bench = Bench(store, ScriptedMirror())

    async def live() -> None:
        task = asyncio.create_task(bench.lane.run())
        bench.find("a")
        bench.lane.wake()
        async with asyncio.timeout(20):
            await bench.lane.drained()
            assert len(bench.mirror.taken) == 1
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(live())
    assert (bench.mirror.opened, bench.mirror.closed) == (1, 1)


def test_a_stop_does_not_wait_for_a_mirror_that_is_away(store: Store) -> None:
    """What waits for a retry is in the store, and is no reason to use up the grace."""
    bench = Bench(store, ScriptedMirror(raises=[AWAY] * 10))
    bench.find("a")

    async def live() -> None:
        task = asyncio.create_task(bench.lane.run())
        async with asyncio.timeout(20):
            await bench.lane.drained()
            await bench.lane.drained()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(live())
    assert bench.mirror.taken == []
    assert len(store.feed.after("mirror", 10, 1 << 20).rows) == 1


def test_what_changes_all_the_time_is_told_once_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two batches the lane lingers, so an incident that counts on is one document, not one a checkpoint."""
    assert feed_module.LINGER_S >= 1
    monkeypatch.setattr(feed_module, "LINGER_S", 3_600)  # until it is told to hurry
    bench = Bench(store, ScriptedMirror())

    async def live() -> None:
        task = asyncio.create_task(bench.lane.run())
        for count in range(50):
            store.write(Checkpoint(count, incidents=(incident(count=count),)))
            bench.lane.wake()
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await bench.lane.drained()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(live())
    assert len(bench.mirror.taken) <= 3
    assert bench.mirror.taken[-1].body["count"] == 49
