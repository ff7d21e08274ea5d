"""deploy/settings.example.yaml shows every setting there is, and is right."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml

from detector.edges.sinks.problems import problems_of
from detector.settings import Settings, SinkSettings, SourceSettings, load_settings
from tests.unit.deploy.manifests import DEPLOY

EXAMPLE = DEPLOY / "settings.example.yaml"
SETTINGS = load_settings(str(EXAMPLE), EXAMPLE.read_text(), {"WEBHOOK_HMAC_SECRET": "x"})
WRITTEN: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())


def lacking(kind: type, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Fields of a settings class that none of the entries shows, itself or as a file."""
    shown = {key.removesuffix("_file") for entry in entries for key in entry} | {key for entry in entries for key in entry}
    yield from (field.name for field in dataclasses.fields(kind) if field.name not in shown)


def test_the_first_line_lets_editors_complete() -> None:
    """The convention of the YAML language server."""
    assert re.match(r"# yaml-language-server: \$schema=\S+\n", EXAMPLE.read_text())


def test_every_top_setting_is_shown() -> None:
    """Sections and the settings inside them."""
    assert list(lacking(Settings, [WRITTEN])) == []
    for field in dataclasses.fields(Settings):
        value = getattr(Settings(), field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            assert list(lacking(type(value), [WRITTEN[field.name]])) == [], field.name


@pytest.mark.parametrize(("section", "kinds"), [("sources", get_args(SourceSettings)), ("sinks", get_args(SinkSettings))])
def test_every_source_and_sink_is_shown_with_all_its_settings(section: str, kinds: tuple[type, ...]) -> None:
    """One entry a type at least."""
    for kind in kinds:
        (word,) = get_args(_hint(kind))
        entries = [entry for entry in WRITTEN[section] if entry["type"] == word]
        assert entries, word
        assert list(lacking(kind, entries)) == [], word


def _hint(kind: type) -> Any:
    from typing import get_type_hints

    return get_type_hints(kind)["type"]


def test_what_it_shows_are_the_defaults() -> None:
    """Outside sources, sinks and rules, whose entries are examples."""
    for name in ("service", "incidents", "store", "outbox", "telemetry", "api", "log", "grace"):
        assert getattr(SETTINGS, name) == getattr(Settings(), name), name


def test_the_sinks_it_shows_would_work() -> None:
    """But for the secrets that are not there."""
    assert [problems_of(sink) for sink in SETTINGS.sinks] == [[]] * len(SETTINGS.sinks)
