"""A partition's findings are the same however its records come: packed or as lines, cut anywhere, over restarts, with gaps."""

from __future__ import annotations

import json
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.engine import thinning
from detector.core.pipeline import Pipeline
from detector.records import Finding, Tick
from tests.unit.core import topic
from tests.unit.core.engine.parts import T0
from tests.unit.core.flow import GONE, TIRED, gone, line, pipeline, reborn
from tests.unit.core.topic import Record

RULES = (GONE, TIRED)
TRACE = [b"\tat shop.Cart.total(Cart.java:%d)" % number for number in range(3)]


def shipped(text: bytes, pod: str = "api-0") -> bytes:
    """A line as Fluent Bit ships it."""
    return json.dumps(
        {
            "log": text.decode(),
            "stream": "stdout",
            "kubernetes": {"pod_name": pod, "namespace_name": "shop", "container_name": "c"},
        }
    ).encode()


def part(text: str, tag: str, pod: str) -> bytes:
    """A piece of a line that the runtime cut, as Fluent Bit ships it."""
    return shipped(text.encode(), pod)[:-1] + b', "logtag": "%b"}' % tag.encode()


def in_two_fields(name: str) -> bytes:
    """What a rule looks for stands nowhere in one piece."""
    error = {"error.type": "java.lang.ClassNotFoundException", "error.message": name}
    return json.dumps({"log.level": "ERROR", "message": "it failed", **error}).encode()


def ecs(text: str, level: str) -> bytes:
    return json.dumps({"@timestamp": "2026-11-24T10:00:00.000Z", "log.level": level, "message": text}).encode()


STRETCH = b"INFO a long quiet stretch"
PLAIN = st.sampled_from(
    [
        line("checkOrder took 3 ms").rstrip(),
        line("checkOrder gave up").rstrip().replace(b"ERROR", b" INFO"),
        line("the stock is low").rstrip().replace(b"ERROR", b"DEBUG"),
        line("could not start the cart").rstrip(),
        gone("shop.Basket").rstrip(),
        b"java.lang.IllegalStateException: no cart",
        b"Caused by: java.lang.ClassNotFoundException: shop.Deep",
        *TRACE,
        line("pool is tired").rstrip(),
        b"",
        line("two lines in a record").rstrip()
        + b"\nCaused by: java.lang.ClassNotFoundException: shop.Second\n\tat a.b(C.java:1)",
    ]
)
FILLER = st.sampled_from([STRETCH, b"INFO all is well", b'{"message":"quiet","n":1}', b"x" * 3000])
VALUES = st.one_of(
    st.none(),
    PLAIN,
    FILLER,
    FILLER,
    FILLER,
    st.builds(shipped, PLAIN, st.sampled_from(["api-0", "api-1"])),
    st.builds(
        part,
        st.sampled_from(["java.lang.ClassNotFoun", "dException: shop.Cut", "quiet"]),
        st.sampled_from(["P", "F"]),
        st.sampled_from(["api-0", "api-1"]),
    ),
    st.builds(in_two_fields, st.sampled_from(["shop.One", "shop.Two"])),
    st.builds(ecs, st.sampled_from(["quiet", "java.lang.ClassNotFoundException: shop.Json"]), st.sampled_from(["INFO", "ERROR"])),
)
TOPICS = st.lists(st.tuples(VALUES, st.sampled_from([1, 1, 1, 2, 5])), max_size=60)
SIZES = st.lists(st.one_of(st.integers(1, 12), st.sampled_from([50, 200])), min_size=1, max_size=20)


def partition(values: list[tuple[bytes | None, int]]) -> list[Record]:
    """Offsets with the holes that compaction and transactions leave."""
    found, offset = [], 100
    for index, (value, step) in enumerate(values):
        for _ in range(40 if value == STRETCH else 1):
            found.append(Record(offset, value, T0 + index, (("kafka.key", str(index)),)))
            offset += step
    return found


def told(findings: list[Finding]) -> list[tuple[object, ...]]:
    return sorted(
        (f.rule, f.event_start, f.evidence.position, f.evidence.line, f.evidence.text, f.dedup_key, f.time_ms) for f in findings
    )


def whole(chosen: list[Record]) -> list[tuple[object, ...]]:
    """All records in one batch of lines."""
    one = pipeline(*RULES)
    if chosen:
        one.take(topic.lines(chosen, chosen[0].offset, chosen[-1].offset + 1))
    one.end()
    return told(list(one.checkpoint(T0).findings))


def feed(one: Pipeline, chosen: list[Record], sizes: list[int], is_packed: list[bool], begin: int) -> None:
    for index, (piece, offset, next_offset) in enumerate(topic.cut(chosen, sizes, begin)):
        make = topic.packed if is_packed[index % len(is_packed)] else topic.lines
        one.take(make(piece, offset, next_offset))


