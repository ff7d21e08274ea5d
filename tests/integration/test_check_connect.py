"""`trimwatch check --connect` against a real cluster behind a real nginx: a fault names the field, the cause and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.cli import main
from tests.services.certificates import Certificates
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.nginx import Nginx, Refusal
from tests.services.process import free_port

Front = Callable[..., Nginx]
PASSWORD = "correct-horse"


class Settings:
    """A settings file of one source or a mirror, and what the check says of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "settings.yaml"

    def source(self, url: str, index: str, **more: object) -> tuple[int, dict[str, str], str]:
        entry = {"type": "elasticsearch", "urls": [url], "index": index, "timeout": "10s", **more}
        return self.check({"sources": [entry]}, "sources.0.")

    def mirror(self, url: str, **more: object) -> tuple[int, dict[str, str], str]:
        return self.check({"elasticsearch": {"urls": [url], "timeout": "10s", **more}}, "elasticsearch.")

    def check(self, settings: dict[str, object], below: str) -> tuple[int, dict[str, str], str]:
        """Exit status, problem by field, and what was seen of the first part."""
        self.path.write_text(json.dumps({"rules": {"builtin": False}, **settings}))
        done = CliRunner().invoke(main, ["check", "--connect", "--json", "--config", str(self.path)])
        objects = [json.loads(line) for line in done.output.splitlines()]
        faults = {one["field"].removeprefix(below): one["problem"] for one in objects if one["kind"] == "fault"}
        seen = next((one["seen"] for one in objects if one["kind"] == "part"), "")
        assert PASSWORD not in done.output
        return done.exit_code, faults, seen


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


@pytest.fixture(scope="module")
def logs(elasticsearch_node: Elasticsearch) -> str:
    """An index with two documents, one of them of the future tense."""
    index = fresh("logs")
    mappings = {"properties": {"@timestamp": {"type": "date"}, "when": {"type": "keyword"}, "message": {"type": "text"}}}
    elasticsearch_node.ask("PUT", f"/{index}", {"mappings": mappings})
    for second in (1, 2):
        document = {"@timestamp": f"2026-11-25T02:00:0{second}Z", "when": "today", "message": "up", "level": "info"}
        elasticsearch_node.ask("PUT", f"/{index}/_doc/{second}?refresh=true", document)
    return index


