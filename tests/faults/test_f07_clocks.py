"""F7: clocks that lie. No page twice, no window closes early, no line from the future moves a watermark by more than a minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detector.core.pipeline import AHEAD_MS, Clock
from detector.records import AlertAction, Tick
from tests.faults.whole import counts, finds_something_fresh, running, triggers
from tests.integration.test_replay import objects, replay
from tests.integration.test_run import HEADER, Place, trace
from tests.unit.core.engine.parts import MINUTE, T0
from tests.unit.core.flow import GONE, TIRED, WAITING, Log, counts_by_entity, gone, line, pipeline

HOUR = 60 * MINUTE
DAY = 24 * HOUR
JUMPS = [-2 * HOUR, -HOUR, HOUR, DAY, 365 * DAY, -365 * DAY]


def actions(one) -> list[AlertAction]:
    return [alert.action for alert in one.checkpoint(0).alerts]


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_event_time_that_jumps_pages_nobody_twice(jump_ms: int) -> None:
    """Of one cause at its time, then a jump away, then back: one trigger, no resolve, three events."""
    one, log = pipeline(), Log()
    for ms in (T0, T0 + jump_ms, T0 + 1):
        one.take(log.batch(gone("a.B", ms), line("quiet", ms)))
        one.tick(Tick(T0, 1500))
    assert actions(one) == [AlertAction.TRIGGER]
    assert counts_by_entity(one) == {"a.B": 3}


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_a_wall_clock_that_is_set_resolves_nothing_and_pages_nobody_twice(jump_ms: int) -> None:
    """The host's clock jumps while we run: the incident lives on until it was quiet for its time by the monotonic clock."""
    one, log = pipeline(), Log()
    one.take(log.batch(gone("a.B"), line("quiet")))
    assert actions(one) == [AlertAction.TRIGGER]
    one.tick(Tick(T0 + jump_ms, 2000))
    one.take(log.batch(gone("a.B", T0 + jump_ms), line("quiet", T0 + jump_ms), observed_ms=T0 + jump_ms))
    one.tick(Tick(T0 + jump_ms + 1000, 3000))
    assert actions(one) == []
    one.tick(Tick(T0 - DAY, 3000 + 16 * MINUTE))
    assert actions(one) == [AlertAction.RESOLVE]


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_a_wall_clock_that_is_set_ends_no_wait_early(jump_ms: int) -> None:
    """A line is expected within 30 s: it is missed when those and the allowed lateness have passed, whatever the wall says."""
    one, log = pipeline(WAITING, GONE), Log()
    one.take(log.batch(line("service starting"), line("quiet")))
    one.tick(Tick(T0, 4000))
    one.take(log.batch(gone("a.B", T0 + jump_ms), line("quiet"), observed_ms=T0 + jump_ms))
    one.tick(Tick(T0 + jump_ms, 7000))
    one.tick(Tick(T0 + jump_ms, 9000))
    assert "own/no-start" not in {incident.rule for incident in one.incidents()}
    one.tick(Tick(T0 + jump_ms, 7000 + 92_000))
    assert "own/no-start" in {incident.rule for incident in one.incidents()}


@pytest.mark.parametrize("ahead_ms", [2 * MINUTE, HOUR, 365 * DAY, 7000 * 365 * DAY])
def test_a_line_from_the_future_moves_the_watermark_by_a_minute_at_most(ahead_ms: int) -> None:
    """However far ahead: the stream's time stays within a minute of arrival, and what follows at its time is not late."""
    one, log = pipeline(TIRED), Log()
    one.take(log.batch(line("pool is tired", T0 + ahead_ms), *[line("pool is tired", T0 + n) for n in range(3)], ends=True))
    assert one.reached_ms(log.stream) <= T0 + AHEAD_MS
    assert [incident.rule for incident in one.incidents()] == ["own/tired"]
    assert one.counts.late == 0


def test_a_window_that_the_clock_change_in_autumn_runs_through_is_complete_once() -> None:
    """Local time goes back an hour between two hits: three hits before and three behind are a story each, the rest is late."""
    one, log = pipeline(TIRED), Log()
    before = [line("pool is tired", T0 + n) for n in range(3)]
    behind = [line("pool is tired", T0 - HOUR + n) for n in range(3)]
    one.take(log.batch(*before, *behind, ends=True))
    assert [(incident.rule, incident.count) for incident in one.incidents()] == [("own/tired", 2)]
    assert actions(one) == [AlertAction.TRIGGER]
    assert one.counts.late == 3


def test_in_replay_a_line_from_the_future_ends_nothing() -> None:
    """A line of the year 9000 in the middle: what was found before and behind it is one open incident."""
    one, log = pipeline(clock=Clock.EVENT), Log()
    one.take(log.batch(gone("a.B"), gone("x.Y", T0 + 7000 * 365 * DAY), gone("a.B", T0 + 1000), ends=True))
    one.end()
    assert {i.entity: (i.state.value, i.count) for i in one.incidents()} == {"a.B": ("open", 2), "x.Y": ("open", 1)}


@pytest.mark.parametrize(
    "stamp",
    [
        "Nov 24 10:00:00 host shop[1]: ",
        "10:00:00.123 ERROR ",
        "<11>Dec 31 23:59:60 host shop[1]: ",
        "E1124 10:00:00.123456 1 a.go:1] ",
        "",
    ],
)
def test_a_log_that_does_not_say_the_year_is_near_its_arrival(stamp: str) -> None:
    """Syslog without a year, time without a date, a leap second, no time at all: found, and not a year away."""
    body = "".join(f"{stamp}java.lang.ClassNotFoundException: a.B{number}\n" for number in range(3))
    *incidents, _ = objects(replay("--json", "-", stdin=body.encode()))
    assert {one["entity"] for one in incidents} == {"a.B0", "a.B1", "a.B2"}
    for one in incidents:
        away = abs(datetime.now(UTC) - datetime.fromisoformat(one["first_seen"]))
        assert away.days < 366


def test_the_daemon_under_clocks_that_lie(place: Place) -> None:
    """Lines of yesterday, of next year, without a time and of now about one cause: one page, each counted."""
    stamps = ["2025-01-01T00:00:00.000Z", "2091-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]
    with running(place):
        for stamp in stamps:
            place.write((trace("Same") + HEADER).replace("2026-11-24T10:00:00.000Z", stamp))
        place.write("java.lang.ClassNotFoundException: planted.Same\n" + HEADER)
        finds_something_fresh(place)
    assert triggers(place) == {"planted.Same": 1, "planted.Fresh": 1}
    assert counts(place)["planted.Same"] == 5
