"""Follows log files through rotation, truncation and restarts. Every file is a stream of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.file.follow import Follower
from detector.edges.sources.file.troubles import FileTroubles
from detector.settings import FileSourceSettings


class FileSource:
    """Implements `base.Source`. A scan for new files runs in a thread; looks at quiet files and reads take turns on the loop."""

    def __init__(self, settings: FileSourceSettings) -> None:
        self.name = settings.name
        self._settings = settings

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        await asyncio.to_thread(FileTroubles(self.name).paths, self._settings.paths)
        follower = Follower(self._settings, inbox, resume)
        scan_s = self._settings.look_for_files.total_seconds()
        scan_at_s = 0.0
        with contextlib.closing(follower):
            while True:
                now_s = time.monotonic()
                if now_s >= scan_at_s or follower.wants_scan:
                    await follower.scan()
                    scan_at_s = time.monotonic() + scan_s
                await follower.look_at_due(now_s)
                if not await follower.take_turn():
                    await asyncio.sleep(follower.pause_s)
