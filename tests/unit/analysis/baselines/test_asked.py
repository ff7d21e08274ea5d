"""The file of --config: what it may say, and how it is answered."""

from __future__ import annotations

import pytest

from detector.analysis.baselines.asked import Asked, deviation_of, read_config
from detector.core.signals.spec import Direction, SignalKind
from detector.errors import BadInput

COLUMNS = ["p99_ms", "pool_idle", "requests"]


def faults(text: str) -> list[str]:
    with pytest.raises(BadInput) as bad:
        read_config("c.yaml", text.encode(), Asked(), COLUMNS)
    return [str(fault) for fault in bad.value.faults]


def test_what_a_column_does_not_say_holds_as_in_the_flags() -> None:
    """Also JSON is YAML; an empty file asks nothing of its own."""
    flags = Asked(SignalKind.LATENCY, Direction.BOTH, deviation_of("+7%"))
    text = 'p99_ms: {acceptable: +15%, load: requests, limit: 500ms, layer: application}\npool_idle: {"kind": "share"}\n'
    asked = read_config("c.yaml", text.encode(), flags, COLUMNS)
    first, second = asked["p99_ms"], asked["pool_idle"]
    assert (first.kind, first.direction, first.acceptable.text, first.load) == ("latency", "both", "+15%", "requests")
    assert first.limit is not None
    assert (first.limit.amount, first.limit.unit, first.layer) == (500.0, "ms", "application")
    assert (second.kind, second.acceptable.text) == ("share", "+7%")
    assert read_config("c.yaml", b"", flags, COLUMNS) == {}


def test_every_fault_at_once_with_its_line() -> None:
    """Column, key, word, deviation, limit and load, each with the nearest that there is."""
    text = "p99_mss: {}\npool_idle:\n  kind: shares\n  acceptable: lots\n  limt: 3\nrequests: {limit: high, load: p99}\n"
    assert faults(text) == [
        "c.yaml:1: p99_mss: unknown column 'p99_mss'; did you mean 'p99_ms'?",
        "c.yaml:3: pool_idle.kind: unknown kind 'shares'; did you mean 'share'?",
        "c.yaml:4: pool_idle.acceptable: 'lots' is no deviation: write +15%, +0.1pp, -10pp, +100ms or >=+10pp",
        "c.yaml:5: pool_idle.limt: unknown key 'limt'; did you mean 'limit'?",
        "c.yaml:6: requests.limit: 'high' is no level: write a number, with its unit if you like: 75%, 300ms, 0.3",
        "c.yaml:6: requests.load: unknown column 'p99'; did you mean 'p99_ms'?",
    ]


def test_an_unquoted_greater_sign_is_explained() -> None:
    """YAML takes it for the beginning of a block of text."""
    assert "quote what begins with >" in faults("pool_idle:\n  acceptable: >=+10pp\n")[0]


@pytest.mark.parametrize(
    "text", ["[]", "p99_ms: 3", "p99_ms: []", "p99_ms: {acceptable: [1]}", "&a p99_ms: {}", "p99_ms: {kind: }"]
)
def test_another_shape_is_refused(text: str) -> None:
    """Never an exception."""
    assert faults(text)[0].startswith("c.yaml:1: ")


def test_the_sign_says_which_way_is_worse() -> None:
    """-10 % accepts a fall; a plus or minus watches both ways; a wanted change has its own way."""
    worse = {text: Asked(acceptable=deviation_of(text)).worse.value for text in ("+10%", "-10%", "±10%", "+-10%", "<=-3", ">=-3")}
    assert worse == {"+10%": "up", "-10%": "down", "±10%": "both", "+-10%": "both", "<=-3": "up", ">=-3": "down"}


def test_evidence_and_span_and_what_holds_a_rollout() -> None:
    text = "p99_ms: {required: false, span: 24h, evidence: 60000, requests: requests, against: control}\n"
    asked = read_config("c.yaml", text.encode(), Asked(), COLUMNS)["p99_ms"]
    assert (asked.is_required, asked.span_s, asked.evidence, asked.requests, asked.against) == (
        False,
        86_400.0,
        60_000.0,
        "requests",
        "control",
    )
    assert faults("p99_ms: {load: p99_ms}") == ["c.yaml:1: p99_ms.load: is the column itself"]
    wrong = "p99_ms: {required: maybe, span: long, evidence: -1, requests: reqests, against: old}\n"
    assert [fault.partition(": ")[2].partition(":")[0] for fault in faults(wrong)] == [
        f"p99_ms.{key}" for key in ("against", "evidence", "requests", "required", "span")
    ]