@settings(max_examples=300, deadline=None)
@given(TOPICS, SIZES, st.lists(st.booleans(), min_size=1, max_size=5))
def test_packed_or_not_and_cut_anywhere(values, sizes, is_packed) -> None:
    """Findings, their positions and what they show; also of a long log, of which not every loud line is looked at."""
    chosen = partition(values)
    one = pipeline(*RULES)
    with patch.object(thinning, "WHOLE_BYTES", 0):
        feed(one, chosen, sizes, is_packed, 100)
        one.end()
    assert told(list(one.checkpoint(T0).findings)) == whole(chosen)


@settings(max_examples=300, deadline=None)
@given(TOPICS, SIZES, st.lists(st.booleans(), min_size=1, max_size=5), st.integers(0, 400))
def test_a_restart_gives_nothing_twice_and_loses_nothing(values, sizes, is_packed, stop) -> None:
    """From the position of the last checkpoint on, whatever the size of batches then is."""
    chosen = partition(values)
    one = pipeline(*RULES)
    before = chosen[:stop]
    feed(one, before, sizes, is_packed, 100)
    first = one.checkpoint(T0)
    positions = {position.stream_key: position for position in first.positions}
    begin = positions[topic.STREAM.key].offset if positions else 100
    two = reborn(dict(first.state), first.incidents, *RULES)
    feed(two, chosen, sizes[::-1], is_packed[::-1], begin)
    two.end()
    assert told([*first.findings, *two.checkpoint(T0).findings]) == whole(chosen)


def test_what_was_told_by_somebody_else_is_not_told_again() -> None:
    """But it counts for what comes later: the third tired pool completes what the silent two began."""
    chosen = topic.records(gone("shop.Old").rstrip(), *[line("pool is tired").rstrip()] * 3, gone("shop.New").rstrip())
    one = pipeline(*RULES)
    one.take(topic.packed(chosen[:2], 0, 2, silent_until=3))
    one.take(topic.packed(chosen[2:], 2, 5, silent_until=3))
    one.end()
    assert [(f.rule, f.evidence.position) for f in one.checkpoint(T0).findings] == [
        ("own/tired", "3"),
        (GONE.id, "4"),
    ]


def test_a_quiet_partition_moves_on() -> None:
    """What was put by as context does not hold the position back for longer than two silent seconds."""
    one = pipeline(*RULES)
    for offset in range(50):
        one.take(topic.packed(topic.records(b"quiet", first=offset), offset, offset + 1))
    one.tick(Tick(T0 + 1000, 2000))
    one.tick(Tick(T0 + 4000, 5000))
    one.take(topic.packed(topic.records(b"quiet", first=50), 50, 51))
    (position,) = one.checkpoint(T0).positions
    assert position.offset == 50
    assert one.counts.lines == 51


def test_a_line_without_a_time_happened_when_its_record_was_written() -> None:
    """And its key and headers are labels."""
    one = pipeline(*RULES)
    old = Record(7, b"java.lang.ClassNotFoundException: shop.Basket", T0 - 5000, (("kafka.key", "k"), ("team", "cart")))
    one.take(topic.lines([old], 7, 8))
    one.end()
    (finding,) = one.checkpoint(T0).findings
    assert (finding.time_ms, finding.time_from.value, finding.evidence.position) == (T0 - 5000, "frame", "7")


def test_what_stood_before_is_read_where_a_hit_asks_for_it() -> None:
    """A trace whose head lay in a quiet batch is one event with it."""
    quiet = line("checkOrder gave up").rstrip().replace(b"ERROR", b" INFO")
    chosen = topic.records(
        quiet, b"java.lang.IllegalStateException: no cart", TRACE[0], b"Caused by: java.lang.ClassNotFoundException: shop.Deep"
    )
    one = pipeline(*RULES)
    one.take(topic.packed(chosen[:2], 0, 2))
    one.take(topic.packed(chosen[2:3], 2, 3))
    one.take(topic.packed(chosen[3:], 3, 4))
    one.end()
    assert told(list(one.checkpoint(T0).findings)) == whole(chosen)


def test_a_match_across_a_cut_is_found_in_packed_records() -> None:
    """Neither piece holds what the rule looks for."""
    chosen = topic.records(b"quiet", part("java.lang.ClassNotFoun", "P", "a"), part("dException: shop.Cut", "F", "a"), b"quiet")
    one = pipeline(*RULES)
    for record in chosen:
        one.take(topic.packed([record], record.offset, record.offset + 1))
    one.end()
    assert [f.entity.token for f in one.checkpoint(T0).findings if f.entity] == ["shop.Cut"]
    assert whole(chosen)
