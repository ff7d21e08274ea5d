"""Unpacks what a producer compressed, into one buffer that is used again, and never more than `most` bytes.

Nobody says beforehand how much will come out: the buffer grows while it is too small, up to the limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import cramjam

_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16
_FIRST_SIZE = 512 << 10
_KEPT_SIZE = 4 << 20  # a buffer that had to be larger is not kept

Unpack = Callable[[memoryview, memoryview], int]


class Refused(Exception):
    """Why these bytes are not unpacked; for the dead letter."""


class _TooSmall(Exception):
    pass


class Scratch:
    """The buffer. What was unpacked is valid until the next `start`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.buffer = bytearray(_FIRST_SIZE)

    def start(self) -> None:
        """What is in it is of no use any more."""
        if len(self.buffer) > _KEPT_SIZE:
            self.buffer = bytearray(_FIRST_SIZE)

    def unpack(self, codec: int, packed: memoryview, at: int) -> int:
        """Puts what comes out at this place of the buffer; returns where it ends. What stands before stays. Raises Refused when
        it is damaged, of an unknown kind, or too much."""
        unpack = _CODECS.get(codec)
        if unpack is None:
            raise Refused(f"codec {codec} is unknown")
        if len(self.buffer) - at < 4 * len(packed):
            self._make_room(at, min(self._most, 4 * len(packed)))
        while True:
            size = min(self._most, len(self.buffer) - at)
            try:
                return at + unpack(packed, memoryview(self.buffer)[at : at + size])
            except _TooSmall:
                if size >= self._most:
                    raise Refused(f"unpacks to more than {self._most} bytes (max_batch)") from None
                self._make_room(at, min(self._most, 4 * size))

    def _make_room(self, at: int, size: int) -> None:
        if len(self.buffer) < at + size:
            grown = bytearray(at + size)
            grown[:at] = self.buffer[:at]
            self.buffer = grown


def _copy(packed: memoryview, out: memoryview) -> int:
    if len(packed) > len(out):
        raise _TooSmall
    out[: len(packed)] = packed
    return len(packed)


def _by_cramjam(into: Callable[[memoryview, memoryview], int]) -> Unpack:
    def unpack(packed: memoryview, out: memoryview) -> int:
        try:
            return into(packed, out)
        except cramjam.DecompressionError as error:
            if "whole buffer" in str(error):
                raise _TooSmall from None
            raise Refused("is damaged: cannot be unpacked") from None

    return unpack


def _gunzip(packed: memoryview, out: memoryview) -> int:
    """Several members one after the other are one text, as for every reader of gzip."""
    done = 0
    rest: bytes | memoryview = packed
    while len(rest):
        member = zlib.decompressobj(wbits=31)
        try:
            done = _inflate(member, rest, out, done)
        except zlib.error:
            raise Refused("is damaged: cannot be unpacked") from None
        rest = member.unused_data.lstrip(b"\0")
    return done


def _inflate(member: zlib._Decompress, rest: bytes | memoryview, out: memoryview, done: int) -> int:
    """One member to its end."""
    while not member.eof:
        piece = member.decompress(rest, len(out) - done + 1)
        if len(piece) > len(out) - done:
            raise _TooSmall
        if not (piece or member.eof or member.unconsumed_tail):
            raise Refused("is damaged: ends too soon")
        out[done : done + len(piece)] = piece
        done += len(piece)
        rest = member.unconsumed_tail
    return done


def _unsnap(packed: memoryview, out: memoryview) -> int:
    """Snappy as such, or in the blocks of the Java library (xerial), which most producers write."""
    if packed[: len(_XERIAL)] != _XERIAL:
        return _unsnap_block(packed, out)
    done = 0
    for block in _xerial_blocks(packed):
        done += _unsnap_block(block, out[done:])
    return done


def _xerial_blocks(packed: memoryview) -> Iterator[memoryview]:
    at = _XERIAL_HEADER
    while at < len(packed):
        if at + 4 > len(packed):
            raise Refused("is damaged: ends too soon")
        (size,) = struct.unpack_from(">i", packed, at)
        at += 4
        if not 0 < size <= len(packed) - at:
            raise Refused("is damaged: a block is as long as it cannot be")
        yield packed[at : at + size]
        at += size


def _unsnap_block(block: memoryview, out: memoryview) -> int:
    """The length is declared: it is looked at before anything is unpacked."""
    try:
        if cramjam.snappy.decompress_raw_len(block) > len(out):
            raise _TooSmall
        return int(cramjam.snappy.decompress_raw_into(block, out))
    except cramjam.DecompressionError:
        raise Refused("is damaged: cannot be unpacked") from None


_CODECS: dict[int, Unpack] = {
    0: _copy,
    1: _gunzip,
    2: _unsnap,
    3: _by_cramjam(cramjam.lz4.decompress_into),
    4: _by_cramjam(cramjam.zstd.decompress_into),
}
