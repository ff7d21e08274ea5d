"""Unpacking what producers compressed: every codec, damage, and bombs."""

from __future__ import annotations

import contextlib
import gzip

import cramjam
import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode

from detector.edges.sources.kafka.codecs import Refused, Scratch

TEXT = b"".join(b"line %d of a log\n" % number for number in range(20_000))
PACK = {
    "gzip": (1, gzip_encode),
    "two gzip members": (1, lambda text: gzip.compress(text[:1000]) + gzip.compress(text[1000:])),
    "snappy by the Java library": (2, snappy_encode),
    "snappy": (2, lambda text: bytes(cramjam.snappy.compress_raw(text))),
    "lz4": (3, lz4_encode),
    "zstd": (4, zstd_encode),
    "none": (0, bytes),
}
every_kind = pytest.mark.parametrize("kind", PACK)


def unpacked(kind: str, packed: bytes, most: int = 1 << 24, at: int = 0) -> bytes:
    scratch = Scratch(most)
    end = scratch.unpack(PACK[kind][0], memoryview(packed), at)
    return bytes(scratch.buffer[at:end])


@every_kind
@pytest.mark.parametrize("text", [b"", b"x", TEXT], ids=["nothing", "a byte", "much"])
def test_what_goes_in_comes_out(kind: str, text: bytes) -> None:
    assert unpacked(kind, PACK[kind][1](text)) == text


@every_kind
def test_what_stands_before_stays(kind: str) -> None:
    """Also when the buffer has to grow meanwhile."""
    scratch = Scratch(1 << 24)
    packed = memoryview(PACK[kind][1](TEXT))
    end = 0
    for _ in range(4):
        end = scratch.unpack(PACK[kind][0], packed, end)
    assert bytes(scratch.buffer[:end]) == 4 * TEXT


@every_kind
def test_a_bomb_is_refused_at_the_limit(kind: str) -> None:
    """It may unpack to as much as the limit, and to no byte more."""
    packed = PACK[kind][1](bytes(1 << 20))
    assert len(unpacked(kind, packed, most=1 << 20)) == 1 << 20
    with pytest.raises(Refused, match=r"unpacks to more than 1048575 bytes \(max_batch\)"):
        unpacked(kind, packed, most=(1 << 20) - 1)


def test_a_bomb_costs_no_memory() -> None:
    """256 MiB of zeros are refused in a buffer of the limit's size."""
    packed = zstd_encode(bytes(256 << 20))
    scratch = Scratch(1 << 20)
    with pytest.raises(Refused):
        scratch.unpack(4, memoryview(packed), 0)
    assert len(scratch.buffer) <= 1 << 20


@pytest.mark.parametrize("kind", [kind for kind in PACK if kind != "none"])
def test_damage_is_refused(kind: str) -> None:
    """Cut off, with a byte missing, or not that codec at all: a reason, and no other error."""
    packed = PACK[kind][1](TEXT)
    for damaged in (packed[:-9], packed[: len(packed) // 2], b"\x00" * 40, b"\xff" * 40, packed[:30] + packed[31:]):
        with contextlib.suppress(Refused):
            assert unpacked(kind, damaged) != TEXT  # snappy and lz4 check nothing of what they unpack


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(Refused, match="codec 6 is unknown"):
        Scratch(1000).unpack(6, memoryview(b"abc"), 0)


def test_a_buffer_that_had_to_be_large_is_not_kept() -> None:
    scratch = Scratch(1 << 26)
    scratch.unpack(4, memoryview(zstd_encode(bytes(20 << 20))), 0)
    scratch.start()
    assert len(scratch.buffer) <= 1 << 20
