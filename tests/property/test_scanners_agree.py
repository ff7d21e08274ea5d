"""Hyperscan and RE2 sets are one scanner with two speeds: the same lines marked by the same patterns, the same findings."""

import functools
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.decode.logs.stream import LogStream
from detector.core.engine.engine import Engine, EventContext
from detector.core.engine.scan import HyperscanScanner, SetScanner, compile_database, pattern_table
from detector.core.ruleset.load import load_rules
from detector.edges.rule_files import builtin_rule_files
from detector.records import Batch, Stream

RULES = Path(__file__).parents[2] / "rules"
NOISE = [
    b"",
    b"all is well",
    b"\xff\xfe\x00",
    b"INFO [main] a.B - 12 ms",
    b'{"level":"info","msg":"x"}',
    b"x" * 3000,
    b"\r",
    b'}{\\"',
]


@functools.cache
def rules():
    return load_rules(builtin_rule_files())


@functools.cache
def scanners():
    table = pattern_table(rules())
    return table, HyperscanScanner(compile_database(table)), SetScanner(table)


@functools.cache
def sample_lines():
    """Every line of every rule's sample files, found or not."""
    lines = {line for path in sorted(RULES.glob("*/*.log")) for line in path.read_bytes().split(b"\n")}
    return sorted(lines | set(NOISE))


def as_json(line):
    return json.dumps({"level": "ERROR", "message": line.decode("utf-8", "replace")}).encode()


def as_docker(line):
    return json.dumps(
        {"log": line.decode("utf-8", "replace") + "\n", "stream": "stderr", "time": "2024-03-30T08:31:20Z"}
    ).encode()


def as_cri(line):
    return b"2023-06-22T10:27:25.813799277Z stdout F " + line


FRAMES = [
    bytes,
    as_json,
    as_docker,
    as_cri,
    lambda line: as_docker(as_json(line)),
    lambda line: b"2024-01-01 10:00:00 ERROR " + line,
]


@st.composite
def buffers(draw):
    lines = draw(st.lists(st.tuples(st.sampled_from(sample_lines()), st.sampled_from(FRAMES)), max_size=30))
    glued = draw(st.booleans())
    text = b"\n".join(frame(line) for line, frame in lines)
    return text + (b"" if glued else b"\n")


def lines_marked(scanner, buffer):
    return {(buffer.rfind(b"\n", 0, at) + 1, pattern) for at, pattern in scanner.scan(buffer, 0, len(buffer))}


def findings(scanner, table, buffer):
    engine, stream = Engine(rules(), scanner, table), Stream("s", "app.log")
    logs, context = LogStream(stream), EventContext("s", "app.log", "shop", 0)
    span = logs.span(Batch(stream, bytearray(buffer), 0, len(buffer), 0, 0, ends=True))
    marked = [*logs.events(span, engine.scan(span.buffer, span.scan_from, span.end)), *logs.finish()]
    return [finding for m in marked for finding in engine.judge(m.event, m.patterns, context)]


@settings(max_examples=25, deadline=None)
@given(buffers())
def test_both_scanners_mark_the_same_lines_and_find_the_same(buffer):
    """Over the samples of all rules in all frames, with noise between."""
    table, fast, slow = scanners()
    assert lines_marked(fast, buffer) == lines_marked(slow, buffer)
    assert findings(fast, table, buffer) == findings(slow, table, buffer)


def test_every_sample_line_is_marked_alike():
    """Not one by one as chance has it, but all."""
    _, fast, slow = scanners()
    for frame in (bytes, FRAMES[-2]):
        buffer = b"\n".join(map(frame, sample_lines()))
        assert lines_marked(fast, buffer) == lines_marked(slow, buffer)
