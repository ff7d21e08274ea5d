"""Writes one JSON object a line to standard output: the incident of the stable interface with `action` and `seq` added."""

from __future__ import annotations

import asyncio
import os
import select
import sys

from detector.crash_points import CrashPoint, reach
from detector.edges.sinks.base import Delivered
from detector.edges.sinks.excerpt import excerpt
from detector.errors import SinkError
from detector.interface import incident_object, json_line
from detector.records import Alert
from detector.settings import StdoutSinkSettings

_TIMEOUT_S = 10.0
_LOOK_AGAIN_S = 0.02


class StdoutSink:
    """Never blocks the loop, nor the end of the process, on a reader that has stopped reading: it writes only as much as the pipe
    takes at once. What was left of a line when a send ended early goes out before the next, so that lines stay whole."""

    def __init__(self, settings: StdoutSinkSettings, descriptor: int | None = None) -> None:
        self.name = settings.name
        self._descriptor = descriptor
        self._left = b""
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        return

    async def send(self, alert: Alert, note: str, now_ms: int) -> Delivered:
        line = json_line(incident_object(excerpt(alert.incident)) | {"action": alert.action.value, "seq": alert.seq})
        reach(CrashPoint.SINK_BEFORE_SEND)
        try:
            async with self._turn, asyncio.timeout(_TIMEOUT_S):
                await self._write(line)
        except TimeoutError:
            raise SinkError("standard output is not read", retryable=True, reason="contextDeadlineExceeded") from None
        except (OSError, ValueError) as error:
            raise SinkError(f"standard output: {error}", retryable=True, reason="connectionError") from None
        reach(CrashPoint.SINK_SENT)
        return Delivered()

    async def close(self) -> None:
        return

    async def _write(self, line: bytes) -> None:
        descriptor = sys.stdout.fileno() if self._descriptor is None else self._descriptor
        await self._push(descriptor)
        self._left = line
        try:
            await self._push(descriptor)
        finally:
            if self._left == line:  # nothing of it is out: the next try writes it once
                self._left = b""

    async def _push(self, descriptor: int) -> None:
        writable = select.poll()
        writable.register(descriptor, select.POLLOUT)
        while self._left:
            if writable.poll(0):
                # A pipe that polls as writable takes PIPE_BUF bytes without blocking.
                self._left = self._left[os.write(descriptor, self._left[: select.PIPE_BUF]) :]
            else:
                await asyncio.sleep(_LOOK_AGAIN_S)
