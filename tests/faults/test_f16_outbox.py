"""F16 at the outbox: receivers that are slow, away, or say no. The clock is moved, nothing sleeps."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta

import pytest

from detector.edges.sinks.base import Delivered
from detector.edges.store.store import Store
from detector.errors import SinkError
from detector.records import AlertAction, Checkpoint
from detector.settings import OutboxSettings, StoreSettings
from detector.telemetry import Trouble
from tests.unit.edges.outbox.sinks import Post, ScriptedSink, refusal
from tests.unit.edges.records import alert, alerts

TRIGGER, UPDATE, RESOLVE = AlertAction.TRIGGER, AlertAction.UPDATE, AlertAction.RESOLVE


def test_a_resolve_never_overtakes_its_trigger(store: Store) -> None:
    """However often the receiver fails in between, each key's alerts arrive in order."""
    sink = ScriptedSink("pager", answers=[refusal("serverError") for _ in range(7)])
    post = Post(store, [sink])
    for key in ("a", "b", "c"):
        store.write(alerts(TRIGGER, RESOLVE, TRIGGER, RESOLVE, key=key))
    asyncio.run(post.advance(3600))
    for key in ("a", "b", "c"):
        assert [seq for taken, seq in sink.taken if taken == key] == [1, 2, 3, 4]


@pytest.mark.parametrize("retry_after_s", [1.0, 37.0, 3_600.0])
def test_retry_after_is_honoured_to_the_second(store: Store, retry_after_s: float) -> None:
    """Told to wait, no alert goes to that receiver before the time, and the first one goes when it has come."""
    sink = ScriptedSink("pager", answers=[refusal("rateLimited", retry_after_s)])
    post = Post(store, [sink])
    store.write(alerts(TRIGGER, key="a"))
    store.write(alerts(TRIGGER, key="b"))

    async def wait() -> None:
        await post.send_due()
        post.now_ms += int(retry_after_s * 1000) - 1
        await post.send_due()
        assert len(sink.seen) == 1
        post.now_ms += 1
        await post.send_due()

    asyncio.run(wait())
    assert sorted(sink.taken) == [("a", 1), ("b", 1)]


def test_an_update_that_must_wait_holds_nothing_up(store: Store) -> None:
    """Our own rate limit made room for what cannot wait: triggers of other incidents go out at once, the update goes later."""
    wait = SinkError("our own limit", retryable=True, reason="rateLimited", retry_after_s=30.0, only_this=True)
    sink = ScriptedSink("pager", answers=[Delivered(), wait])
    post = Post(store, [sink])
    store.write(alerts(TRIGGER, UPDATE, key="a"))

    async def send() -> None:
        await post.send_due()
        store.write(alerts(TRIGGER, key="b"))
        await post.send_due()
        assert sink.taken == [("a", 1), ("b", 1)]
        await post.advance(60)

    asyncio.run(send())
    assert sink.taken == [("a", 1), ("b", 1), ("a", 2)]


def test_a_refused_alert_is_given_up_counted_shown_and_told(store: Store) -> None:
    """A receiver that refuses for good is not asked again; metric, health and history say so, and the fallback hears of it."""
    pager, chat = ScriptedSink("pager", always=refusal("clientError", retryable=False)), ScriptedSink("chat")
    post = Post(store, [pager, chat], OutboxSettings(fallback="chat"))
    store.write(alerts(TRIGGER))
    asyncio.run(post.advance(600))
    assert len(pager.seen) == 1
    assert chat.taken == [("key", 1)]
    assert post.value("trimwatch_notifications_given_up_total", sink="pager") == 1
    assert post.value("trimwatch_notifications_failed_total", sink="pager", reason="clientError") == 1
    assert [report.subject for report in post.health.reports()] == ["pager"]
    given_up = [each for each in store.history.deliveries("key") if each.result == "given_up"]
    assert [(each.receiver, each.reason) for each in given_up] == [("pager", "clientError")]


