"""After a restart: which of the documents inside the look-back were handed over before, and in which order the last of them.

Guaranteed: what was not handed over is never taken for what was. What was, is taken for new (and so judged a second time) only
where its shard cannot be known again: the document by which it is known was deleted, documents below it became visible while
nobody looked, it has no sequence numbers, or more shards were written to within the look-back than a token holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detector.edges.sources.elasticsearch_hits import Hit
from detector.edges.sources.elasticsearch_memory import Shard, Tally
from detector.edges.sources.elasticsearch_token import Progress, ShardMark, check_of, total_of

MOST_READ = 2_000_000  # documents that a start looks through; what lies behind is taken for new


@dataclass(frozen=True, slots=True)
class Recalled:
    """`known` were handed over; of these, `last` in the last round, in the order in which they were. `seen` documents stand in
    each bucket's place. `doubtful` ones, inside the look-back, may have been handed over too."""

    known: list[Hit]
    last: list[Hit]
    doubtful: int


def recall(hits: Sequence[Hit], progress: Progress, marks: Iterable[ShardMark]) -> Recalled:
    """`hits` are all documents from `progress.low_ms` to `newest_ms`, in order."""
    found = _found(hits, marks)
    known: list[Hit] = []
    last: list[Hit] = []
    for hit in hits:
        mark = found.get(hit.shard)
        if mark is None or hit.seq < 0 or hit.seq > mark.seq:
            continue
        if hit.seq <= mark.before and (progress.before_ms is None or hit.at[0] <= progress.before_ms):
            known.append(hit)
        elif hit.at[0] <= progress.reached[0]:
            last.append(hit)
    last = _until(last, progress.reached)
    known += last
    strange = _strange(known, found)
    if strange:
        known = [hit for hit in known if hit.shard not in strange]
        last = [hit for hit in last if hit.shard not in strange]
    sure = found.keys() - strange
    return Recalled(known, last, sum(hit.shard not in sure for hit in hits))


def _found(hits: Iterable[Hit], marks: Iterable[ShardMark]) -> dict[Shard, ShardMark]:
    """Which shard of the view each mark is about. A shard that was counted under two numbers has two: the further one holds."""
    wanted = {(mark.seq, mark.check): mark for mark in marks}
    found: dict[Shard, ShardMark] = {}
    for hit in hits:
        mark = wanted.get((hit.seq, check_of(hit.number)))
        if mark is None:
            continue
        other = found.get(hit.shard)
        if other is not None:
            first, second = (other, mark) if other.seq < mark.seq else (mark, other)
            count, total = first.count + second.count, total_of(first.total + second.total)
            mark = ShardMark(second.seq, second.check, count, max(first.before, second.before), total)
        found[hit.shard] = mark
    return found


def _until(hits: list[Hit], reached: tuple[int, int]) -> list[Hit]:
    """Of the last millisecond only so many as were handed over."""
    time_ms, count = reached
    begin = next((at for at, hit in enumerate(hits) if hit.at[0] == time_ms), len(hits))
    return hits[: begin + count]


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
