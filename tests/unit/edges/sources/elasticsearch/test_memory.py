"""What came too late is counted, wherever it came to."""

from __future__ import annotations

from collections import Counter

from detector.edges.sources.elasticsearch.hits import Hit
from detector.edges.sources.elasticsearch.memory import AGED, Memory

LATE_MS, WIDTH_MS = 60_000, 1000
T0 = 1_700_000_000_000


def hits(*times_ms: int) -> list[Hit]:
    return [Hit("i", str(ms), (T0 + ms, at), None, at, ("i", 0), ms, None) for at, ms in enumerate(times_ms)]


def counts(*times_ms: int) -> Counter[int]:
    return Counter((T0 + ms) // WIDTH_MS * WIDTH_MS for ms in times_ms)


def after(*times_ms: int) -> Memory:
    """These were handed over, and time has gone on to a minute after the last."""
    memory = Memory(LATE_MS)
    memory.note(hits(*times_ms))
    memory.begin(T0 + times_ms[-1] + LATE_MS)
    return memory


def test_what_comes_to_a_second_that_had_nothing_is_too_late_too() -> None:
    """A quiet index has few documents, and most seconds have none."""
    memory = after(0, 200_000)
    assert memory.too_late(counts(0, 200_000)) == 0
    assert memory.too_late(counts(0, 0, 5_000, 5_100, 200_000)) == 3
    assert memory.too_late(counts(0, 0, 5_000, 5_100, 200_000)) == 0


def test_what_comes_inside_the_look_back_is_none_of_it() -> None:
    """It is read."""
    memory = after(0, 200_000)
    assert memory.too_late(counts(0, 141_000, 199_000, 200_000, 201_000)) == 0
    assert list(memory.changed(counts(141_000), T0 + 142_000)) == [(T0 + 141_000, T0 + 142_000)]


def test_the_index_is_counted_as_far_back_as_that_shows() -> None:
    """However few documents are remembered."""
    span = after(0, 200_000).span(T0 + 200_000)
    assert span is not None
    assert span[0] == T0 + 200_000 - LATE_MS - AGED * WIDTH_MS


def test_what_is_older_than_what_is_counted_at_each_look_is_counted_as_a_whole() -> None:
    """What moved there with time is no news, and what was deleted none either; after a doubt counting begins anew."""
    memory = after(0, 1_000, 200_000)
    assert memory.aged_ms < T0
    assert memory.older(7) == 0
    memory.note(hits(500_000))
    memory.begin(T0 + 500_000 + LATE_MS)
    assert memory.aged_ms > T0 + 1_000
    assert memory.older(7 + 2) == 0
    assert memory.older(7 + 2 + 3) == 3
    assert memory.older(5) == 0
    assert memory.older(6) == 1
    memory.doubt()
    assert memory.older(100) == 0


def test_what_was_not_over_at_the_last_look_is_read_again_though_it_counts_as_many() -> None:
    """An index that is deleted and made again between two looks is never seen to be missing."""
    memory, now_ms = Memory(LATE_MS), T0 + 10_500
    memory.begin(now_ms)
    memory.note(hits(0, 10_400))
    memory.looked({T0 // WIDTH_MS: 1, (T0 + 10_400) // WIDTH_MS: 1}, None)
    memory.begin(now_ms + 100)
    assert list(memory.changed(counts(0, 10_400), T0 + 11_000)) == [(T0 + 10_000, T0 + 11_000)]
    memory.looked({(T0 + 10_400) // WIDTH_MS: 1}, None)
    memory.begin(now_ms + 1_000)
    memory.looked({(T0 + 10_400) // WIDTH_MS: 1}, None)
    memory.begin(now_ms + 2_000)
    assert list(memory.changed(counts(0, 10_400), T0 + 11_000)) == []
