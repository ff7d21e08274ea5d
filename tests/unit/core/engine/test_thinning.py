"""Which loud lines are looked at where a log is full of them."""

from __future__ import annotations

import orjson
import pytest

from detector.core.decode.logs.stream import Mark, Span
from detector.core.engine.thinning import ONE_IN, WHOLE_BYTES, thinned
from tests.golden.test_composed_text import RECORDS

LOUD = 10
LINE = b"2026-11-24 10:00:00 WARN pool is nearly empty\n"
JSON = b'{"level":"warn","msg":"pool is nearly empty"}\n'


def span_of(body: bytes, offset: int) -> Span:
    return Span(body, 0, len(body), body.count(b"\n"), 0, offset, 0)


def marks_of(body: bytes, pattern: int = LOUD) -> list[Mark]:
    ends = [at for at, byte in enumerate(body) if byte == 10]
    return [Mark(end - 1, pattern) for end in ends]


def places(body: bytes, offset: int) -> set[int]:
    """Stream offsets of the lines that are kept."""
    kept = thinned(span_of(body, offset), marks_of(body), LOUD)
    return {offset + body.rfind(b"\n", 0, mark.at) + 1 for mark in kept}


def test_the_first_mebibyte_is_looked_at_whole():
    """A log of usual size hides nothing."""
    body = LINE * 100
    assert len(thinned(span_of(body, 0), marks_of(body), LOUD)) == 100


def test_later_about_one_line_in_so_many_is_kept():
    """Spread evenly, whatever the length of the lines."""
    for line in (LINE, LINE[:-1] + b"x" * 17 + b"\n", b"WARN\n"):
        body = line * 20_000
        kept = len(thinned(span_of(body, WHOLE_BYTES), marks_of(body), LOUD))
        assert 0.5 < kept * ONE_IN / 20_000 < 2


def test_marks_of_rules_are_all_kept():
    """Only what cannot become a finding is thinned out."""
    body = LINE * 1000
    assert len(thinned(span_of(body, WHOLE_BYTES), marks_of(body, LOUD - 1), LOUD)) == 1000


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("framed", [False, True])
def test_json_that_is_put_together_is_all_kept(record, framed):
    """Rules may find in its text what the raw line hides."""
    raw = orjson.dumps(record)
    if framed:
        raw = orjson.dumps({"log": raw.decode() + "\n", "stream": "stdout", "time": "2026-11-24T10:00:00Z"})
    body = (raw + b"\n") * 200
    assert len(thinned(span_of(body, WHOLE_BYTES), marks_of(body), LOUD)) == 200


def test_other_json_is_thinned_like_text():
    """Its text is one string of the record, and a scan of the raw line has seen all of it."""
    body = JSON * 20_000
    kept = len(thinned(span_of(body, WHOLE_BYTES), marks_of(body), LOUD))
    assert 0.5 < kept * ONE_IN / 20_000 < 2


def test_the_choice_does_not_depend_on_where_batches_are_cut():
    """Two halves keep the lines that the whole keeps."""
    body = LINE * 5000
    half = len(LINE) * 1777
    assert places(body, WHOLE_BYTES) == places(body[:half], WHOLE_BYTES) | places(body[half:], WHOLE_BYTES + half)