def test_all_is_well(settings: Settings, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """The version, how many indices and documents, the time of the newest; exit status 0."""
    status, faults, seen = settings.source(elasticsearch_node.address, logs, message_field="message")
    assert (status, faults) == (0, {})
    assert "9." in seen
    assert "1 index, 2 documents, the newest of 2026-11-25T02:00:02.000Z, its line `up`" in seen


def test_without_connect_no_network_is_touched(tmp_path: Path, elasticsearch_node: Elasticsearch, nginx_front: Front) -> None:
    """The front hears of nobody."""
    front = nginx_front(elasticsearch_node.address)
    path = tmp_path / "settings.yaml"
    path.write_text(json.dumps({"sources": [{"type": "elasticsearch", "urls": [front.address], "index": "x"}]}))
    assert CliRunner().invoke(main, ["check", "--config", str(path)]).exit_code == 0
    assert [line for line in front.requests() if "urllib" not in line] == []  # which is how the test waits for the front


def test_the_lines_for_people(tmp_path: Path, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """A line a part; faults as path:line: field: problem before it; exit status 2; a part with a known fault is not asked."""
    path = tmp_path / "settings.yaml"
    path.write_text(
        "rules: {builtin: false}\nsources:\n"
        f"  - {{type: elasticsearch, urls: [{elasticsearch_node.address}], index: {logs}}}\n"
        f"  - type: elasticsearch\n    name: b\n    urls: [{elasticsearch_node.address}]\n    index: {logs}x\n"
        "sinks:\n  - {type: webhook, url: 'http://10.0.0.1/x'}\n"
    )
    done = CliRunner().invoke(main, ["check", "--connect", "--config", str(path)])
    assert done.exit_code == 2
    lines = done.output.splitlines()
    assert lines[0].startswith(f"{path}:9: sinks.0.url: loopback and private addresses need")
    assert lines[1].startswith("sources.0 elasticsearch: 1 node, 9.")
    assert lines[1].endswith("all well")
    assert lines[2].startswith(f"{path}:7: sources.1.index: `{logs}x` matches no index")
    assert lines[3].endswith("1 fault")
    assert lines[4] == "sinks.0 webhook: was not asked: mend the faults of its settings first"


def test_an_authority_that_nobody_knows(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, certificates: Certificates, logs: str
) -> None:
    """Named under ca_file; with the authority's file it is well; a file that holds none is said to."""
    front = nginx_front(elasticsearch_node.address, certificates)
    status, faults, _ = settings.source(front.address, logs)
    assert status == 2
    assert set(faults) == {"ca_file"}
    assert "not trusted" in faults["ca_file"]
    assert settings.source(front.address, logs, ca_file=str(certificates.ca))[:2] == (0, {})
    status, faults, _ = settings.source(front.address, logs, ca_file=str(certificates.server_key))
    assert (status, set(faults)) == (2, {"ca_file"})


def test_a_certificate_for_another_name(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, certificates: Certificates, logs: str
) -> None:
    """A trusted certificate without our name is the address's fault, not the authority's."""
    nameless = replace(certificates, server=certificates.ca, server_key=certificates.ca.with_name("ca.key"))
    front = nginx_front(elasticsearch_node.address, nameless)
    _, faults, _ = settings.source(front.address, logs, ca_file=str(certificates.ca))
    assert set(faults) == {"urls.0"}
    assert "write the name that the certificate is for" in faults["urls.0"]


def test_plain_on_a_tls_port_and_tls_on_a_plain_one(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, certificates: Certificates, logs: str
) -> None:
    """Each says which scheme to write."""
    front = nginx_front(elasticsearch_node.address, certificates)
    _, faults, _ = settings.source(front.address.replace("https", "http"), logs)
    assert set(faults) == {"urls.0"}
    assert "write https://" in faults["urls.0"]
    _, faults, _ = settings.source(elasticsearch_node.address.replace("http", "https"), logs)
    assert set(faults) == {"urls.0"}
    assert "write http://" in faults["urls.0"]


def test_who_we_are(settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, logs: str) -> None:
    """Nothing given, a wrong password, a wrong key: each is told under the field that is wrong; the right one is well."""
    front = nginx_front(elasticsearch_node.address, None, ("trimwatch", PASSWORD))
    _, faults, _ = settings.source(front.address, logs)
    assert set(faults) == {"username"}
    assert "401" in faults["username"]
    assert "username and password, or api_key" in faults["username"]
    _, faults, _ = settings.source(front.address, logs, username="trimwatch", password="battery-staple")
    assert set(faults) == {"password"}
    assert "battery-staple" not in faults["password"]
    assert set(settings.source(front.address, logs, api_key="bm90OmFsaXZl")[1]) == {"api_key"}
    assert settings.source(front.address, logs, username="trimwatch", password=PASSWORD)[:2] == (0, {})


@pytest.mark.parametrize(("path", "right"), [("/[^/]+/_field_caps", "read"), ("/[^/]+/_search", "read"), ("/[^/]+/_pit", "read")])
def test_what_a_source_may_not_do(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, logs: str, path: str, right: str
) -> None:
    """What was asked, of which index, and the privilege to grant."""
    front = nginx_front(elasticsearch_node.address)
    front.refuse([Refusal("", path)])
    _, faults, _ = settings.source(front.address, logs, api_key="bm90OmFsaXZl")
    assert set(faults) == {"api_key"}
    assert f"{logs}{path.removeprefix('/[^/]+')} answered 403" in faults["api_key"]
    assert f"grant the index privilege `{right}` on `{logs}`" in faults["api_key"]


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/_index_template", "manage_index_templates"),
        ("/_bulk", "write"),
        ("/[^/]+/_field_caps", "read"),
        ("/_resolve", "view_index_metadata"),
    ],
)
def test_what_a_mirror_may_not_do(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, path: str, right: str
) -> None:
    """The privilege to grant is named; and a mirror with all of them is well, with nothing made."""
    prefix = fresh("trimwatch")
    front = nginx_front(elasticsearch_node.address)
    status, faults, _ = settings.mirror(front.address, prefix=prefix)
    assert (status, faults) == (0, {})
    assert elasticsearch_node.ask("GET", f"/_resolve/index/{prefix}*") == {"indices": [], "aliases": [], "data_streams": []}
    front.refuse([Refusal("", path)])
    _, faults, _ = settings.mirror(front.address, prefix=prefix)
    assert set(faults) == {"username"}
    assert "403" in faults["username"]
    assert f"`{right}`" in faults["username"]


