"""F1: a file is renamed while it is written and we lag. Nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import gzip
import os
from pathlib import Path

import pytest

from tests.unit.edges.sources.collect import Collector, running
from tests.unit.edges.sources.file.test_source import append, run, source


def lines(first: int, count: int) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(first, first + count))


def rotate(path: Path, keep: int = 9) -> None:
    """As logrotate does by default: app.log.1 -> app.log.2 ..., app.log -> app.log.1."""
    for number in range(keep, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def pack(path: Path) -> None:
    """As gzip does: the time of change is kept, the plain file goes last."""
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    status = path.stat()
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()


@pytest.mark.parametrize("pattern", ["app.log", "app.log*", "*"])
def test_ten_rotations_while_lines_are_written_and_we_lag(tmp_path: Path, pattern: str) -> None:
    """Every line once and in order, whether or not the glob matches the rotated names too."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(lines(0, 100))
        inbox = Collector()
        async with running(source(tmp_path / pattern), inbox):
            await inbox.until_text(lines(0, 100))
            for round_ in range(1, 11):
                inbox.has_room.clear()
                append(path, lines(round_ * 20_000 - 19_900, 10_000))
                await asyncio.sleep(0.003)
                append(path, lines(round_ * 20_000 - 9_900, 10_000))
                rotate(path)
                path.write_bytes(b"")
                inbox.has_room.set()
                await inbox.until(lambda n=round_: inbox.size >= n * 20_000 * 12)  # type: ignore[misc]
            await inbox.until_text(lines(0, 200_100))
            least = 10 if pattern == "app.log" else 1  # a file first seen as app.log.1 is followed under that name
            await inbox.until(lambda: sum(told.ends for told in inbox.streams.values()) >= least)
        assert not inbox.losses
        assert all(told.ends <= 1 for told in inbox.streams.values())

    run(test)


@pytest.mark.parametrize("is_packed", [False, True])
def test_twice_within_one_poll(tmp_path: Path, is_packed: bool) -> None:
    """A file that was created and rotated between two looks is read too, also when it was packed at once."""

    async def test() -> None:
        path = tmp_path / "app.log"
        (tmp_path / "app.log.3").write_bytes(b"from last week\n")
        path.write_bytes(lines(0, 10))
        async with running(source(path), Collector()) as inbox:
            await inbox.until_text(lines(0, 10))
            append(path, lines(10, 10))
            rotate(path)
            path.write_bytes(lines(20, 10))
            rotate(path)
            if is_packed:
                pack(tmp_path / "app.log.2")
                pack(tmp_path / "app.log.1")
            path.write_bytes(lines(30, 10))
            await inbox.until_text(lines(0, 40))
        assert not inbox.losses

    run(test)


def test_a_rotated_file_that_is_still_written_is_read_until_it_is_quiet(tmp_path: Path) -> None:
    """The application writes to the renamed file until it is told to open the new one; later lines are read as well."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"a\n")
        async with running(source(path), Collector()) as inbox:
            await inbox.until_text(b"a\n")
            rotate(path)
            append(tmp_path / "app.log.1", b"b\n")
            await inbox.until_text(b"a\nb\n")
            append(tmp_path / "app.log.1", b"c")
            await inbox.until(lambda: any(told.ends for told in inbox.streams.values()))
            assert inbox.text == b"a\nb\nc"

    run(test)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_twice_rotated_while_we_were_down(tmp_path: Path, pattern: str, is_packed: bool) -> None:
    """The rest of the old file first, then the one that came and went, then the new one."""

    async def test() -> None:
        path = tmp_path / "app.log"
        (tmp_path / "app.log.2.gz").write_bytes(gzip.compress(b"from last week\n"))
        path.write_bytes(lines(0, 200))
        async with running(source(tmp_path / pattern), Collector()) as first:
            await first.until_text(lines(0, 200))
        append(path, lines(200, 200))
        rotate(path)
        path.write_bytes(lines(400, 200))
        rotate(path)
        if is_packed:
            pack(tmp_path / "app.log.2")
            pack(tmp_path / "app.log.1")
        path.write_bytes(lines(600, 200))
        async with running(source(tmp_path / pattern), Collector(), first.resume()) as second:
            await second.until_text(lines(200, 600))
            ends = 2 if pattern == "app.log" or is_packed else 1  # app.log.1, if the glob matches it, is followed as it is
            await second.until(lambda: sum(told.ends for told in second.streams.values()) == ends)
        async with running(source(tmp_path / pattern), Collector(), {**first.resume(), **second.resume()}) as third:
            append(path, lines(800, 10))
            await third.until_text(lines(800, 10))
        assert not first.losses + second.losses + third.losses

    run(test)


def test_a_finished_file_is_not_read_again_under_its_next_names(tmp_path: Path) -> None:
    """app.log.1, then app.log.2 and so on, all matched by the glob, running and after a restart."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"1\n")
        async with running(source(tmp_path / "app.log*"), Collector()) as first:
            for number in (2, 3, 4):
                await first.until(lambda n=number: len(first.streams) == n - 1)  # type: ignore[misc]
                rotate(path)
                await first.until(lambda n=number: sum(told.ends for told in first.streams.values()) == n - 1)  # type: ignore[misc]
                path.write_bytes(b"%d\n" % number)
            await first.until_text(b"1\n2\n3\n4\n")
        rotate(path)
        path.write_bytes(b"5\n")
        async with running(source(tmp_path / "app.log*"), Collector(), first.resume()) as second:
            await second.until_text(b"5\n")

    run(test)


def test_a_file_that_is_gone_for_good_is_a_lost_range_once(tmp_path: Path) -> None:
    """Rotated away while we were down, nowhere to be found: told with its position, and not again after the next restart."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"a\n")
        async with running(source(path), Collector()) as first:
            await first.until_text(b"a\n")
        path.unlink()
        path.write_bytes(b"b\n")
        positions = dict(first.resume())
        async with running(source(path), Collector(), positions) as second:
            await second.until_text(b"b\n")
        ((key, told),) = first.streams.items()
        assert [(lost.stream.key, lost.begin, lost.end) for lost in second.losses] == [(key, told.reached, None)]
        async with running(source(path), Collector(), positions | second.resume()) as third:
            append(path, b"c\n")
            await third.until_text(b"c\n")
        assert not third.losses

    run(test)


def test_a_folder_that_is_not_there_yet_says_nothing_about_its_files(tmp_path: Path) -> None:
    """A volume that is mounted late: no loss is claimed, and the file goes on where it was once the folder is there."""

    async def test() -> None:
        path = tmp_path / "volume" / "app.log"
        path.parent.mkdir()
        path.write_bytes(b"a\n")
        async with running(source(path), Collector()) as first:
            await first.until_text(b"a\n")
        path.parent.rename(tmp_path / "away")
        async with running(source(path, tmp_path / "other.log"), Collector(), first.resume()) as second:
            (tmp_path / "other.log").write_bytes(b"x\n")
            await second.until_text(b"x\n")
            append(tmp_path / "away" / "app.log", b"b\n")
            (tmp_path / "away").rename(path.parent)
            await second.until_text(b"x\nb\n")
        assert not second.losses

    run(test)
