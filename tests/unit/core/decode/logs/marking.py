"""Runs text through a LogStream as the pipeline does, with a word search in place of the scan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from detector.core.decode.logs.stream import LogStream, Mark, Marked, Span
from detector.records import Batch, LogEvent, Stream

OBSERVED_MS = 1_800_000_000_000  # 2027-01-15
STREAM = Stream("key", "name", layout="auto")


def marks(span: Span, words: Sequence[bytes]) -> list[Mark]:
    """A mark at the end of each occurrence of each word in the new lines of a span."""
    found = [
        Mark(match.end() - 1, number)
        for number, word in enumerate(words)
        for match in re.finditer(re.escape(word), bytes(span.buffer[: span.end]))
        if match.start() >= span.scan_from
    ]
    return sorted(found, key=lambda mark: (mark.at, mark.pattern))


def batches(data: bytes, cuts: Sequence[int], offset: int = 0, *, ends: bool = True) -> list[Batch]:
    """The bytes in batches that end at the line ends next to `cuts`; every second one with room for the carry before it."""
    edges = [0]
    for cut in sorted(cuts):
        edge = data.find(b"\n", cut) + 1 or len(data)
        if edge > edges[-1]:
            edges.append(edge)
    if edges[-1] < len(data):
        edges.append(len(data))
    found = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        room = b"#" * 50 + b"\n" * 20 if number % 2 else b""
        body = bytearray(room * 3000) + bytearray(data[begin:end])
        size = len(room) * 3000
        found.append(Batch(STREAM, body, size, len(body), offset + begin, OBSERVED_MS, ends=ends and end == len(data)))
    return found


def marked(data: bytes | str, words: Sequence[str], cuts: Sequence[int] = (), stream: Stream = STREAM) -> list[Marked]:
    """The events of a whole stream that hold one of the words."""
    raw = data.encode() if isinstance(data, str) else data
    sought = [word.encode() for word in words]
    log_stream = LogStream(stream)
    found: list[Marked] = []
    for batch in batches(raw, cuts):
        span = log_stream.span(batch)
        found += log_stream.events(span, marks(span, sought))
    return found + log_stream.finish()


def events(data: bytes | str, *words: str) -> list[LogEvent]:
    return [found.event for found in marked(data, words)]


def event(data: bytes | str, word: str) -> LogEvent:
    """The one event that holds the word."""
    found = events(data, word)
    assert len(found) == 1, [each.text for each in found]
    return found[0]