def test_a_fallback_that_fails_too_is_no_circle(store: Store) -> None:
    """When the fallback refuses as well the alert is given up there and goes nowhere else."""
    no = refusal("authError", retryable=False)
    pager, chat = ScriptedSink("pager", always=no), ScriptedSink("chat", always=no)
    post = Post(store, [pager, chat], OutboxSettings(fallback="chat"))
    store.write(alerts(TRIGGER, RESOLVE))
    asyncio.run(post.advance(600))
    assert (len(pager.seen), len(chat.seen)) == (2, 2)
    assert store.outbox.backlog() == []


def test_other_receivers_are_unaffected(store: Store) -> None:
    """While one receiver is down the others get everything at once."""
    down, up = ScriptedSink("pager", always=refusal("connectionError")), ScriptedSink("chat")
    post = Post(store, [down, up])
    for number in range(20):
        store.write(alerts(TRIGGER, key=str(number)))
        store.write(alerts(TRIGGER, key=str(number), receiver="chat"))
    asyncio.run(post.send_due())
    assert len(up.taken) == 20
    assert len(down.seen) == 1


def test_a_sink_that_is_down_for_an_hour(store: Store) -> None:
    """An hour away costs a few tries, not one an alert; health says so and is not ready; then everything arrives, in order."""
    sink = ScriptedSink("pager", always=refusal("serverError"))
    post = Post(store, [sink])
    for number in range(50):
        store.write(alerts(TRIGGER, UPDATE, RESOLVE, key=str(number)))
    asyncio.run(post.advance(3600))
    assert len(sink.seen) < 40
    assert [report.trouble for report in post.health.reports()] == [Trouble.SINK_FAILING]
    assert not post.health.is_ready
    assert sum(each.pending for each in store.outbox.backlog()) == 100
    sink.always = Delivered()
    asyncio.run(post.advance(600))
    assert len(sink.taken) == 100
    assert all(sink.taken.index((str(each), 1)) < sink.taken.index((str(each), 3)) for each in range(50))
    assert post.health.is_ready
    assert post.value("trimwatch_notifications_given_up_total", sink="pager") == 0


def test_what_cannot_be_delivered_for_a_day_is_given_up(store: Store) -> None:
    """After `give_up_after` of failing, all that waited so long is given up and told to the fallback; what came later is not."""
    pager, chat = ScriptedSink("pager", always=refusal("connectionError")), ScriptedSink("chat")
    post = Post(store, [pager, chat], OutboxSettings(give_up_after=timedelta(hours=1), fallback="chat"))
    store.write(alerts(TRIGGER, key="old"))
    store.write(alerts(TRIGGER, key="old too"))

    async def days() -> None:
        await post.advance(2_000)
        store.write(alerts(TRIGGER, key="new"))
        await post.advance(1_950)
        assert sorted(key for key, _ in chat.taken) == ["old", "old too"]
        await post.advance(3_000)

    asyncio.run(days())
    assert sorted(key for key, _ in chat.taken) == ["new", "old", "old too"]
    assert post.value("trimwatch_notifications_given_up_total", sink="pager") == 3
    assert store.outbox.backlog() == []


def test_a_day_of_our_own_absence_is_no_failure_of_theirs(store: Store) -> None:
    """Alerts that waited while we were down are tried before anything is given up, and survive a first failure."""
    sink = ScriptedSink("pager", answers=[refusal("connectionError")])
    post = Post(store, [sink])
    store.write(alerts(TRIGGER))
    post.now_ms += 3 * 24 * 3600 * 1000
    asyncio.run(post.advance(60))
    assert sink.taken == [("key", 1)]


def test_standing_alerts_are_repeated_on_time(store: Store) -> None:
    """A sink that asks for it gets an open alert each minute, through a failure and a restart, until the resolve."""
    sink = ScriptedSink("pager", always=Delivered(again_after_s=60))
    post = Post(store, [sink])
    store.write(alerts(TRIGGER))
    asyncio.run(post.advance(600))
    assert len(sink.taken) == 11
    sink.answers = [refusal("connectionError")]
    asyncio.run(post.advance(60))
    again = ScriptedSink("pager", always=Delivered(again_after_s=60))
    later = Post(store, [again])
    later.now_ms = post.now_ms
    asyncio.run(later.advance(300))
    assert 4 <= len(again.taken) <= 6
    again.always = Delivered()
    store.write(Checkpoint(1, alerts=(alert(RESOLVE, 2),)))
    asyncio.run(later.advance(3600))
    assert again.taken[-1] == ("key", 2)
    assert again.taken.count(("key", 2)) == 1


