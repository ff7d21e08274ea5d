from __future__ import annotations

import math
import random
import zlib
from array import array

import pytest

from detector.core.signals.chunks import Cells, GarbledChunk, decode, encode

TWO_HOURS = 480  # cells of 15 s


def cells(values: list[float], evidence: list[float] | None = None, step_ms: int = 15_000) -> Cells:
    times = array("q", range(1_700_000_000_000, 1_700_000_000_000 + step_ms * len(values), step_ms))
    return Cells(times, array("d", values), array("d", evidence or [1.0] * len(values)))


def bytes_a_cell(values: list[float], evidence: list[float] | None = None) -> float:
    return len(encode(cells(values, evidence))) / len(values)


def test_a_constant_signal_costs_next_to_nothing() -> None:
    """Most signals of most services most of the time."""
    assert bytes_a_cell([75.0] * TWO_HOURS) < 0.2


def test_rare_events_cost_next_to_nothing() -> None:
    chance = random.Random(1)
    assert bytes_a_cell([float(chance.random() < 0.02) for _ in range(TWO_HOURS)]) < 0.4


def test_memory_in_pages_costs_less_than_two_bytes() -> None:
    """A working set near 512 MiB that moves by some MiB."""
    chance = random.Random(2)
    assert bytes_a_cell([4096.0 * round(125_000 + chance.gauss(0, 700)) for _ in range(TWO_HOURS)]) < 2.2


def test_a_latency_and_its_requests_cost_less_than_three_bytes() -> None:
    """Both columns: a P99 that moves by 5 % and some 300 requests a cell."""
    chance = random.Random(3)
    values = [0.42 * math.exp(chance.gauss(0, 0.05)) for _ in range(TWO_HOURS)]
    assert bytes_a_cell(values, [float(round(chance.gauss(300, 20))) for _ in values]) < 3.0


def test_a_hole_is_no_jump() -> None:
    """One cell in fifty missing costs little more than its mark."""
    values = [75.0 + at % 3 for at in range(TWO_HOURS)]
    with_holes = [math.nan if at % 50 == 7 else value for at, value in enumerate(values)]
    assert bytes_a_cell(with_holes) < bytes_a_cell(values) + 0.3
    got = decode(encode(cells(with_holes))).values
    assert [math.isnan(value) for value in got] == [math.isnan(value) for value in with_holes]


def test_short_decimals_are_exact() -> None:
    """68.25 % stays 68.25 %."""
    values = [68.25, 0.1, 0.2, 0.012, 0.008, 420.0, 485.0]
    assert list(decode(encode(cells(values))).values) == values


@pytest.mark.parametrize(
    "wrong",
    [
        Cells(array("q"), array("d"), array("d")),
        Cells(array("q", [1, 1]), array("d", [0, 0]), array("d", [0, 0])),
        Cells(array("q", [2, 1]), array("d", [0, 0]), array("d", [0, 0])),
        Cells(array("q", [1, 2]), array("d", [0]), array("d", [0, 0])),
        Cells(array("q", [1 << 60]), array("d", [0]), array("d", [0])),
    ],
)
def test_what_is_no_row_of_cells_is_not_written(wrong: Cells) -> None:
    """Empty, repeated or falling times, columns of unlike length, a time outside all history."""
    with pytest.raises(ValueError, match="chunk"):
        encode(wrong)


def test_a_chunk_of_a_newer_release_says_so() -> None:
    chunk = encode(cells([1.0, 2.0]))
    with pytest.raises(GarbledChunk, match="format 2, this release knows 1"):
        decode(b"\x02" + chunk[1:])


def test_a_bomb_is_not_unpacked() -> None:
    """A column that would unpack to megabytes is cut at what its cells may take."""
    chunk = encode(cells([1.0, 2.0]))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    with pytest.raises(GarbledChunk, match="does not hold 2 numbers"):
        decode(chunk[:11] + b"\x00\x01" + len(bomb).to_bytes(4, "little") + bomb)
