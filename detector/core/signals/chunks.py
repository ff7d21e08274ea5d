"""Cells of one signal as few bytes: the times, the values and their evidence each as a column of small integers, deflated.

A value is kept exactly when it is a short decimal and that is cheap, else to 1 part in 32,768 (14 binary digits behind the first
one, rounded): far below what any scrape can tell. Evidence, a count of samples, is exact up to 128 and to 1 part in 128 above.
Times are exact. NaN is a missing value and stays one; infinities are kept. The idea of differences of differences for times and
of small differences for values is Gorilla's (https://www.vldb.org/pvldb/vol8/p1816-teller.pdf); columns in byte planes under
DEFLATE stand in for its bit stream, because Python handles bytes by the thousand and bits one by one.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import lt

FORMAT = 1
MOST_CELLS = 20_000  # a day at 5 s; also bounds what a foreign chunk can make us unpack
_VALUE_DIGITS, _EVIDENCE_DIGITS = 14, 6  # binary, behind the first
_MOST_DECIMALS = 6
_EXACT_BYTES = 2.0  # a cell: where exact costs more than so many, and more than rounded, the value is rounded
_HEADER = struct.Struct("<BHq")  # format, cells, first time
_COLUMN = struct.Struct("<BBI")  # what the integers are, bytes an integer, bytes of the deflated planes
_ROUNDED, _DECIMAL = 64, 0  # `what`: 64 + digits kept, or 0 + decimal places
_LARGEST = 1 << 53
_LATEST_MS = 1 << 58
_SIGN, _INFINITE = 1 << 63, 0x7FF << 52  # in the 64 bits of a float


class GarbledChunk(Exception):
    """These bytes are no chunk of ours, or not all of one."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of equal length in time order: milliseconds, values (NaN = missing), and how many samples stood behind each."""

    times_ms: array[int]
    values: array[float]
    evidence: array[float]

    def __len__(self) -> int:
        return len(self.times_ms)


def encode(cells: Cells) -> bytes:
    """At least one and at most MOST_CELLS cells, with times that rise. Raises ValueError for anything else."""
    times = cells.times_ms
    if not 0 < len(times) <= MOST_CELLS or not len(times) == len(cells.values) == len(cells.evidence):
        raise ValueError(f"a chunk holds 1 to {MOST_CELLS} cells, in columns of one length")
    if not _is_rising(times):
        raise ValueError("the times of a chunk rise, and lie within some million years")
    head = _HEADER.pack(FORMAT, len(times), times[0])
    steps = [0, *(later - earlier for earlier, later in pairwise(times))]
    return b"".join(
        (
            head,
            _column(0, _differences(steps)),
            _floats(cells.values, _VALUE_DIGITS, _EXACT_BYTES),
            _floats(cells.evidence, _EVIDENCE_DIGITS, 0.0),
        )
    )


def decode(chunk: bytes) -> Cells:
    """What `encode` was given, rounded as the module says. Raises GarbledChunk with words."""
    try:
        version, count, first_ms = _HEADER.unpack_from(chunk)
        if version != FORMAT:
            raise GarbledChunk(f"it has format {version}, this release knows {FORMAT}")
        if not 0 < count <= MOST_CELLS:
            raise GarbledChunk(f"it says that it holds {count} cells")
        _, steps, at = _integers(chunk, _HEADER.size, count)
        times = array("q", accumulate(accumulate(steps), initial=first_ms))[1:]
        if not _is_rising(times):
            raise GarbledChunk("its times do not rise")
        values, at = _floats_at(chunk, at, count)
        evidence, at = _floats_at(chunk, at, count)
    except (struct.error, zlib.error, OverflowError, ValueError) as error:
        raise GarbledChunk(f"it cannot be unpacked: {error}") from error
    if at != len(chunk):
        raise GarbledChunk(f"{len(chunk) - at} bytes follow its end")
    return Cells(times, values, evidence)


def _is_rising(times: array[int]) -> bool:
    return all(map(lt, times, times[1:])) and times[0] > -_LATEST_MS and times[-1] < _LATEST_MS


