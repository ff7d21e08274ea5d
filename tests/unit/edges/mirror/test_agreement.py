"""Many daemons, one incident: who tells, who ends it, and what happens when somebody dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from tests.unit.edges.mirror.fleet import CLAIM_S, KEY, LEASE_S, Cluster, Pager, Sidecar
from tests.unit.edges.mirror.virtual_time import run


class Fleet:
    """So many daemons that have started."""

    def __init__(self, count: int, seed: int = 1, receivers: tuple[str, ...] = ("pager",)) -> None:
        chance = Random(seed)
        self.cluster = Cluster(chance)
        self.pagers = {name: Pager(chance) for name in receivers}
        self.pager = self.pagers[receivers[0]]
        self.cars = [Sidecar(f"car-{n}", self.cluster, self.pagers, chance, chance.uniform(-60, 60)) for n in range(count)]
        for car in self.cars:
            car.start()

    async def end(self) -> None:
        for car in self.cars:
            await car.crash()


def story(count: int, receivers: tuple[str, ...] = ("pager",)) -> Callable[[Callable[[Fleet], Awaitable[None]]], None]:
    """Runs a test's story with so many daemons, on a virtual clock."""

    def decorate(tell: Callable[[Fleet], Awaitable[None]]) -> None:
        async def whole() -> None:
            fleet = Fleet(count, receivers=receivers)
            await tell(fleet)
            await fleet.end()

        run(whole())

    return decorate


def test_a_hundred_daemons_tell_once_and_end_it_once() -> None:
    """All see it in the same second and become quiet at different times: one trigger, and one resolve after the last."""

    @story(100)
    async def _(fleet: Fleet) -> None:
        for car in fleet.cars:
            car.sees()
        await asyncio.sleep(60)
        assert fleet.pager.told() == ["trigger"]
        assert all(not car.rows["pager"] for car in fleet.cars), "nobody owes anything: an offset may be committed"
        for car in fleet.cars:
            await asyncio.sleep(2)
            assert fleet.pager.told() == ["trigger"]
            car.is_quiet()
        await asyncio.sleep(10)
        assert fleet.pager.told() == ["trigger", "resolve"]
        (teller,) = {by for car in fleet.cars for action, by in car.settled if action == "trigger"}
        assert teller == fleet.pager.heard[0].by


def test_every_receiver_hears_it_once() -> None:
    """What is agreed on is by receiver; the end comes to each of them."""

    @story(10, ("pager", "chat"))
    async def _(fleet: Fleet) -> None:
        for car in fleet.cars:
            car.sees()
        await asyncio.sleep(60)
        for car in fleet.cars:
            car.is_quiet()
        await asyncio.sleep(60)
        assert {name: pager.told() for name, pager in fleet.pagers.items()} == {
            "pager": ["trigger", "resolve"],
            "chat": ["trigger", "resolve"],
        }


def test_an_incident_that_opens_again_is_a_new_round() -> None:
    """After the end the next one who sees it tells again, and the document says which round it is."""

    @story(3)
    async def _(fleet: Fleet) -> None:
        for _ in range(3):
            fleet.cars[0].sees()
            fleet.cars[1].sees()
            await asyncio.sleep(10)
            fleet.cars[1].is_quiet()
            fleet.cars[0].is_quiet()
            await asyncio.sleep(10)
        assert fleet.pager.told() == ["trigger", "resolve"] * 3
        kept = await fleet.cluster.get(KEY)
        assert kept is not None
        assert (kept.body["round"], kept.body["state"]) == (3, "resolved")


def test_who_opens_it_while_the_end_is_on_its_way_tells_after_it() -> None:
    """A resolve that is being sent does not overtake the trigger of the next round."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        one, other = fleet.cars
        fleet.pager.slow_s = 5.0
        one.sees()
        await asyncio.sleep(10)
        one.is_quiet()
        while "pager" not in one.sending:
            await asyncio.sleep(0.005)
        other.sees()
        await asyncio.sleep(10)
        assert fleet.pager.told() == ["trigger", "resolve", "trigger"]


def test_a_holder_that_dies_before_it_could_deliver_is_replaced() -> None:
    """Within a claim's time and the pause between two looks."""

    @story(3)
    async def _(fleet: Fleet) -> None:
        one, other, _ = fleet.cars
        fleet.pager.failing = 1.0
        one.sees()
        while "pager" not in one.sending:
            await asyncio.sleep(0.005)
        await one.crash()
        fleet.pager.failing = 0.0
        other.sees()
        await asyncio.sleep(CLAIM_S / 2)
        assert fleet.pager.told() == []
        await asyncio.sleep(CLAIM_S)
        assert [each.by for each in fleet.pager.heard] == [other.name]