def test_a_standing_alert_outlives_a_long_failure(store: Store) -> None:
    """What was delivered once and is to be repeated is not given up: when the receiver is back it is told again."""
    sink = ScriptedSink("pager", answers=[Delivered(again_after_s=60)], always=refusal("connectionError"))
    post = Post(store, [sink], OutboxSettings(give_up_after=timedelta(hours=1)))
    store.write(alerts(TRIGGER))
    asyncio.run(post.advance(3 * 3600))
    sink.always = Delivered(again_after_s=60)
    asyncio.run(post.advance(400))
    assert len(sink.taken) > 1


def test_sent_but_not_noted_is_sent_again_under_the_same_key(store: Store, settings: StoreSettings) -> None:
    """A crash between sending and noting it sends the same alert again: same key, same number, so a pager folds the two."""
    first = ScriptedSink("pager", on_send=lambda _: store.close())
    store.write(alerts(TRIGGER))
    asyncio.run(Post(store, [first]).courier.lanes["pager"].send(store.outbox.due("pager", 10_000, 1)[0].alert, ""))
    again = Store.open(settings, 2_000)
    second = ScriptedSink("pager")
    asyncio.run(Post(again, [second]).send_due())
    again.close()
    assert first.seen == second.seen == [("key", 1, "trigger")]


def test_a_retry_that_waited_over_a_restart_is_not_early(store: Store, settings: StoreSettings) -> None:
    """What a receiver asked for holds for the next process too."""
    post = Post(store, [ScriptedSink("pager", answers=[refusal("rateLimited", 100.0)])])
    store.write(alerts(TRIGGER))
    asyncio.run(post.send_due())
    store.close()
    again = Store.open(settings, 2_000)
    sink = ScriptedSink("pager")
    later = Post(again, [sink])
    later.now_ms += 99_999
    asyncio.run(later.send_due())
    assert sink.seen == []
    later.now_ms += 1
    asyncio.run(later.send_due())
    again.close()
    assert len(sink.seen) == 1


def test_a_store_that_takes_nothing_makes_nothing_go_twice(store: Store, settings: StoreSettings) -> None:
    """When a delivery cannot be noted the alert is not sent again while this process lives; it is noted when there is space."""
    sink = ScriptedSink("pager")
    post = Post(store, [sink])
    store.write(alerts(TRIGGER, key="a"))
    store.write(alerts(TRIGGER, key="b"))
    assert store._database._writer is not None
    store._database._writer.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(f"{settings.path}/state.db", isolation_level=None)

    def hold_the_store(_alert: object) -> None:
        if not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    sink.on_send = hold_the_store
    asyncio.run(post.advance(30))
    assert sorted(sink.taken) == [("a", 1), ("b", 1)]
    sink.on_send = lambda _: None
    other.execute("ROLLBACK")
    asyncio.run(post.advance(30))
    other.close()
    assert sorted(sink.taken) == [("a", 1), ("b", 1)]
    assert store.outbox.backlog() == []
    assert [each.result for each in store.history.deliveries()] == ["delivered", "delivered"]


def test_a_clock_that_jumps_back_blocks_nothing(settings: StoreSettings) -> None:
    """A retry planned by a clock that was a year ahead is due within the hour after the next start."""
    store = Store.open(settings, 1_000)
    post = Post(store, [ScriptedSink("pager", answers=[refusal("serverError")])])
    post.now_ms += 365 * 24 * 3600 * 1000
    store.write(alerts(TRIGGER))
    asyncio.run(post.send_due())
    store.close()
    again = Store.open(settings, 10_000)
    sink = ScriptedSink("pager")
    asyncio.run(Post(again, [sink]).advance(3_700))
    again.close()
    assert sink.taken == [("key", 1)]
