"""Whatever Trimwatch says about itself has a page, and the pages name only what is there."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import yaml

from detector.core.incidents import self_report
from detector.telemetry import Metrics, Trouble
from tests.unit.deploy.manifests import DEPLOY

PAGES = {path.stem: path.read_text() for path in (DEPLOY / "runbooks").glob("*.md")}
INDEX = PAGES.pop("README")
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
SELF_RULES = re.findall(r'"trimwatch/([\w-]+)"', inspect.getsource(self_report))
NAMES = set(re.findall(r"(?m)^# TYPE (\w+) ", Metrics().exposition().decode()))
CODE = "".join(path.read_text() for path in (DEPLOY.parent / "detector").rglob("*.py"))


@pytest.mark.parametrize("rule", SELF_RULES)
def test_every_incident_about_ourselves_has_a_page(rule: str) -> None:
    """Named like its rule, and in the index."""
    assert rule in PAGES
    assert f"trimwatch/{rule}" in INDEX


def test_every_trouble_is_explained() -> None:
    """The word of /healthz stands in the index, for each that some part of the code sets."""
    told = {trouble.value for trouble in Trouble if f"set(Trouble.{trouble.name}," in CODE}
    assert len(told) > 5
    assert set(re.findall(r"`(\w+)`", INDEX)) >= told


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_means_where_to_look_and_what_to_do(page: str) -> None:
    """In that order, on at most a page, and the index leads to it."""
    text = PAGES[page]
    found = [text.find(f"**{heading}.**") for heading in ("What it means", "Look", "Do")]
    assert -1 not in found
    assert found == sorted(found)
    assert len(text.splitlines()) < 40
    assert f"]({page}.md)" in INDEX


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_every_alert_has_a_page_and_asks_for_metrics_that_exist(alert: dict[str, Any]) -> None:
    """And the index names it."""
    assert alert["annotations"]["runbook"] in PAGES
    assert alert["alert"] in INDEX
    asked = re.findall(r"\btrimwatch_\w+", alert["expr"])
    assert asked
    assert set(asked) <= NAMES
    assert set(re.findall(r'trouble="(\w+)"', alert["expr"])) <= {trouble.value for trouble in Trouble}


def test_one_alert_always_fires() -> None:
    """So that silence is noticed: it says only that we are there, without a delay."""
    (watchdog,) = [alert for alert in ALERTS if alert["alert"] == "TrimwatchWatchdog"]
    assert watchdog["expr"] == "trimwatch_build_info == 1"
    assert "for" not in watchdog


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_metrics_that_exist(page: str) -> None:
    """A renamed metric renames itself here."""
    assert set(re.findall(r"\btrimwatch_\w+", PAGES[page])) <= NAMES
