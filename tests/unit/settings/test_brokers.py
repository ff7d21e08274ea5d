"""What `check` refuses of Kafka settings without asking a broker."""

from __future__ import annotations

import pytest

from detector.errors import BadSettings
from detector.settings import load_settings

SOURCE = "sources:\n  - type: kafka\n"
SINK = "sinks:\n  - type: kafka\n"


def problems(text: str) -> list[str]:
    """The faults of the text, as `line: field: problem`."""
    try:
        load_settings("s.yaml", text, {})
    except BadSettings as bad:
        return [f"{fault.line}: {fault.field}: {fault.problem}" for fault in bad.faults]
    return []


def source(more: str, servers: str = "[kafka-1:9092]") -> list[str]:
    return problems(f"{SOURCE}    servers: {servers}\n" + "".join(f"    {line}\n" for line in more.splitlines()))


def sink(more: str) -> list[str]:
    return problems(f"{SINK}    servers: [kafka-1:9092]\n" + "".join(f"    {line}\n" for line in more.splitlines()))


@pytest.mark.parametrize(
    "servers", ["[kafka-1:9092]", "['[::1]:9092', 10.0.0.7:9093]", "[kafka_1.kafka.svc.cluster.local.:19092]", "[a:1, B:65535]"]
)
def test_addresses_of_brokers_are_host_and_port(servers: str) -> None:
    """Names, IPv4, IPv6 in brackets."""
    assert source("topics: [logs]", servers) == []


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("kafka-1", "write host:port"),
        ("kafka-1:0", "write host:port"),
        ("kafka-1:65536", "write host:port"),
        ("::1", "write host:port"),
        ("kafka-1:9092/x", "write host:port"),
        ("kafka 1:9092", "write host:port"),
        ("kafka-1:9092,kafka-2:9092", "each broker as an item"),
        ("SASL_SSL://kafka-1:9092", "leave out the scheme"),
    ],
)
def test_what_is_no_address_is_named_with_its_line(server: str, problem: str) -> None:
    """The third line, the first server."""
    (said,) = source("topics: [logs]", f"['{server}']")
    assert said.startswith("3: sources.0.servers.0: ")
    assert problem in said


def test_no_server_at_all_is_a_fault() -> None:
    """aiokafka would take localhost."""
    assert source("topics: [logs]", "[]") == ["3: sources.0.servers: is empty; name at least one broker as host:port"]


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """Addresses are logged; passwords have a key of their own."""
    (said,) = source("topics: [logs]", "['alice:s3cret@kafka-1:9092']")
    assert "give username and password by their own keys" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", ["2: sources.0.topics: name topics, or give a topic_pattern"]),
        ("topics: []", ["4: sources.0.topics: name topics, or give a topic_pattern"]),
        (
            "topics: [a]\ntopic_pattern: b",
            ["5: sources.0.topic_pattern: cannot be given beside topics; leave one of them out"],
        ),
        ("topics: [a, b, a]", ["4: sources.0.topics.2: 'a' stands there twice"]),
        (
            "topics: ['logs-.*']",
            [
                "4: sources.0.topics.0: 'logs-.*' is no name of a topic: letters, digits, '.', '_' and '-', at most 249; several "
                "topics by one expression are a `topic_pattern`"
            ],
        ),
        ("topics: ['..']", ["4: sources.0.topics.0: '..' is no name of a topic: letters, digits, '.', '_' and '-', at most 249"]),
        (
            "topic_pattern: 'logs-('",
            ["4: sources.0.topic_pattern: is no regular expression: missing ), unterminated subpattern at position 5"],
        ),
        (
            "topic_pattern: 'logs-*'",
            ["4: sources.0.topic_pattern: is 'logs-*', which reads like a glob; as a regular expression, any text is .*"],
        ),
        ("topic_pattern: ''", ["4: sources.0.topic_pattern: is empty; write a regular expression that whole topic names match"]),
        ("topics: [a]\ngroup: ' '", ["5: sources.0.group: is empty; name the consumer group"]),
        (
            "topics: [a]\nstart_at: yesterday",
            ["5: sources.0.start_at: is 'yesterday'; write earliest, latest, or a time like 2026-11-25T02:00:00Z"],
        ),
    ],
)
def test_what_is_to_be_read_is_clear(more: str, said: list[str]) -> None:
    """Topics or a pattern, one of them; a group; a beginning."""
    assert source(more) == said


@pytest.mark.parametrize(
    "more", ["topic_pattern: 'logs-.*'", "topics: [a.b_C-1]\nstart_at: 2026-11-25T02:00:00Z", "topic_pattern: '(a|b)*'"]
)
def test_what_is_right_passes(more: str) -> None:
    """Patterns, times as YAML writes them without quotes."""
    assert source(more) == []


