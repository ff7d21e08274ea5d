"""A file of k6's JSON output that is whole: plain, or gzip as `--out json=FILE.gz` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from detector.core.decode.metrics.k6 import K6Reader
from detector.core.decode.metrics.line_error import LineError
from detector.edges.sources.gunzip import MAGIC, GzipDamaged, Joined, gunzip
from detector.records import MetricPoint

READ = 256 << 10
LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class K6Piece:
    """Points of the seconds that are over, and what is wrong with lines. `damage` is why the rest of a file cannot be read."""

    points: tuple[MetricPoint, ...]
    errors: tuple[LineError, ...] = ()
    damage: str | None = None


def read_k6(path: str) -> Iterator[K6Piece]:
    """From the first line to the last. What can be read of a damaged gzip file is read. Raises OSError."""
    reader = K6Reader()
    damage = None
    with open(path, "rb") as file:
        try:
            for text in whole_lines(pieces(file)):
                points, errors = reader.read(text)
                if points or errors:
                    yield K6Piece(points, errors)
        except GzipDamaged as problem:
            damage = f"damaged gzip: {problem}"
    yield K6Piece(reader.finish(), (), damage)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file, unpacked. Raises GzipDamaged after the last that could be read."""
    head = file.read(len(MAGIC))
    rest = Joined(head, file)
    if head == MAGIC:
        yield from gunzip(rest)
        return
    while piece := rest.read(READ):
        yield piece


def whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same, cut after ends of lines; what a line has beyond LONGEST_LINE is cut off."""
    waiting = b""
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if not end:
            waiting = (waiting + piece)[:LONGEST_LINE]
            continue
        yield waiting + piece[:end]
        waiting = piece[end:]
    if waiting:
        yield waiting
