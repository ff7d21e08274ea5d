"""The compose file is one that Compose takes, and its parts find each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from detector.edges.sinks.problems import problems_of
from detector.settings import KafkaSinkSettings, KafkaSourceSettings, ListenSettings, load_settings
from tests.unit.deploy.manifests import DEPLOY

FOLDER = DEPLOY / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "compose" / "compose-spec.json").read_text())
SETTINGS = load_settings("settings.yaml", (FOLDER / "settings.yaml").read_text(), {})
lasting = pytest.mark.parametrize("name", [name for name in SERVICES if name != "topics"])


def test_compose_would_take_it() -> None:
    """The specification's own schema, which knows no unknown field."""
    jsonschema.Draft7Validator(SCHEMA).validate(COMPOSE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate({"services": {"a": {"image": "a", "healtcheck": {}}}})


@lasting
def test_each_part_says_whether_it_is_well_and_keeps_its_data(name: str) -> None:
    """A health check, a volume that is declared, ports on loopback alone, an image of a known release."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert [port for port in service["ports"] if not port.startswith("127.0.0.1:")] == []
    named = [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith(".")]
    assert named
    assert set(named) <= set(COMPOSE["volumes"])
    assert service["image"].partition(":")[2] not in ("", "latest")


def test_what_is_waited_for_is_there() -> None:
    """A part waits for the health of one that has a check, or for the end of one that ends."""
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            ends = wait["condition"] == "service_completed_successfully"
            assert ends != ("healthcheck" in SERVICES[name])


def test_one_search_engine_is_chosen_by_the_profile() -> None:
    """Both answer to the same name; the default stands in .env; the flavor follows the profile."""
    engines = {name: service for name, service in SERVICES.items() if "profiles" in service}
    assert {name: service["profiles"] for name, service in engines.items()} == {name: [name] for name in engines}
    assert (FOLDER / ".env").read_text() == "COMPOSE_PROFILES=elasticsearch\n"
    flavor = SERVICES["trimwatch"]["environment"]["TRIMWATCH_ELASTICSEARCH_FLAVOR"]
    assert flavor == "${COMPOSE_PROFILES:-elasticsearch}"
    for name, service in engines.items():
        assert service["networks"]["default"]["aliases"] == ["search"]
        assert SERVICES["trimwatch"]["depends_on"][name]["required"] is False
        text = (FOLDER / "settings.yaml").read_text()
        assert load_settings("settings.yaml", text, {"TRIMWATCH_ELASTICSEARCH_FLAVOR": name}).elasticsearch.flavor == name


def test_the_settings_name_what_the_file_starts() -> None:
    """The broker's inside listener, topics that are made, the engine's alias; nothing is wrong with the sinks."""
    inside = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")[0].partition("://")[2]
    made = SERVICES["topics"]["command"][0]
    (source,) = SETTINGS.sources
    assert isinstance(source, KafkaSourceSettings)
    (sink,) = [sink for sink in SETTINGS.sinks if isinstance(sink, KafkaSinkSettings)]
    assert source.servers == sink.servers == (inside,)
    assert [topic for topic in (*source.topics, sink.topic, sink.findings_topic) if str(topic) not in made] == []
    assert SETTINGS.elasticsearch.urls == ("http://search:9200",)
    assert [problems_of(sink) for sink in SETTINGS.sinks] == [[]] * len(SETTINGS.sinks)


def test_trimwatch_may_do_next_to_nothing() -> None:
    """A root file system it cannot write, no capability, only its data writable; asked where it listens."""
    ours = SERVICES["trimwatch"]
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    assert [volume for volume in ours["volumes"] if not volume.endswith(":ro")] == ["trimwatch:/data"]
    port = ListenSettings().listen.rpartition(":")[2]
    assert ours["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f":{port}/healthz" in ours["healthcheck"]["test"][-1]
    assert (FOLDER / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()
    mount = ours["volumes"][0].split(":")
    assert (FOLDER / mount[0]).is_file()
    assert mount[1] in ours["command"]
