"""Message formats 0 and 1: read like any other, and what is damaged costs one dead letter."""

from __future__ import annotations

import struct
import zlib

import pytest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

from detector.core.decode.logs.record_stream import RecordStream
from detector.core.decode.logs.stream import Mark
from detector.edges.sources.kafka.formats import format_of
from detector.edges.sources.kafka.legacy import MOST_BYTES, rows_of
from detector.edges.sources.kafka.lines import Span
from detector.edges.sources.kafka.unpacking import Unpacking, runs
from detector.edges.sources.kafka.whole import Whole, WholeBatches, WholeRecords
from detector.records import Batch, Stream
from detector.settings import KafkaSourceSettings

SETTINGS = KafkaSourceSettings(type="kafka", servers=("broker:9092",), topics=("t",), group="g")
STREAM = Stream("kafka/g/t/0", "t/0")
GZIP, SNAPPY, LZ4 = 1, 2, 3


def messages(magic: int, codec: int, values: list[bytes | None], first: int = 0) -> bytes:
    """As a broker keeps them: a set bears the offset of its last message."""
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
    for at, value in enumerate(values):
        builder.append(at if codec else first + at, 1000 + at if magic else None, b"key", value)
    made = bytearray(builder.build())
    if codec:
        made[:8] = struct.pack(">q", first + len(values) - 1)
    return bytes(made)


def fetched(data: bytes, offset: int = 0) -> list[Whole]:
    """What the fetcher would give of one answer."""
    reading = WholeRecords("t", WholeBatches(data), None, offset, None, None, True, 0)
    return list(reading)


def batches(wholes: list[Whole]) -> list[Batch]:
    unpacking, offset, found = Unpacking(format_of(SETTINGS), 1 << 20), wholes[0].offset, list[Batch]()
    for run in runs(wholes):
        for made in unpacking.made(run, Span(STREAM, offset, run[-1].next_offset, 5)):
            assert isinstance(made, Batch)
            found.append(made)
            offset = made.next_offset
    return found


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [0, GZIP, SNAPPY])
def test_messages_without_a_time_are_read_like_those_that_have_one(magic: int, codec: int) -> None:
    """Format 0 keeps no time, which no later step stumbles over."""
    stream, text = RecordStream(STREAM), b""
    for batch in batches(fetched(messages(magic, codec, [b"one", None, b"two"]))):
        assert batch.records is not None
        assert all(time_ms >= 1000 if magic else time_ms == -1 for time_ms in batch.records.times_ms)
        text += batch.buffer[batch.begin : batch.end]
        marks = [Mark(batch.begin, 0)] if batch.size else []
        stream.read(batch, batch, marks, has_parts=False, look=lambda span, marks: marks or ())
    assert text == b"one\ntwo\n"


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4])
def test_reading_goes_on_in_the_middle_of_a_set_and_after_it(codec: int) -> None:
    """Offsets inside count from the set's last message."""
    (whole,) = fetched(messages(1, codec, [b"a", b"b", b"c"], first=40), offset=41)
    assert [(row.offset, row.value) for row in whole.rows] == [(41, b"b"), (42, b"c")]
    assert whole.next_offset == 43


def test_what_is_damaged_is_a_problem_and_what_follows_is_read() -> None:
    """A wrong checksum, a damaged set and one of a codec that its format has not are one problem each."""
    wrong = bytearray(messages(1, 0, [b"x" * 20], first=0))
    wrong[-5] ^= 0xFF
    cut = bytearray(messages(1, GZIP, [b"y" * 200], first=1))
    cut[60:64] = b"\0\0\0\0"
    cut[12:16] = struct.pack(">I", zlib.crc32(cut[16:]))
    odd = bytearray(messages(0, GZIP, [b"z"], first=2))
    odd[17] = LZ4
    odd[12:16] = struct.pack(">I", zlib.crc32(odd[16:]))
    found = fetched(bytes(wrong) + bytes(cut) + bytes(odd) + messages(1, 0, [b"last"], first=3))
    assert [bool(whole.problem) for whole in found] == [True, True, True, False]
    assert [whole.next_offset for whole in found] == [1, 2, 3, 4]
    assert [row.value for row in found[-1].rows] == [b"last"]
    assert [letter.position for batch in batches(found) for letter in batch.dead] == ["0-0", "1-1", "2-2"]


def test_a_set_that_would_fill_the_memory_is_refused() -> None:
    """It is tried within the bound before it is unpacked as a whole."""
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(bytes(MOST_BYTES + 1)) + bomb.flush()
    body = struct.pack(">bbqii", 1, GZIP, 1000, -1, len(packed)) + packed
    data = struct.pack(">qiI", 7, len(body) + 4, zlib.crc32(body)) + body
    (whole,) = fetched(data)
    assert "unpacks to more" in whole.problem
    assert whole.next_offset == 8


def test_rows_before_an_offset_are_left_out() -> None:
    """Who asks from an offset on is given nothing earlier."""
    assert rows_of(messages(1, 0, [b"a"], first=3), 4) == ()