def test_where_nobody_or_somebody_else_listens(settings: Settings, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """A port without a listener, a name that does not resolve, and Elasticsearch's own port for its other nodes."""
    _, faults, _ = settings.source(f"http://127.0.0.1:{free_port()}", logs)
    assert "nothing listens there" in faults["urls.0"]
    _, faults, _ = settings.source("http://nowhere.invalid:9200", logs)
    assert "does not resolve" in faults["urls.0"]
    transport = elasticsearch_node.ask("GET", "/_nodes/transport?filter_path=nodes.*.transport.publish_address")
    (node,) = transport["nodes"].values()
    _, faults, _ = settings.source(f"http://{node['transport']['publish_address']}", logs)
    assert "does not speak HTTP" in faults["urls.0"]


def test_one_node_of_two_is_away(settings: Settings, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """Its address alone is at fault, and the other says what is there."""
    urls = [f"http://127.0.0.1:{free_port()}", elasticsearch_node.address]
    status, faults, seen = settings.source("", logs, urls=urls)
    assert (status, set(faults)) == (2, {"urls.0"})
    assert "2 documents" in seen


def test_an_index_that_is_not_there(settings: Settings, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """The nearest names are told, for a name and for a pattern."""
    _, faults, _ = settings.source(elasticsearch_node.address, logs.replace("logs-", "log-"))
    assert logs in faults["index"]
    _, faults, _ = settings.source(elasticsearch_node.address, "nothing-like-it-*")
    assert "matches no index" in faults["index"]


def test_fields_that_are_no_time_and_no_line(settings: Settings, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """A keyword does not order documents; a field that is not there is told, with those that would do."""
    _, faults, _ = settings.source(elasticsearch_node.address, logs, time_field="when")
    assert faults["time_field"].startswith(f"`when` is mapped as keyword in {logs}: map it as date")
    assert "fields that are dates: @timestamp" in faults["time_field"]
    _, faults, _ = settings.source(elasticsearch_node.address, logs, time_field="time")
    assert "no index has a field `time`" in faults["time_field"]
    _, faults, _ = settings.source(elasticsearch_node.address, logs, message_field="log")
    assert faults["message_field"] == "the newest document has no `log`; it has message"
    index = fresh("logs")
    elasticsearch_node.ask("PUT", f"/{index}/_doc/1?refresh=true", {"@timestamp": "2026-11-25T02:00:00Z", "took": 3})
    _, faults, _ = settings.source(elasticsearch_node.address, index)
    assert "no line was found in the newest document, which has @timestamp, took" in faults["message_field"]


def test_a_query_that_cannot_be_read_or_finds_nothing(settings: Settings, elasticsearch_node: Elasticsearch, logs: str) -> None:
    """The first is a fault of `query`; the second is said."""
    _, faults, _ = settings.source(elasticsearch_node.address, logs, query="level:(")
    assert set(faults) == {"query"}
    status, faults, seen = settings.source(elasticsearch_node.address, logs, query="level:fatal")
    assert (status, faults) == (0, {})
    assert "0 documents that `query` matches" in seen


OLDER = (
    '{"error":{"type":"media_type_header_exception","reason":"Invalid media-type value on headers [Accept]","caused_by":'
    '{"type":"status_exception","reason":"Accept version must be either version 8 or 7, but found 9."}},"status":400}'
)
PRODUCTS = {
    "an Elasticsearch of release 8": Refusal("", "/", 400, (("X-elastic-product", "Elasticsearch"),), OLDER),
    "OpenSearch, to a body": Refusal("", "/", 406, (), '{"error":"Content-Type header is not supported","status":406}'),
    "OpenSearch, without one": Refusal("", "/", 200, (), '{"indices":[],"fields":{}}'),
}


@pytest.mark.parametrize("refusal", PRODUCTS.values(), ids=PRODUCTS)
def test_another_product_or_release(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, logs: str, refusal: Refusal
) -> None:
    """Told under flavor, with what to write."""
    front = nginx_front(elasticsearch_node.address)
    front.refuse([refusal])
    _, faults, _ = settings.source(front.address, logs)
    assert set(faults) == {"flavor"}
    assert "flavor: opensearch" in faults["flavor"]


def test_a_mirror_in_an_older_release(settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front) -> None:
    """Reading works in plain JSON, writing does not: told under flavor."""
    front = nginx_front(elasticsearch_node.address)
    front.refuse([Refusal("", "/_bulk", 400, (("X-elastic-product", "Elasticsearch"),), OLDER)])
    _, faults, _ = settings.mirror(front.address, prefix=fresh("tw"))
    assert set(faults) == {"flavor"}
    assert "found 9" in faults["flavor"]


def test_a_node_that_does_not_answer_in_time(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front, logs: str
) -> None:
    """504 of a proxy is told as what it is."""
    front = nginx_front(elasticsearch_node.address)
    front.refuse([Refusal("", "/", 504)])
    _, faults, _ = settings.source(front.address, logs)
    assert "504" in faults["urls.0"]


def test_what_lies_under_the_mirrors_names(settings: Settings, elasticsearch_node: Elasticsearch) -> None:
    """An index in a data stream's place, a stream that is mapped otherwise, a template of somebody else that would win."""
    address, prefixes = elasticsearch_node.address, [fresh("tw") for _ in range(2)]
    elasticsearch_node.ask("PUT", f"/{prefixes[0]}-findings")
    _, faults, _ = settings.mirror(address, prefix=prefixes[0])
    assert faults["prefix"].startswith(f"`{prefixes[0]}-findings` is an index and not a data stream: delete or rename it")
    other = {"index_patterns": [f"{prefixes[1]}-*"], "priority": 900, "data_stream": {}}
    mappings = {"properties": {"@timestamp": {"type": "date"}, "service": {"properties": {"name": {"type": "text"}}}}}
    elasticsearch_node.ask("PUT", f"/_index_template/{prefixes[1]}", other | {"template": {"mappings": mappings}})
    _, faults, _ = settings.mirror(address, prefix=prefixes[1])
    assert f"the index template `{prefixes[1]}` ({prefixes[1]}-*, priority 900) wins over ours (500)" in faults["prefix"]
    elasticsearch_node.ask("POST", f"/{prefixes[1]}-incidents/_doc", {"@timestamp": "2026-11-25T02:00:00Z"})
    elasticsearch_node.ask("PUT", f"/_index_template/{prefixes[1]}", other | {"priority": 1, "template": {"mappings": mappings}})
    _, faults, _ = settings.mirror(address, prefix=prefixes[1])
    assert "service.name is text and not keyword" in faults["prefix"]


def test_rights_that_the_cluster_says_are_lacking(
    settings: Settings, elasticsearch_node: Elasticsearch, nginx_front: Front
) -> None:
    """A cluster with security is asked itself; each privilege that it denies is named once."""
    front = nginx_front(elasticsearch_node.address)
    said = {
        "username": "shipper",
        "cluster": {"manage_index_templates": False},
        "index": {"tw-*": {"read": True, "write": True, "create_index": True, "auto_configure": False}},
    }
    headers = (("X-elastic-product", "Elasticsearch"),)
    front.refuse([Refusal("", "/_security/user/_has_privileges", 200, headers, json.dumps(said))])
    _, faults, _ = settings.mirror(front.address, prefix="tw", username="shipper", password=PASSWORD)
    assert faults == {
        "password": "the user 'shipper' lacks rights: grant `manage_index_templates`, `auto_configure` on `tw-*`",
    }
