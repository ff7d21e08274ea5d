"""FileSource on a real file system."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.edges.sources.file.source import FileSource
from detector.settings import FileSourceSettings, Size
from tests.unit.edges.sources.collect import Collector, running


def source(*paths: Path | str, **changes: Any) -> FileSource:
    """A source in a hurry."""
    quick: dict[str, Any] = {
        "poll": timedelta(milliseconds=1),
        "look_for_files": timedelta(milliseconds=5),
        "rotated_quiet": timedelta(milliseconds=50),
    }
    return FileSource(FileSourceSettings("file", tuple(map(str, paths)), **(quick | changes)))


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_are_given_out_as_they_are_written(tmp_path: Path) -> None:
    """What was there comes first, then what is appended; half a line waits for its other half."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"one\ntw")
        async with running(source(path), Collector()) as inbox:
            await inbox.until_text(b"one\n")
            append(path, b"o\nthree\nfo")
            await inbox.until_text(b"one\ntwo\nthree\n")
            append(path, b"ur\n")
            await inbox.until_text(b"one\ntwo\nthree\nfour\n")
        ((key, told),) = inbox.streams.items()
        status = path.stat()
        assert key.startswith(f"{status.st_dev:x}:{status.st_ino:x}:")
        assert (told.name, told.first, told.ends) == (str(path), 0, 0)

    run(test)


def test_a_file_that_comes_later_is_found(tmp_path: Path) -> None:
    """Globs are looked at again and again, `**` too, and a folder that does not exist yet is no error."""

    async def test() -> None:
        async with running(source(tmp_path / "logs/**/*.log"), Collector()) as inbox:
            for number, folder in enumerate([tmp_path / "logs", tmp_path / "logs/a/b"]):
                folder.mkdir(parents=True)
                (folder / f"{number}.log").write_bytes(b"%d\n" % number)
                (folder / "other.txt").write_bytes(b"no\n")
                await inbox.until(lambda n=number: len(inbox.streams) == n + 1)  # type: ignore[misc]
        assert inbox.text == b"0\n1\n"

    run(test)


@pytest.mark.parametrize(("start_at", "expected"), [("beginning", b"old\nhalf line\nnew\n"), ("end", b"half line\nnew\n")])
def test_start_at_says_where_an_unknown_file_begins(tmp_path: Path, start_at: str, expected: bytes) -> None:
    """`end` begins with the line that is being written; a file that appears later is read whole in any case."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"old\nhalf ")
        async with running(source(tmp_path / "*.log", start_at=start_at), Collector()) as inbox:
            await inbox.until(lambda: bool(inbox.streams))
            append(path, b"line\nnew\n")
            await inbox.until_text(expected)
            (tmp_path / "later.log").write_bytes(b"later\n")
            await inbox.until_text(expected + b"later\n")

    run(test)


def test_a_file_that_was_begun_at_its_end_is_not_skipped_again(tmp_path: Path) -> None:
    """What is written while we are down was not there when the file was first seen."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"old\n")
        async with running(source(path, start_at="end"), Collector()) as inbox:
            await inbox.until(lambda: bool(inbox.streams))
        append(path, b"new\n")
        async with running(source(path, start_at="end"), Collector(), inbox.resume()) as second:
            await second.until_text(b"new\n")

    run(test)


