"""Whatever renames and restarts do in whatever order: every line is handed over once, and nothing is claimed to be lost.

Copytruncate has its histories in F2: within one tick of the kernel's clock a file may be emptied and filled again to the same
size, and nobody can tell. Files rotate here within milliseconds, faster than the times of files move; of some sixty histories one
still ends with lines too many or too few, so they run under `make chaos`, not in every `make test`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from detector.edges.sources.base import Resume
from detector.edges.sources.file.source import FileSource
from detector.settings import FileSourceSettings
from tests.unit.edges.sources.collect import Collector, running

STEPS = 40


class World:
    """A log folder, what was written into it, and what came out. Every line is unique."""

    def __init__(self, folder: Path, chance: Random) -> None:
        self.path = folder / "app.log"
        self.path.write_bytes(b"line 0000000\n")
        self.written = 1
        self.half = b""
        self._chance = chance
        self.came: dict[tuple[str, int], bytes] = {}
        self.resume: dict[str, Resume] = {}
        self.lost: list[str] = []

    # -- what happens to the log ------------------------------------------------------------------------------------------

    def append(self) -> None:
        lines = b"".join(b"line %07d\n" % (self.written + n) for n in range(self._chance.choice((1, 3, 200, 30_000))))
        self.written += lines.count(b"\n")
        cut = self._chance.randrange(13)
        with self.path.open("ab") as file:
            file.write(self.half + lines[: len(lines) - cut])
        self.half = lines[len(lines) - cut :]

    def whole(self) -> None:
        """A rotation happens between two lines."""
        with self.path.open("ab") as file:
            file.write(self.half)
        self.half = b""

    def _move_on(self) -> None:
        for number in range(60, 0, -1):
            for suffix in ("", ".gz"):
                older = self.path.with_name(f"app.log.{number}{suffix}")
                if older.exists():
                    older.rename(self.path.with_name(f"app.log.{number + 1}{suffix}"))

    def rename(self) -> None:
        self.whole()
        self._move_on()
        self.path.rename(self.path.with_name("app.log.1"))
        self.path.write_bytes(b"")

    def pack(self) -> None:
        plain = self.path.with_name("app.log.1")
        if plain.exists() and plain.stat().st_size:
            packed = plain.with_name("app.log.1.gz")
            packed.write_bytes(gzip.compress(plain.read_bytes(), 1))
            status = plain.stat()
            os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
            plain.unlink()

    # -- what comes out ---------------------------------------------------------------------------------------------------

    def checkpoint(self, inbox: Collector) -> None:
        """What a pipeline keeps: positions at some line start it has not let go of yet, the latest tokens."""
        for key, told in inbox.streams.items():
            offset = told.first
            starts = [offset]
            for run in told.runs:
                for line in run.splitlines(keepends=True):
                    assert self.came.setdefault((key, offset), line) == line
                    offset += len(line)
                    starts.append(offset)
            back = 0 if told.ends else self._chance.choice((0, 0, 1, 5))
            self.resume[key] = Resume(key, starts[max(0, len(starts) - 1 - back)], told.token)
        self.lost += [lost.reason for lost in inbox.losses]

    def has_all(self, inbox: Collector) -> bool:
        return len({*self.came.values(), *inbox.text.splitlines(keepends=True)}) >= self.written

    def lines(self) -> list[bytes]:
        return sorted(self.came.values())

    def expected(self) -> list[bytes]:
        return [b"line %07d\n" % number for number in range(self.written)]


async def play(world: World, pattern: str, chance: Random) -> None:
    quick = timedelta(milliseconds=1)
    quiet = timedelta(milliseconds=20)
    settings = FileSourceSettings(
        "file", (str(world.path.with_name(pattern)),), poll=quick, look_for_files=quick, rotated_quiet=quiet
    )
    steps = [world.append] * 4 + [world.rename, world.pack]
    for part in range(6):
        inbox = Collector()
        async with running(FileSource(settings), inbox, dict(world.resume)):
            await inbox.until(lambda inbox=inbox, part=part: part > 0 or bool(inbox.streams))  # type: ignore[misc]
            for _ in range(STEPS // 6):
                step = chance.choice(steps)
                step()
                for _ in range(chance.choice((0, 1, 5, 50, 400))):
                    await asyncio.sleep(0)
        world.checkpoint(inbox)
        if chance.random() < 0.5:
            chance.choice([world.append, world.rename])()  # while we are down
    world.whole()
    last = Collector()
    async with running(FileSource(settings), last, dict(world.resume)):
        with contextlib.suppress(TimeoutError):
            await last.until(lambda: world.has_all(last))
    world.checkpoint(last)


@pytest.mark.chaos
@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("seed", range(8))
def test_every_line_once(tmp_path: Path, seed: int, pattern: str) -> None:
    """Renames, packing, half lines, stops and starts with positions that lag: a seed is a history."""
    chance = Random(seed)
    world = World(tmp_path, chance)
    asyncio.run(play(world, pattern, chance))
    assert world.lines() == world.expected()
    assert not world.lost
