"""Which documents inside the look-back were handed over, and how many there were when we last looked.

Time is cut into buckets, 60 to the look-back. What a bucket holds is read again only when the index counts another number of
documents in it than at the last look.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from detector.edges.sources.elasticsearch.frontier import Shard
from detector.edges.sources.elasticsearch.hits import Hit

MOST_REMEMBERED = 1_000_000  # documents, 8 bytes each; beyond it the look-back is shorter
BUCKETS = 60
AGED = 5 * BUCKETS  # so far back we still see by its count that something came too late


@dataclass(frozen=True, slots=True)
class Peak:
    """The document that a shard took in last, of those that were handed over."""

    seq: int
    number: int


@dataclass(slots=True)
class Tally:
    """How many documents, and the sum of their numbers."""

    count: int = 0
    total: int = 0


@dataclass(slots=True)
class _Bucket:
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    looked: int = 0  # documents in it when we last looked
    peaks: dict[Shard, Peak] = field(default_factory=dict)
    tallies: dict[Shard, Tally] = field(default_factory=dict)


class Memory:
    """Call `begin` before each look, `knows` and `note` as documents come in the order of time, `looked` after."""

    def __init__(self, late_ms: int) -> None:
        self._late_ms = late_ms
        self.width_ms = max(1, -(-late_ms // BUCKETS))
        self._buckets: dict[int, _Bucket] = {}
        self._aged: dict[int, int] = {}
        self._older: int | None = None  # documents before what is aged; None: not counted yet
        self._known: tuple[int, set[int]] = (-1, set())  # the numbers of one bucket
        self._size = 0
        self._begun_ms = 0  # when we last began to look
        self.newest_ms = -1  # of what was handed over
        self.low_ms = 0  # from here on documents are remembered

    def begin(self, now_ms: int) -> None:
        """The look-back moves on. What was not over at the last look may hold as many documents as then, and others: an index was
        deleted and made again meanwhile."""
        for at, bucket in self._buckets.items():
            if (at + 1) * self.width_ms > self._begun_ms:
                bucket.looked = -1
        self._begun_ms = now_ms
        if self.newest_ms < 0:
            return
        low = (min(self.newest_ms, now_ms) - self._late_ms) // self.width_ms
        self.low_ms = max(self.low_ms, low * self.width_ms)
        for at in sorted(self._buckets):
            if at * self.width_ms >= self.low_ms and self._size <= MOST_REMEMBERED:
                break
            self._forget(at)
        for at in [at for at in self._aged if at * self.width_ms < self.aged_ms]:
            count = self._aged.pop(at)
            self._older = None if self._older is None else self._older + count

    @property
    def aged_ms(self) -> int:
        """From here on the index is counted at each look; before it now and then, all at once."""
        return max(0, self.low_ms // self.width_ms - AGED) * self.width_ms

    def knows(self, hit: Hit) -> bool:
        at = hit.at[0] // self.width_ms
        if self._known[0] != at:
            bucket = self._buckets.get(at)
            self._known = (at, set() if bucket is None else set(bucket.numbers))
        return hit.number in self._known[1]

    def note(self, hits: Iterable[Hit]) -> None:
        """They were handed over."""
        for hit in hits:
            time_ms, shard = hit.at[0], hit.shard
            at = time_ms // self.width_ms
            bucket = self._buckets.get(at)
            if bucket is None:
                bucket = self._buckets[at] = _Bucket()
            bucket.numbers.append(hit.number)
            self._size += 1
            if self._known[0] == at:
                self._known[1].add(hit.number)
            peak = bucket.peaks.get(shard)
            if hit.seq >= 0 and (peak is None or hit.seq > peak.seq):
                bucket.peaks[shard] = Peak(hit.seq, hit.number)
            tally = bucket.tallies.get(shard)
            if tally is None:
                tally = bucket.tallies[shard] = Tally()
            tally.count += 1
            tally.total += hit.number
            if time_ms > self.newest_ms:
                self.newest_ms = time_ms

    def span(self, now_ms: int) -> tuple[int, int] | None:
        """From where on, and up to where, the index should be counted; None when nothing is remembered."""
        if not self._buckets and not self._aged:
            return None
        begin_ms = self.aged_ms
        end = min(max(self.newest_ms, begin_ms) // self.width_ms, now_ms // self.width_ms + 2) + 1
        return begin_ms, max(end * self.width_ms, self.low_ms)

    def changed(self, counts: Mapping[int, int], until_ms: int) -> Iterator[tuple[int, int]]:
        """The ranges of time, begin and end in milliseconds, in which the index now counts other numbers. `counts` are by the
        beginnings of buckets."""
        width = self.width_ms
        begin: int | None = None
        for at in range(self.low_ms // width, until_ms // width):
            bucket = self._buckets.get(at)
            if counts.get(at * width, 0) != (0 if bucket is None else bucket.looked):
                begin = at * width if begin is None else begin
            elif begin is not None:
                yield begin, at * width
                begin = None
        if begin is not None:
            yield begin, until_ms

    def too_late(self, counts: Mapping[int, int]) -> int:
        """How many documents have come to where nothing is remembered any more, be it to a time that had none; each is told
        once."""
        found = 0
        for begin_ms, now in counts.items():
            at = begin_ms // self.width_ms
            before = self._aged.get(at, 0)
            if at < self.low_ms // self.width_ms and now > before:
                found += now - before
                self._aged[at] = now
        return found

    def older(self, count: int) -> int:
        """How many more documents there are before `aged_ms` than when that was counted last; fewer: some were deleted."""
        before, self._older = self._older, count
        return 0 if before is None else max(0, count - before)

    def looked(self, seen: Mapping[int, int], until_ms: int | None) -> None:
        """Every document of these buckets was looked at; so many each held. Only buckets that end before `until_ms`."""
        for at, count in seen.items():
            if until_ms is None or (at + 1) * self.width_ms <= until_ms:
                self._buckets.setdefault(at, _Bucket()).looked = count

    def doubt(self) -> None:
        """What is counted may be other documents now, though as many."""
        self._older = None
        for bucket in self._buckets.values():
            bucket.looked = -1

    def peaks(self) -> dict[Shard, Peak]:
        """Of each shard the document that it took in last; those that were heard of last come first."""
        found: dict[Shard, Peak] = {}
        for at in sorted(self._buckets, reverse=True):
            for shard, peak in self._buckets[at].peaks.items():
                known = found.get(shard)
                if known is None or peak.seq > known.seq:
                    found[shard] = peak
        return found

    def seqs(self) -> dict[Shard, int]:
        """Of each shard the number of that document."""
        return {shard: peak.seq for shard, peak in self.peaks().items()}

    def tallies(self) -> dict[Shard, Tally]:
        """Of each shard, what is remembered."""
        found: dict[Shard, Tally] = {}
        for bucket in self._buckets.values():
            for shard, tally in bucket.tallies.items():
                whole = found.setdefault(shard, Tally())
                whole.count += tally.count
                whole.total += tally.total
        return found

    def _forget(self, at: int) -> None:
        bucket = self._buckets.pop(at)
        self._size -= len(bucket.numbers)
        self._aged[at] = max(bucket.looked, len(bucket.numbers))
        self.low_ms = max(self.low_ms, (at + 1) * self.width_ms)
