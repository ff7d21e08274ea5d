"""The stable interface, held against the checker that outsiders use."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from detector.interface import incident_object, json_line, rfc3339, summary_object
from detector.records import Cause, Counts, Evidence, Incident, IncidentState, Severity, Stage

INCIDENT = Incident(
    dedup_key="5f2c9a",
    state=IncidentState.OPEN,
    severity=Severity.CRITICAL,
    service="orders",
    source="/var/log/orders.log",
    rule="jvm/class-not-found",
    title="A class that was trimmed away is loaded at run time",
    entity="jakarta.validation.Validator",
    entity_kind="class",
    stage=Stage.DEPENDENCY,
    first_seen_ms=1_764_026_540_007,
    last_seen_ms=1_764_026_541_000,
    count=17,
    fix="Put the validation starter back.",
    evidence=(Evidence("/var/log/orders.log", "1024", 12, "java.lang.ClassNotFoundException: jakarta.validation.Validator"),),
)
CAUSE = Cause("spring-boot-starter-validation", "artifact", "trim-12", "<dependency>...</dependency>", 0.9)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_every_promised_field_is_there_with_its_type() -> None:
    """The object has each field of the interface, a cause when one is known, and evidence as a list of four fields."""
    row = incident_object(replace(INCIDENT, cause=CAUSE, roll_back_to="registry/orders:1.4"))
    assert row["first_seen"] == "2025-11-24T23:22:20.007Z"
    assert row["last_seen"] == "2025-11-24T23:22:21.000Z"
    assert row["cause"] == {
        "item": "spring-boot-starter-validation",
        "kind": "artifact",
        "change": "trim-12",
        "restore": "<dependency>...</dependency>",
        "confidence": 0.9,
    }
    assert row["evidence"] == [
        {"source": "/var/log/orders.log", "position": "1024", "line": 12, "text": INCIDENT.evidence[0].text},
    ]
    assert (row["kind"], row["state"], row["severity"], row["stage"], row["count"]) == (
        "incident",
        "open",
        "critical",
        "dependency",
        17,
    )
    assert incident_object(INCIDENT)["cause"] is None


def test_an_incident_without_a_line_still_has_an_entry_of_evidence() -> None:
    """Incidents about ourselves say in their title what happened."""
    row = incident_object(replace(INCIDENT, evidence=()))
    assert row["evidence"] == [{"source": INCIDENT.source, "position": "", "line": 0, "text": INCIDENT.title}]


@pytest.mark.parametrize("ms", [0, -1, -62_135_596_800_000, -(10**17), 10**17, 253_402_300_799_999, 1_764_026_540_999])
def test_any_integer_is_a_time(ms: int) -> None:
    """Hostile times are clamped, never an exception, and always four digits of a year."""
    assert TIME.fullmatch(rfc3339(ms))


def test_times_keep_their_millisecond() -> None:
    """Before the epoch as after it."""
    assert rfc3339(-1) == "1969-12-31T23:59:59.999Z"
    assert rfc3339(-62_135_596_800_000) == "0001-01-01T00:00:00.000Z"


def test_a_summary_counts_what_went_by() -> None:
    """Each promised field, integers but for the seconds."""
    row = summary_object(Counts(lines=3, bytes=120, events=1, hits=2, late=1, layouts={"spring-boot": 3}), 1, 0.12345)
    assert {k: row[k] for k in ("lines", "bytes", "events", "hits", "incidents", "late", "seconds")} == {
        "lines": 3,
        "bytes": 120,
        "events": 1,
        "hits": 2,
        "incidents": 1,
        "late": 1,
        "seconds": 0.123,
    }


def test_a_line_of_json_cannot_act_on_a_terminal() -> None:
    """Escape sequences (also the one-byte C1 form), bidi and zero-width characters are escaped and read back the same."""
    text = "\x1b]0;title\x07 \x9b31m \u202eevil\u2066 \u200b\u2028 \U000e0041 \x7f é 漢"
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    printed = line.decode()
    assert printed.endswith("\n")
    assert printed[:-1].isprintable()
    assert "é 漢" in printed


def test_a_lone_surrogate_is_no_crash() -> None:
    """What no JSON can carry is replaced, the rest of the object arrives."""
    assert json.loads(json_line({"text": "a\udc80b", "count": 1})) == {"text": "a?b", "count": 1}
