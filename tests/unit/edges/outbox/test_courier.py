from __future__ import annotations

import asyncio
import contextlib

from detector.edges.sinks.base import Delivered
from detector.edges.store.store import Store
from detector.records import AlertAction, Checkpoint
from detector.settings import OutboxSettings
from tests.unit.edges.outbox.sinks import Post, ScriptedSink, refusal
from tests.unit.edges.records import alert, alerts, incident

TRIGGER, UPDATE, RESOLVE = AlertAction.TRIGGER, AlertAction.UPDATE, AlertAction.RESOLVE


def test_alerts_go_out_and_are_counted(store: Store) -> None:
    """What is owed is sent once, noted, and shown in the metrics."""
    sink = ScriptedSink("pager")
    post = Post(store, [sink])
    store.write(alerts(TRIGGER))
    asyncio.run(post.send_due())
    assert sink.seen == [("key", 1, "trigger")]
    assert store.outbox.backlog() == []
    assert post.value("trimwatch_notifications_total", sink="pager") == 1
    assert post.value("trimwatch_notification_latency_seconds_count", sink="pager") == 1


def test_notes_are_handed_back(store: Store) -> None:
    """What a sink left with one alert of a key comes with the next."""
    sink = ScriptedSink("pager", answers=[Delivered(note="C1 17.2")])
    post = Post(store, [sink])
    store.write(alerts(TRIGGER, UPDATE))
    asyncio.run(post.send_due())
    assert sink.notes == ["", "C1 17.2"]


def test_it_runs_until_cancelled(store: Store) -> None:
    """`run` opens a sink with its first alert, hears of new rows by `wake`, `drained` returns when all is out, and cancelling
    closes the sinks."""
    sink = ScriptedSink("pager")
    post = Post(store, [sink])

    async def live() -> None:
        running = asyncio.create_task(post.courier.run())
        await post.courier.drained()
        assert sink.opened == 0
        store.write(alerts(TRIGGER))
        post.courier.wake()
        await post.courier.drained()
        assert sink.seen == [("key", 1, "trigger")]
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(asyncio.wait_for(live(), 10))
    assert (sink.opened, sink.closed) == (1, 1)


def test_a_cancelled_send_is_sent_again(store: Store) -> None:
    """A stop in the middle of a send leaves the alert owed, under the same key and number."""
    sink = ScriptedSink("pager")

    async def stopped_in_the_middle() -> None:
        started = asyncio.Event()

        async def hang(*_: object) -> Delivered:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

        sink.send = hang  # type: ignore[method-assign, assignment]
        running = asyncio.create_task(Post(store, [sink]).courier.run())
        store.write(alerts(TRIGGER))
        await started.wait()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(asyncio.wait_for(stopped_in_the_middle(), 10))
    again = ScriptedSink("pager")
    asyncio.run(Post(store, [again]).send_due())
    assert again.seen == [("key", 1, "trigger")]


def test_a_sink_with_a_bug_loses_one_alert_not_its_lane(store: Store) -> None:
    """An exception that no sink should raise is tried a few times, then given up; the next alert goes out meanwhile."""
    sink = ScriptedSink("pager")

    def choke(sent: object) -> None:
        if sent.incident.dedup_key == "poison":  # type: ignore[attr-defined]
            raise KeyError("bug")

    sink.on_send = choke
    post = Post(store, [sink])
    store.write(alerts(TRIGGER, key="poison"))
    store.write(alerts(TRIGGER, key="good"))
    asyncio.run(post.advance(120))
    assert sink.taken == [("good", 1)]
    assert store.outbox.backlog() == []
    assert post.value("trimwatch_notifications_given_up_total", sink="pager") == 1


def test_alerts_of_a_sink_that_is_gone_are_given_up(store: Store) -> None:
    """What is owed to a receiver that the settings no longer name is given up, counted, and told to the fallback."""
    chat = ScriptedSink("chat")
    post = Post(store, [chat], OutboxSettings(fallback="chat"))
    store.write(Checkpoint(1, alerts=(alert(TRIGGER, 1, receiver="removed"),)))

    async def start() -> None:
        await post.courier.give_up_orphans()
        await post.send_due()

    asyncio.run(start())
    assert chat.seen == [("key", 1, "trigger")]
    assert post.value("trimwatch_notifications_given_up_total", sink="removed") == 1


def test_an_emergency_goes_past_the_store(store: Store) -> None:
    """Without a store to write to, every sink is told at once; one that refuses for good does not hold up the others."""
    pager, chat = ScriptedSink("pager"), ScriptedSink("chat", always=refusal("clientError", retryable=False))
    post = Post(store, [pager, chat])
    store.close()
    told = asyncio.run(post.courier.tell_now(incident("store"), TRIGGER))
    assert told == ["pager"]
    assert post.value("trimwatch_notifications_failed_total", sink="chat", reason="clientError") == 1


def test_the_last_word_of_an_emergency_is_the_last(store: Store) -> None:
    """A trigger that is still being tried when the resolve comes is not tried again after it."""
    pager = ScriptedSink("pager", answers=[refusal("serverError", 0.0)])
    post = Post(store, [pager])

    async def quickly_over() -> None:
        first = asyncio.create_task(post.courier.tell_now(incident("store"), TRIGGER))
        await asyncio.sleep(0)
        await post.courier.tell_now(incident("store"), RESOLVE)
        await first

    asyncio.run(quickly_over())
    assert [action for _, _, action in pager.seen][-1] == "resolve"
    assert len(pager.taken) == 1