def test_a_restart_tells_nobody_twice() -> None:
    """A daemon that restarts while its incident is open at others, or open at itself, asks before it tells."""

    @story(3)
    async def _(fleet: Fleet) -> None:
        for car in fleet.cars:
            car.sees()
        await asyncio.sleep(10)
        for car in fleet.cars:
            await car.crash()
            await asyncio.sleep(3)
            car.told_open.clear()  # as if its store had been lost too
            car.start()
            car.sees()
            await asyncio.sleep(3)
        await asyncio.sleep(30)
        assert fleet.pager.told() == ["trigger"]


def test_what_a_dead_daemon_left_open_is_ended_by_another() -> None:
    """Also by one that never saw the incident, once nobody gave a sign of life for a lease."""

    @story(4)
    async def _(fleet: Fleet) -> None:
        fleet.cars[0].sees()
        fleet.cars[1].sees()
        await asyncio.sleep(10)
        fleet.cars[1].is_quiet()
        await fleet.cars[0].crash()
        await asyncio.sleep(LEASE_S * 0.9)
        assert fleet.pager.told() == ["trigger"]
        await asyncio.sleep(LEASE_S * 3 + 60)
        assert fleet.pager.told() == ["trigger", "resolve"]


def test_who_takes_over_a_partition_joins_the_incident() -> None:
    """The new owner of a partition sees an incident that another has told: no second page, and no end before both are quiet, or
    the former owner is gone."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        former, new = fleet.cars
        former.sees()
        await asyncio.sleep(10)
        new.sees()
        await asyncio.sleep(10)
        former.is_quiet()
        await asyncio.sleep(2 * LEASE_S)
        assert fleet.pager.told() == ["trigger"]
        new.is_quiet()
        await asyncio.sleep(10)
        assert fleet.pager.told() == ["trigger", "resolve"]


def test_updates_come_from_who_told() -> None:
    """And from somebody else only when that one no longer sees the incident."""

    @story(3)
    async def _(fleet: Fleet) -> None:
        for car in fleet.cars:
            car.sees()
            await asyncio.sleep(3)
        for car in fleet.cars:
            car.has_news()
        await asyncio.sleep(3)
        assert [(each.action, each.by) for each in fleet.pager.heard] == [("trigger", "car-0"), ("update", "car-0")]
        fleet.cars[0].is_quiet()
        await asyncio.sleep(3)
        fleet.cars[1].has_news()
        fleet.cars[2].has_news()
        await asyncio.sleep(3)
        (last,) = [each for each in fleet.pager.heard if each.action == "update"][1:]
        assert last.by != "car-0"


def test_without_the_cluster_a_trigger_leaves_and_a_resolve_waits() -> None:
    """An alert does not hang on a cluster that is away; the end is told when it is back, once."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        await asyncio.sleep(LEASE_S)
        fleet.cluster.is_down = True
        fleet.cars[0].sees()
        await asyncio.sleep(5)
        assert fleet.pager.told() == ["trigger"]
        fleet.cars[0].is_quiet()
        await asyncio.sleep(600)
        assert fleet.pager.told() == ["trigger"]
        fleet.cluster.is_down = False
        await asyncio.sleep(3 * LEASE_S)
        assert fleet.pager.told() == ["trigger", "resolve"]


def test_a_daemon_that_starts_without_the_cluster_tells_too() -> None:
    """A cluster that never answered yet is given a little more time: it may be starting as well."""

    @story(1)
    async def _(fleet: Fleet) -> None:
        fleet.cluster.is_down = True
        fleet.cars[0].sees()
        await asyncio.sleep(10)
        assert fleet.pager.told() == ["trigger"]


def test_who_has_seen_that_another_tells_waits_for_him_in_an_outage() -> None:
    """What was delivered is told; what was about to be gets half a minute, and is then sent by whoever still has it."""

    @story(3)
    async def _(fleet: Fleet) -> None:
        one, other, third = fleet.cars
        fleet.pager.failing = 1.0
        one.sees()
        while "pager" not in one.sending:
            await asyncio.sleep(0.005)
        other.sees()
        third.sees()
        await asyncio.sleep(1)
        fleet.cluster.is_down = True
        await one.crash()
        fleet.pager.failing = 0.0
        await asyncio.sleep(CLAIM_S / 2)
        assert fleet.pager.told() == []
        await asyncio.sleep(CLAIM_S)
        assert 1 <= len(fleet.pager.told()) <= 2


