"""Whatever a log holds, an alert can be built from it, within each receiver's limits, and nothing in it acts on a terminal."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from detector.edges.sinks.alertmanager import annotations_of, labels_of
from detector.edges.sinks.apprise import apprise_text
from detector.edges.sinks.pagerduty import MOST_BYTES, event_body
from detector.edges.sinks.slack_message import slack_message
from detector.interface import incident_object, json_line
from detector.masking import MASK, mask
from detector.plain_text import one_line, spell_out
from detector.records import Cause, Evidence, Incident
from tests.contract.sink_cases import ALERT, INCIDENT

ANY_TEXT = st.text(st.characters(), max_size=300) | st.text(st.sampled_from("<>&\n\r\x1b\u202e\ud800é=\"'@! a1"), max_size=4000)
INCIDENTS = st.builds(
    lambda texts, evidence, ms: replace(
        INCIDENT,
        service=texts[0],
        source=texts[1],
        title=texts[2],
        entity=texts[3],
        fix=texts[4],
        explanation=texts[5],
        roll_back_to=texts[6],
        cause=Cause(texts[7], "artifact", texts[8], texts[9], 0.5),
        evidence=tuple(Evidence(texts[1], "0", n, text) for n, text in enumerate(evidence)),
        first_seen_ms=ms,
        last_seen_ms=ms,
    ),
    st.lists(ANY_TEXT, min_size=10, max_size=10),
    st.lists(ANY_TEXT, max_size=6),
    st.integers(-(10**18), 10**18),
)


def acts(text: str) -> bool:
    return any(c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


@given(ANY_TEXT)
def test_spelled_out_text_never_acts(text: str) -> None:
    """And on one line it is one line."""
    assert not acts(spell_out(text))
    assert one_line(text).isprintable() or not any(acts(c) or c in "\n\t" for c in one_line(text))


@given(INCIDENTS)
def test_a_json_line_is_one_line_and_reads_back(incident: Incident) -> None:
    """The same object, but for lone surrogates, which no JSON can carry."""
    line = json_line(incident_object(incident)).decode()
    assert line.count("\n") == 1
    assert not acts(line)
    expected = json.dumps(incident_object(incident), ensure_ascii=False).encode("utf-8", "replace")
    assert json.loads(line) == json.loads(expected)


@given(INCIDENTS)
def test_a_slack_message_keeps_slacks_limits(incident: Incident) -> None:
    """Header 150, section 3,000, fields 2,000 and ten of them; every text escaped."""
    message: dict[str, Any] = slack_message(replace(ALERT, incident=incident), None)
    assert not {"<", ">"} & set(message["text"])
    for block in message["blocks"]:
        fields = block.get("fields", [])
        limit = 150 if block["type"] == "header" else 3000
        assert len(fields) <= 10
        assert all(1 <= len(field["text"]) <= 2000 and not {"<", ">"} & set(field["text"]) for field in fields)
        if "text" in block:
            assert 1 <= len(block["text"]["text"]) <= limit
            assert not {"<", ">"} & set(block["text"]["text"])


@given(INCIDENTS)
def test_pagerduty_alertmanager_and_apprise_take_any_incident(incident: Incident) -> None:
    """Bodies within their limits, labels on one line."""
    assert len(event_body(replace(ALERT, incident=incident), "K", None)) <= MOST_BYTES
    assert all(len(value) <= 200 and "\n" not in value for value in labels_of(incident, ()).values())
    assert not any(acts(str(value)) for value in annotations_of(incident, None).values())
    title, body = apprise_text(replace(ALERT, incident=incident))
    assert len(title) <= 250
    assert len(body) <= 6000


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=60), st.sampled_from(["password=", "api_key: ", "token="])
)
def test_a_masked_text_stays_masked(value: str, key: str) -> None:
    """Masking twice changes nothing more, and the value is gone the first time."""
    once = mask(f"before {key}{value} after")
    assert mask(once) == once
    assert MASK in once or value.lower() in ("null", "none", "nil", "undefined", "true", "false", "missing", "empty")
