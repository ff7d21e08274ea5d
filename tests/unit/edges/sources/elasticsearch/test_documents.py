"""Documents of every shipper become lines that the decoding reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from detector.core.decode.logs.record_stream import RecordStream
from detector.core.decode.logs.stream import Mark, Span
from detector.edges.sources.elasticsearch.batches import batches_of, stream_of
from detector.edges.sources.elasticsearch.hits import NO_TIME, Hit, in_order, index_stem, line_of, value_at
from detector.records import Level, LogEvent
from detector.settings import ElasticsearchSourceSettings
from detector.settings.values import Size
from tests.unit.edges.sources.shipped_documents import CARRIERS, DOCUMENTS, ECS_POD, FILEBEAT, LINE, THROWN, TIME, Source

TIME_MS = 1715671867123


def settings(**more: Any) -> ElasticsearchSourceSettings:
    return ElasticsearchSourceSettings("elasticsearch", ("http://localhost:9200",), "logs-2024.05.14", **more)


def hit(source: Source | None, row: int = 0, index: str = "logs-2024.05.14", time_ms: int = TIME_MS) -> Hit:
    return Hit(index, f"id-{row}", (time_ms, row), row, row, (index, 0), row, source)


def events(sources: Sequence[Source], **more: Any) -> list[LogEvent]:
    """What the pipeline sees of these documents when every one was hit."""
    chosen = settings(**more)
    hits = [hit({"@timestamp": TIME, **source}, row) for row, source in enumerate(sources)]
    stream = stream_of(chosen)
    records = RecordStream(stream)
    (batch,) = batches_of(hits, 0, stream, chosen, TIME_MS)
    assert batch.records is not None
    marks = [Mark(at, 0) for at in batch.records.begins]
    _, found = records.read(batch, batch, marks, has_parts=True, look=every_line)
    return [marked.event for marked in [*found, *records.finish()]]


def every_line(span: Span, marks: Sequence[Mark] | None) -> Sequence[Mark]:
    """A scan that hits every line."""
    if marks is not None:
        return marks
    assert span.rebuilt is not None
    return [Mark(at, 0) for at in span.rebuilt.begins]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_what_the_line_said(name: str) -> None:
    """What was thrown, level, service and time come through, whoever shipped it; the trace is in the same event."""
    (event,) = events([DOCUMENTS[name]])
    assert THROWN in event.text.decode()
    assert "failed to start" in event.text.decode()
    assert (event.level, event.service, event.time_ms) == (Level.ERROR, "api", TIME_MS)
    assert (event.position, event.labels[-2:]) == (
        "logs-2024.05.14/id-0",
        (("elasticsearch.index", "logs-2024.05.14"), ("elasticsearch.id", "id-0")),
    )


@pytest.mark.parametrize("name", CARRIERS)
def test_a_trace_that_was_shipped_line_by_line_is_one_event(name: str) -> None:
    """As in a file: a document a line, joined by what carries them."""
    found = events([CARRIERS[name](line) for line in [*LINE.split("\n"), f"{TIME}  INFO 1 --- [main] c.acme.Boot : next"]])
    assert [event.text.decode() for event in found] == [LINE.partition(" : ")[2], "next"]


def test_pods_that_alternate_are_told_apart() -> None:
    """Two traces whose lines come one after the other, from two pods and from two hosts: two events."""
    lines = LINE.split("\n")
    for one, other in (
        ({"kubernetes": ECS_POD}, {"kubernetes": {**ECS_POD, "pod": {"name": "api-2"}}}),
        ({"host": {"name": "a"}}, {"host": {"name": "b"}}),
    ):
        sources = [{"message": line, **FILEBEAT, **where} for line in lines for where in (one, other)]
        assert [event.text.decode() for event in events(sources)] == [LINE.partition(" : ")[2]] * 2


@pytest.mark.parametrize("field", ["text.raw", "text_raw"])
def test_a_field_that_the_settings_name_is_the_line(field: str) -> None:
    """However deep, whatever else the document has for a message."""
    nested = {"text": {"raw": LINE}} if "." in field else {field: LINE}
    (event,) = events([{**nested, "message": "nothing", "log": "nothing"}], message_field=field)
    assert THROWN in event.text.decode()
    assert event.level is Level.ERROR


def test_what_json_cannot_hold_comes_through() -> None:
    """A lone surrogate, a number beyond 64 bits: the line is judged all the same."""
    (event,) = events([{"message": f"\ud800 {THROWN}", "number": 10**40, "level": "error"}])
    assert THROWN in event.text.decode()


def test_a_document_that_cannot_be_read_is_a_dead_letter() -> None:
    """It keeps its place: the records after it have the same numbers as without it."""
    chosen = settings()
    (batch,) = batches_of([hit({"message": "a"}), hit(None, 1), hit({"message": "b"}, 2)], 7, stream_of(chosen), chosen, 0)
    assert batch.records is not None
    assert (list(batch.records.offsets), batch.offset, batch.next_offset) == ([7, 9], 7, 10)
    assert [letter.position for letter in batch.dead] == ["logs-2024.05.14/id-1"]


def test_a_huge_document_is_cut() -> None:
    """At the length a line may have; marked, and counted."""
    chosen = settings(max_line=Size(1024))
    (batch,) = batches_of([hit({"message": "a" * 5000}), hit({"message": "b"}, 1)], 0, stream_of(chosen), chosen, 0)
    lines = bytes(batch.buffer).split(b"\n")
    assert [len(line) for line in lines] == [1024, len(b'{"message":"b"}'), 0]
    assert (batch.cut_at, batch.cut_bytes) == ((0,), 5000 + len('{"message":""}') - 1024)


def test_a_document_without_a_time_says_so() -> None:
    """Then the record has none either."""
    chosen = settings()
    (batch,) = batches_of([hit({"message": "a"}, time_ms=NO_TIME)], 0, stream_of(chosen), chosen, 0)
    assert batch.records is not None
    assert list(batch.records.times_ms) == [-1]


@pytest.mark.parametrize(
    ("index", "stem"),
    [
        ("shop", "shop"),
        ("shop-2024.05.14", "shop"),
        ("filebeat-8.11.0-2024.05.14", "filebeat-8.11.0"),
        (".ds-logs-nginx.access-default-2024.05.14-000001", "logs-nginx.access-default"),
        ("logs-*", "logs"),
        ("shop-2024.05.14-000003", "shop"),
        ("shop_2024-05", "shop"),
        ("shop-2024.w20", "shop"),
        ("eu:shop-*", "shop"),
        ("partial-.ds-shop-2024.05.14-000001", "shop"),
        ("*", "*"),
        ("2024.05.14", "2024.05.14"),
    ],
)
def test_an_index_is_called_by_its_name_without_the_date(index: str, stem: str) -> None:
    """Never empty."""
    assert index_stem(index) == stem


def test_indices_of_a_pattern_tell_services_apart() -> None:
    """Where a document says nothing of a service and its index is not the stream's own; the document's word goes first."""
    assert b'"service.name":"shop"' in line_of(hit({"message": "a"}, index="shop-2024.05.14"), None, "logs")
    assert b"service.name" not in line_of(hit({"message": "a"}, index="logs-2024.05.14"), None, "logs")
    assert b'"shop"' not in line_of(hit({"message": "a", "service": {"name": "x"}}, index="shop"), None, "logs")


def test_a_millisecond_is_put_in_the_order_in_which_it_was_written() -> None:
    """By the rest of the time where it has more than milliseconds, by Filebeat's offset, else as the shard took them in."""
    nanos = [hit({"t": f"2024-05-14T07:31:07.1234{rest}Z"}, row) for row, rest in enumerate(["56", "12", "9"])]
    assert [each.id for each in in_order(nanos, "t")] == ["id-1", "id-0", "id-2"]
    offsets = [hit({"log": {"offset": at}}, row) for row, at in enumerate([300, 5, 20])]
    assert [each.id for each in in_order(offsets, "t")] == ["id-1", "id-2", "id-0"]
    assert [each.id for each in in_order([hit({}, 1), hit({}, 0)], "t")] == ["id-0", "id-1"]


def test_a_field_is_found_nested_and_dotted() -> None:
    """And half of each; None where it is not."""
    for source in ({"a": {"b": {"c": 1}}}, {"a.b": {"c": 1}}, {"a": {"b.c": 1}}, {"a.b.c": 1}):
        assert value_at(source, "a.b.c") == 1
    assert value_at({"a": 1}, "a.b") is None
