"""Any schedule of daemons that see an incident, become quiet, crash and come back, with clocks that are wrong and a cluster that
goes away: what the pager hears."""

from __future__ import annotations

import asyncio
import itertools
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.edges.mirror.fleet import CLAIM_S, LEASE_S, Cluster, Pager, Rang, Sidecar
from tests.unit.edges.mirror.virtual_time import run

SETTLED_S = 6 * LEASE_S + 300  # leases end one after the other: of a reporter, of a claim, of a clock that is a minute ahead

ORDINARY = ("sees", "sees", "sees", "quiet", "quiet", "news")
CRASHES = (*ORDINARY, "crash", "crash", "start")
OUTAGES = (*CRASHES, "down", "up", "busy", "well")


def steps(words: tuple[str, ...]) -> st.SearchStrategy[list[tuple[int, str, float]]]:
    """(which daemon, what happens, how long until then in seconds)."""
    pause = st.sampled_from([0.0, 0.02, 0.2, 0.5, 1.0, 5.0, 20.0, LEASE_S, 2 * LEASE_S])
    return st.lists(st.tuples(st.integers(0, 5), st.sampled_from(words), pause), max_size=40)


class Story:
    """Daemons, one pager, and what an observer who knows everything notes."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.cluster, self.pager = Cluster(chance), Pager(chance, slow_s=CLAIM_S / 2)
        self.cars = [Sidecar(f"car-{n}", self.cluster, {"pager": self.pager}, chance, chance.uniform(-60, 60)) for n in range(6)]
        self.wrongly_ended: list[Rang] = []
        self.pager.on_heard = self._note

    async def tell(self, schedule: list[tuple[int, str, float]]) -> None:
        for car in self.cars:
            car.start()
        for which, what, pause_s in schedule:
            await asyncio.sleep(pause_s)
            await self._happens(self.cars[which], what)

    async def _happens(self, car: Sidecar, what: str) -> None:
        match what:
            case "sees" if car.up_since is not None:
                car.sees()
            case "news" if car.up_since is not None:
                car.has_news()
            case "quiet" if car.up_since is not None:
                car.is_quiet()
            case "crash" if car.up_since is not None:
                await car.crash()
            case "start" if car.up_since is None:
                car.start()
            case "down" | "up":
                self.cluster.is_down = what == "down"
            case "busy" | "well":
                self.pager.failing = 0.7 if what == "busy" else 0.0

    def _note(self, heard: Rang) -> None:
        """Notes an end that was told although a daemon had seen the incident all the time."""
        before_s = heard.at_s - LEASE_S / 3 - 8
        for car in self.cars:
            is_open = car.open_since is not None and car.open_since < before_s
            if heard.action == "resolve" and is_open and car.up_since is not None and car.up_since < before_s:
                self.wrongly_ended.append(heard)

    async def become_quiet(self) -> None:
        """The world is well again, everybody is there, and nobody sees the incident any more."""
        self.cluster.is_down, self.pager.failing = False, 0.0
        for car in self.cars:
            if car.up_since is None:
                car.start()
        await asyncio.sleep(5)
        for car in self.cars:
            car.is_quiet()
        await asyncio.sleep(SETTLED_S)

    async def end(self) -> None:
        for car in self.cars:
            if car.up_since is not None:
                await car.crash()

    def surplus(self, action: str) -> int:
        """How often the pager heard what it had just heard before."""
        told = ["resolve", *self.pager.told()]
        return sum(one == other == action for one, other in itertools.pairwise(told))

    @property
    def unknown_ends(self) -> int:
        return sum(car.died_while_sending for car in self.cars)


def report(story: Story) -> str:
    return f"{story.pager.heard}\n{[car.settled for car in story.cars]}\n{story.cluster.kept}"


@given(steps(ORDINARY), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_while_all_is_well_a_round_is_one_trigger_and_one_resolve(schedule: list[tuple[int, str, float]], seed: int) -> None:
    """Strictly in turn, whatever the schedule; never an end while somebody sees it; nobody owes anything in the end."""

    async def whole() -> Story:
        story = Story(seed)
        await story.tell(schedule)
        await story.become_quiet()
        await story.end()
        return story

    story = run(whole())
    told = story.pager.told()
    assert told == ["trigger", "resolve"] * (len(told) // 2), report(story)
    assert bool(told) == any(what == "sees" for _, what, _ in schedule)
    assert not story.wrongly_ended, report(story)
    assert not any(car.rows["pager"] for car in story.cars)


@given(steps(CRASHES), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_daemon_that_dies_costs_at_most_a_repeat(schedule: list[tuple[int, str, float]], seed: int) -> None:
    """The pager hears something twice only for a daemon that died between sending and noting it; never an end while somebody
    who lives sees the incident; and in the end it is over."""

    async def whole() -> Story:
        story = Story(seed)
        await story.tell(schedule)
        await story.become_quiet()
        await story.end()
        return story

    story = run(whole())
    told = story.pager.told()
    assert story.surplus("trigger") + story.surplus("resolve") <= story.unknown_ends, report(story)
    assert not story.wrongly_ended, report(story)
    assert not told or told[-1] == "resolve", report(story)
    assert not any(car.rows["pager"] for car in story.cars)


LONE_END = [
    *[(0, "sees", 0.0), (0, "busy", 0.0), (0, "quiet", 0.0), (0, "sees", 0.0), (0, "sees", 5.0), (3, "crash", 5.0)],
    *[(0, "sees", 0.0), (0, "well", 5.0), (2, "quiet", 5.0), (0, "down", 1.0), (0, "sees", 60.0), (0, "quiet", 0.0)],
]
LONE_BEGINNINGS = [
    *[(2, "sees", 0.5), (0, "news", 0.5), (0, "down", 1.0), (3, "sees", 0.5), (4, "sees", 20.0), (0, "start", 0.0)],
    *[(3, "sees", 0.0), (0, "start", 30.0), (0, "busy", 30.0), (4, "sees", 0.0)],
]


@example(LONE_END, 4555)
@example(LONE_BEGINNINGS, 1306)
@given(steps(OUTAGES), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_after_outages_the_pager_knows_what_is_so(schedule: list[tuple[int, str, float]], seed: int) -> None:
    """Whatever went wrong: an incident that a daemon sees and has told is open at the pager, and in the end it is over."""

    async def whole() -> tuple[Story, bool, list[str]]:
        story = Story(seed)
        await story.tell(schedule)
        story.cluster.is_down, story.pager.failing = False, 0.0
        for car in story.cars:
            if car.up_since is None:
                car.start()
        await asyncio.sleep(SETTLED_S)
        for car in story.cars:
            car.has_news()
        await asyncio.sleep(SETTLED_S)
        is_open, told = any(car.open_since is not None for car in story.cars), story.pager.told()
        await story.become_quiet()
        await story.end()
        return story, is_open, told

    story, is_open, told = run(whole())
    assert not is_open or told[-1] == "trigger", report(story)
    assert not story.pager.told() or story.pager.told()[-1] == "resolve", report(story)
    assert not any(car.rows["pager"] for car in story.cars)
