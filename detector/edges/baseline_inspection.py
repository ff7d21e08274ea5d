"""Whether the mounted files of baselines are there and sound, for `check --connect`."""

from __future__ import annotations

import asyncio
import glob

from detector.core.signals.baseline import Baseline
from detector.core.signals.baseline_file import MOST_FILE_BYTES, read_file
from detector.edges.inspected import Inspected, Problem
from detector.settings.judging import VerdictSettings

_MOST_FILES = 200


async def inspect_files(settings: VerdictSettings) -> Inspected:
    read, problems = await asyncio.to_thread(_read, settings.baseline_files)
    told = ", ".join(f"{each.name} (signals: {len(each.signals)})" for each in read)
    return Inspected(told, tuple(problems))


def _read(patterns: tuple[str, ...]) -> tuple[list[Baseline], list[Problem]]:
    read: list[Baseline] = []
    problems: list[Problem] = []
    for at, pattern in enumerate(patterns):
        for path in (sorted(glob.glob(pattern)) or [pattern])[:_MOST_FILES]:
            try:
                with open(path, "rb") as source:
                    read.append(read_file(path, source.read(4 * MOST_FILE_BYTES + 1)))
            except OSError as error:
                problems.append((f"baseline_files.{at}", f"{path}: {error.strerror}"))
            except ValueError as error:
                problems.append((f"baseline_files.{at}", str(error)))
    return read, problems
