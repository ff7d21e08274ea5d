from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.edges.mirror.base import Document
from detector.edges.mirror.shapes import LONGEST_TEXT, Observer, shape_of
from tests.unit.edges.mirror.documents import delivery_document, finding_document, incident_document

OURS, THEIRS = Observer("ours", "host-a"), Observer("theirs", "host-b")


def id_of(document: Document, observer: Observer = OURS) -> str:
    return shape_of(document, observer).id


def source_of(document: Document) -> dict[str, Any]:
    return json.loads(shape_of(document, OURS).source)  # type: ignore[no-any-return]


def test_the_id_says_what_is_told_and_not_when_it_was_written() -> None:
    """A finding that is found again, after its store was lost, is the same document; another event, rule or time is another."""
    document = finding_document(1)
    again = replace(document, id=77, at_ms=9_999_999)
    assert id_of(document) == id_of(again)
    others = [finding_document(2), finding_document(1, "other"), finding_document(1, rule="b"), finding_document(1, time_ms=6)]
    others.append(
        finding_document(1, evidence={"source": "orders.log", "position": "0:77", "line": 0, "text": "another line of a record"})
    )
    assert len({id_of(document), *map(id_of, others)}) == 6


def test_what_others_may_read_too_is_one_document_whoever_found_it() -> None:
    """A record of a topic has the same id from every member of the group; a file on two machines may be two files."""
    shared = finding_document(1, stream_key="kafka/group/topic/0")
    assert id_of(shared, OURS) == id_of(shared, THEIRS)
    assert id_of(finding_document(1), OURS) != id_of(finding_document(1), THEIRS)


def test_an_incident_that_comes_back_to_what_it_was_is_news() -> None:
    """Acknowledged, and taken back: the third document is not taken for the first."""
    first, third = incident_document(1), incident_document(3, at_ms=3_000)
    assert id_of(first) != id_of(third)
    assert id_of(first) == id_of(replace(first, id=9))


def test_each_attempt_is_a_document() -> None:
    """Two attempts, two receivers, two results: all different."""
    all_of_them = [
        delivery_document(1),
        delivery_document(1, attempt=2),
        delivery_document(1, receiver="chat"),
        delivery_document(1, result="failed"),
    ]
    assert len(set(map(id_of, all_of_them))) == 4


def test_names_are_those_of_ecs() -> None:
    """What ECS has a field for stands there; the rest is ours, under one name."""
    found = source_of(finding_document(1))
    assert found["@timestamp"] == "1970-01-01T00:00:00.005Z"
    assert found["service"]["name"] == "orders"
    assert found["rule"] == {"id": "jvm/class-not-found", "ruleset": "jvm", "name": "jvm/class-not-found"}
    assert found["error"]["message"] == "text"
    assert found["log"]["file"]["path"] == "orders.log"
    assert found["event"]["dataset"] == "trimwatch.finding"
    assert found["observer"]["name"] == "ours"
    assert found["trimwatch"]["entity"] == {"kind": "class", "name": "a.b.C", "normal": "a.b.c"}
    opened = source_of(incident_document(2))
    assert (opened["event"]["kind"], opened["trimwatch"]["state"], opened["trimwatch"]["count"]) == ("alert", "open", 17)
    failed = source_of(delivery_document(3, result="failed", problem="503"))
    assert (failed["event"]["outcome"], failed["error"]["message"]) == ("failure", "503")


def test_long_texts_are_cut() -> None:
    """A line of a megabyte is not a document of a megabyte."""
    evidence = {"source": "x" * 100_000, "position": "0", "line": 1, "text": "y" * 1_000_000}
    shape = shape_of(finding_document(1, evidence=evidence, title="z" * 100_000), OURS)
    assert len(shape.source) < 4 * LONGEST_TEXT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet=st.characters()), inner),
)


@given(st.dictionaries(st.text(alphabet=st.characters()), json_values))
def test_any_body_of_a_kind_to_come_is_one_line_of_json(body: dict[str, Any]) -> None:
    """Whatever it holds: lone surrogates, numbers of more than 64 bits, names of any kind."""
    source = shape_of(Document(1, "verdict", "k", 0, body), OURS).source
    assert b"\n" not in source
    assert isinstance(orjson.loads(source), dict)


@pytest.mark.parametrize("time_ms", [-(10**18), -1, 0, 253_402_300_800_000, 10**18])
def test_any_time_is_a_date(time_ms: int) -> None:
    """A log that says the year 99999 is cut to what a date can be."""
    assert 23 < len(source_of(finding_document(1, time_ms=time_ms))["@timestamp"]) < 26
