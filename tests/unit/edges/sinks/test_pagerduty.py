"""What PagerDuty gets."""

from __future__ import annotations

import json
from dataclasses import replace

import orjson
import pytest

from detector.edges.sinks.pagerduty import MOST_BYTES, event_body
from detector.records import Severity
from tests.contract.sink_cases import ALERT, INCIDENT, RESOLVE, UPDATE


def test_an_update_is_a_trigger_under_the_same_key() -> None:
    """And a resolve carries nothing but the key."""
    assert {json.loads(event_body(a, "K", None))["event_action"] for a in (ALERT, UPDATE)} == {"trigger"}
    assert json.loads(event_body(RESOLVE, "K", None)) == {
        "routing_key": "K",
        "event_action": "resolve",
        "dedup_key": INCIDENT.dedup_key,
    }


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_are_pagerdutys_words(severity: Severity) -> None:
    """critical, error, warning, info."""
    body = event_body(replace(ALERT, incident=replace(INCIDENT, severity=severity)), "K", None)
    assert json.loads(body)["payload"]["severity"] in ("critical", "error", "warning", "info")


def test_a_summary_is_at_most_1024_characters() -> None:
    """Characters, not bytes."""
    alert = replace(ALERT, incident=replace(INCIDENT, service="漢" * 1000, title="字" * 2000))
    summary = json.loads(event_body(alert, "K", None))["payload"]["summary"]
    assert len(summary) == 1024
    assert summary.endswith("…")


def test_details_are_left_out_field_by_field_until_the_body_fits() -> None:
    """The largest first; what is small stays, and what went says how large it was."""
    tags = tuple("\x01" * 200_000 for _ in range(3))
    alert = replace(ALERT, incident=replace(INCIDENT, tags=tags, also=("y" * 100_000,)))
    body = event_body(alert, "K", "https://runbooks.test/x")
    assert len(body) <= MOST_BYTES
    event = json.loads(body)
    details = event["payload"]["custom_details"]
    assert details["tags"].startswith("left out, ")
    assert details["also"] == ["y" * 100_000]
    assert details["fix"] == INCIDENT.fix
    assert event["links"] == [{"href": "https://runbooks.test/x", "text": "Runbook"}]


def test_a_key_longer_than_pagerduty_takes_is_hashed() -> None:
    """255 characters; the same key always becomes the same."""
    alert, other = (replace(a, incident=replace(INCIDENT, dedup_key="k" * 300)) for a in (ALERT, RESOLVE))
    keys = {orjson.loads(event_body(a, "K", None))["dedup_key"] for a in (alert, other)}
    assert len(keys) == 1
    assert len(keys.pop()) == 64
