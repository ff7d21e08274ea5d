"""F4: half a line at the end of the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.unit.edges.sources.collect import Collector, running
from tests.unit.edges.sources.file.test_source import append, run, source


def test_half_a_line_waits_across_a_restart(tmp_path: Path) -> None:
    """Half a line, a restart, the other half: it is given out once and whole, the position stood at its start."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"one\nhalf ")
        async with running(source(path), Collector()) as first:
            await first.until_text(b"one\n")
            for _ in range(20):
                await asyncio.sleep(0.001)
        assert [told.reached for told in first.streams.values()] == [4]
        append(path, b"a line\n")
        async with running(source(path), Collector(), first.resume()) as second:
            await second.until_text(b"half a line\n")

    run(test)


def test_a_rotated_file_without_last_newline_gives_its_last_line_once(tmp_path: Path) -> None:
    """The line comes when the file was quiet, ends the stream, and does not come again after a restart."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"one\nlast")
        async with running(source(tmp_path / "app.log*"), Collector()) as first:
            await first.until_text(b"one\n")
            path.rename(tmp_path / "app.log.1")
            path.write_bytes(b"new\n")
            await first.until(lambda: any(told.ends for told in first.streams.values()))
            await first.until(lambda: len(first.text) == 12)
        assert sorted(told.text for told in first.streams.values()) == [b"new\n", b"one\nlast"]
        async with running(source(tmp_path / "app.log*"), Collector(), first.resume()) as second:
            append(path, b"more\n")
            await second.until_text(b"more\n")

    run(test)


def test_a_deleted_file_without_last_newline_gives_its_last_line(tmp_path: Path) -> None:
    """Also when it was nothing but that line."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"only")
        other = tmp_path / "other.log"
        other.write_bytes(b"x\n")
        async with running(source(path, other), Collector()) as inbox:
            await inbox.until_text(b"x\n")
            path.unlink()
            await inbox.until_text(b"x\nonly")

    run(test)


def test_a_line_that_comes_byte_by_byte_is_one_line(tmp_path: Path) -> None:
    """However slowly it is written."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"")
        async with running(source(path), Collector()) as inbox:
            for byte in b"slowly\n":
                append(path, bytes([byte]))
                await asyncio.sleep(0.002)
            await inbox.until_text(b"slowly\n")
        (told,) = inbox.streams.values()
        assert told.runs == [b"slowly\n"]

    run(test)
