"""After a restart the source knows what it has handed over, whatever came meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from detector.edges.sources.elasticsearch.frontier import END_OF_TIME, Frontier, Place
from detector.edges.sources.elasticsearch.hits import Hit
from detector.edges.sources.elasticsearch.memory import Memory, Peak, Tally
from detector.edges.sources.elasticsearch.recall import Recalled, recall
from detector.edges.sources.elasticsearch.token import (
    MOST_BYTES,
    MOST_TAIL,
    Progress,
    ShardMark,
    check_of,
    marks_of,
    read,
    short,
    total_of,
    written,
)

LATE_MS = 600
T0 = 1_700_000_000_000

arrivals = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 500)), max_size=40)  # shard, milliseconds
rounds = st.lists(st.tuples(arrivals, st.integers(0, 60)), min_size=1, max_size=12)  # and how many documents are handed over


@dataclass
class Index:
    """Three shards; each numbers what it takes in."""

    hits: list[Hit] = field(default_factory=list)
    seqs: dict[int, int] = field(default_factory=dict)

    def take_in(self, documents: list[tuple[int, int]]) -> None:
        for shard, ms in documents:
            seq = self.seqs[shard] = self.seqs.get(shard, -1) + 1
            number = hash((shard, seq, 7)) & (1 << 64) - 1
            self.hits.append(Hit("i", f"{shard}-{seq}", (T0 + ms, seq), None, seq, ("i", shard), number, None))

    def view(self) -> list[Hit]:
        return sorted(self.hits, key=lambda hit: (hit.at, hit.shard))


@dataclass
class Reader:
    """What Rounds does, without an index and an inbox. `shuffled`: within a millisecond documents come in another order than
    that of their numbers, and a millisecond's documents in one batch."""

    memory: Memory = field(default_factory=lambda: Memory(LATE_MS))
    frontier: Frontier = field(default_factory=Frontier)
    handed: list[Hit] = field(default_factory=list)
    first: int = 0
    token: str = ""

    def round(self, view: list[Hit], most: int) -> None:
        """Hands over at most so many batches; then the process is killed, or not."""
        self.memory.begin(T0 + 10_000)
        fresh = [hit for hit in view if hit.at[0] >= self.memory.low_ms and not self.memory.knows(hit)]
        self.first = len(self.handed)
        batches = [[hit for hit in fresh if hit.at[0] == ms] for ms in sorted({hit.at[0] for hit in fresh})]
        for batch in batches[:most]:
            self.memory.note(batch)
            self.handed += batch
            self.token = self._token((batch[0].at[0], END_OF_TIME))
        if most >= len(batches):
            self.frontier = Frontier.whole(self.memory.seqs())

    def restarted(self, view: list[Hit]) -> Reader:
        """Another process, which knows what the token says."""
        if not self.token:
            return Reader()
        found, progress = recalled(self.token, view)
        again = Reader(frontier=found.frontier, handed=list(self.handed), token=self.token)
        again.memory.note(found.known)
        again.memory.newest_ms, again.memory.low_ms = progress.newest_ms, progress.low_ms
        return again

    def _token(self, reached: Place) -> str:
        memory = self.memory
        tail = tuple(short(hit.number) for hit in self.handed[-MOST_TAIL:])
        progress = Progress(len(self.handed), self.first, memory.low_ms, memory.newest_ms, reached, self.frontier.ends, tail)
        return written(progress, marks_of(memory.peaks(), memory.tallies(), self.frontier))


def recalled(token: str, view: list[Hit]) -> tuple[Recalled, Progress]:
    known = read(token)
    assert known is not None
    progress, marks = known
    return recall([hit for hit in view if progress.low_ms <= hit.at[0] <= progress.newest_ms], progress, marks), progress


@given(history=rounds, meanwhile=arrivals)
def test_exactly_what_was_handed_over_is_known_again(history: list[tuple[list[tuple[int, int]], int]], meanwhile) -> None:
    """Rounds are cut off anywhere, each time followed by a restart; more documents come all the time, at any time inside the
    look-back. Known are those that were handed over, no other; the last of them by their record numbers."""
    index, reader = Index(), Reader()
    for documents, most in history:
        index.take_in(documents)
        reader = reader.restarted(index.view())
        reader.round(index.view(), most)
        assert len({hit.id for hit in reader.handed}) == len(reader.handed)
    if not reader.token:
        return
    index.take_in(meanwhile)
    found, progress = recalled(reader.token, index.view())
    assert {hit.id for hit in found.known} == {hit.id for hit in reader.handed if hit.at[0] >= progress.low_ms}
    numbered = {at: hit.id for at, hit in enumerate(reader.handed) if hit.at[0] >= progress.low_ms}
    since = min(progress.first, progress.offset - len(progress.tail))
    assert {at: hit.id for at, hit in found.last.items()} == {at: name for at, name in numbered.items() if at >= since}
    assert found.doubtful == sum(hit.shard not in {each.shard for each in reader.handed} for hit in _within(index, progress))


def _within(index: Index, progress: Progress) -> list[Hit]:
    return [hit for hit in index.view() if progress.low_ms <= hit.at[0] <= progress.newest_ms]


@given(documents=arrivals.filter(bool), meanwhile=arrivals, gone=st.integers(0, 100), hole=st.integers(0, 100))
def test_nothing_new_is_ever_taken_for_known(documents, meanwhile, gone: int, hole: int) -> None:
    """A document that a shard had taken in but did not show yet is not lost, whatever else was deleted or came meanwhile: rather
    is all that the shard holds handed over again."""
    index, reader = Index(), Reader()
    index.take_in(documents)
    hidden = index.hits[hole % len(index.hits)]
    reader.round([hit for hit in index.view() if hit is not hidden], 10_000)
    if not reader.token:
        return
    index.take_in(meanwhile)
    handed = {hit.id for hit in reader.handed}
    assert {hit.id for hit in recalled(reader.token, index.view())[0].known} <= handed
    deleted = index.hits[gone % len(index.hits)]
    left = [hit for hit in index.view() if hit is not deleted and hit is not hidden]
    assert {hit.id for hit in recalled(reader.token, left)[0].known} <= handed


@given(marks=st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 64), st.integers(1, 1 << 30)), max_size=80))
def test_a_token_has_a_limit(marks: list[tuple[int, int, int]]) -> None:
    """However many shards there are; what finds room comes back as it was."""
    peaks = {("i", at): Peak(seq, number) for at, (seq, number, _) in enumerate(marks)}
    tallies = {("i", at): Tally(count, count) for at, (_, _, count) in enumerate(marks)}
    progress = Progress(1 << 40, 1 << 40, T0, T0 + 60_000, (T0, END_OF_TIME), ((T0, END_OF_TIME),))
    token = written(progress, marks_of(peaks, tallies, Frontier(progress.ends)))
    assert len(token) <= MOST_BYTES
    assert read(token) == (
        progress,
        tuple(ShardMark(seq, check_of(number), count, total_of(count), (-1, -1)) for seq, number, count in marks)[
            : len(read(token)[1])
        ],  # type: ignore[index]
    )
    assert len(read(token)[1]) >= min(len(marks), 16)  # type: ignore[index]


def test_a_token_of_somebody_else_is_none() -> None:
    """Broken, of another source, of another release."""
    for token in ("", "x", "[]", '{"kubernetes":[]}', '{"elasticsearch":3}', '{"elasticsearch":2,"next":"x"}'):
        assert read(token) is None
