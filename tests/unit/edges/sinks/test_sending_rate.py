"""Our own limit towards a receiver."""

from __future__ import annotations

from random import Random

from detector.edges.sinks.sending_rate import SendingRate


def test_no_sixty_seconds_hold_more_than_the_limit() -> None:
    """Whatever the pattern of arrival, and all that was refused was told when to come back."""
    rate, random, now_ms, sent = SendingRate(10), Random(7), 0, []
    for _ in range(2000):
        now_ms += random.choice((0, 1, 50, 3000, 61_000))
        if rate.take(now_ms, is_urgent=True) == 0:
            sent.append(now_ms)
    assert all(later - first >= 60_000 for first, later in zip(sent, sent[10:], strict=False))


def test_updates_leave_room_for_what_cannot_wait() -> None:
    """The last fifth belongs to triggers and resolves."""
    rate = SendingRate(10)
    assert [rate.take(0, is_urgent=False) for _ in range(9)] == [0.0] * 8 + [60.0]
    assert [rate.take(1000, is_urgent=True) for _ in range(3)] == [0.0, 0.0, 59.0]


def test_the_wait_it_names_is_enough_and_not_too_long() -> None:
    """After it the request goes; a millisecond before it does not."""
    rate = SendingRate(2)
    assert rate.take(0, is_urgent=True) == 0
    assert rate.take(10_000, is_urgent=True) == 0
    assert rate.take(20_000, is_urgent=True) == 40.0
    assert rate.take(59_999, is_urgent=True) > 0
    assert rate.take(60_000, is_urgent=True) == 0


def test_a_clock_that_was_set_back_blocks_nobody() -> None:
    """An hour back is not an hour of silence."""
    rate = SendingRate(1)
    assert rate.take(3_600_000, is_urgent=True) == 0
    assert rate.take(0, is_urgent=True) == 0
    assert rate.take(1, is_urgent=False) > 0
