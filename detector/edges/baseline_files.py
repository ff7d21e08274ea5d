"""Mounted files that `trimwatch baseline export` wrote, found by paths or patterns of them and read."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from detector.core.signals.baseline import Baseline
from detector.core.signals.baseline_file import MOST_FILE_BYTES, read_file

MOST_FILES = 200  # of one pattern


@dataclass(frozen=True, slots=True)
class BaselineFile:
    """`at` is the place of its pattern among those that were given; without a `baseline`, `problem` says why."""

    at: int
    path: str
    baseline: Baseline | None
    problem: str = ""


def baseline_files(patterns: Sequence[str]) -> Iterator[BaselineFile]:
    """A pattern that fits nothing is a path that is missing."""
    for at, pattern in enumerate(patterns):
        for path in (sorted(glob.glob(pattern)) or [pattern])[:MOST_FILES]:
            try:
                with open(path, "rb") as source:
                    yield BaselineFile(at, path, read_file(path, source.read(4 * MOST_FILE_BYTES + 1)))
            except OSError as error:
                yield BaselineFile(at, path, None, f"{path}: {error.strerror}")
            except ValueError as error:
                yield BaselineFile(at, path, None, str(error))
