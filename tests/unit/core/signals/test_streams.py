"""Who holds steps, and for how long."""

from __future__ import annotations

from detector.core.signals.streams import BEHIND_FOR_MS, MOST_BEHIND_MS, MOST_STREAMS, WAIT_MS, Streams

LATENESS_MS = 75_000
T0 = 10**12


def came(streams: Streams, key: str, newest_ms: int, leader_ms: int, mono_ms: int, *, is_late: bool = False) -> None:
    streams.came(key, newest_ms, leader_ms, mono_ms, is_late=is_late, lateness_ms=LATENESS_MS)


def test_the_slowest_that_is_alive_holds():
    """And no longer than it brings anything."""
    streams = Streams(WAIT_MS, 90_000)
    came(streams, "a", T0 + 60_000, T0 + 60_000, 0)
    came(streams, "b", T0, T0 + 60_000, 1)
    assert streams.slowest_ms(T0 + 60_000, WAIT_MS) == T0
    assert streams.slowest_ms(T0 + 60_000, WAIT_MS + 1) == T0 + 60_000
    assert not streams.behind


def test_one_that_lags_is_waited_for_at_its_own_pace():
    """Its clock is four minutes behind, or that of the others four minutes ahead, and it is scraped every half minute."""
    streams = Streams(WAIT_MS, 90_000)
    for mono_ms in (0, 30_000):
        came(streams, "b", T0 + mono_ms, T0 + mono_ms + 240_000, mono_ms)
    assert streams.slowest_ms(T0 + 300_000, 30_000 + 59_999) == T0 + 30_000
    assert streams.slowest_ms(T0 + 300_000, 30_000 + 60_000) == T0 + 300_000
    came(streams, "b", T0 + 10**6, T0 + 10**6 + 240_000, 10**6)
    assert streams.slowest_ms(T0 + 2 * 10**6, 10**6 + 90_000) == T0 + 2 * 10**6


def test_one_that_stays_far_behind_is_named_and_holds_nothing():
    """Until it has caught up."""
    streams = Streams(WAIT_MS, 90_000)
    leader_ms = T0 + MOST_BEHIND_MS + 1
    for mono_ms in range(0, BEHIND_FOR_MS, 5_000):
        came(streams, "b", T0, leader_ms, mono_ms)
        assert streams.slowest_ms(leader_ms, mono_ms) == T0
    came(streams, "b", T0, leader_ms, BEHIND_FOR_MS)
    assert streams.slowest_ms(leader_ms, BEHIND_FOR_MS) == leader_ms
    assert [*streams.behind] == ["b"]
    came(streams, "b", T0 + 1, leader_ms, BEHIND_FOR_MS + 1)
    assert streams.slowest_ms(leader_ms, BEHIND_FOR_MS + 1) == T0 + 1
    assert not streams.behind


def test_one_whose_steps_were_closed_long_ago_is_not_waited_for():
    """Nothing of it can be kept: one wrong time must not stop the others."""
    streams = Streams(WAIT_MS, 90_000)
    came(streams, "b", 0, T0, 0, is_late=True)
    assert streams.slowest_ms(T0, 0) == T0
    assert [*streams.behind] == ["b"]


def test_streams_are_bounded():
    """Those that brought nothing for the longest time go first."""
    streams = Streams(WAIT_MS, 90_000)
    for at in range(MOST_STREAMS + 1):
        came(streams, str(at), T0 + at, T0 + at, 0)
    assert streams.slowest_ms(T0 + 10**6, 0) == T0 + 1
