"""Where a partition begins that became ours."""

from __future__ import annotations

import pytest

from detector.edges.sources.base import Resume
from detector.edges.sources.kafka.beginning import CUT_OFF, MADE_AGAIN, RETENTION, Beginning, Log, Loss, beginning
from detector.edges.sources.kafka.partition import silent_until_of, token_of, topic_id_of

LOG = Log("a1", 100, 200)


def stored(offset: int, topic_id: str = "a1") -> Resume:
    return Resume("key", offset, f"id={topic_id}")


@pytest.mark.parametrize(
    ("position", "committed", "wanted"),
    [
        (None, None, Beginning(None)),
        (stored(150), None, Beginning(150)),
        (stored(150), 150, Beginning(150)),
        (stored(150), 120, Beginning(150)),
        (stored(200), 200, Beginning(200)),
        (stored(150), 180, Beginning(180, forgets=True, rewinds=True, not_before=150, silent_until=180)),
        (None, 180, Beginning(180, forgets=True, rewinds=True, not_before=100, silent_until=180)),
        (None, 200, Beginning(200, forgets=True, rewinds=True, not_before=100, silent_until=200)),
        (stored(50), 180, Beginning(180, forgets=True, rewinds=True, not_before=100, silent_until=180)),
    ],
)
def test_the_store_is_the_truth_until_somebody_else_got_further(position, committed, wanted) -> None:
    assert beginning(position, committed, LOG) == wanted


@pytest.mark.parametrize(
    ("position", "committed", "wanted"),
    [
        (stored(60), None, Beginning(100, Loss(60, 100, RETENTION))),
        (stored(60), 40, Beginning(100, Loss(60, 100, RETENTION))),
        (stored(60), 80, Beginning(100, Loss(80, 100, RETENTION), forgets=True)),
        (None, 80, Beginning(100, Loss(80, 100, RETENTION), forgets=True)),
    ],
)
def test_what_retention_took_is_lost(position, committed, wanted) -> None:
    """From where somebody had read to, up to where the log begins today."""
    assert beginning(position, committed, LOG) == wanted


@pytest.mark.parametrize(
    ("position", "committed", "wanted"),
    [
        (stored(150, "b2"), None, Beginning(100, Loss(150, None, MADE_AGAIN), forgets=True)),
        (stored(150, "b2"), 150, Beginning(100, Loss(150, None, MADE_AGAIN), forgets=True)),
        (stored(250, "b2"), 250, Beginning(100, Loss(250, None, MADE_AGAIN), forgets=True)),
        (stored(250, ""), None, Beginning(100, Loss(250, None, MADE_AGAIN), forgets=True)),
        (None, 250, Beginning(100, Loss(250, None, MADE_AGAIN), forgets=True)),
        (stored(150, "b2"), 130, Beginning(130, forgets=True, rewinds=True, not_before=100, silent_until=130)),
    ],
)
def test_another_topic_of_the_same_name(position, committed, wanted) -> None:
    """Its offsets mean nothing to us, whether they exist or not; where somebody else reads it already, they have told of it."""
    assert beginning(position, committed, LOG) == wanted


def test_a_silent_stretch_that_was_broken_off_goes_on() -> None:
    """A restart, or partitions that went and came back: what was read of it holds, unless somebody got further meanwhile."""
    halfway = Resume("key", 150, token_of("a1", silent_until=180))
    assert beginning(halfway, 180, LOG) == Beginning(150, silent_until=180)
    assert beginning(halfway, 190, LOG) == Beginning(190, forgets=True, rewinds=True, not_before=150, silent_until=190)


def test_a_token_says_what_it_was_told() -> None:
    """Whatever else stands in it: other releases write others."""
    token = token_of("a1", 7)
    assert (topic_id_of(token), silent_until_of(token)) == ("a1", 7)
    assert (topic_id_of(token_of(None)), silent_until_of(token_of(None))) == (None, 0)
    assert (topic_id_of("x=1;id=b2"), silent_until_of("until=x")) == ("b2", 0)
    assert token_of(None)


def test_a_log_that_lost_its_end() -> None:
    """An unclean leader election: the same topic, but records that we have read are gone, and others come in their place."""
    assert beginning(stored(230), None, LOG) == Beginning(200, Loss(200, 230, CUT_OFF), forgets=True)
