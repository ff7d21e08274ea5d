"""Finding files, and telling a rotated name from another log's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from detector.edges.sources.file.search import STILL_NS, Finder, is_rotated_name, originals

ROTATED = [
    ("app.log.1", "app.log"),
    ("app.log.1.gz", "app.log"),
    ("app.log-20240514", "app.log"),
    ("app.log-20240514-1715671867.gz", "app.log"),
    ("app.log.2024-05-14T10:00:00Z", "app.log"),
    ("app.log.2024-05-14_10.gz", "app.log"),
    ("app.log.old", "app.log"),
    ("app.log~", "app.log"),
    ("app-2024-05-14.0.log", "app.log"),
    ("app-2024-05-14.log.gz", "app.log"),
    ("app.2024-05-14.log", "app.log"),
    ("app-20240514.log.2", "app.log"),
    ("catalina.2024-05-14", "catalina"),
    ("0.log.20220818-101112", "0.log"),
    ("0.log.20220818-101112.gz", "0.log"),
]
OTHERS = [
    ("app.log", "app.log"),
    ("app-2.log", "app.log"),
    ("app-error.log", "app.log"),
    ("app.logx", "app.log"),
    ("app.log.json", "app.log"),
    ("app2024-05.log", "app.log"),
    ("app-2024-05-14.txt", "app.log"),
    ("application.log", "app.log"),
]


@pytest.mark.parametrize(("name", "of"), ROTATED)
def test_names_that_rotations_give(name: str, of: str) -> None:
    """logrotate, Logback, log4j2, Tomcat and the kubelet, with their numbers, dates and gzip."""
    assert is_rotated_name(name, of)
    assert f"/logs/{of}" in originals(f"/logs/{name}")


@pytest.mark.parametrize(("name", "of"), OTHERS)
def test_names_that_are_other_logs(name: str, of: str) -> None:
    """A neighbour is not taken for a rotated file."""
    assert not is_rotated_name(name, of)
    assert f"/logs/{of}" not in originals(f"/logs/{name}")


def names(finder: Finder, *known: Path) -> list[str]:
    return [Path(found.path).name for found in finder.find({str(path) for path in known}, set())]


def test_a_folder_that_did_not_change_is_not_listed_again(tmp_path: Path) -> None:
    """Idle, a scan costs one stat a folder; a new name changes the folder's time, so nothing is missed."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log").write_bytes(b"")
    long_ago = time.time_ns() - 2 * STILL_NS
    os.utime(folder, ns=(long_ago, long_ago))
    finder = Finder([str(folder / "*.log")])
    assert names(finder) == ["a.log"]
    assert names(finder) == []
    (folder / "b.log").write_bytes(b"")
    assert sorted(names(finder)) == ["a.log", "b.log"]


def test_a_folder_that_has_just_changed_is_listed_again(tmp_path: Path) -> None:
    """Two files created within one tick of the file system's clock leave the folder's time where it was."""
    finder = Finder([str(tmp_path / "*.log")])
    (tmp_path / "a.log").write_bytes(b"")
    before = tmp_path.stat().st_mtime_ns
    assert names(finder) == ["a.log"]
    (tmp_path / "b.log").write_bytes(b"")
    os.utime(tmp_path, ns=(before, before))
    assert names(finder, tmp_path / "a.log") == ["b.log"]


def test_globs_match_as_a_shell_does(tmp_path: Path) -> None:
    """`**` is any number of folders, a hidden file needs a dot, links to folders are followed but not by `**`."""
    for path in ("a.log", ".hidden.log", "x/b.log", "x/y/c.log", "x/y/d.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    os.symlink(tmp_path, tmp_path / "x" / "loop")
    assert sorted(names(Finder([f"{tmp_path}/**/*.log"]))) == ["a.log", "b.log", "c.log"]
    assert names(Finder([f"{tmp_path}/.*.log"])) == [".hidden.log"]
    assert names(Finder([f"{tmp_path}/*/y/[c-d].log"])) == ["c.log"]
    assert names(Finder([f"{tmp_path}/x/loop/a.log", f"{tmp_path}/none/*.log"])) == ["a.log"]


def test_a_path_is_matched_without_looking_at_the_disk() -> None:
    """Which positions of the last checkpoint belong to this source."""
    finder = Finder(["/var/log/**/*.log", "/srv/app.log", "/data/[ab]/?.txt"])
    assert all(map(finder.matches, ["/var/log/a.log", "/var/log/x/y/a.log", "/srv/app.log", "/data/a/1.txt"]))
    assert not any(map(finder.matches, ["/var/log", "/var/a.log", "/srv/app.log.1", "/data/c/1.txt", "/data/a/11.txt"]))


def test_a_folder_we_may_not_list_is_named(tmp_path: Path, as_nobody: None) -> None:
    """Others are searched all the same."""
    closed = tmp_path / "closed"
    closed.mkdir(0)
    (tmp_path / "a.log").write_bytes(b"")
    finder = Finder([f"{closed}/*.log", f"{tmp_path}/*.log"])
    assert names(finder) == ["a.log"]
    assert list(finder.closed_folders) == [str(closed)]
