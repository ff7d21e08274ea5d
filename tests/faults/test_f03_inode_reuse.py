"""F3: deleted and created anew with the same inode. Nearly certain on ext4, never seen on tmpfs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.edges.sources.collect import Collector, running
from tests.unit.edges.sources.file.test_source import append, run, source

OLD = b"".join(b"old %04d\n" % i for i in range(50))
NEW = b"".join(b"new %04d\n" % i for i in range(200))


def create_with_inode(path: Path, inode: int, data: bytes) -> bool:
    """Whether the file system gave the inode out again."""
    spares = []
    for number in range(200):
        path.write_bytes(data)
        if path.stat().st_ino == inode:
            break
        spares.append(path.rename(path.with_name(f"spare{number}")))
    for spare in spares:
        spare.unlink()
    return path.exists() and path.stat().st_ino == inode


@pytest.mark.parametrize("data", [NEW, OLD[:-1] + b"!\n", NEW[:27]])
def test_a_new_file_on_an_old_inode_is_read_from_its_start(tmp_path: Path, data: bytes) -> None:
    """While we were down: larger, as large, smaller; identity is inode and content."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(OLD)
        async with running(source(path), Collector()) as first:
            await first.until_text(OLD)
        inode = path.stat().st_ino
        path.unlink()
        if not create_with_inode(path, inode, data):
            pytest.skip("this file system does not reuse inodes")
        async with running(source(path), Collector(), first.resume()) as second:
            await second.until_text(data)
            append(path, b"more\n")
            await second.until_text(data + b"more\n")
        assert not set(first.streams) & {key for key, told in second.streams.items() if told.text}

    run(test)


def test_while_we_run(tmp_path: Path) -> None:
    """Deleted and created again and again, also among more files than may be open at once."""

    async def test() -> None:
        path = tmp_path / "app.log"
        others = [tmp_path / f"other{number}.log" for number in range(3)]
        for other in others:
            other.write_bytes(b"")
        path.write_bytes(b"start\n")
        expected = b"start\n"
        async with running(source(tmp_path / "*.log", max_files=2), Collector()) as inbox:
            await inbox.until_text(expected)
            for number in range(20):
                os.unlink(path)
                path.write_bytes(b"the same\n" if number % 2 else b"number %d\n" % number)
                expected += path.read_bytes()
                await inbox.until_text(expected)
        assert not inbox.losses

    run(test)