def _floats(values: array[float], digits: int, exact_bytes: float) -> bytes:
    rounded = _column(_ROUNDED + digits, _differences(_marked(values, _ordered(values, digits))))
    places = _decimal_places(values)
    if places is None:
        return rounded
    scale = 10.0**places
    scaled = [round(value * scale) if value == value else 0 for value in values]
    exact = _column(_DECIMAL + places, _differences(_marked(values, scaled)))
    return exact if len(exact) <= len(rounded) or len(exact) <= exact_bytes * len(values) else rounded


def _floats_at(chunk: bytes, at: int, count: int) -> tuple[array[float], int]:
    what, differences, at = _integers(chunk, at, count)
    marked = list(accumulate(differences))
    if what <= _MOST_DECIMALS:
        scale = 10.0**what
        floats = array("d", [(number >> 1) / scale for number in marked])
    elif 0 < what - _ROUNDED <= 52:
        shift = 52 - what + _ROUNDED
        numbers = [number >> 1 for number in marked]
        patterns = array("Q", [number << shift if number >= 0 else (-1 - number << shift) | _SIGN for number in numbers])
        floats = array("d", patterns.tobytes())
    else:
        raise GarbledChunk(f"its column is of kind {what}")
    for hole in [place for place, number in enumerate(marked) if number & 1]:
        floats[hole] = math.nan
    return floats, at


def _marked(values: array[float], numbers: list[int]) -> list[int]:
    """The lowest bit says missing. A missing cell repeats the number before, so that a hole does not cost two jumps."""
    marked, last = [], 0
    for value, number in zip(values, numbers, strict=True):
        if value == value:
            last = number << 1
            marked.append(last)
        else:
            marked.append(last + 1)
    return marked


def _ordered(values: array[float], digits: int) -> list[int]:
    """Each value rounded, as an integer that rises with it: near values have near integers whatever their size."""
    shift = 52 - digits
    half = 1 << (shift - 1)
    largest = _INFINITE - (1 << shift)
    ordered = []
    for pattern in array("Q", values.tobytes()):
        size = pattern & (_SIGN - 1)
        if size < _INFINITE:
            size = min(size + half, largest)  # the largest float, rounded up, would be infinite
        ordered.append(size >> shift if pattern < _SIGN else -1 - (size >> shift))
    return ordered


def _decimal_places(values: array[float]) -> int | None:
    """The fewest with which every value is exact (minus zero is zero); None when there is none, or a value that is no decimal."""
    present = [value for value in values if value == value]
    for places in range(_MOST_DECIMALS + 1):
        scale = 10.0**places
        try:
            if all(abs(value * scale) < _LARGEST and round(value * scale) / scale == value for value in present):
                return places
        except (OverflowError, ValueError):  # infinite
            return None
    return None


def _differences(numbers: Sequence[int]) -> list[int]:
    return [numbers[0], *(later - earlier for earlier, later in pairwise(numbers))]


def _column(what: int, numbers: Sequence[int]) -> bytes:
    """Integers with the sign in the lowest bit, then byte by byte in planes: the high planes are nearly all zero."""
    folded = [number << 1 if number >= 0 else (-number << 1) - 1 for number in numbers]
    width = max(1, -(-max(folded).bit_length() // 8))
    raw = array("Q", folded).tobytes()
    planes = b"".join(raw[plane::8] for plane in range(width))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(planes) + packer.flush()
    return _COLUMN.pack(what, width, len(body)) + body


def _integers(chunk: bytes, at: int, count: int) -> tuple[int, list[int], int]:
    what, width, size = _COLUMN.unpack_from(chunk, at)
    at += _COLUMN.size
    if not 0 < width <= 8 or at + size > len(chunk):
        raise GarbledChunk("it is torn, or says that it is wider than a number")
    unpacker = zlib.decompressobj(-15)
    planes = unpacker.decompress(chunk[at : at + size], count * width + 1)
    if len(planes) != count * width or not unpacker.eof or unpacker.unused_data:
        raise GarbledChunk(f"a column of it does not hold {count} numbers")
    raw = bytearray(8 * count)
    for plane in range(width):
        raw[plane::8] = planes[plane * count : (plane + 1) * count]
    folded = array("Q")
    folded.frombytes(raw)
    return what, [-(number + 1 >> 1) if number & 1 else number >> 1 for number in folded], at + size


if sys.byteorder != "little":  # pragma: no cover - planes are cut from the lowest byte up
    raise ImportError("metric history needs a little-endian machine")
