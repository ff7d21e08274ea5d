"""What of an incident leaves."""

from __future__ import annotations

from dataclasses import replace

from detector.edges.sinks.excerpt import MOST_CHARACTERS, MOST_LINES, excerpt
from detector.records import Evidence
from tests.contract.sink_cases import INCIDENT


def evidence(*texts: str) -> tuple[Evidence, ...]:
    return tuple(Evidence("a.log", str(n), n, text) for n, text in enumerate(texts))


def test_an_ordinary_incident_leaves_as_it_is() -> None:
    """Nothing is cut or masked without need."""
    assert excerpt(INCIDENT) == INCIDENT


def test_five_lines_the_last_among_them() -> None:
    """The first four and the last of more."""
    left = excerpt(replace(INCIDENT, evidence=evidence(*"abcdefg"))).evidence
    assert [e.text for e in left] == ["a", "b", "c", "d", "g"]


def test_a_trace_fills_the_lines_that_are_left() -> None:
    """Of one joined event as many lines as there is room for, never more than five in all."""
    trace = "\n".join(f"line {n}" for n in range(40))
    (left,) = excerpt(replace(INCIDENT, evidence=evidence(trace))).evidence
    assert left.text.splitlines() == [f"line {n}" for n in range(MOST_LINES)]
    left_two = excerpt(replace(INCIDENT, evidence=evidence(trace, "x", "y"))).evidence
    assert [len(e.text.splitlines()) for e in left_two] == [3, 1, 1]


def test_no_line_is_longer_than_its_limit() -> None:
    """A megabyte of one line is 500 characters."""
    (left,) = excerpt(replace(INCIDENT, evidence=evidence("x" * 1_000_000))).evidence
    assert len(left.text) == MOST_CHARACTERS
    assert left.text.endswith("…")
