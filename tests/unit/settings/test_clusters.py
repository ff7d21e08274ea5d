"""What `check` refuses of Elasticsearch settings without asking a node."""

from __future__ import annotations

import pytest

from detector.errors import BadSettings
from detector.settings import load_settings


def problems(text: str) -> list[str]:
    """The faults of the text, as `field: problem`."""
    try:
        load_settings("s.yaml", text, {})
    except BadSettings as bad:
        return [f"{fault.field}: {fault.problem}" for fault in bad.faults]
    return []


def source(more: str = "", urls: str = "['https://es:9200']", index: str = "logs-*") -> list[str]:
    return problems(f"sources:\n  - {{type: elasticsearch, urls: {urls}, index: '{index}'{', ' if more else ''}{more}}}\n")


@pytest.mark.parametrize("url", ["http://es:9200", "https://es", "HTTPS://[::1]:9200/behind/a/proxy/", "http://10.0.0.7:9200"])
def test_addresses_of_nodes_are_urls(url: str) -> None:
    """With or without a port and a path."""
    assert source(urls=f"['{url}']") == []


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("es:9200", "write http://host:port"),
        ("ftp://es:9200", "write http://host:port"),
        ("http://", "write http://host:port"),
        ("http://es:0", "write http://host:port"),
        ("http://es:99999", "is no address"),
        ("http://[::1", "is no address"),
        ("http://es:9200/?pretty", "leave out what follows"),
        ("http://es :9200", "no blanks"),
    ],
)
def test_what_is_no_address_is_said(url: str, problem: str) -> None:
    """For the mirror and for a source."""
    (said,) = source(urls=f"['{url}']")
    assert said.startswith("sources.0.urls.0: ")
    assert problem in said
    (said,) = problems(f"elasticsearch: {{urls: ['{url}']}}")
    assert said.startswith("elasticsearch.urls.0: ")
    assert problem in said


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """It would be shown wherever the address is."""
    (said,) = problems("elasticsearch: {urls: ['https://elastic:s3cret@es:9200']}")
    assert "give username and password, or api_key, by their own keys" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ("username: a, password: b", []),
        ("api_key: k", []),
        ("api_key: k, username: a, password: b", ["api_key"]),
        ("api_key: k, username: a", ["api_key"]),
        ("username: a", ["username"]),
        ("password: b", ["password"]),
        ("api_key: ''", ["api_key"]),
    ],
)
def test_there_is_one_way_to_prove_who_we_are(more: str, fields: list[str]) -> None:
    """A user with a password, or an API key."""
    assert [said.split(":")[0].removeprefix("sources.0.") for said in source(more)] == fields
    mirror = problems(f"elasticsearch: {{urls: ['https://es:9200'], {more}}}")
    assert [said.split(":")[0].removeprefix("elasticsearch.") for said in mirror] == fields


def test_a_source_says_where_what_and_since_when() -> None:
    """All its faults at once."""
    found = source("start_at: now", urls="[]", index="a b")
    assert [said.split(":")[0] for said in found] == ["sources.0.index", "sources.0.start_at", "sources.0.urls"]


@pytest.mark.parametrize("field", ["time_field", "message_field"])
def test_a_field_has_a_name(field: str) -> None:
    """The cluster would refuse every search, for ever."""
    assert [said.split(":")[0] for said in source(f"{field}: ''")] == [f"sources.0.{field}"]


def test_shared_needs_a_place_to_share() -> None:
    """And a prefix that index names may begin with."""
    assert problems("incidents: {resolve: shared}") == [
        "incidents.resolve: shared needs elasticsearch.urls: that is where daemons agree"
    ]
    assert problems("incidents: {resolve: shared}\nelasticsearch: {urls: ['http://es:9200']}") == []
    assert [said.split(":")[0] for said in problems("elasticsearch: {prefix: Trim*}")] == ["elasticsearch.prefix"]


@pytest.mark.parametrize(
    ("index", "is_loop"),
    [
        ("*", True),
        ("_all", True),
        ("logs-*,trimwatch-*", True),
        ("trimwatch-findings", True),
        ("*,-trimwatch*", False),
        ("logs-*", False),
        ("-x,trim*", True),
    ],
)
def test_what_is_mirrored_is_not_read_again(index: str, is_loop: bool) -> None:
    """On one cluster; another may hold what it likes."""
    text = "sources:\n  - {{type: elasticsearch, urls: ['http://ES:9200/'], index: '{}'}}\nelasticsearch: {{urls: ['{}']}}\n"
    assert bool(problems(text.format(index, "http://es:9200"))) is is_loop
    assert problems(text.format(index, "http://other:9200")) == []


def test_a_bundle_to_trust_needs_something_to_check() -> None:
    """http:// has no certificate."""
    assert [said.split(":")[0] for said in problems("elasticsearch: {urls: ['http://es:9200'], ca_file: /ca}")] == [
        "elasticsearch.ca_file"
    ]
