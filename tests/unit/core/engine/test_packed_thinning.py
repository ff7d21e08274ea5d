"""Which packed batches are worth unpacking when only loud lines were marked in them."""

from __future__ import annotations

import pytest

from detector.core.decode.logs.stream import Mark
from detector.core.engine.thinning import ONE_IN, WHOLE_BYTES, may_stay_packed
from detector.records import Batch, Stream
from tests.golden.test_composed_text import RECORDS, orjson

LOUD = 10
QUIET = b'{"level":"info","msg":"all is well"}'
WARN = b'{"level":"warn","msg":"pool is nearly empty"}'


def batch(raw: bytes, offset: int) -> Batch:
    return Batch(Stream("k", "n"), raw, 0, len(raw), offset, 0)


def stays(raw: bytes, marks: list[Mark], seen: int = WHOLE_BYTES, offset: int = 1) -> bool:
    return may_stay_packed(batch(raw, offset), seen, marks, LOUD)


def test_one_without_marks_stays_packed() -> None:
    """However little was seen of the stream."""
    assert stays(QUIET, [], seen=0)


def test_a_rules_mark_is_looked_at() -> None:
    """Always."""
    assert not stays(WARN, [Mark(5, LOUD - 1), Mark(10, LOUD)])


def test_the_first_mebibyte_is_looked_at_whole() -> None:
    """A topic that begins hides nothing."""
    assert not stays(WARN, [Mark(10, LOUD)], seen=WHOLE_BYTES - 1)


def test_later_about_one_batch_in_so_many_is_looked_at() -> None:
    """Chosen by its offset."""
    looked = sum(not stays(WARN, [Mark(10, LOUD)], offset=100 * number) for number in range(5000))
    assert 0.5 < looked * ONE_IN / 5000 < 2


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("at", ["first", "last"])
def test_what_is_put_together_is_looked_at(record: dict[str, object], at: str) -> None:
    """Wherever in its line the mark lies, and however many other loud lines there are."""
    line = orjson.dumps(record)
    raw = b"\x00".join([WARN] * 50 + [line] + [WARN] * 50)
    begin = raw.index(line)
    mark = Mark(begin + 2 if at == "first" else begin + len(line) - 1, LOUD)
    others = [Mark(raw.index(WARN, 60 * number), LOUD) for number in (0, 10, 20, 60)]
    assert not stays(raw, sorted([*others, mark]))
