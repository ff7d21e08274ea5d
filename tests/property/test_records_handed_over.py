"""A partition that goes to another member, wherever it is cut: nothing is lost, and only what was cut in two is told by both."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.decode.logs.places import BYTE_BITS
from detector.core.pipeline import Pipeline
from detector.records import Finding
from tests.property.test_records_any_way import SIZES, TOPICS, partition
from tests.unit.core import topic
from tests.unit.core.engine.parts import T0
from tests.unit.core.flow import GONE, gone, line, pipeline
from tests.unit.core.topic import Record

FIRST = 100


def feed(one: Pipeline, chosen: list[Record], sizes: list[int], is_packed: bool, silent_until: int = 0) -> None:
    """From the first record on, as a source hands them over: a batch is silent if it begins before `silent_until`."""
    make = topic.packed if is_packed else topic.lines
    for piece, offset, next_offset in topic.cut(chosen, sizes, FIRST):
        one.take(make(piece, offset, next_offset, silent_until if offset < silent_until else 0))


def handed_over(chosen: list[Record], stop: int, sizes: list[int], is_packed: bool) -> tuple[int, list[Finding], list[Finding]]:
    """The offset that the first owner leaves behind, what it told, and what the second tells that reads all of it again."""
    one, two = pipeline(GONE), pipeline(GONE)
    feed(one, chosen[:stop], sizes, is_packed)
    one.set_aside([topic.STREAM.key])
    first = one.checkpoint(T0)
    committed = first.positions[0].offset if first.positions else FIRST
    feed(two, chosen, sizes[::-1], is_packed, committed)
    two.end()
    return committed, list(first.findings), list(two.checkpoint(T0).findings)


@settings(max_examples=500, deadline=None)
@given(TOPICS, SIZES, st.booleans(), st.integers(0, 60))
def test_handed_over_anywhere(values, sizes, is_packed, stop) -> None:
    """Each cause that one owner alone would name is named by one of the two. By both only if its event lies across the cut, or
    the rest of a line that the runtime cut had not come: then the second begins where the first would."""
    chosen = partition(values)
    alone = pipeline(GONE)
    feed(alone, chosen, [60], False)
    alone.end()
    committed, first, second = handed_over(chosen, stop, sizes, is_packed)
    wanted = {finding.dedup_key for finding in alone.checkpoint(T0).findings}
    assert wanted <= {finding.dedup_key for finding in [*first, *second]}
    if any(value is not None and b'"logtag": "P"' in value for value, _ in values):
        return
    told = {finding.event_start for finding in first}
    again = [finding for finding in second if finding.event_start in told]
    assert [finding for finding in again if not finding.event_start < committed << BYTE_BITS < finding.event_end] == []


def test_an_event_that_began_before_the_cut_is_told_after_it() -> None:
    """Its first line was judged by the first owner and meant nothing yet."""
    header = line("could not start the cart").rstrip().replace(b"ERROR", b" INFO")
    trace = b"Caused by: java.lang.ClassNotFoundException: shop.Deep"
    committed, first, second = handed_over(topic.records(header, trace, first=FIRST), 1, [1], is_packed=True)
    assert (committed, first) == (FIRST + 1, [])
    assert [finding.entity.token for finding in second if finding.entity] == ["shop.Deep"]


def test_what_was_put_by_for_later_lines_is_handed_over() -> None:
    """The next owner begins behind it, and tells nothing again."""
    quiet = [b"INFO all is well"] * 20
    values = [*quiet, gone("shop.Basket").rstrip(), *quiet]
    committed, first, second = handed_over(topic.records(*values, first=FIRST), len(values), [7], is_packed=True)
    assert committed == FIRST + len(values)
    assert (len(first), second) == (1, [])
