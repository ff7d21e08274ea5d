"""Record batches taken whole hold what aiokafka's own reader finds in them, record by record, wherever reading begins."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.edges.sources.kafka import unpacking as kafka_unpacking
from detector.edges.sources.kafka.formats import Format, format_of
from detector.edges.sources.kafka.lines import Span
from detector.edges.sources.kafka.rows import labels_of
from detector.edges.sources.kafka.unpacking import Unpacking, runs
from detector.records import Batch, Labels, Stream
from detector.settings import KafkaSourceSettings
from tests.unit.edges.sources.record_batches import ABORT, CODECS, COMMIT, PLACE, Made, batch, control, wholes

STREAM = Stream("kafka/g/orders/3", "orders/3")
FORM = format_of(KafkaSourceSettings("kafka", ("x:1",), ("orders",)))
TEXTS = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"one\ntwo", b"ends itself\n", b"\n\n", b"x" * 300]))
HEADERS = st.lists(st.tuples(st.text(max_size=8), st.one_of(st.none(), st.binary(max_size=8))), max_size=3).map(tuple)
RECORDS = st.lists(
    st.builds(
        Made,
        delta=st.sampled_from([1, 1, 1, 2, 7]),
        value=st.one_of(st.none(), TEXTS, TEXTS, TEXTS),
        key=st.one_of(st.none(), st.binary(max_size=8)),
        headers=HEADERS,
        time_ms=st.sampled_from([1_700_000_000_000, 1_700_000_000_777, 1_699_999_999_000]),
    ),
    min_size=1,
    max_size=12,
)


@dataclass(frozen=True)
class Written:
    """What a producer wrote at once: `producer` -1 outside transactions; `ends` how the transaction ends right after it."""

    records: list[Made]
    codec: str
    producer: int
    ends: int | None
    gap: int
    appended_ms: int | None


WRITTEN = st.builds(
    Written,
    records=RECORDS,
    codec=st.sampled_from(sorted(CODECS)),
    producer=st.sampled_from([-1, -1, 7, 8]),
    ends=st.sampled_from([None, ABORT, COMMIT]),
    gap=st.sampled_from([0, 0, 3]),
    appended_ms=st.sampled_from([None, None, 1_700_000_009_000]),
)


def laid(written: list[Written], begin: int = 0) -> tuple[bytes, list[tuple[int, int]]]:
    """What a broker answers to a fetch from the `begin`-th record of the log on: whole batches, the first of which holds it. Also
    the aborted transactions as it tells them (producer, first offset)."""
    pieces: list[tuple[bytes, int]] = []
    offset, aborted = 100, []
    began: dict[int, int] = {}
    for each in written:
        deltas, at = [], -1
        for record in each.records:
            at += record.delta
            deltas.append(Made(at, record.value, record.key, record.headers, record.time_ms))
        is_transactional = each.producer >= 0
        piece = batch(
            offset,
            deltas,
            each.codec,
            producer=each.producer,
            is_transactional=is_transactional,
            last_delta=at + each.gap,
            appended_ms=each.appended_ms,
        )
        began.setdefault(each.producer, offset)
        offset += at + each.gap + 1
        pieces.append((piece, offset))
        if is_transactional and each.ends is not None:
            offset += 1
            pieces.append((control(offset - 1, each.producer, each.ends), offset))
            if each.ends == ABORT:
                aborted.append((each.producer, began[each.producer]))
            del began[each.producer]
    return b"".join(piece for piece, end in pieces if end > 100 + begin), aborted


def by_aiokafka(data: bytes, offset: int, aborted: list[tuple[int, int]], isolation: int) -> tuple[list[tuple[object, ...]], int]:
    reader = PartitionRecords(PLACE, MemoryRecords(data), list(aborted), offset, None, None, True, isolation)
    found = [
        (record.offset, _text(record.value), record.timestamp, labels_of(record.key, record.headers))
        for record in reader
        if record.value is not None
    ]
    return found, reader.next_fetch_offset


def _text(value: bytes) -> bytes:
    return value if value.endswith(b"\n") else value + b"\n"


def by_us(
    data: bytes, offset: int, aborted: list[tuple[int, int]], isolation: int, form: Format
) -> tuple[list[tuple[object, ...]], int]:
    unpacking = Unpacking(form, 32 << 20)
    found: list[tuple[object, ...]] = []
    reached = offset
    for run in runs(wholes(data, offset, aborted, commits=isolation == 1)):
        assert run[0].offset >= reached
        for made in unpacking.made(run, Span(STREAM, reached, run[-1].next_offset, 0)):
            assert isinstance(made, Batch)
            assert made.offset == reached
            assert not made.dead
            if made.packed is not None:
                assert made.end - made.begin <= 1 << 20
                made = made.packed.unpack()
            found += rows_of(made)
            reached = made.next_offset
        assert reached == run[-1].next_offset
    return found, reached


def rows_of(made: Batch) -> list[tuple[int, bytes, int, Labels]]:
    records = made.records
    assert records is not None
    ends = [*records.begins[1:], made.end]
    labels = records.labels or [()] * len(records.offsets)
    texts = [bytes(made.buffer[begin:end]) for begin, end in zip(records.begins, ends, strict=False)]
    return list(zip(records.offsets, texts, records.times_ms, labels, strict=True))


@settings(max_examples=400, deadline=None)
@given(st.lists(WRITTEN, max_size=6), st.integers(0, 60), st.sampled_from([0, 1]), st.booleans(), st.sampled_from([150, 1 << 20]))
def test_whole_batches_hold_what_records_hold(written, skip, isolation, is_scanned, largest_scan) -> None:
    """Every codec, nulls, keys, headers, control batches, aborted transactions, gaps of compaction, both kinds of time; reading
    begins anywhere, also in the middle of a batch; packed whole, packed in pieces, and in slices."""
    data, aborted = laid(written, skip)
    offset = 100 + skip
    form = Format(FORM.make, is_scanned)
    with patch.multiple(kafka_unpacking, LARGEST_SCAN=largest_scan, SLICE_BYTES=largest_scan // 4, _SMALL=largest_scan):
        found, reached = by_us(data, offset, aborted, isolation, form)
    wanted, end = by_aiokafka(data, offset, aborted, isolation)
    assert found == wanted
    assert reached <= end


@settings(max_examples=200, deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=4), st.data())
def test_an_answer_that_is_cut_off_gives_what_came_whole(written, data) -> None:
    """Brokers cut the last batch off where the answer is full."""
    log, aborted = laid(written)
    cut = log[: data.draw(st.integers(0, len(log)))]
    assert by_us(cut, 100, aborted, 1, FORM)[0] == by_aiokafka(cut, 100, aborted, 1)[0]


def test_more_records_than_are_read_at_once() -> None:
    """A batch of a thousand, packed and in slices, from its begin and from its middle."""
    records = [Made(1, b"%d" % number + b"x" * 500, b"k" if number % 300 == 0 else None) for number in range(1000)]
    for codec in CODECS:
        for skip in (0, 300, 999):
            data, _ = laid([Written(records, codec, -1, None, 0, None)], skip)
            for is_scanned in (True, False):
                assert by_us(data, 100 + skip, [], 1, Format(FORM.make, is_scanned)) == by_aiokafka(data, 100 + skip, [], 1)
