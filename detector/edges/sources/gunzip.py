"""Reads gzip as it comes, also several members in a row, and gives out what can be read of a damaged one."""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator, Iterator
from typing import Protocol

MAGIC = b"\x1f\x8b"
INPUT = 16 << 10
OUTPUT = 256 << 10  # a bomb unpacks into as many pieces of this size as it likes: memory stays flat
_GZIP = 16 + zlib.MAX_WBITS


class Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class GzipDamaged(Exception):
    """The file ends early, fails its check sum or is followed by something else; all that came before was given out."""


def gunzip(packed: Readable) -> Iterator[bytes]:
    """The unpacked bytes, at most OUTPUT at a time. Raises GzipDamaged after the last byte that could be read."""
    waiting = packed.read(INPUT) or b""
    while waiting:
        waiting = yield from _member(packed, waiting)
        waiting = (waiting or packed.read(INPUT) or b"").lstrip(b"\0")  # tapes and tar pad with zeros, gzip(1) skips them too
        while waiting and len(waiting) < len(MAGIC) and (more := packed.read(INPUT)):
            waiting += more
        if waiting and not waiting.startswith(MAGIC):
            raise GzipDamaged("something that is not gzip follows")


def _member(packed: Readable, waiting: bytes) -> Generator[bytes, None, bytes]:
    """One member; returns what was read beyond it."""
    inflate = zlib.decompressobj(_GZIP)
    while not inflate.eof:
        waiting = inflate.unconsumed_tail or waiting or packed.read(INPUT) or b""
        if not waiting:
            raise GzipDamaged("the file ends in the middle")
        before = inflate.copy()
        try:
            unpacked = inflate.decompress(waiting, OUTPUT)
        except zlib.error as error:
            yield from _up_to_the_damage(before, waiting)
            raise GzipDamaged(str(error)) from None
        waiting = b""
        if unpacked:
            yield unpacked
    return inflate.unused_data


def _up_to_the_damage(inflate: zlib._Decompress, waiting: bytes) -> Iterator[bytes]:
    """zlib keeps to itself what it had unpacked when it met the damage; byte by byte it does not."""
    for at in range(len(waiting)):
        try:
            unpacked = inflate.decompress(waiting[at : at + 1])
        except zlib.error:
            return
        if unpacked:
            yield unpacked


class Joined:
    """A few bytes that were read to look at them, and the rest."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest

    def read(self, size: int, /) -> bytes | None:
        return self._head.read(size) or self._rest.read(size)
