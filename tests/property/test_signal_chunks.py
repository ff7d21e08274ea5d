"""Any cells survive a chunk as the module promises; any other bytes are refused with words."""

from __future__ import annotations

import contextlib
import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.signals.chunks import Cells, GarbledChunk, decode, encode

TIMES = st.lists(st.integers(-(1 << 57), 1 << 57), min_size=1, max_size=60, unique=True).map(sorted)
DECIMALS = st.builds(lambda number, places: number / 10**places, st.integers(-(10**9), 10**9), st.integers(0, 6))
VALUES = st.one_of(st.floats(), DECIMALS, st.just(math.nan), st.just(0.0))
EVIDENCE = st.one_of(st.integers(0, 1 << 40).map(float), st.integers(0, 300).map(float))


@st.composite
def cells(draw: st.DrawFn) -> Cells:
    times = draw(TIMES)
    count = len(times)
    pick = draw(st.sampled_from([VALUES, DECIMALS, st.floats(0, 1e6)]))
    values = draw(st.lists(pick, min_size=count, max_size=count))
    evidence = draw(st.lists(EVIDENCE, min_size=count, max_size=count))
    return Cells(array("q", times), array("d", values), array("d", evidence))


def is_near(got: float, given: float, share: float) -> bool:
    if math.isnan(given):
        return math.isnan(got)
    if math.isinf(given) or given == 0:
        return got == given
    # Below the smallest normal number a float has fewer digits than we keep.
    return abs(got - given) <= max(abs(given) * share, 2.0**-1035)


@settings(max_examples=300, deadline=None)
@given(cells())
def test_times_are_exact_and_values_within_what_is_promised(given: Cells) -> None:
    """Also for NaN, infinities, minus zero, the largest and smallest floats, and times with any gaps."""
    got = decode(encode(given))
    assert got.times_ms == given.times_ms
    for one, other in zip(got.values, given.values, strict=True):
        assert is_near(one, other, 1 / 32_768) or (abs(other) > 1e308 and is_near(one, other, 1 / 16_384))
    assert all(is_near(one, other, 1 / 128) for one, other in zip(got.evidence, given.evidence, strict=True))
    assert all(one == other for one, other in zip(got.evidence, given.evidence, strict=True) if other <= 128)


@settings(max_examples=100, deadline=None)
@given(cells())
def test_what_was_rounded_once_is_not_moved_again(given: Cells) -> None:
    """Chunks are joined and cut as history is packed: a value must not wander."""
    once = decode(encode(given))
    twice = decode(encode(once))
    assert [repr(each + 0.0) for each in twice.values] == [repr(each + 0.0) for each in once.values]
    assert twice.evidence == once.evidence


@settings(max_examples=300, deadline=None)
@given(cells(), st.data())
def test_a_torn_or_changed_chunk_is_refused_or_still_a_chunk(given: Cells, data: st.DataObject) -> None:
    """Never an error of another kind, never more cells than it says."""
    chunk = encode(given)
    torn = chunk[: data.draw(st.integers(0, len(chunk) - 1))]
    with pytest.raises(GarbledChunk, match="it "):
        decode(torn)
    at = data.draw(st.integers(0, len(chunk) - 1))
    changed = chunk[:at] + bytes([chunk[at] ^ data.draw(st.integers(1, 255))]) + chunk[at + 1 :]
    with contextlib.suppress(GarbledChunk):
        assert len(decode(changed)) <= 20_000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused_with_words(foreign: bytes) -> None:
    """What somebody else wrote ends in a GarbledChunk."""
    with contextlib.suppress(GarbledChunk):
        decode(foreign)
