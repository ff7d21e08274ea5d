"""The pages on Kafka and Elasticsearch say what the code does, where that can be compared."""

from __future__ import annotations

import re
from typing import Any

import pytest

from detector.edges.mirror.inspection import _CLUSTER_RIGHTS, _INDEX_RIGHTS
from detector.edges.mirror.templates import KINDS, PRIORITY, stream_of, template_of
from detector.edges.sources.kafka import beginning as kafka_beginning
from detector.settings import ElasticsearchSettings, ElasticsearchSourceSettings, KafkaSinkSettings, KafkaSourceSettings
from tests.unit.deploy.manifests import DEPLOY

KAFKA, ELASTICSEARCH = ((DEPLOY / f"{name}.md").read_text() for name in ("kafka", "elasticsearch"))
UNUSED = {"event.category", "log.level", "trimwatch.instance"}  # mapped for later: nothing is written there yet
LOST = (DEPLOY / "runbooks" / "lost-range.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_every_data_stream_is_named(kind: str) -> None:
    """With the default prefix."""
    assert f"`{stream_of(ElasticsearchSettings().prefix, kind)}`" in ELASTICSEARCH
    assert f"priority {PRIORITY}" in ELASTICSEARCH


def test_every_field_is_explained() -> None:
    """Every indexed field of the template stands in the table, by its name or the last part of it."""
    properties = template_of("trimwatch", "finding", "elasticsearch")["template"]["mappings"]["properties"]
    words = set(re.findall(r"`([\w@.*]+)`", ELASTICSEARCH))
    missing = [name for name in _names(properties) if not _explained(name, words)]
    assert set(missing) <= UNUSED


def _explained(name: str, words: set[str]) -> bool:
    parts = name.split(".")
    tails = {name, *("." + ".".join(parts[at:]) for at in range(1, len(parts)))}
    above = {f".{part}.*" for part in parts[1:-1]} | {f"{parts[0]}.*"}
    return bool(words & (tails | above))


def _names(properties: dict[str, Any], above: str = "") -> list[str]:
    names = []
    for name, field in properties.items():
        if "properties" in field:
            names += _names(field["properties"], f"{above}{name}.")
        elif field["type"] != "object":  # which is kept, and not indexed
            names.append(above + name)
    return names


def test_the_rights_that_the_check_asks_for_are_the_pages() -> None:
    """One list in two places."""
    assert [right for right in (*_CLUSTER_RIGHTS, *_INDEX_RIGHTS) if f"`{right}`" not in ELASTICSEARCH] == []


@pytest.mark.parametrize("reason", [kafka_beginning.RETENTION, kafka_beginning.MADE_AGAIN, kafka_beginning.CUT_OFF])
def test_every_way_to_lose_records_of_a_topic_has_its_line(reason: str) -> None:
    """In the runbook, under the word that the incident uses."""
    assert f"| `{reason}` |" in LOST


def test_settings_that_the_pages_name_exist() -> None:
    """Words in backticks that look like a setting of a source, a sink or the mirror."""
    known = {name for kind in (KafkaSourceSettings, KafkaSinkSettings) for name in kind.__slots__}
    shown = set(re.findall(r"`([a-z]+_[a-z_]+)`", KAFKA)) - {
        "otlp_logs",
        "otlp_metrics",
        "password_file",
        "trimwatch_source_lost_records_total",
    }
    assert shown - known == set()
    known = {name for kind in (ElasticsearchSourceSettings, ElasticsearchSettings) for name in kind.__slots__}
    shown = set(re.findall(r"`([a-z]+_field|max_[a-z]+|late|lease)`", ELASTICSEARCH))
    assert shown - known == set()
