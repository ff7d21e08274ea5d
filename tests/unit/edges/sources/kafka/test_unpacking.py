"""Record batches as the source hands them over: bounded, and with a reason where they cannot be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.edges.sources.kafka.formats import Format, format_of
from detector.edges.sources.kafka.lines import Span
from detector.edges.sources.kafka.unpacking import SLICE_BYTES, Unpacking, runs
from detector.edges.sources.kafka.whole import Whole
from detector.records import Batch, Stream
from detector.settings import KafkaSourceSettings
from detector.settings.values import Size
from tests.unit.edges.sources.record_batches import Made, batch, packed, sealed, wholes

STREAM = Stream("kafka/g/orders/3", "orders/3")
SETTINGS = KafkaSourceSettings("kafka", ("x:1",), ("orders",))
LOGS = format_of(SETTINGS)


def made(data: bytes, offset: int = 0, form: Format = LOGS, max_batch: int = 1 << 25) -> list[Batch]:
    unpacking, found = Unpacking(form, max_batch), []
    reached = offset
    for run in runs(wholes(data, offset)):
        for one in unpacking.made(run, Span(STREAM, reached, run[-1].next_offset, 0)):
            assert isinstance(one, Batch)
            assert one.offset == reached
            reached = one.next_offset
            if one.packed is not None:
                assert bytes(one.buffer[one.begin : one.end]).count(b"line") <= one.packed.count
                found.append(one.packed.unpack())
            else:
                found.append(one)
    return found


def texts(batches: list[Batch]) -> bytes:
    return b"".join(bytes(one.buffer[one.begin : one.end]) for one in batches)


def numbered(first: int, count: int, tail: bytes = b"") -> list[Made]:
    return [Made(at, b"line %d" % (first + at) + tail) for at in range(count)]


def test_small_batches_are_scanned_together() -> None:
    """Until there is enough for a scan; each record keeps its offset."""
    data = b"".join(batch(10 * number, numbered(10 * number, 10), "lz4") for number in range(40))
    found = made(data)
    assert len(found) < 10
    assert [offset for one in found for offset in one.records.offsets] == list(range(400))
    assert texts(found) == b"".join(b"line %d\n" % number for number in range(400))


def test_a_damaged_batch_among_small_ones() -> None:
    """A dead letter says which; what stands before and behind is read."""
    data = batch(0, numbered(0, 2), "lz4") + packed(2, 3, b"no lz4 at all", 3) + batch(5, numbered(5, 2), "zstd")
    found = made(data)
    assert texts(found) == b"line 0\nline 1\nline 5\nline 6\n"
    (letter,) = [letter for one in found for letter in one.dead]
    assert (letter.stream_name, letter.position) == ("orders/3", "2-4")
    assert letter.reason == "record batch is damaged: cannot be unpacked"


def test_records_that_end_too_soon() -> None:
    """What the codec unpacks well may still be no records: a dead letter, also when that shows only later."""
    good = batch(0, numbered(0, 3))
    damaged = sealed(bytearray(good[:-4] + b"\xff\xff\xff\xff"))
    for form in (LOGS, replace(LOGS, is_scanned=False)):
        found = made(damaged, form=form)
        (letter,) = [letter for one in found for letter in one.dead]
        assert "damaged" in letter.reason
        assert found[-1].next_offset == 3


def test_a_wrong_checksum() -> None:
    """Nothing of such a batch is believed but where it lies; the next one is read."""
    data = bytearray(batch(0, numbered(0, 3), "lz4"))
    data[70] ^= 1
    found = made(bytes(data) + batch(3, numbered(3, 1)))
    assert texts(found) == b"line 3\n"
    (letter,) = [letter for one in found for letter in one.dead]
    assert (letter.position, letter.reason) == ("0-2", "record batch checksum is wrong")


def test_a_header_whose_name_is_no_text() -> None:
    """aiokafka gives up there; it is no damage."""
    raw = bytearray(batch(0, [Made(0, b"line 0", None, (("name", b"v"),)), Made(1, b"line 1")]))
    at = raw.index(b"name")
    raw[at : at + 4] = b"\xff\xfe\xff\xfe"
    (one,) = made(sealed(raw))
    assert texts([one]) == b"line 0\nline 1\n"
    assert one.records.labels[0] == (("\ufffd" * 4, "v"),)


@pytest.mark.parametrize("is_scanned", [True, False], ids=["pieces", "slices"])
def test_a_large_batch_comes_in_parts(is_scanned: bool) -> None:
    """Of some 256 KiB each, split between records; a part that is packed can be unpacked at any time."""
    records = [*numbered(0, 5000, b"x" * 1000), *numbered(5000, 10)]
    found = made(
        batch(0, [replace(one, delta=at) for at, one in enumerate(records)], "zstd"), form=replace(LOGS, is_scanned=is_scanned)
    )
    assert len(found) > 10
    assert max(one.end - one.begin for one in found) <= SLICE_BYTES * 1.1
    assert [offset for one in found for offset in one.records.offsets] == list(range(5010))
    assert b"".join(record.value + b"\n" for record in records) == texts(found)


def test_a_part_is_unpacked_when_others_came_since() -> None:
    """The pipeline asks late, and not in order."""
    data = batch(0, numbered(0, 3000, b"x" * 1000), "lz4") + batch(3000, numbered(3000, 3000, b"y" * 1000), "lz4")
    unpacking, kept = Unpacking(LOGS, 1 << 25), []
    for run in runs(wholes(data)):
        kept += [one.packed.unpack for one in unpacking.made(run, Span(STREAM, run[0].offset, run[-1].next_offset, 0))]
    rows = [unpack().records.offsets for unpack in reversed(kept)]
    assert [offset for offsets in reversed(rows) for offset in offsets] == list(range(6000))


def test_a_large_batch_that_is_damaged() -> None:
    """What stands before the damage is read, and a dead letter says what is not."""
    good = batch(0, numbered(0, 3000, b"x" * 1000))
    at = good.index(b"line 2000") - 12
    found = made(sealed(bytearray(good[:at] + b"\xff" * 30 + good[at + 30 :])))
    (letter,) = [letter for one in found for letter in one.dead]
    assert letter.position.endswith("-2999")
    assert 1500 < sum(len(one.records.offsets) for one in found) <= 2000
    assert found[-1].next_offset == 3000


def test_a_line_that_is_too_long_is_cut() -> None:
    """Its rest is counted and not kept."""
    short = format_of(replace(SETTINGS, max_line=Size(1024)))
    (one,) = made(batch(0, [Made(0, b"line " + b"x" * 3000), Made(1, b"line 1")]), form=short)
    assert (one.cut_at, one.cut_bytes) == ((0,), 3005 - 1024)
    assert texts([one]) == b"line " + b"x" * 1019 + b"\nline 1\n"


def test_a_batch_of_nothing_but_gaps() -> None:
    """Compaction may leave an empty one: the position moves on."""
    raw = bytearray(batch(0, [Made(0, b"x")])[:61])
    raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    raw[23:27] = (9).to_bytes(4, "big")
    raw[57:61] = bytes(4)
    (one,) = made(sealed(raw))
    assert (one.offset, one.next_offset, one.end) == (0, 10, 0)


@pytest.mark.parametrize(
    "junk", [b"", b"\0" * 11, b"\xff" * 100, b"\0" * 100, b"\0" * 8 + (2**31 - 1).to_bytes(4, "big") + b"x" * 90]
)
def test_an_answer_that_is_no_log(junk: bytes) -> None:
    """Taken as nothing that came whole."""
    assert wholes(junk) == [] or all(isinstance(one, Whole) and one.problem for one in wholes(junk))
