"""Settings that were handed to a process of ours are those that we have."""

from __future__ import annotations

import json

import pytest

from detector.errors import BadSettings
from detector.settings import Settings, load_settings
from detector.settings.handed import handed, taken

SECTIONS = ("store", "elasticsearch", "signals", "verdicts", "alarms")
WRITTEN = """
store: {path: "/data/a ${NOT_ME} b", keep: 36h, max_size: 1GiB}
elasticsearch: {urls: ["https://es:9200"], username: trim, password: "p\\u00e4ss: ${X}\\ttab \\U0001F511"}
signals: {paths: [/own], without: [storage/redis-clients], builtin: false}
verdicts:
  enabled: true
  window: 1500ms
  prometheus: {url: "http://p:9090", labels: {namespace: shop, "no": "yes"}, token_file: /secret/token}
  baseline_files: ["/a.json", "/b,c.json"]
alarms: {enabled: true, every: 90s}
"""


def test_they_arrive_as_they_are() -> None:
    """Durations, sizes, lists, pairs, secrets in text and by file; `${...}` in a value is text by now."""
    settings = load_settings("settings.yaml", WRITTEN, {"NOT_ME": "x", "X": "${Y}"})
    came = taken(json.loads(json.dumps(handed(settings, SECTIONS))))
    for section in SECTIONS:
        assert getattr(came, section) == getattr(settings, section)
    assert came.elasticsearch.password is not None
    assert came.elasticsearch.password.reveal() == "päss: ${Y}\ttab \U0001f511"


def test_defaults_arrive_as_well() -> None:
    """Where nothing is set, nothing is set on the other side."""
    assert taken(json.loads(json.dumps(handed(Settings(), SECTIONS)))) == Settings()


def test_what_was_not_handed_over_stays_here() -> None:
    """A sink's key is nobody's business who judges numbers."""
    settings = load_settings("s", "sinks: [{type: pagerduty, routing_key: secret-key}]", {})
    assert "secret-key" not in json.dumps(handed(settings, SECTIONS))


@pytest.mark.parametrize("content", [{"verdicts": {"window": "long"}}, {"verdicts": []}, {"unknown": 1}])
def test_what_is_none_is_refused(content: dict[str, object]) -> None:
    """It is another release's, or garbled."""
    with pytest.raises(BadSettings):
        taken(content)