@pytest.mark.parametrize("part", [source, sink])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("sasl: plain\nusername: alice\npassword: x", []),
        ("sasl: scram-sha-512\nusername: alice\npassword_file: /x", []),
        ("sasl: plain", ["sasl: plain needs a password", "sasl: plain needs a username"]),
        ("sasl: plain\nusername: alice", ["sasl: plain needs a password"]),
        ("sasl: plain\nusername: ''\npassword: ''", ["username: plain needs a username", "password: plain needs a password"]),
        ("username: alice", ["username: means nothing without `sasl`: plain, scram-sha-256 or scram-sha-512"]),
        ("password: x", ["password: means nothing without `sasl`: plain, scram-sha-256 or scram-sha-512"]),
        ("tls: true\ncert_file: /c\nkey_file: /k\nca_file: /a", []),
        (
            "tls: true\ncert_file: /c",
            ["cert_file: needs key_file, the key of that certificate (the same file where it holds both)"],
        ),
        ("tls: true\nkey_file: /k", ["key_file: needs cert_file, the certificate of that key"]),
        ("ca_file: /a", ["ca_file: means nothing without `tls: true`"]),
    ],
)
def test_how_we_prove_who_we_are_is_whole(part, more: str, said: list[str]) -> None:
    """For sources and sinks alike: SASL with both halves, a certificate with its key, nothing that would be left unused."""
    found = part(more if part is sink else f"topics: [a]\n{more}")
    assert [line.split(": ", 1)[1].split(".", 2)[2] for line in found] == said


def test_topics_that_are_written_have_names_kafka_takes() -> None:
    """Each by its own key."""
    assert [line.split(": ")[1] for line in sink("topic: a b\nfindings_topic: ''\nverdicts_topic: ok")] == [
        "sinks.0.topic",
        "sinks.0.findings_topic",
    ]


def test_two_who_take_from_the_feed_have_two_names() -> None:
    """Else they would share one bookmark."""
    mirror = "elasticsearch: {urls: ['http://es:9200']}\n"
    named = f"{SINK}    servers: [a:1]\n    name: elasticsearch\n"
    (said,) = problems(f"{mirror}{named}    findings_topic: f\n")
    assert said.startswith("5: sinks.0.name: elasticsearch is what the mirror is called")
    assert problems(f"{mirror}{named}") == problems(f"{named}    findings_topic: f\n") == []


def replicated(rest: str) -> list[str]:
    return problems(f"{SOURCE}    servers: [a:1]\n    topics: [t]\n    replicas: 2\n{rest}")


def test_several_daemons_need_a_place_to_agree() -> None:
    """Else each would resolve what the others still see, unless nobody resolves."""
    (said,) = replicated("")
    assert said.startswith("5: sources.0.replicas: 2 daemons would resolve each other's incidents")
    assert "elasticsearch.urls" in said
    assert "incidents.resolve: never" in said
    assert replicated("incidents: {resolve: never}") == []
    assert replicated("elasticsearch: {urls: ['http://es:9200']}\nincidents: {resolve: shared}") == []


def looped(read: str, written: str, servers: str = "[A:1, b:2]") -> list[str]:
    return problems(f"{SOURCE}    servers: [a:1]\n    {read}\n{SINK}    servers: {servers}\n    {written}")


@pytest.mark.parametrize(
    ("read", "written", "field"),
    [
        ("topics: [x, trimwatch-incidents]", "name: out", "topic"),
        ("topics: [f]", "findings_topic: f", "findings_topic"),
        ("topic_pattern: '.*'", "topic: t", "topic"),
        ("topic_pattern: 'ver.*'", "verdicts_topic: verdicts", "verdicts_topic"),
    ],
)
def test_what_is_written_is_not_read_again(read: str, written: str, field: str) -> None:
    """An incident quotes the lines it was made of: read as a log it would make the next one."""
    (said,) = looped(read, written)
    assert f"sinks.0.{field}: is read by sources.0.topic" in said


def test_another_cluster_may_have_a_topic_of_that_name() -> None:
    """No broker in common, no loop."""
    assert looped("topics: [t]", "topic: t", "[c:1]") == []
    assert looped("topic_pattern: 'logs.*'", "topic: old-logs") == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("max_batch: 0", "max_batch: must be at least 64KiB"),
        ("fetch: 1GiB", "fetch: must be at most 64MiB"),
        ("commit_every: 0s", "commit_every: must be at least 10ms"),
        ("session_timeout: 0s", "session_timeout: must be at least 1s"),
        ("session_timeout: 2d", "session_timeout: must be at most 1h"),
    ],
)
def test_what_would_read_nothing_is_refused(more: str, said: str) -> None:
    """Every batch would be too large, every answer longer than we take one, every member silent for too long."""
    assert source(f"topics: [logs]\n{more}") == [f"5: sources.0.{said}"]
