"""F5: a line of 10 MB; no newline for a gigabyte."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.unit.edges.sources.collect import Collector, running
from tests.unit.edges.sources.file.test_source import append, run, source

MIB = 1 << 20


@pytest.mark.parametrize("size", [MIB, MIB + 1, 10 * 1000 * 1000])
def test_a_long_line_is_cut_and_the_next_is_whole(tmp_path: Path, size: int) -> None:
    """A mebibyte stays whole, more is cut there, marked and counted; positions stay exact."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"before\n" + b"x" * size + b"\nafter\n")
        async with running(source(path), Collector()) as inbox:
            await inbox.until_text(b"before\n" + b"x" * min(size, MIB) + b"\nafter\n")
        (told,) = inbox.streams.values()
        assert (told.cut_at, told.cut_bytes) == (([7], size - MIB) if size > MIB else ([], 0))
        assert told.reached == path.stat().st_size

    run(test)


def test_a_gigabyte_without_newline_costs_no_memory(tmp_path: Path) -> None:
    """Nothing is given out while it lasts, memory stays flat, and the file is still followed afterwards; a restart in the middle
    changes nothing."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"before\n")
        with path.open("ab") as file:
            for _ in range(1024):
                file.write(b"x" * MIB)
        kib_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with running(source(path), Collector()) as first:
            await first.until_text(b"before\n")
        async with running(source(path), Collector(), first.resume()) as second:
            append(path, b"\nafter\n")
            await second.until_text(b"x" * MIB + b"\nafter\n")
        (told,) = second.streams.values()
        assert (told.cut_at, told.cut_bytes, told.reached) == ([7], 1023 * MIB, path.stat().st_size)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - kib_before < 16 * 1024

    run(test)
