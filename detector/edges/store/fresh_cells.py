"""Cells as they come, of some signals at once: a row a checkpoint, cheap to write, not yet packed by signal."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from detector.edges.store.rows import GarbledRow

SIGNALS_A_GROUP = 32
_COUNT = struct.Struct("<I")
_CELL_BYTES = 4 + 3 * 8
MOST_CELLS_A_ROW = 4_096


@dataclass(frozen=True, slots=True)
class FreshCell:
    """`signal_id` is the store's own number of the signal."""

    signal_id: int
    time_ms: int
    value: float
    evidence: float


def group_of(signal_id: int) -> int:
    return signal_id // SIGNALS_A_GROUP


def grouped(cells: Iterable[FreshCell]) -> Iterator[tuple[int, list[FreshCell]]]:
    """By group of signals, at most MOST_CELLS_A_ROW at once, in the order given."""
    groups: dict[int, list[FreshCell]] = {}
    for cell in cells:
        groups.setdefault(group_of(cell.signal_id), []).append(cell)
    for group, members in groups.items():
        for at in range(0, len(members), MOST_CELLS_A_ROW):
            yield group, members[at : at + MOST_CELLS_A_ROW]


def pack_fresh(cells: Sequence[FreshCell]) -> bytes:
    columns = (
        array("I", [cell.signal_id for cell in cells]).tobytes(),
        array("q", [cell.time_ms for cell in cells]).tobytes(),
        array("d", [cell.value for cell in cells]).tobytes(),
        array("d", [cell.evidence for cell in cells]).tobytes(),
    )
    return _COUNT.pack(len(cells)) + zlib.compress(b"".join(columns), 1)


def unpack_fresh(body: bytes) -> list[FreshCell]:
    """What `pack_fresh` was given. Raises GarbledRow."""
    try:
        (count,) = _COUNT.unpack_from(body)
        if count > MOST_CELLS_A_ROW:
            raise GarbledRow(f"fresh cells: it says that it holds {count}")
        raw = zlib.decompressobj().decompress(body[_COUNT.size :], count * _CELL_BYTES + 1)
    except (struct.error, zlib.error) as error:
        raise GarbledRow(f"fresh cells: {error}") from error
    if len(raw) != count * _CELL_BYTES:
        raise GarbledRow(f"fresh cells: {len(raw)} bytes are not {count} cells")
    ids, times = array("I", raw[: 4 * count]), array("q", raw[4 * count : 12 * count])
    values, evidence = array("d", raw[12 * count : 20 * count]), array("d", raw[20 * count :])
    return list(map(FreshCell, ids, times, values, evidence))
