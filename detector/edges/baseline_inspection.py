"""Whether the mounted files of baselines are there and sound, for `check --connect`."""

from __future__ import annotations

import asyncio

from detector.edges.baseline_files import BaselineFile, baseline_files
from detector.edges.inspected import Inspected
from detector.settings.judging import VerdictSettings


async def inspect_files(settings: VerdictSettings) -> Inspected:
    files: list[BaselineFile] = await asyncio.to_thread(lambda: list(baseline_files(settings.baseline_files)))
    read = [each.baseline for each in files if each.baseline is not None]
    told = ", ".join(f"{each.name} (signals: {len(each.signals)})" for each in read)
    return Inspected(told, tuple((f"baseline_files.{each.at}", each.problem) for each in files if each.baseline is None))
