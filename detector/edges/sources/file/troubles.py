"""Says once what an operator can mend: a file or folder we may not read, gzip where a log was expected."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Mapping

import structlog

from detector.edges.sources.file.tail import Tail

MOST = 1000  # paths that are remembered; what goes beyond is not said

log = structlog.get_logger()


class FileTroubles:
    def __init__(self, source: str) -> None:
        self._source = source
        self._said: dict[str, str] = {}

    def paths(self, paths: Iterable[str]) -> None:
        """At the start, when nothing is found yet: silence would look as if all were well. Looks at the disk."""
        for path in paths:
            if glob.has_magic(path):
                problem = "" if next(glob.iglob(path, recursive=True), None) else "no file matches yet"
            else:
                problem = _no_file(path)
            if problem:
                self._say("nothing_to_follow", path, problem)

    def file(self, tail: Tail, error: OSError) -> None:
        """It is tried again."""
        self._say("file_unreadable", tail.path or tail.name, error.strerror or type(error).__name__)

    def over(self, tail: Tail) -> None:
        self._said.pop(tail.path or tail.name, None)

    def folders(self, closed: Mapping[str, str]) -> None:
        for folder, problem in closed.items():
            self._say("folder_unreadable", folder, problem)

    def packed(self, path: str) -> None:
        if path not in self._said and len(self._said) < MOST:
            self._said[path] = "packed"
            log.info("file_is_packed", source=self._source, path=path, hint="gzip files are read by replay, not followed")

    def _say(self, event: str, path: str, problem: str) -> None:
        if self._said.get(path) != problem and len(self._said) < MOST:
            self._said[path] = problem
            log.warning(event, source=self._source, path=path, error=problem)


def _no_file(path: str) -> str:
    """Why the path is nothing that can be followed; empty if it is a file."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return error.strerror or type(error).__name__
    if stat.S_ISDIR(mode):
        return f"is a folder; name its files, or a glob such as {os.path.join(path, '*.log')}"
    return "" if stat.S_ISREG(mode) else "is no regular file; pipe it into standard input"
