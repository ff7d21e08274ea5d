"""F2: a file is truncated in place, running and while we are down."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from detector.records import LostRange
from tests.unit.edges.sources.collect import Collector, running
from tests.unit.edges.sources.file.test_source import append, run, source

OLD = b"".join(b"old %04d\n" % i for i in range(500))
NEW = b"".join(b"new %04d\n" % i for i in range(2000))


def copytruncate(path: Path) -> None:
    """As logrotate does."""
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)


@pytest.mark.parametrize("refill", [b"", NEW[:90], NEW])
def test_truncated_while_we_run_begins_anew(tmp_path: Path, refill: bytes) -> None:
    """From 0, also when it was filled beyond the old position before we looked; all was read, so nothing is lost."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(OLD)
        async with running(source(path), Collector()) as inbox:
            await inbox.until_text(OLD)
            os.truncate(path, 0)
            append(path, refill)
            await inbox.until(lambda: refill in inbox.text)
            append(path, b"more\n")
            await inbox.until_text(OLD + refill + b"more\n")
        assert len(inbox.streams) == 2
        assert [told.ends for told in inbox.streams.values()] == [1, 0]
        assert not inbox.losses

    run(test)


def test_unread_bytes_are_a_lost_range(tmp_path: Path) -> None:
    """We lag, the file is truncated and nobody kept a copy: from where to where is told."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(NEW * 200)
        inbox = Collector()
        inbox.has_room.clear()
        async with running(source(path), inbox):
            await inbox.until_begun()
            os.truncate(path, 0)
            append(path, OLD)
            inbox.has_room.set()
            await inbox.until(lambda: inbox.text.endswith(OLD))
        (told, _) = inbox.streams.values()
        ((key, _), _) = inbox.streams.items()
        (lost,) = inbox.losses
        assert lost == LostRange(lost.stream, told.reached, lost.end, "truncated")
        assert lost.stream.key == key
        assert lost.end is None or lost.end > lost.begin

    run(test)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_the_copy_that_copytruncate_leaves_is_read_to_its_end(tmp_path: Path, pattern: str) -> None:
    """We lag; what was not read of the file is read from its copy, in the same stream, and the copy is not read twice."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(OLD)
        inbox = Collector()
        async with running(source(tmp_path / pattern), inbox):
            await inbox.until_text(OLD)
            for number in range(5):
                inbox.has_room.clear()
                append(path, NEW)
                (tmp_path / "app.log.1").rename(tmp_path / "app.log.2") if number else None
                copytruncate(path)
                append(path, b"%d" % number + OLD)
                inbox.has_room.set()
                await inbox.until(lambda n=number: inbox.text.endswith(b"%d" % n + OLD))  # type: ignore[misc]
            await inbox.until_text(b"".join([OLD, *(NEW + b"%d" % n + OLD for n in range(5))]))
        assert not inbox.losses

    run(test)


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("refill", [b"", b"few\n", NEW])
def test_truncated_while_we_were_down(tmp_path: Path, refill: bytes, pattern: str) -> None:
    """The rest is read from the copy; the file begins at 0, also when it is larger than the old position."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(OLD)
        async with running(source(tmp_path / pattern), Collector()) as first:
            await first.until_text(OLD)
        append(path, b"rest\n")
        copytruncate(path)
        append(path, refill)
        async with running(source(tmp_path / pattern), Collector(), first.resume()) as second:
            await second.until_text(b"rest\n" + refill)
            append(path, b"more\n")
            await second.until_text(b"rest\n" + refill + b"more\n")
        assert not second.losses

    run(test)


def test_truncated_while_we_were_down_without_a_copy(tmp_path: Path) -> None:
    """Nobody knows how much was written before: lost from the position on, told once and not again at later restarts."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(OLD)
        async with running(source(path), Collector()) as first:
            await first.until_text(OLD)
        os.truncate(path, 0)
        append(path, NEW)
        positions = dict(first.resume())
        async with running(source(path), Collector(), positions) as second:
            await second.until_text(NEW)
        (lost,) = second.losses
        assert (lost.begin, lost.end, lost.reason) == (len(OLD), None, "truncated")
        positions |= second.resume()
        for number in range(3):
            async with running(source(path), Collector(), positions) as later:
                append(path, b"%d\n" % number)
                await later.until_text(b"%d\n" % number)
            positions |= later.resume()
            assert not later.losses

    run(test)


def test_the_same_text_again_is_another_stream(tmp_path: Path) -> None:
    """An application that writes its banner anew into the truncated file: equal bytes at equal offsets are new events."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"banner\nstarted\n")
        async with running(source(path), Collector()) as inbox:
            await inbox.until_text(b"banner\nstarted\n")
            os.truncate(path, 0)
            append(path, b"banner\n")
            await inbox.until_text(b"banner\nstarted\nbanner\n")
            append(path, b"started\nand on\n")
            await inbox.until_text(b"banner\nstarted\nbanner\nstarted\nand on\n")
        assert len(inbox.streams) == 2

    run(test)


def test_a_copy_that_is_no_rotation_is_read_after_a_while(tmp_path: Path) -> None:
    """The glob matches a copy that somebody made, and nothing is truncated: it is a file like any other."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(OLD)
        async with running(source(tmp_path / "app.log*"), Collector()) as inbox:
            await inbox.until_text(OLD)
            shutil.copyfile(path, tmp_path / "app.log.1")
            await inbox.until_text(OLD + OLD)

    run(test)
