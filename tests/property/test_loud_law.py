"""The one law of the level patterns: whatever the decoding calls WARN or worse, the scan marks."""

import functools
from pathlib import Path

import pytest

from detector.core.decode.logs.stream import LogStream, Mark
from detector.core.engine.scan import HyperscanScanner, compile_database, pattern_table
from detector.records import Batch, Level, Stream
from tests.property.test_scanners_agree import FRAMES, sample_lines
from tests.unit.core.engine.test_loud import LOUD_LINES, LOUD_RECORDS

CORPUS = sorted(
    {line for path in Path(__file__).parents[1].glob("data/**/*.log") for line in path.read_bytes().split(b"\n")[:5000]}
)


@functools.cache
def scanner():
    return HyperscanScanner(compile_database(pattern_table(())))


def unmarked(line):
    """Events of a line, alone in its stream, that are loud and have no mark."""
    buffer, stream = line + b"\n", Stream("s", "app.log")
    logs = LogStream(stream)
    span = logs.span(Batch(stream, bytearray(buffer), 0, len(buffer), 0, 0, ends=True))
    marked = [*logs.events(span, [Mark(max(0, span.end - 2), 0)]), *logs.finish()]
    loud = [m.event for m in marked if m.event.level is not None and m.event.level >= Level.WARN]
    return [event for event in loud if not scanner().scan(span.buffer, span.scan_from, span.end)]


@pytest.mark.parametrize("frame", FRAMES)
def test_what_is_loud_is_marked(frame):
    """Over the samples of all rules and of all layouts, in all frames."""
    lines = [line for line in {*sample_lines(), *CORPUS, *(text.encode() for text in LOUD_LINES)} if len(line) < 100_000]
    assert LOUD_RECORDS
    assert [event for line in lines for event in unmarked(frame(line))] == []
