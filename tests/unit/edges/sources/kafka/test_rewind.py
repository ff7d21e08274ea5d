"""When what stands at an offset was written is known without unpacking it."""

from __future__ import annotations

from types import SimpleNamespace

from detector.edges.sources.kafka.rewind import time_of
from tests.unit.edges.sources.record_batches import COMMIT, Made, batch, control, packed, wholes

T0 = 1_700_000_000_000


def test_a_batch_says_when_its_first_record_was_written() -> None:
    """Also to who asks from its middle; where times are the broker's, that is when it came."""
    made = batch(5, [Made(0, b"a", time_ms=T0), Made(1, b"b", time_ms=T0 + 500)], "zstd")
    assert time_of(wholes(made, 6)) == T0
    assert time_of(wholes(batch(5, [Made(0, b"a", time_ms=T0)], appended_ms=T0 + 9000), 5)) == T0 + 9000


def test_what_cannot_be_unpacked_has_a_time_all_the_same() -> None:
    """A new owner does not stumble over what a reader of its records would."""
    assert time_of(wholes(packed(0, 4, b"no zstd"))) == T0


def test_markers_and_damage_are_passed_over() -> None:
    """Until something that has a time comes; nothing is no answer yet."""
    damaged = bytearray(batch(1, [Made(0, b"x")]))
    damaged[-1] ^= 1
    skipped = control(0, 7, COMMIT) + bytes(damaged)
    assert time_of(wholes(skipped)) is None
    assert time_of([]) is None
    assert time_of(wholes(skipped + batch(2, [Made(0, b"y", time_ms=T0 + 3)]))) == T0 + 3


def test_records_of_the_public_path_say_it_themselves() -> None:
    """Messages of format 0 have no time."""
    assert time_of([SimpleNamespace(timestamp=T0)]) == T0
    assert time_of([SimpleNamespace(timestamp=None)]) == -1
