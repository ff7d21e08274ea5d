"""The schemas of what is written for programs: true of what is written, and silent about nothing in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from detector.edges.mirror.base import Document
from detector.edges.mirror.kafka import written_object
from detector.edges.sinks.kafka import record_of
from detector.interface import finding_object, incident_object, kept_verdict_object, verdict_object
from detector.interface_schema import SCHEMAS
from detector.records import Incident, KeptVerdict, Verdict, VerdictState
from tests.contract.feed_documents import FINDING, document
from tests.contract.sink_cases import ALERT, INCIDENT, NOW_MS, RESOLVE
from tests.golden.hostile_incident import HOSTILE

SHIPPED = Path(__file__).parents[2] / "deploy" / "schemas"
GOLDEN = Path(__file__).parents[1] / "golden" / "sinks"
JUDGED = Verdict("p99_ms", "", 1, 420.0, 485.0, "+15%", 15.476, (11.0, None), "ms", VerdictState.FAIL, "why")
KEPT = KeptVerdict("shop", "shop-20261125-0200", NOW_MS, NOW_MS - 1, JUDGED, True, "own history")


def valid(kind: str, value: Any) -> None:
    """Raises where the value is none of its kind."""
    schema = SCHEMAS[kind]()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(json.loads(json.dumps(value)))


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("[ksw]*.json") if not path.name.startswith("slack")))
def test_what_sinks_send_is_what_the_schema_says(name: str) -> None:
    """Kafka, standard output and the webhook: trigger, resolve, and the incident made of attacks."""
    valid("incident", json.loads((GOLDEN / name).read_text()))


@pytest.mark.parametrize(
    "incident", [INCIDENT, HOSTILE, replace(INCIDENT, evidence=(), cause=None, entity=None, entity_kind=None)]
)
def test_an_incident_that_nobody_is_told_of_is_one_too(incident: Incident) -> None:
    """As replay prints it, without action and seq; with and without what may be missing."""
    valid("incident", incident_object(incident))


def test_a_finding_is_what_the_schema_says() -> None:
    """From the record through the store's JSON to the topic, with an entity and without."""
    for made in (document(1), document(2, entity=None), document(3, marks="start_succeeded", is_shadow=True)):
        valid("finding", written_object(made, "orders-0"))


def test_a_verdict_is_what_the_schema_says() -> None:
    """What is around it in a topic, its own fields, and a body that tries to replace what is around it."""
    body = verdict_object(JUDGED) | {"kind": "x", "id": "y"}
    value = written_object(Document(7, "verdict", "orders/trim-12", NOW_MS, body), "orders-0")
    valid("verdict", value)
    assert (value["kind"], value["id"], value["verdict"]) == ("verdict", 7, "fail")


def test_a_verdict_of_the_daemon_is_one_too() -> None:
    """As the API shows it, and in a topic."""
    valid("verdict", kept_verdict_object(KEPT))
    valid("verdict", written_object(Document(7, "verdict", "shop-1/p99/all", NOW_MS, kept_verdict_object(KEPT)), "orders-0"))


def test_a_verdict_on_the_command_line_is_one_too() -> None:
    """Without envelope; what no JSON can carry (NaN, infinity) is null."""
    nothing = replace(JUDGED, window=None, baseline=float("nan"), after=None, observed=float("inf"), interval=None, unit="")
    for verdict in (JUDGED, nothing):
        valid("verdict", verdict_object(verdict))
    made = verdict_object(nothing)
    assert (made["window"], made["baseline"], made["observed"], made["unit"], made["layer"]) == ("all", None, None, None, None)


def test_every_field_is_described() -> None:
    """A field that a release adds and no schema names fails here."""
    incident = json.loads(record_of(RESOLVE, "t", NOW_MS).value)
    written = {
        "incident": incident,
        "finding": written_object(document(1), "orders-0"),
        "verdict": written_object(Document(1, "verdict", "k", NOW_MS, kept_verdict_object(KEPT)), "i"),
    }
    for kind, value in written.items():
        properties = SCHEMAS[kind]()["properties"]
        assert set(properties) == set(value)
        assert all("description" in field or "const" in field for field in properties.values())
    cause = SCHEMAS["incident"]()["properties"]["cause"]["anyOf"][1]
    evidence = SCHEMAS["incident"]()["properties"]["evidence"]["items"]
    assert set(cause["properties"]) == set(incident["cause"])
    assert set(evidence["properties"]) == set(incident["evidence"][0])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("incident", incident_object(ALERT.incident) | {"state": "closed"}),
        ("incident", {key: value for key, value in incident_object(ALERT.incident).items() if key != "dedup_key"}),
        ("finding", finding_object(FINDING)),
        ("verdict", {"kind": "verdict"}),
    ],
)
def test_the_schema_would_see_a_fault(kind: str, value: Any) -> None:
    """A word that is none, a field that is missing, a finding without its envelope."""
    with pytest.raises(jsonschema.ValidationError):
        valid(kind, value)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_shipped_file_is_what_the_command_prints(kind: str) -> None:
    """`trimwatch schema incident > deploy/schemas/incident.schema.json` writes it anew."""
    assert json.loads((SHIPPED / f"{kind}.schema.json").read_text()) == SCHEMAS[kind]()
