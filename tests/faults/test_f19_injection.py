"""F19: what attackers write into logs arrives as text in every sink. The golden files show each byte; here is what must hold."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import pytest

from detector.edges.sinks.alertmanager import labels_of
from detector.edges.sinks.runbook import runbook_link
from detector.interface import incident_object, json_line
from detector.records import AlertAction
from tests.contract.sink_cases import CASES
from tests.golden.hostile_incident import ATTACKS, HOSTILE
from tests.golden.sent_bodies import sent_body, strings_in

RINGS = re.compile(r"<[!@#]|</?at\b|<https?:|@(?:everyone|here|channel|all)\b")
FOR_PEOPLE = ("slack", "slack bot", "pagerduty", "alertmanager", "apprise")
every_sink = pytest.mark.parametrize("name", CASES)


def acting(text: str) -> list[str]:
    """Characters that a terminal, an editor or a page acts on; a newline and a tab are layout."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@every_sink
def test_no_body_holds_a_byte_that_acts_on_a_terminal(name: str) -> None:
    """Whoever prints what was sent sees text: no control, no bidi, no zero-width character, and one line."""
    body = sent_body(name, HOSTILE).decode()
    assert acting(body) == []
    assert "\n" not in body.rstrip("\n")


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_what_people_read_has_its_escapes_spelled_out(name: str) -> None:
    """Decoded, too: `\\x1b` is four characters."""
    texts = strings_in(sent_body(name, HOSTILE))
    assert [acting(text) for text in texts if acting(text)] == []
    assert any("\\x1b" in text for text in texts)


@pytest.mark.parametrize("name", ["slack", "slack bot", "apprise", "alertmanager"])
@pytest.mark.parametrize("action", list(AlertAction))
def test_a_mention_never_rings(name: str, action: AlertAction) -> None:
    """Chats, and what hands its text on to chats: no mention, no masked link is left. Slack shows `&lt;!channel&gt;` as text and
    looks for no names (`link_names`, `parse`), so a bare @here is text there."""
    texts = strings_in(sent_body(name, HOSTILE, action))
    if name.startswith("slack"):
        body = json.loads(sent_body(name, HOSTILE, action))
        assert (body["parse"], body["link_names"], body["mrkdwn"]) == ("none", False, False)
        texts = [re.sub(r"@\w+", "", text) for text in texts]
    assert [text for text in texts if RINGS.search(text)] == []


def test_slack_text_is_plain_text() -> None:
    """No block with a log's text is parsed for markup."""
    blocks = json.loads(sent_body("slack", HOSTILE))["blocks"]
    kinds = {one["type"] for one in _objects(blocks) if "text" in one and isinstance(one["text"], str)}
    assert kinds == {"plain_text"}


def _objects(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)


@every_sink
def test_a_forged_alert_stays_inside_a_string(name: str) -> None:
    """A line that looks like our own alert is a value in ours, not a second one."""
    lines = sent_body(name, HOSTILE).splitlines()
    assert len(lines) == 1
    assert "forged" not in {row.get("dedup_key") for row in _objects(json.loads(lines[0]))}


def test_a_label_cannot_grow_another_label() -> None:
    """Quotes, backslashes, newlines and braces in a service's name are characters of one value; ours win over added ones."""
    hostile = replace(HOSTILE, service=ATTACKS["label"], dedup_key="k")
    labels = labels_of(hostile, (("severity", "info"), ("team", 'a"\n,severity="x')))
    assert set(labels) == {"alertname", "severity", "service", "trim_stage", "rule", "dedup_key", "change", "team"}
    assert labels["severity"] == "critical"
    assert all("\n" not in value for value in labels.values())


def test_a_link_comes_from_the_settings_alone() -> None:
    """What is filled in is percent-encoded: it cannot leave the path, nor change scheme or host."""
    hostile = replace(HOSTILE, rule="x/../..?a=<script>#\n", dedup_key="http://evil.test/|")
    link = runbook_link("https://runbooks.test/{rule}?k={dedup_key}", hostile)
    assert link == "https://runbooks.test/x/../..%3Fa%3D%3Cscript%3E%23%0A?k=http%3A%2F%2Fevil.test%2F%7C"
    assert runbook_link(None, hostile) is None


def test_replay_prints_the_same_safe_lines() -> None:
    """`--json` goes to a terminal as it is."""
    assert acting(json_line(incident_object(HOSTILE)).decode()) == []
