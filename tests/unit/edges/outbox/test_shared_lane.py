"""A lane that asks the others first: the real lane, store and agreement over a cluster in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from detector.edges.mirror.agreement import Agreement
from detector.edges.mirror.ledger import Ledger, Terms
from detector.edges.outbox.courier import Courier
from detector.edges.sinks.base import Delivered
from detector.edges.store.store import Store
from detector.records import AlertAction
from detector.settings import OutboxSettings, StoreSettings
from detector.telemetry import Health, Metrics
from tests.unit.edges.mirror.fleet import Cluster
from tests.unit.edges.outbox.sinks import ScriptedSink, refusal
from tests.unit.edges.records import alerts

TRIGGER, UPDATE, RESOLVE = AlertAction.TRIGGER, AlertAction.UPDATE, AlertAction.RESOLVE


class Car:
    """One daemon's courier; what its sinks do is scripted."""

    def __init__(self, name: str, room: Room, folder: Path, settings: OutboxSettings | None = None) -> None:
        self.name = name
        self.store = Store.open(StoreSettings(path=str(folder / name)), 1_000)
        self.sinks = {each: ScriptedSink(each) for each in ("pager", "chat")}
        metrics = Metrics()
        terms = Terms(30_000, 12_000)
        ledger = Ledger(room.cluster, name, terms, lambda: room.now_ms, Random(1), Health())
        self.courier = Courier(
            self.store,
            dict(self.sinks),
            settings or OutboxSettings(),
            metrics,
            Random(1),
            Health(),
            lambda: room.now_ms,
            Agreement(ledger, metrics),
        )

    def send(self) -> None:
        async def turns() -> None:
            for _ in range(2):
                for lane in self.courier.lanes.values():
                    await lane.send_due()

        asyncio.run(turns())

    def results(self) -> list[tuple[str, str, str, str]]:
        found = self.store.history.deliveries(limit=100)[::-1]
        return [(each.receiver, each.action, each.result, each.problem) for each in found]


class Room:
    """Daemons on one clock that stands still until it is moved."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(Random(1))
        self.now_ms = 10_000
        self.folder = folder
        self.cars: list[Car] = []

    def car(self, name: str, settings: OutboxSettings | None = None) -> Car:
        self.cars.append(Car(name, self, self.folder, settings))
        return self.cars[-1]

    def pass_s(self, seconds: float) -> None:
        """In steps, as lanes look."""
        for _ in range(int(seconds)):
            self.now_ms += 1000
            for car in self.cars:
                car.send()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    for car in made.cars:
        car.store.close()


def test_one_sends_the_other_writes_down_who(room: Room) -> None:
    """Delivered here, elsewhere there; neither owes anything."""
    one, two = room.car("one"), room.car("two")
    for car in (one, two):
        car.store.write(alerts(TRIGGER))
        car.send()
    assert one.results() == [("pager", "trigger", "delivered", "")]
    assert two.results() == [("pager", "trigger", "elsewhere", "told by one")]
    assert (one.store.outbox.owed(), two.store.outbox.owed()) == ([], [])


def test_the_one_that_ends_it_continues_the_other_ones_message(room: Room) -> None:
    """What the sink wants to be given with the next alert (a message to update) goes from daemon to daemon."""
    one, two = room.car("one"), room.car("two")
    one.sinks["pager"].always = Delivered(note="C1 17.2")
    one.store.write(alerts(TRIGGER, RESOLVE))
    two.store.write(alerts(TRIGGER))
    rows = one.store.outbox.due("pager", room.now_ms, 1)
    assert rows[0].alert.action is TRIGGER
    asyncio.run(one.courier.lanes["pager"]._deliver(rows[0]))
    two.send()
    one.send()
    assert one.results()[-1] == ("pager", "resolve", "elsewhere", "told by two")
    two.store.write(alerts(TRIGGER, RESOLVE))
    two.send()
    assert two.results()[-1] == ("pager", "resolve", "delivered", "")
    assert two.sinks["pager"].notes == ["C1 17.2"]


def test_a_receiver_that_refuses_one_is_told_by_the_other(room: Room) -> None:
    """Given up here frees the claim; the other one's fallback hears nothing, ours hears why."""
    settings = OutboxSettings(fallback="chat")
    one, two = room.car("one", settings), room.car("two", settings)
    one.sinks["pager"].always = refusal("clientError", retryable=False)
    one.store.write(alerts(TRIGGER))
    one.send()
    two.store.write(alerts(TRIGGER))
    two.send()
    assert two.sinks["pager"].taken == [("key", 1)]
    assert one.sinks["chat"].taken == [("key", 1)]
    assert two.sinks["chat"].taken == []


def test_a_fallback_hears_once_that_nobody_reaches_the_pager(room: Room) -> None:
    """Though it is a receiver itself and has heard of the incident."""
    settings = OutboxSettings(fallback="chat")
    cars = [room.car(name, settings) for name in ("one", "two", "three")]
    for car in cars:
        car.sinks["pager"].always = refusal("clientError", retryable=False)
        car.store.write(alerts(TRIGGER, receiver="chat"))
        car.store.write(alerts(TRIGGER))
    room.pass_s(30)
    heard = [seen for car in cars for seen in car.sinks["chat"].taken]
    assert heard == [("key", 1)] * 2, "the incident, and that the pager could not be told"
    assert not any(car.store.outbox.owed() for car in cars)


def test_a_failing_receiver_is_tried_by_others_after_three_failures(room: Room) -> None:
    """Who waits looks again and again, and sends when the claim is free."""
    one, two = room.car("one"), room.car("two")
    one.sinks["pager"].always = refusal("serverError")
    one.store.write(alerts(TRIGGER))
    one.send()
    two.store.write(alerts(TRIGGER))
    two.send()
    assert two.sinks["pager"].seen == []
    room.pass_s(40)
    assert two.sinks["pager"].taken == [("key", 1)]
    assert one.results()[-1] == ("pager", "trigger", "elsewhere", "told by two")


def test_what_must_be_repeated_is_repeated_by_who_is_left(room: Room) -> None:
    """Alertmanager forgets: one daemon repeats; when it is quiet, another that sees the incident goes on, without a new page."""
    one, two = room.car("one"), room.car("two")
    for car in (one, two):
        car.sinks["pager"].always = Delivered(again_after_s=10)
        car.store.write(alerts(TRIGGER))
        car.send()
    room.pass_s(25)
    assert (len(one.sinks["pager"].taken), len(two.sinks["pager"].taken)) == (3, 0)
    one.store.write(alerts(TRIGGER, RESOLVE))
    room.pass_s(25)
    assert len(one.sinks["pager"].taken) == 3
    assert len(two.sinks["pager"].taken) >= 2
    assert [each for each in two.results() if each[2] == "delivered"] == []


def test_without_an_agreement_nothing_changes(store: Store) -> None:
    """A courier that shares nothing asks nobody."""
    courier = Courier(store, {"pager": ScriptedSink("pager")}, OutboxSettings(), Metrics(), Random(1))
    assert courier.lanes["pager"]._tools.agreement is None
