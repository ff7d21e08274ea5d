"""F31, F14: a thousand files and more at once, few of them open, and a process that may open hardly any."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.edges.sources.collect import Collector, running
from tests.unit.edges.sources.file.test_source import append, run, source


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """This process may open ten files more than it has open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 11, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_in(folder: Path) -> int:
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith(str(folder)) for link in links if os.path.lexists(link))


def test_ten_thousand_files_with_a_few_open(tmp_path: Path) -> None:
    """All are read, never more than max_files are open, and what is appended to any of them comes."""

    async def test() -> None:
        for number in range(10_000):
            (tmp_path / f"{number}.log").write_bytes(b"%d\n" % number)
        inbox = Collector()
        most = 0
        calm = {"look_for_files": timedelta(seconds=1), "poll": timedelta(milliseconds=100)}
        async with running(source(tmp_path / "*.log", max_files=64, **calm), inbox):
            await inbox.until(lambda: len(inbox.streams) >= 10_000)
            most = open_in(tmp_path)
            for number in (0, 5_000, 9_999):
                append(tmp_path / f"{number}.log", b"more %d\n" % number)
            await inbox.until(lambda: inbox.text.count(b"more") == 3)
        assert 0 < most <= 64
        assert open_in(tmp_path) == 0
        assert len(inbox.streams) == 10_000

    run(test)


def test_files_take_fair_turns(tmp_path: Path) -> None:
    """A file that is far behind does not keep a small one waiting, even if only one may be open."""

    async def test() -> None:
        (tmp_path / "a-large.log").write_bytes(b"x" * 99 + b"\n" + b"y" * 99 + b"\n")
        with (tmp_path / "a-large.log").open("ab") as file:
            file.write((b"z" * 1023 + b"\n") * 32 * 1024)
        (tmp_path / "b-small.log").write_bytes(b"small\n")
        os.utime(tmp_path / "a-large.log", (1, 1))
        async with running(source(tmp_path / "*.log", max_files=1), Collector()) as inbox:
            await inbox.until(lambda: inbox.size > 32 << 20)
        names = [Path(name).name for name in inbox.order]
        assert names.index("b-small.log") <= 4

    run(test)


def test_too_many_open_files_is_no_end(tmp_path: Path, few_descriptors: None) -> None:
    """EMFILE: the source gets by with fewer, and says so to nobody because nothing is lost."""

    async def test() -> None:
        for number in range(200):
            (tmp_path / f"{number}.log").write_bytes(b"%d\n" % number)
        async with running(source(tmp_path / "*.log"), Collector()) as inbox:
            await inbox.until(lambda: len(inbox.streams) == 200)
            for number in range(200):
                append(tmp_path / f"{number}.log", b"more\n")
            await inbox.until(lambda: inbox.text.count(b"more\n") == 200)
        assert not inbox.losses

    run(test)


def test_a_deleted_file_that_was_not_open_and_not_read_is_a_lost_range(tmp_path: Path) -> None:
    """With one open file at most, another one is deleted before its turn: what we know of it is told, or it was never seen."""

    async def test() -> None:
        first, second = tmp_path / "a.log", tmp_path / "b.log"
        for path in (first, second):
            path.write_bytes((path.name.encode() * 20 + b"\n") * 50_000)
        inbox = Collector()
        async with running(source(tmp_path / "*.log", max_files=1), inbox):
            await inbox.until(lambda: len(inbox.streams) == 2)
            inbox.has_room.clear()
            for path in (first, second):
                path.unlink()
            inbox.has_room.set()
            await inbox.until(lambda: sum(told.ends for told in inbox.streams.values()) == 2)
        told = {Path(one.name).name: one for one in inbox.streams.values()}
        assert len(inbox.losses) == 1
        (lost,) = inbox.losses
        assert (lost.begin, lost.end, lost.reason) == (told[Path(lost.stream.name).name].reached, 5_050_000, "rotated_away")

    run(test)
