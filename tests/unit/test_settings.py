"""Settings: text and environment in; one frozen tree, or all errors at once, out."""

import dataclasses
from datetime import timedelta

import jsonschema
import pytest
import yaml

from detector.errors import BadSettings
from detector.settings import FileSourceSettings, Settings, WebhookSinkSettings, load_settings, settings_schema
from detector.settings.values import Secret, Size

EXAMPLE = """
service: shop
sources:
  - type: file
    paths: [/var/log/shop/*.log]
    poll: 250ms
    max_line: 64KiB
sinks:
  - {type: webhook, url: "https://${HOST:-example.org}/hook", token: "${TOKEN}", headers: {X-Team: core}}
  - {type: pagerduty, name: page, routing_key_file: /run/key, min_severity: critical, timeout: 2s}
incidents: {quiet: 1h30m}
rules: {mute: [jvm/class-not-found], builtin: false}
log:
"""


def faults(text, environ=None):
    with pytest.raises(BadSettings) as refused:
        load_settings("s.yaml", text, environ or {})
    return [f"{fault.line}: {fault.field}: {fault.problem}" for fault in refused.value.faults]


def test_an_empty_file_is_a_working_one():
    """Nothing, a comment, or only empty sections: the defaults."""
    for text in ("", "# nothing\n", b"\xef\xbb\xbf", "store:\nlog: ~\n", "---\n"):
        assert load_settings("s.yaml", text, {}) == Settings()


def test_every_kind_of_value_is_read():
    """Durations, sizes, secrets, words, lists, mappings, variables."""
    settings = load_settings("s.yaml", EXAMPLE, {"TOKEN": "t0p"})
    source, (hook, page) = settings.sources[0], settings.sinks
    assert isinstance(source, FileSourceSettings)
    assert (source.poll, source.max_line) == (timedelta(milliseconds=250), Size(65536))
    assert isinstance(hook, WebhookSinkSettings)
    assert (hook.url, hook.headers, hook.token) == ("https://example.org/hook", (("X-Team", "core"),), Secret("t0p"))
    assert page.routing_key == Secret(file="/run/key")
    assert settings.incidents.quiet == timedelta(minutes=90)
    assert settings.rules.builtin is False


def test_the_environment_overrides_the_file_and_can_stand_alone():
    """By path, lists by index, lists of texts with commas; variables of other programs change nothing."""
    environ = {
        "TRIMWATCH_SINKS_0_TIMEOUT": "3s",
        "TRIMWATCH_SINKS_2_TYPE": "slack",
        "TRIMWATCH_SINKS_2_WEBHOOK_URL_FILE": "/run/slack",
        "TRIMWATCH_SOURCES_0_PATHS": "/a/*.log, /b.log",
        "TRIMWATCH_STORE_PATH": "/data",
        "TRIMWATCH_SERVICE_HOST": "10.0.0.1",
        "TRIMWATCH_PORT_9480_TCP": "tcp://10.0.0.1:9480",
        "TOKEN": "x",
    }
    settings = load_settings("s.yaml", EXAMPLE, environ)
    assert settings.sinks[0].timeout == timedelta(seconds=3)
    assert settings.sinks[2].webhook_url == Secret(file="/run/slack")
    assert settings.sources[0].paths == ("/a/*.log", "/b.log")
    assert (settings.store.path, settings.service) == ("/data", "shop")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("servce: x", "1: servce: unknown key 'servce'; did you mean 'service'?"),
        ("sinks:\n - type: webook", "2: sinks.0.type: unknown type 'webook'; did you mean 'webhook'?"),
        ("sinks:\n - type: webhook", "2: sinks.0.url: is missing"),
        (
            "sinks:\n - url: x",
            "2: sinks.0.type: is missing; write one of stdout, webhook, pagerduty",
        ),
        ("sinks:\n - {type: pagerduty}", "2: sinks.0.routing_key: is missing; write it, or routing_key_file"),
        ("grace: 15", "1: grace: is '15'; write a number and a unit (ms, s, m, h, d), like 15s or 1h30m"),
        ("grace: 1d", "1: grace: must be at most 5m"),
        ("store:\n  max_size: 1 kB", "2: store.max_size: must be at least 16MiB"),
        ("log: {level: INFO}", "1: log.level: unknown value 'INFO'; did you mean 'info'?"),
        ("rules: {builtin: yes}", "1: rules.builtin: is 'yes'; write true or false"),
        ("rules: {paths: /x}", "1: rules.paths: must be a list of texts"),
        ("incidents: {flap_count: 1}", "1: incidents.flap_count: is 1; must be at least 2"),
        ("service: ${NOBODY}", "1: service: the environment has no NOBODY"),
        ("service: [a]", "1: service: is a list; write a text"),
        ("- a", "1: file: must be a mapping with "),
        ("telemetry: {listen: nowhere}", "1: telemetry.listen: is 'nowhere'; write host:port"),
        ("outbox: {fallback: page}", "1: outbox.fallback: unknown sink 'page'; there is stdout"),
        ("sources:\n - {type: file, paths: []}", "2: sources.0.paths: is empty"),
        ("sinks:\n - {type: stdout}\n - {type: stdout}", "3: sinks.1.name: 'stdout' is the name of sinks.0 too"),
    ],
)
def test_a_fault_names_line_field_and_what_to_write(text, expected):
    """One sentence that is enough to mend it."""
    assert any(fault.startswith(expected) for fault in faults(text)), faults(text)


