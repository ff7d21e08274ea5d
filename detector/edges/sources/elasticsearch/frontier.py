"""How far an index was read: of each shard up to which of its numbers, and that not everywhere alike.

A shard numbers its documents in the order in which it takes them in, and we read in the order of time. Whoever has read all that
there was knows of each shard all up to one number. A round that was cut off knows so of what lies before the time it reached;
behind it holds what held before. Rounds that are cut off one after the other leave such a step each; only so many are kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from detector.edges.sources.elasticsearch.hits import Hit

Shard = tuple[str, int]
Place = tuple[int, int]  # time and sequence number

END_OF_TIME = (1 << 63) - 1  # as the number: all of that millisecond
LEAST_ENDS = 3
MOST_ENDS = 12
MOST_CUTS = 48  # of all shards: a checkpoint holds them
NONE = -1


def place_of(hit: Hit) -> Place:
    return hit.at[0], hit.seq


@dataclass(frozen=True, slots=True)
class Frontier:
    """`ends` rise and part the time into regions; the last one has no end. `cuts[shard][i]` is the highest number of the shard
    up to which all documents in region i were handed over."""

    ends: tuple[Place, ...] = ()
    cuts: Mapping[Shard, tuple[int, ...]] = field(default_factory=dict)

    def knows(self, hit: Hit) -> bool:
        cuts = self.cuts.get(hit.shard)
        return cuts is not None and 0 <= hit.seq <= cuts[bisect_left(self.ends, place_of(hit))]

    def moved(self, reached: Place, seqs: Mapping[Shard, int]) -> Frontier:
        """All up to this place was handed over too, up to these numbers."""
        region = bisect_right(self.ends, reached)
        ends = (reached, *self.ends[region:])
        nothing = (NONE,) * (len(self.ends) + 1)
        cuts = {shard: (seqs.get(shard, NONE), *self.cuts.get(shard, nothing)[region:]) for shard in {**self.cuts, **seqs}}
        most = max(LEAST_ENDS, min(MOST_ENDS, MOST_CUTS // max(1, len(cuts))))
        while len(ends) > most:
            at = min(range(len(ends)), key=lambda at: sum(abs(each[at] - each[at + 1]) for each in cuts.values()))
            ends = (*ends[:at], *ends[at + 1 :])
            cuts = {shard: (*each[:at], min(each[at : at + 2]), *each[at + 2 :]) for shard, each in cuts.items()}
        return Frontier(ends, cuts)

    @staticmethod
    def whole(seqs: Mapping[Shard, int]) -> Frontier:
        """All was handed over, up to these numbers."""
        return Frontier((), {shard: (seq,) for shard, seq in seqs.items()})
