"""What a checkpoint keeps of an index, and what is known again by it."""

from __future__ import annotations

import pytest

from detector.edges.sources.elasticsearch.frontier import END_OF_TIME, Frontier
from detector.edges.sources.elasticsearch.hits import Hit
from detector.edges.sources.elasticsearch.memory import Peak, Tally
from detector.edges.sources.elasticsearch.recall import recall
from detector.edges.sources.elasticsearch.token import MOST_BYTES, MOST_TAIL, Progress, marks_of, read, short, written

SHARD = ("orders", 0)
LINK = 32  # so many lines back a line may belong to


def hit(seq: int, time_ms: int, shard: tuple[str, int] = SHARD) -> Hit:
    return Hit(shard[0], f"id-{seq}", (time_ms, seq), None, seq, shard, 0x9E3779B97F4A7C15 * (seq + 1) % 2**64, None)


def token(progress: Progress, peaks: dict[tuple[str, int], Hit], before: Frontier, count: int = 1, total: int = 0) -> str:
    marks = marks_of(
        {shard: Peak(last.seq, last.number) for shard, last in peaks.items()},
        {shard: Tally(count, total) for shard in peaks},
        before,
    )
    return written(progress, marks)


@pytest.mark.parametrize("shards", [1, 10, 200])
def test_it_is_short_however_much_there_is_and_names_the_last_documents(shards: int) -> None:
    ends = tuple((1_795_595_877_077 + at, END_OF_TIME) for at in range(3))
    tail = tuple(short(hit(seq, 0).number) for seq in range(MOST_TAIL))
    progress = Progress(10**9, 10**9 - 5, 1_795_595_877_000, 1_795_595_888_638, ends[0], ends, tail)
    peaks = {("orders", at): hit(10**9 + at, 0, ("orders", at)) for at in range(shards)}
    text = token(progress, peaks, Frontier(ends, {}))
    assert len(text) <= MOST_BYTES
    known = read(text)
    assert known is not None
    named = known[0].tail
    assert len(named) > LINK
    assert named == tail[len(tail) - len(named) :]
    assert known[0].ends == ends
    assert len(known[1]) == shards if shards <= 10 else len(known[1]) >= 10


def test_documents_of_earlier_rounds_keep_their_record_numbers() -> None:
    """Ten documents in three rounds, each one later in the shard and some earlier in time; the pipeline was not done with the
    last eight."""
    rounds = [[hit(0, 100), hit(1, 300)], [hit(2, 50), hit(3, 250), hit(4, 400)], [hit(5, 20), hit(6, 90), hit(7, 310)]]
    handed = [each for one in rounds for each in one]
    tail = tuple(short(each.number) for each in handed)
    first = len(handed) - len(rounds[-1])
    progress = Progress(len(handed), first, 0, 400, (310, END_OF_TIME), (), tail)
    text = token(progress, {SHARD: handed[-1]}, Frontier.whole({SHARD: 4}), len(handed), sum(each.number for each in handed))
    known = read(text)
    assert known is not None
    there = sorted([*handed, hit(8, 15), hit(9, 500)], key=lambda each: each.at)
    found = recall(there, *known)
    assert {at: each.seq for at, each in found.last.items()} == dict(enumerate(range(len(handed))))
    without_one = recall([each for each in there if each.seq != 3], *known)
    assert {at: each.seq for at, each in without_one.last.items()} == {at: at for at in range(len(handed)) if at != 3}


def test_a_long_round_is_numbered_further_back_than_documents_are_named() -> None:
    handed = [hit(seq, seq) for seq in range(3 * MOST_TAIL)]
    tail = tuple(short(each.number) for each in handed[-MOST_TAIL:])
    progress = Progress(len(handed), 0, 0, len(handed), (len(handed), END_OF_TIME), (), tail)
    known = read(token(progress, {SHARD: handed[-1]}, Frontier(), len(handed), sum(each.number for each in handed)))
    assert known is not None
    found = recall(handed, *known)
    assert {at: each.seq for at, each in found.last.items()} == dict(enumerate(range(len(handed))))