def test_all_faults_come_at_once_in_the_order_of_the_file():
    """Nobody should have to mend a file five times."""
    found = faults("grace: x\nsinks:\n - {type: webhook, url: http://a, timeout: 5}\nlog: {level: loud}\nservce: y\n")
    assert [fault.split(":")[0] for fault in found] == ["1", "3", "4", "5"]


def test_a_fault_of_the_environment_names_the_variable():
    """There is no line to name."""
    with pytest.raises(BadSettings, match="environment:1: TRIMWATCH_LOG_LEVEL: unknown value 'loud'"):
        load_settings("s.yaml", "", {"TRIMWATCH_LOG_LEVEL": "loud"})


def test_a_secret_never_prints():
    """Neither in the tree's repr nor in a fault."""
    settings = load_settings("s.yaml", EXAMPLE, {"TOKEN": "canary-7"})
    assert "canary-7" not in repr(settings)
    found = faults("sinks:\n - {type: webhook, url: u, token: canary-7, token_file: f, tokn: canary-7}\n")
    assert "canary-7" not in "\n".join(found)


def test_the_schema_agrees_with_the_reader():
    """What loads is valid, what is misspelt is not, and each setting is explained."""
    schema = settings_schema()
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert not list(validator.iter_errors({key: value for key, value in yaml.safe_load(EXAMPLE).items() if value}))
    for wrong in (
        {"servce": "x"},
        {"sinks": [{"type": "webhook"}]},
        {"grace": "15"},
        {"log": {"level": "loud"}},
        {"rules": {"builtin": 3}},
    ):
        assert list(validator.iter_errors(wrong)), wrong
    assert set(schema["properties"]) == {field.name for field in dataclasses.fields(Settings)}
    assert all(entry["description"] for entry in schema["properties"].values())


def test_verdicts_need_a_place_of_the_before() -> None:
    """A trim replaces the pod: what the store knows goes with it."""
    with pytest.raises(BadSettings) as bad:
        load_settings("t.yaml", b"verdicts:\n  enabled: true\n", {})
    assert bad.value.faults[0].line == 2
    for place in ("own_history: true", "baseline_files: [b.json]", "prometheus: {url: 'http://prometheus:9090'}"):
        load_settings("t.yaml", f"verdicts:\n  enabled: true\n  {place}\n".encode(), {})
    load_settings("t.yaml", b"verdicts: {enabled: true}\nelasticsearch: {urls: ['http://es:9200']}\n", {})


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("url: 'ftp://x'", "url"),
        ("url: 'http://u:p@x'", "url"),
        ("url: 'http://x?a=b'", "url"),
        ("{url: 'http://x', username: u}", "username"),
        ("{url: 'http://x', ca_file: ca.pem}", "ca_file"),
    ],
)
def test_what_is_wrong_with_a_prometheus_is_said(written: str, field: str) -> None:
    """By its field."""
    inner = written if written.startswith("{") else f"{{{written}}}"
    with pytest.raises(BadSettings) as bad:
        load_settings("t.yaml", f"verdicts:\n  prometheus: {inner}\n".encode(), {})
    assert [fault.field for fault in bad.value.faults] == [f"verdicts.prometheus.{field}"]
