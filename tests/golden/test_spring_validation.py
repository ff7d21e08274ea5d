"""A real service of three releases of Spring Boot, with and without its validation starter (tests/lab/spring-validation)."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.edges.scan_cache import default_folder
from detector.edges.sources.past import PastSettings, past_inputs, read_past
from detector.records import Incident
from detector.replay import replay
from detector.rule_loading import ready_rules
from detector.settings import RuleSettings

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = {
    "2.7.18": (ROOT / "tests" / "data" / "spring-boot" / "2.7.18", "javax/validation/Validation"),
    "3.5.9": (ROOT / "detector" / "demo_data", "jakarta/validation/Validation"),
    "4.0.2": (ROOT / "tests" / "data" / "spring-boot" / "4.0.2", "jakarta/validation/Validation"),
}


def found(log: Path) -> list[Incident]:
    ready = ready_rules(RuleSettings(), default_folder())
    return replay(read_past(past_inputs([str(log)]), PastSettings("shop")), ready).incidents


@pytest.mark.parametrize("release", RECORDINGS)
def test_seventeen_failed_requests_are_one_incident(release):
    """One incident for the one class, count 17, named as printed."""
    folder, entity = RECORDINGS[release]
    (incident,) = found(folder / "trimmed.log")
    assert (incident.entity, incident.entity_kind, incident.count) == (entity, "class", 17)


@pytest.mark.parametrize("release", RECORDINGS)
def test_the_intact_service_is_silent(release):
    """Nothing to report."""
    assert found(RECORDINGS[release][0] / "intact.log") == []
