from __future__ import annotations

import pytest

from detector.edges.mirror.bulk import Line, bulks, line_of, outcomes
from detector.edges.mirror.shapes import Observer, shape_of
from detector.errors import SinkError
from tests.unit.edges.mirror.documents import finding_document


def line(number: int, stream: str = "t-findings") -> Line:
    document = finding_document(number)
    return line_of(document, stream, shape_of(document, Observer("i", "h")))


def answer(*statuses: int | tuple[int, str]) -> dict[str, object]:
    items = []
    for each in statuses:
        status, kind = each if isinstance(each, tuple) else (each, "some_exception")
        error = {} if status < 300 else {"error": {"type": kind, "reason": "words"}}
        items.append({"create": {"status": status, **error}})
    return {"errors": True, "items": items}


def of(*statuses: int | tuple[int, str]) -> list[str]:
    found = outcomes([line(number) for number in range(len(statuses))], answer(*statuses))
    return ["in" if each.is_in else "later" if each.may_come_later else "refused" for each in found]


def test_each_item_has_its_own_answer() -> None:
    """Taken, there already, told to wait, refused: nothing else becomes of a document."""
    assert of(201, (409, "version_conflict_engine_exception"), 429, 503, 500, 400, 413) == [
        "in",
        "in",
        "later",
        "later",
        "later",
        "refused",
        "refused",
    ]


def test_two_daemons_that_make_the_stream_at_once_are_no_conflict_of_documents() -> None:
    """The one that comes second tries again."""
    assert of(201, (400, "resource_already_exists_exception"), (409, "process_cluster_event_exception")) == [
        "in",
        "later",
        "later",
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        (404, "index_not_found_exception"),
        (403, "security_exception"),
        (403, "cluster_block_exception"),
        (400, "validation_exception"),
        (400, "index_closed_exception"),
    ],
)
def test_a_stream_that_takes_nothing_costs_no_document(refusal: tuple[int, str]) -> None:
    """A missing right or template, a closed index, a cluster that may hold no further shard: everything comes again."""
    with pytest.raises(SinkError, match=r"t-findings takes nothing: .*words") as raised:
        of(refusal, refusal)
    assert raised.value.retryable


@pytest.mark.parametrize(
    "refusal", [(403, "cluster_block_exception"), (404, "index_not_found_exception"), (400, "index_closed_exception")]
)
def test_an_index_that_is_blocked_in_mid_bulk_costs_no_document(refusal: tuple[int, str]) -> None:
    """A disk runs full between two items: those behind it wait, beside one that is refused for itself."""
    assert of(201, refusal, (400, "document_parsing_exception")) == ["in", "later", "refused"]


def test_a_single_document_that_is_refused_is_its_own_fault() -> None:
    """Where others of its stream are taken, 403 and 404 are about the one."""
    assert of(201, (403, "security_exception"), (404, "x")) == ["in", "refused", "refused"]


@pytest.mark.parametrize(
    "rubbish",
    [
        None,
        [],
        {},
        {"items": {}},
        {"items": []},
        {"items": [1, 2]},
        {"items": [{}, {}]},
        {"items": [{"create": {}}] * 2},
        {"items": [{"create": {"status": "201"}}] * 2},
        {"errors": False, "items": [{"create": {"status": 201}}]},
    ],
)
def test_an_answer_that_does_not_say_of_each_is_no_answer(rubbish: object) -> None:
    """Nothing is taken for delivered on the word of a proxy's page."""
    with pytest.raises(SinkError) as raised:
        outcomes([line(1), line(2)], rubbish)
    assert raised.value.retryable


def test_requests_are_bounded_in_bytes() -> None:
    """In order, none left out; a line that is longer than the bound is a request by itself."""
    lines = [line(number) for number in range(10)]
    size = len(lines[0].text)
    cut = list(bulks(lines, 3 * size + 10))
    assert [len(each) for each in cut] == [3, 3, 3, 1]
    assert [each for bulk in cut for each in bulk] == lines
    assert [len(each) for each in bulks(lines, 1)] == [1] * 10
    assert list(bulks([], 1)) == []
