"""After a restart: which of the documents inside the look-back were handed over before, and in which order the last of them.

Guaranteed: what was not handed over is never taken for what was. What was, is taken for new (and so judged a second time) only
where its shard cannot be known again: the document by which it is known was deleted, documents below it became visible while
nobody looked, it has no sequence numbers, or more shards were written to within the look-back than a token holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detector.edges.sources.elasticsearch.frontier import Frontier, Shard, place_of
from detector.edges.sources.elasticsearch.hits import Hit
from detector.edges.sources.elasticsearch.memory import Tally
from detector.edges.sources.elasticsearch.token import Progress, ShardMark, check_of, short, total_of

MOST_READ = 500_000  # documents that a start looks through; what lies behind is taken for new


@dataclass(frozen=True, slots=True)
class Recalled:
    """`known` were handed over; `last` are those of the last round and the last few before it, by their record numbers.
    `doubtful` ones, inside the look-back, may have been handed over too."""

    known: list[Hit]
    last: dict[int, Hit]
    doubtful: int
    frontier: Frontier


def recall(hits: Sequence[Hit], progress: Progress, marks: Iterable[ShardMark]) -> Recalled:
    """`hits` are all documents from `progress.low_ms` to `newest_ms`, in order."""
    found = _found(hits, marks)
    known, last = _divided(hits, progress, found)
    if strange := _strange(known + last, found):
        found = {shard: mark for shard, mark in found.items() if shard not in strange}
        known, last = _divided(hits, progress, found)
    doubtful = sum(hit.shard not in found for hit in hits)
    before = Frontier(progress.ends, {shard: mark.before for shard, mark in found.items()})
    frontier = before.moved(progress.reached, {shard: mark.seq for shard, mark in found.items()})
    known += last
    return Recalled(known, _numbered(known, last, progress), doubtful, frontier)


def _numbered(known: Iterable[Hit], last: Sequence[Hit], progress: Progress) -> dict[int, Hit]:
    """Documents by their record numbers. Those of the last round stand in their order, which is certain where none of them is
    missing; the last few are named, of whatever round they are."""
    tail = progress.offset - len(progress.tail)
    named = {short(hit.number): hit for hit in known}
    numbered = {at: hit for at, hit in enumerate(last, progress.offset - len(last)) if at < tail}
    return numbered | {at: hit for at, name in enumerate(progress.tail, tail) if (hit := named.get(name)) is not None}


def _found(hits: Iterable[Hit], marks: Iterable[ShardMark]) -> dict[Shard, ShardMark]:
    """Which shard each mark is about."""
    wanted = {(mark.seq, mark.check): mark for mark in marks}
    return {hit.shard: mark for hit in hits if (mark := wanted.get((hit.seq, check_of(hit.number)))) is not None}


def _divided(hits: Iterable[Hit], progress: Progress, found: dict[Shard, ShardMark]) -> tuple[list[Hit], list[Hit]]:
    """What was handed over before the last round, and in it."""
    before = Frontier(progress.ends, {shard: mark.before for shard, mark in found.items()})
    known, last = list[Hit](), list[Hit]()
    for hit in hits:
        mark = found.get(hit.shard)
        if mark is None or not 0 <= hit.seq <= mark.seq:
            continue
        if before.knows(hit):
            known.append(hit)
        elif place_of(hit) <= progress.reached:
            last.append(hit)
    return known, last


def _strange(known: Iterable[Hit], found: dict[Shard, ShardMark]) -> set[Shard]:
    """Shards of which more documents seem known than were handed over, or as many, but others. (Fewer: some were deleted.)"""
    tallies: dict[Shard, Tally] = {}
    for hit in known:
        tally = tallies.setdefault(hit.shard, Tally())
        tally.count += 1
        tally.total += hit.number
    return {
        shard
        for shard, tally in tallies.items()
        if tally.count > (mark := found[shard]).count or (tally.count == mark.count and total_of(tally.total) != mark.total)
    }
