"""Times in all their forms; what is missing of one is completed from a reference."""

from __future__ import annotations

import pytest

from detector.core.decode.logs import times
from detector.records import TimeFrom
from tests.unit.core.decode.logs.marking import OBSERVED_MS, event

AT = 1715671867000  # 2024-05-14T07:31:07Z
REFERENCE = AT + 3600_000


@pytest.mark.parametrize(
    ("text", "ms", "has_zone"),
    [
        ("2024-05-14T07:31:07Z", AT, True),
        ("2024-05-14T07:31:07.1Z", AT + 100, True),
        ("2024-05-14T07:31:07.123456789Z", AT + 123, True),
        ("2024-05-14T07:31:07.1232799Z", AT + 123, True),
        ("2024-05-14T09:31:07.123+02:00", AT + 123, True),
        ("2024-05-14T02:31:07.123-0500", AT + 123, True),
        ("2024-05-14 07:31:07.123+00:00", AT + 123, True),
        ("2024-05-14 07:31:07 +0000", AT, True),
        ("2024-05-14 07:31:07.123 UTC", AT + 123, True),
        ("2024-05-14 09:31:07 CEST", AT, True),
        ("2024-05-14 07:31:07,123", AT + 123, False),
        ("2024-05-14 07:31:07", AT, False),
        ("2024/05/14 07:31:07.123456", AT + 123, False),
        ("2024.05.14 07:31:07", AT, False),
        ("14/May/2024:09:31:07 +0200", AT, True),
        ("14-May-2024 07:31:07.123", AT + 123, False),
        ("14 May 2024 07:31:07.123", AT + 123, False),
        ("May 14, 2024 7:31:07 AM", AT, False),
        ("May 14, 2024, 7:31:07\u202fAM", AT, False),
        ("May 14, 2024 12:31:07 AM", AT - 7 * 3600_000, False),
        ("Tue May 14 07:31:07 2024", AT, False),
        ("Tue May 14 07:31:07.123456 2024", AT + 123, False),
        ("24/05/14 07:31:07", AT, False),
        ("05/14/24 07:31:07", AT, False),
        ("05/14/2024, 7:31:07 AM", AT, False),
        ("240514 07:31:07", AT, False),
        ("240514 073107", AT, False),
        ("20240514-7:31:7:123", AT + 123, False),
        ("May 14 07:31:07", AT, False),
        ("May 14 07:31:07.123", AT + 123, False),
        ("05-14 07:31:07.123", AT + 123, False),
        ("0514 07:31:07.123456", AT + 123, False),
        ("07:31:07.123", AT + 123, False),
        ("7:31AM", AT - 7000, False),
        ("1715671867", AT, True),
        ("1715671867.123", AT + 123, True),
        ("1715671867123", AT + 123, True),
        ("1715671867123456", AT + 123, True),
        ("1715671867123456789", AT + 123, True),
        ("2016-12-31T23:59:60Z", 1483228800000, True),
    ],
)
def test_forms(text: str, ms: int, has_zone: bool) -> None:
    """Each form reads as the same moment, twice (the second time from the cache)."""
    for _ in range(2):
        assert times.read(text.encode(), REFERENCE) == times.Moment(ms, has_zone)


@pytest.mark.parametrize(
    "text", ["", "x", "2024-13-14 07:31:07", "2024-05-14", "99:99:99", "Foo 14 07:31:07", "9" * 400, "2024-02-30T00:00:00Z"]
)
def test_what_is_no_time(text: str) -> None:
    """Nothing is invented."""
    assert times.read(text.encode(), REFERENCE) is None


def test_the_year_is_the_latest_that_is_not_ahead() -> None:
    """In January, December was last year; a day ahead is a clock, a month ahead a year ago; 29 February is a leap year's."""
    january = 1704067200000  # 2024-01-01
    assert times.read(b"Dec 31 23:59:59", january) == times.Moment(january - 1000, False)
    assert times.read(b"Jan  1 12:00:00", january) == times.Moment(january + 12 * 3600_000, False)
    assert times.read(b"Feb 29 00:00:00", 1735689600000) == times.Moment(1709164800000, False)


def test_a_time_of_day_is_the_nearest_one() -> None:
    """Shortly after midnight, 23:59 was yesterday; shortly before, 00:01 is tomorrow."""
    midnight = 1715644800000  # 2024-05-14T00:00:00Z
    assert times.read(b"23:59:00", midnight + 60_000) == times.Moment(midnight - 60_000, False)
    assert times.read(b"00:01:00", midnight - 60_000) == times.Moment(midnight + 60_000, False)


def test_a_frame_knows_the_zone() -> None:
    """A local time inside CRI is moved by whole quarters of an hour; a time with a zone is left alone."""
    for local in ("2024-05-14 09:31:07,100", "2024-05-14 13:16:07,100", "2024-05-13 23:31:07,100"):
        found = event(f"2024-05-14T07:31:07.123Z stdout F {local} ERROR gone\n", "gone")
        assert (found.time_ms, found.time_from) == (AT + 100, TimeFrom.EVENT)
    zoned = event("2024-05-14T07:31:07.123Z stdout F 2024-05-14T06:31:07Z ERROR gone\n", "gone")
    assert zoned.time_ms == AT - 3600_000


def test_a_frame_completes_a_time() -> None:
    """klog writes no year, WildFly no date: the frame's time says which one."""
    assert event("2024-05-14T07:31:07.123Z stdout F E0514 07:31:07.050000 1 a.go:1] gone\n", "gone").time_ms == AT + 50
    assert event("2024-05-14T07:31:07.123Z stdout F 07:31:07,050 ERROR [a.B] (main) gone\n", "gone").time_ms == AT + 50


def test_where_the_time_came_from() -> None:
    """The line, its frame, or nothing but arrival."""
    assert event("2030-05-14T07:31:07Z ERROR gone", "gone").time_from is TimeFrom.EVENT
    assert event("2024-05-14T07:31:07.123Z stdout F gone", "gone").time_from is TimeFrom.FRAME
    found = event("gone", "gone")
    assert (found.time_ms, found.time_from) == (None, TimeFrom.ARRIVAL)


def test_a_klog_line_takes_the_year_of_its_arrival() -> None:
    """Seen in January 2027, a line of November is of 2026."""
    assert event("E1123 16:31:50.000000 1 a.go:1] gone", "gone").time_ms == 1795451510000
    assert OBSERVED_MS == 1_800_000_000_000