def test_after_an_outage_the_others_know_who_told() -> None:
    """What left unasked is made known: who sees the incident next does not tell it again."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        fleet.cluster.is_down = True
        fleet.cars[0].sees()
        await asyncio.sleep(20)
        fleet.cluster.is_down = False
        await asyncio.sleep(20)
        fleet.cars[1].sees()
        await asyncio.sleep(20)
        assert fleet.pager.told() == ["trigger"]


@pytest.mark.parametrize("leases", [0.5, 1.5, 20])
def test_an_outage_makes_nobody_look_gone(leases: float) -> None:
    """Who could not give a sign of life because the cluster was away is not taken for gone when it is back."""

    @story(5)
    async def _(fleet: Fleet) -> None:
        for car in fleet.cars:
            car.sees()
        await asyncio.sleep(2 * LEASE_S)
        assert fleet.pager.told() == ["trigger"]
        fleet.cluster.is_down = True
        await asyncio.sleep(leases * LEASE_S)
        fleet.cluster.is_down = False
        await asyncio.sleep(5 * LEASE_S)
        for car in fleet.cars:
            car.sees()
        await asyncio.sleep(5 * LEASE_S)
        assert fleet.pager.told() == ["trigger"]
        for car in fleet.cars:
            car.is_quiet()
        await asyncio.sleep(LEASE_S)
        assert fleet.pager.told() == ["trigger", "resolve"]


def test_what_began_and_was_over_during_an_outage_is_over_at_the_pager() -> None:
    """An end whose delivery nobody knew of, a new beginning that left alone, and its end: the last word is the end."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        one, _ = fleet.cars
        fleet.pager.slow_s = 5.0
        one.sees()
        await asyncio.sleep(20)
        one.is_quiet()
        while "pager" not in one.sending:
            await asyncio.sleep(0.005)
        fleet.cluster.is_down = True
        await asyncio.sleep(15)
        one.sees()
        await asyncio.sleep(20)
        one.is_quiet()
        assert fleet.pager.told() == ["trigger", "resolve", "trigger"]
        fleet.cluster.is_down = False
        await asyncio.sleep(4 * LEASE_S)
        assert fleet.pager.told() == ["trigger", "resolve", "trigger", "resolve"]


def test_an_outage_longer_than_a_lease_ends_nothing() -> None:
    """Nobody could give a sign of life: when the cluster is back each has a whole lease for it, whoever looks first."""

    @story(3)
    async def _(fleet: Fleet) -> None:
        fleet.cars[0].sees()
        fleet.cars[1].sees()
        await asyncio.sleep(LEASE_S)
        fleet.cluster.is_down = True
        await asyncio.sleep(10 * LEASE_S)
        fleet.cluster.is_down = False
        await asyncio.sleep(5 * LEASE_S)
        assert fleet.pager.told() == ["trigger"]


def test_what_was_delivered_while_the_cluster_went_away_is_not_taken_over() -> None:
    """The claim was written, the delivery could not be: it is made good before anybody takes the claim for lapsed."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        one, other = fleet.cars
        fleet.pager.slow_s = 2.0
        one.sees()
        while "pager" not in one.sending:
            await asyncio.sleep(0.005)
        fleet.cluster.is_down = True
        await asyncio.sleep(8)
        fleet.cluster.is_down = False
        await asyncio.sleep(8)
        other.sees()
        await asyncio.sleep(3 * CLAIM_S)
        assert fleet.pager.told() == ["trigger"]


def test_a_daemon_that_was_cut_off_is_told_again_when_it_sees_more() -> None:
    """It was taken for gone and its incident for over; it was not."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        cut_off, other = fleet.cars
        cut_off.sees()
        other.sees()
        await asyncio.sleep(10)
        own = cut_off.ledger._documents
        cut_off.ledger._documents = Cluster(Random(3), is_down=True)  # type: ignore[assignment]
        await asyncio.sleep(2 * LEASE_S)
        other.is_quiet()
        await asyncio.sleep(10)
        assert fleet.pager.told() == ["trigger", "resolve"]
        cut_off.ledger._documents = own
        cut_off.has_news()
        await asyncio.sleep(LEASE_S)
        assert fleet.pager.told() == ["trigger", "resolve", "trigger"]


def test_a_pager_that_refuses_one_daemon_is_tried_by_another() -> None:
    """Three failures free the claim."""

    @story(2)
    async def _(fleet: Fleet) -> None:
        unlucky, other = fleet.cars
        unlucky.pagers = {"pager": Pager(Random(1), failing=1.0)}
        unlucky.sees()
        await asyncio.sleep(1)
        other.sees()
        await asyncio.sleep(60)
        assert [each.by for each in fleet.pager.heard] == [other.name]
        unlucky.is_quiet()
        await asyncio.sleep(120)
        assert fleet.pager.told() == ["trigger"]
        other.is_quiet()
        await asyncio.sleep(30)
        assert fleet.pager.told() == ["trigger", "resolve"]


@pytest.mark.parametrize("count", [30, 100])
def test_contention_costs_a_bounded_number_of_requests(count: int) -> None:
    """Daemons that see it at the same instant: each joins once; the tries that others were faster than stay few."""

    @story(count)
    async def _(fleet: Fleet) -> None:
        for car in fleet.cars:
            car.sees()
        await asyncio.sleep(LEASE_S / 4)
        conflicts = sum(car.ledger.conflicts for car in fleet.cars)
        assert fleet.cluster.writes <= 2 * count + 2, "a join and a first sign of life of each, a claim, its delivery"
        assert conflicts <= 10 * count
        print(f"{count} daemons: {fleet.cluster.writes} writes, {conflicts} conflicts, {fleet.cluster.reads} reads")
