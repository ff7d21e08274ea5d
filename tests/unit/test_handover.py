"""What others are told of how far a partition was read: never past an alert that is still owed."""

from __future__ import annotations

from detector.errors import StoreUnavailable
from detector.handover import MOST_STEPS, Handover
from detector.records import Position

A, B = "kafka/g/a/0", "kafka/g/b/0"


class Owed:
    def __init__(self, *ids: int) -> None:
        self.ids = list(ids)
        self.is_unreadable = False

    def __call__(self) -> list[int]:
        if self.is_unreadable:
            raise StoreUnavailable("away")
        return sorted(self.ids)


def at(key: str, offset: int) -> Position:
    return Position(key, key, offset)


def test_what_followed_by_no_alert_is_settled_at_once() -> None:
    """The position of the checkpoint."""
    one = Handover(Owed())
    one.written([at(A, 10)], range(0))
    one.written([at(A, 20), at(B, 5)], range(0))
    assert one.settled() == {A: 20, B: 5}


def test_an_alert_holds_its_partition_back_until_it_is_delivered() -> None:
    """The other partition goes on."""
    owed = Owed()
    one = Handover(owed)
    one.written([at(A, 10), at(B, 1)], range(0))
    owed.ids = [1]
    one.written([at(A, 20)], range(1, 2))
    one.written([at(A, 30), at(B, 2)], range(0))
    assert one.settled() == {A: 10, B: 2}
    owed.ids = []
    assert one.settled() == {A: 30, B: 2}


def test_a_later_alert_that_is_delivered_first_moves_nothing() -> None:
    """The oldest one that is owed decides."""
    owed = Owed(1, 2)
    one = Handover(Owed())
    one._owed = owed
    one.written([at(A, 20)], range(1, 2))
    one.written([at(A, 40)], range(2, 3))
    owed.ids = [1]
    assert one.settled() == {}
    owed.ids = []
    assert one.settled() == {A: 40}


def test_what_was_owed_before_the_start_holds_everything_back() -> None:
    """Nobody remembers where it came from."""
    owed = Owed(7)
    one = Handover(owed)
    one.written([at(A, 10)], range(0))
    assert one.settled() == {}
    owed.ids = []
    assert one.settled() == {A: 10}


def test_a_store_that_cannot_be_read_settles_nothing() -> None:
    """Until it can."""
    owed = Owed()
    one = Handover(owed)
    one.written([at(A, 10)], range(0))
    owed.is_unreadable = True
    assert one.settled() == {}
    owed.is_unreadable = False
    assert one.settled() == {A: 10}


def test_a_pager_that_is_away_for_a_day_fills_no_memory() -> None:
    """Steps are merged, and then wait for all of theirs."""
    owed = Owed()
    one = Handover(owed)
    for number in range(1, 3 * MOST_STEPS):
        owed.ids.append(number)
        one.written([at(A, number)], range(number, number + 1))
    assert len(one._steps[A]) == MOST_STEPS
    owed.ids = [3 * MOST_STEPS - 1]
    assert one.settled()[A] == MOST_STEPS - 1
    owed.ids = []
    assert one.settled()[A] == 3 * MOST_STEPS - 1


def test_a_partition_that_was_handed_over_is_forgotten() -> None:
    """It must not be committed for by us any more."""
    one = Handover(Owed())
    one.written([at(A, 10)], range(0))
    one.forget([A])
    assert one.settled() == {}