def test_a_restart_goes_on_where_the_checkpoint_was(tmp_path: Path) -> None:
    """The same stream, from the offset that was checkpointed, though the file has grown since its first line."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"a\n")
        async with running(source(path), Collector()) as first:
            await first.until_text(b"a\n")
            append(path, b"b" * 3000 + b"\n")
            await first.until(lambda: len(first.text) == 3003)
        append(path, b"c\n")
        async with running(source(path), Collector(), first.resume()) as second:
            await second.until_text(b"c\n")
        assert list(second.streams) == list(first.streams)

    run(test)


def test_two_names_of_one_file_are_one_stream(tmp_path: Path) -> None:
    """Links, hard or symbolic, do not double a line."""

    async def test() -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"one\n")
        os.link(path, tmp_path / "hard.log")
        os.symlink(path, tmp_path / "soft.log")
        async with running(source(tmp_path / "*.log"), Collector()) as inbox:
            await inbox.until_text(b"one\n")
            append(path, b"two\n")
            await inbox.until_text(b"one\ntwo\n")
            append(tmp_path / "end.log", b"end\n")
            await inbox.until_text(b"one\ntwo\nend\n")

    run(test)


def test_a_link_that_is_turned_to_another_file_is_followed(tmp_path: Path) -> None:
    """/var/log/containers: the target is renamed by a rotation, or the link is replaced; nothing is lost either way."""

    async def test() -> None:
        pods, link = tmp_path / "pods", tmp_path / "containers" / "app.log"
        pods.mkdir()
        link.parent.mkdir()
        (pods / "0.log").write_bytes(b"a\n")
        os.symlink(pods / "0.log", link)
        async with running(source(link.parent / "*.log"), Collector()) as inbox:
            await inbox.until_text(b"a\n")
            append(pods / "0.log", b"b\n")
            (pods / "0.log").rename(pods / "0.log.20240514-101112")
            (pods / "0.log").write_bytes(b"c\n")
            await inbox.until_text(b"a\nb\nc\n")
            (pods / "1.log").write_bytes(b"d\n")
            link.unlink()
            os.symlink(pods / "1.log", link)
            await inbox.until_text(b"a\nb\nc\nd\n")
        assert [told.name for told in inbox.streams.values()] == [str(link)] * 3

    run(test)


def test_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    """A folder, a pipe and a packed file that the glob matches do not stop the others."""

    async def test() -> None:
        (tmp_path / "folder.log").mkdir()
        os.mkfifo(tmp_path / "pipe.log")
        (tmp_path / "packed.log").write_bytes(b"\x1f\x8b\x08rest")
        (tmp_path / "real.log").write_bytes(b"x\n")
        async with running(source(tmp_path / "*.log"), Collector()) as inbox:
            await inbox.until_text(b"x\n")

    run(test)


def test_an_unreadable_file_is_tried_again(tmp_path: Path, as_nobody: None) -> None:
    """No permission is no end: the others go on, and the file is read once it may be."""

    async def test() -> None:
        secret = tmp_path / "secret.log"
        secret.write_bytes(b"secret\n")
        secret.chmod(0)
        (tmp_path / "open.log").write_bytes(b"open\n")
        async with running(source(tmp_path / "*.log"), Collector()) as inbox:
            await inbox.until_text(b"open\n")
            secret.chmod(0o600)
            await inbox.until_text(b"open\nsecret\n")

    run(test)


def test_a_full_pipeline_stops_the_reading(tmp_path: Path) -> None:
    """While the inbox takes nothing, nothing more is read, and nothing is lost afterwards."""

    async def test() -> None:
        path = tmp_path / "app.log"
        data = b"".join(b"line %d\n" % i for i in range(200_000))
        inbox = Collector()
        inbox.has_room.clear()
        path.write_bytes(data)
        async with running(source(path), inbox):
            for _ in range(100):
                await asyncio.sleep(0)
            assert not inbox.streams
            inbox.has_room.set()
            await inbox.until_text(data)

    run(test)


@pytest.mark.parametrize("max_line", [1, 7, 100, 1 << 20])
def test_lines_longer_than_allowed_are_cut(tmp_path: Path, max_line: int) -> None:
    """Head, newline, the number of bytes thrown away; the next line is whole."""

    async def test() -> None:
        path = tmp_path / "app.log"
        lines = [b"x" * max_line, b"y" * (max_line + 1), b"", b"z" * (5 * max_line), b"e"]
        path.write_bytes(b"\n".join(lines))
        async with running(source(path, max_line=Size(max_line)), Collector()) as inbox:
            await inbox.until(lambda: inbox.text.count(b"\n") == 4)
            path.unlink()
            await inbox.until(lambda: any(told.ends for told in inbox.streams.values()))
        (told,) = inbox.streams.values()
        assert told.text == b"\n".join(line[:max_line] for line in lines)
        assert told.cut_at == [max_line + 1, 2 * max_line + 4]
        assert (told.cut_bytes, told.reached) == (1 + 4 * max_line, len(b"\n".join(lines)))

    run(test)
