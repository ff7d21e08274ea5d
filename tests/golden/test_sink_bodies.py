"""The exact bytes each sink sends for an incident made of attacks. `TRIMWATCH_GOLDEN=write` writes the files anew; read the
difference before you commit it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from detector.records import AlertAction, Incident
from tests.contract.sink_cases import CASES, INCIDENT
from tests.golden.hostile_incident import HOSTILE
from tests.golden.sent_bodies import sent_body

FILES = Path(__file__).parent / "sinks"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("what", "incident"), [("hostile", HOSTILE), ("plain", INCIDENT)])
def test_a_sink_sends_what_its_golden_file_says(name: str, what: str, incident: Incident) -> None:
    """One file a sink and incident: what people will read, character by character."""
    _compare(f"{name.replace(' ', '-')}.{what}.json", sent_body(name, incident))


@pytest.mark.parametrize("name", CASES)
def test_a_resolve_is_what_its_golden_file_says(name: str) -> None:
    """The end of an incident."""
    _compare(f"{name.replace(' ', '-')}.resolve.json", sent_body(name, INCIDENT, AlertAction.RESOLVE))


def _compare(file_name: str, body: bytes) -> None:
    file = FILES / file_name
    shown = json.dumps(json.loads(body), indent=1, ensure_ascii=True) + "\n"
    if os.environ.get("TRIMWATCH_GOLDEN") == "write":
        file.write_text(shown)
    assert shown == file.read_text()
