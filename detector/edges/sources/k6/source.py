"""Follows files of k6's JSON output as the source `file` follows logs: through rotation, truncation and restarts.

Everything a batch holds is handed over with the batch's position, seconds that are not over included: a crash loses no sample and
counts none twice. Parts of one second are points of their own, and distributions and deltas of them add up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from detector.core.decode.metrics.k6 import K6Reader
from detector.core.decode.metrics.line_error import LineError
from detector.edges.sources.base import Inbox, Resume
from detector.edges.sources.file.source import FileSource
from detector.edges.sources.gunzip import GzipDamaged
from detector.edges.sources.k6.past import pieces, whole_lines
from detector.records import Batch, DeadLetter, LostRange, Points
from detector.settings import FileSourceSettings, K6SourceSettings

MOST_FILES = 512  # at once


class K6Source:
    """Implements `base.Source`. A gzip file has no whole lines while it grows: `edges.sources.k6.past` reads it afterwards."""

    def __init__(self, settings: K6SourceSettings) -> None:
        self.name = settings.name
        self._files = FileSource(
            FileSourceSettings(
                type="file",
                paths=settings.paths,
                name=settings.name,
                service=settings.service,
                layout="json",
                poll=settings.poll,
                look_for_files=settings.poll,
                max_files=MOST_FILES,
            )
        )

    async def read_into(self, inbox: Inbox, resume: Mapping[str, Resume]) -> None:
        """Never returns."""
        await self._files.read_into(_PointsOfLines(inbox), resume)


class _PointsOfLines:
    """Implements `base.Inbox`: takes lines, hands points over."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._readers: dict[str, K6Reader] = {}

    async def put(self, batch: Batch, token: str = "") -> None:
        stream = batch.stream
        reader = self._readers.get(stream.key)
        if reader is None:
            reader = self._readers[stream.key] = await asyncio.to_thread(_told_before, stream.name, batch.offset)
        found, errors = reader.read(bytes(batch.buffer[batch.begin : batch.end]))
        if batch.ends:
            del self._readers[stream.key]
        if batch.lost is not None:
            await self._inbox.lost(batch.lost)
        end = batch.offset + batch.size + batch.cut_bytes
        dead = tuple(_dead(stream.name, batch.offset, error) for error in errors)
        points = (*found, *reader.finish())
        await self._inbox.points(Points(stream, points, batch.offset, end, batch.observed_ms, dead), token)

    async def points(self, points: Points, token: str = "") -> None:
        await self._inbox.points(points, token)

    async def lost(self, lost: LostRange) -> None:
        await self._inbox.lost(lost)


def _dead(name: str, offset: int, error: LineError) -> DeadLetter:
    return DeadLetter(name, str(offset), f"no line of k6: {error}", error.sample)


def _told_before(path: str, end: int) -> K6Reader:
    """One that knows the kinds that the file told of before this byte: k6 tells of each name once, and a restart would forget."""
    reader = K6Reader()
    try:
        with open(path, "rb") as file:
            for text in whole_lines(_up_to(pieces(file), end)):
                lines = [line for line in text.split(b"\n") if b'"Metric"' in line]
                reader.read(b"\n".join(lines))
    except (OSError, GzipDamaged):
        pass  # it is gone, or turned into something else: what follows tells
    return reader


def _up_to(pieces: Iterator[bytes], end: int) -> Iterator[bytes]:
    for piece in pieces:
        if end <= 0:
            return
        yield piece[:end]
        end -= len(piece)
