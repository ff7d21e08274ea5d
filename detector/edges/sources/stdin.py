"""Reads standard input to its end: a pipe, a terminal, or a file that was put there."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import time
from collections.abc import Mapping

from detector.crash_points import CrashPoint, reach
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.lines import LineBuffer
from detector.records import Stream
from detector.settings import StdinSourceSettings

PIPE_BYTES = 1 << 20  # the most a pipe of an unprivileged process may hold (proc(5), pipe-max-size): fewer, larger reads


class StdinSource:
    """Implements `base.Source`. What was read before a restart cannot be read again, so every run is a stream of its own."""

    def __init__(self, settings: StdinSourceSettings, fd: int = 0) -> None:
        self.name = settings.name
        self._settings = settings
        self._fd = fd

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        lines = LineBuffer(self._stream(), self._settings.max_line.bytes)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        while True:
            await self._until_readable()
            size = os.readv(self._fd, [lines.space()])
            if not size:
                break
            reach(CrashPoint.SOURCE_READ)
            batch = lines.filled(size, _now_ms())
            while batch is not None:
                await inbox.put(batch)
                batch = lines.more(_now_ms())
            await asyncio.sleep(0)  # an inbox with room returns at once: let the others run
        await inbox.put(lines.finish(_now_ms()))

    def _stream(self) -> Stream:
        service = self._settings.service
        key = f"stdin:{os.getpid()}:{time.time_ns()}"
        return Stream(key, "-", service, layout=self._settings.layout, service_fixed=service is not None)

    async def _until_readable(self) -> None:
        """Never blocks the loop and leaves no thread behind: a read is made only when it returns at once."""
        if select.select([self._fd], [], [], 0)[0]:
            return
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._fd)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
