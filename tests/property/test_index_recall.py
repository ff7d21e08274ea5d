"""After a restart the source knows what it has handed over, whatever came meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from detector.edges.sources.elasticsearch_hits import Hit
from detector.edges.sources.elasticsearch_memory import Memory, Peak, Shard, Tally
from detector.edges.sources.elasticsearch_recall import Recalled, recall
from detector.edges.sources.elasticsearch_token import (
    MOST_BYTES,
    Progress,
    ShardMark,
    check_of,
    marks_of,
    read,
    total_of,
    written,
)

LATE_MS = 600
T0 = 1_700_000_000_000

arrivals = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 500)), max_size=40)  # shard, milliseconds
rounds = st.lists(st.tuples(arrivals, st.integers(0, 60)), min_size=1, max_size=5)  # and how many documents are handed over


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
    """What Rounds does, without an index and an inbox."""

    memory: Memory = field(default_factory=lambda: Memory(LATE_MS))
    handed: list[Hit] = field(default_factory=list)
    first: int = 0
    token: str = ""

    def round(self, view: list[Hit], most: int) -> None:
        """Hands over at most so many; then the process is killed, or not."""
        self.memory.begin(T0 + 10_000)
        before, at = self.memory.peaks(), (-1, 0)
        fresh = [hit for hit in view if hit.at[0] >= self.memory.low_ms and not self.memory.knows(hit)]
        self.first = len(self.handed)
        for hit in fresh[:most]:
            self.memory.note([hit])
            self.handed.append(hit)
            at = (hit.at[0], at[1] + 1 if hit.at[0] == at[0] else 1)
            self.token = self._token(before, at)

    def _token(self, before: dict[Shard, Peak], at: tuple[int, int]) -> str:
        memory = self.memory
        progress = Progress(len(self.handed), self.first, memory.low_ms, memory.newest_ms, None, at)
        return written(progress, marks_of(memory.peaks(), memory.tallies(), before))


def recalled(token: str, view: list[Hit]) -> Recalled:
    known = read(token)
    assert known is not None
    progress, marks = known
    return recall([hit for hit in view if progress.low_ms <= hit.at[0] <= progress.newest_ms], progress, marks)


@given(history=rounds, meanwhile=arrivals)
def test_exactly_what_was_handed_over_is_known_again(history: list[tuple[list[tuple[int, int]], int]], meanwhile) -> None:
    """Every round but the last goes to its end, the last one may be cut off anywhere; then more documents come, at any time
    inside the look-back. Known are those that were handed over, no other; of the last round in their order."""
    index, reader = Index(), Reader()
    for number, (documents, most) in enumerate(history):
        index.take_in(documents)
        reader.round(index.view(), most if number == len(history) - 1 else 10_000)
    if not reader.token:
        return
    index.take_in(meanwhile)
    found = recalled(reader.token, index.view())
    low_ms = read(reader.token)[0].low_ms  # type: ignore[index]
    assert {hit.id for hit in found.known} == {hit.id for hit in reader.handed if hit.at[0] >= low_ms}
    last_round = reader.handed[read(reader.token)[0].first :]  # type: ignore[index]
    assert [hit.id for hit in found.last] == [hit.id for hit in last_round]


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
    found = recalled(reader.token, index.view())
    assert {hit.id for hit in found.known} <= handed
    deleted = index.hits[gone % len(index.hits)]
    left = [hit for hit in index.view() if hit is not deleted and hit is not hidden]
    assert {hit.id for hit in recalled(reader.token, left).known} <= handed


@given(marks=st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 64), st.integers(1, 1 << 30)), max_size=80))
def test_a_token_has_a_limit(marks: list[tuple[int, int, int]]) -> None:
    """However many shards there are; what finds room comes back as it was."""
    peaks = {("i", at): Peak(seq, number) for at, (seq, number, _) in enumerate(marks)}
    tallies = {("i", at): Tally(count, count) for at, (_, _, count) in enumerate(marks)}
    progress = Progress(1 << 40, 1 << 40, T0, T0 + 60_000, T0, (T0, 1 << 20))
    token = written(progress, marks_of(peaks, tallies, {}))
    assert len(token) <= MOST_BYTES
    assert read(token) == (
        progress,
        tuple(ShardMark(seq, check_of(number), count, -1, total_of(count)) for seq, number, count in marks)[
            : len(read(token)[1])
        ],  # type: ignore[index]
    )
    assert len(read(token)[1]) >= min(len(marks), 25)  # type: ignore[index]


def test_a_token_of_somebody_else_is_none() -> None:
    """Broken, of another source, of another release."""
    for token in ("", "x", "[]", '{"kubernetes":[]}', '{"elasticsearch":2}', '{"elasticsearch":1,"next":"x"}'):
        assert read(token) is None
