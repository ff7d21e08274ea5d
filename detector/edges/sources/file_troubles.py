"""Says once what an operator can mend: a file or folder we may not read, gzip where a log was expected."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from detector.edges.sources.file_tail import Tail

MOST = 1000  # paths that are remembered; what goes beyond is not said

log = structlog.get_logger()


class FileTroubles:
    def __init__(self, source: str) -> None:
        self._source = source
        self._said: dict[str, str] = {}

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
