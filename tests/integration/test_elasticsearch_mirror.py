"""The mirror against a real Elasticsearch: what arrives, that it arrives once, and what it is asked and refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from detector.edges.mirror.base import Document, Refused
from detector.edges.mirror.elasticsearch import MOST_BULK_BYTES, ElasticsearchMirror
from detector.edges.mirror.templates import VERSION
from detector.errors import SinkError
from detector.settings import ElasticsearchSettings, Secret
from tests.integration.mirrored import Mirrored, settings_of
from tests.services.certificates import Certificates
from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import fresh
from tests.services.meddler import Meddler
from tests.services.nginx import Nginx, Refusal
from tests.unit.edges.mirror.documents import delivery_document, finding_document, incident_document

Front = Callable[..., Nginx]
KINDS = ("findings", "incidents", "deliveries", "verdicts", "baselines")


@pytest.fixture
def mirrored(elasticsearch_node: Elasticsearch) -> Mirrored:
    return Mirrored(elasticsearch_node, fresh("mirror"))


async def written(settings: ElasticsearchSettings, *batches: Sequence[Document]) -> list[Refused]:
    """Each batch by one mirror."""
    mirror = ElasticsearchMirror(settings, "instance-a", Random(1))
    refused: list[Refused] = []
    try:
        for batch in batches:
            refused += await mirror.take(batch)
    finally:
        await mirror.close()
    return refused


def one_of_each() -> list[Document]:
    verdict = Document(
        4, "verdict", "latency", 1_000, {"signal": "latency", "verdict": "pass", "service": "shop", "observed": 1.5}
    )
    baseline = Document(5, "baseline", "latency", 1_000, {"anything": [1, {"deep": None}]})
    return [finding_document(1), incident_document(2), delivery_document(3), verdict, baseline]


def test_each_kind_has_its_data_stream_and_every_document_is_there_once(
    elasticsearch_node: Elasticsearch, mirrored: Mirrored
) -> None:
    """Written twice, by two processes: found once each, under fields that can be asked for."""
    settings = settings_of(elasticsearch_node.address, mirrored.prefix)
    for _ in range(2):
        assert asyncio.run(written(settings, one_of_each(), one_of_each())) == []
    assert [mirrored.count(kind) for kind in KINDS] == [1] * 5
    asked = f"/{mirrored.prefix}-*/_count?q=trimwatch.dedup_key:key"
    assert elasticsearch_node.ask("GET", asked)["count"] == 3
    for query in (
        "service.name:orders",
        "rule.ruleset:jvm",
        "error.message:text",
        "event.severity:2",
        'observer.name:"instance-a"',
    ):
        assert elasticsearch_node.ask("GET", f"/{mirrored.prefix}-findings/_count?q={query}")["count"] == 1, query
    index = next(iter(elasticsearch_node.ask("GET", f"/{mirrored.prefix}-findings")))
    assert index.startswith(".ds-"), "it is a data stream"


HOSTILE: list[dict[str, Any]] = [
    {"title": "\x00\ud800 \u202e", "service": "", "rule": "", "tags": ["x" * 100_000] * 3},
    {"title": '"}\n{"create":{}}\n', "rule": "a/b/c", "stream_key": "s" * 100_000, "cause": "é" * 50_000},
    {"time_ms": 10**17, "event_start": 1 << 62, "event_end": 1 << 80, "priority": -1},
    {"time_ms": -(10**17), "entity": {"kind": "k" * 40_000, "token": "t" * 40_000, "normal": "n" * 40_000}},
    {"evidence": {"source": "/" * 50_000, "position": "p", "line": 1 << 70, "text": "word " * 1_000_000}},
]


def test_hostile_text_is_taken_and_makes_no_field(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """Control characters, surrogates, words of a megabyte, numbers and years beyond all measure: kept, and the mapping stays."""
    settings = settings_of(elasticsearch_node.address, mirrored.prefix)
    asyncio.run(written(settings, one_of_each()))
    before = [mirrored.fields(kind) for kind in KINDS]
    documents = [finding_document(10 + number, f"key{number}", **changes) for number, changes in enumerate(HOSTILE)]
    field_each = {f"field{number}.{number}": {"a": number, "b": "x"} for number in range(3_000)}
    documents.append(Document(99, "verdict", "k", 5, {"signal": {"not": "a text"}, "verdict": ["pass"], **field_each}))
    assert asyncio.run(written(settings, documents)) == []
    assert mirrored.count("findings") == 1 + len(HOSTILE)
    assert mirrored.count("verdicts") == 2
    assert [mirrored.fields(kind) for kind in KINDS] == before


def test_a_row_of_another_release_is_refused_alone(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """One that lacks a field, one of a kind that nobody knows: dead letters; the others of the batch are in."""
    strange = [Document(7, "finding", "k", 1, {"rule": 1}), Document(8, "rumour", "k", 1, {})]
    refused = asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), [*strange, *one_of_each()]))
    assert [each.document for each in refused] == strange
    assert mirrored.count("findings") == 1


def test_a_template_of_a_newer_release_is_left_alone(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """Daemons of two releases write beside each other; the older one does not undo what the newer one needs."""
    name = f"{mirrored.prefix}-findings"
    body = {"index_patterns": [name], "data_stream": {}, "priority": 500, "version": VERSION + 1}
    elasticsearch_node.ask("PUT", f"/_index_template/{name}", body)
    asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), one_of_each()))
    assert template(elasticsearch_node, name)["version"] == VERSION + 1
    assert template(elasticsearch_node, f"{mirrored.prefix}-incidents")["version"] == VERSION


def test_a_template_of_an_older_release_is_replaced(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """And one without a version is older than any."""
    name = f"{mirrored.prefix}-findings"
    elasticsearch_node.ask("PUT", f"/_index_template/{name}", {"index_patterns": [name], "data_stream": {}, "priority": 500})
    asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), one_of_each()))
    assert template(elasticsearch_node, name)["version"] == VERSION


def template(node: Elasticsearch, name: str) -> Any:
    return node.ask("GET", f"/_index_template/{name}")["index_templates"][0]["index_template"]


def test_a_component_template_of_yours_is_used(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """`<prefix>@custom`: where it is there, its settings hold; where not, nothing is missing."""
    custom = {"template": {"settings": {"index.number_of_shards": 2}}}
    elasticsearch_node.ask("PUT", f"/_component_template/{mirrored.prefix}@custom", custom)
    asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), one_of_each()))
    (index,) = elasticsearch_node.ask("GET", f"/{mirrored.prefix}-findings/_settings").values()
    assert index["settings"]["index"]["number_of_shards"] == "2"


def test_a_template_that_was_deleted_is_made_again(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """The batch that finds no stream fails as a whole, no plain index is made by accident, and the next try is taken."""

    async def delete_and_go_on() -> None:
        mirror = ElasticsearchMirror(settings_of(elasticsearch_node.address, mirrored.prefix), "i", Random(1))
        await mirror.open()
        await asyncio.to_thread(elasticsearch_node.ask, "DELETE", f"/_index_template/{mirrored.prefix}-*")
        with pytest.raises(SinkError, match="no matching index template"):
            await mirror.take([finding_document(1)])
        assert await mirror.take([finding_document(1)]) == []
        await mirror.close()

    asyncio.run(delete_and_go_on())
    assert mirrored.count("findings") == 1


def test_what_lies_under_the_name_already_is_told_and_costs_no_document(
    elasticsearch_node: Elasticsearch, mirrored: Mirrored
) -> None:
    """Somebody's plain index: not written to, and named."""
    elasticsearch_node.ask("PUT", f"/{mirrored.prefix}-findings")
    with pytest.raises(SinkError, match="is not a data stream"):
        asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), [finding_document(1)]))


def test_through_tls_and_a_password_that_is_rotated(
    elasticsearch_node: Elasticsearch, nginx_front: Front, certificates: Certificates, mirrored: Mirrored, tmp_path: Path
) -> None:
    """A wrong password is an authError without the password in it; when its file is mended the same mirror goes on."""
    front = nginx_front(elasticsearch_node.address, certificates, ("shop", "the-right-one"))
    file = tmp_path / "password"
    file.write_text("the-wrong-one")
    settings = settings_of(
        front.address, mirrored.prefix, ca_file=str(certificates.ca), username="shop", password=Secret(file=str(file))
    )

    async def rotate() -> SinkError:
        mirror = ElasticsearchMirror(settings, "i", Random(1))
        with pytest.raises(SinkError) as raised:
            await mirror.take([finding_document(1)])
        file.write_text("the-right-one\n")
        assert await mirror.take([finding_document(1)]) == []
        await mirror.close()
        return raised.value

    error = asyncio.run(rotate())
    assert error.reason == "authError"
    assert "the-wrong-one" not in str(error)
    assert mirrored.count("findings") == 1


def test_without_the_right_to_make_templates(elasticsearch_node: Elasticsearch, nginx_front: Front, mirrored: Mirrored) -> None:
    """Somebody else has made them: documents are written all the same. Nobody has: what is missing is said, nothing is lost."""
    front = nginx_front(elasticsearch_node.address)
    front.refuse([Refusal("PUT", "/_index_template"), Refusal("GET", "/_index_template")])
    settings = settings_of(front.address, mirrored.prefix)
    with pytest.raises(SinkError, match="no matching index template"):
        asyncio.run(written(settings, [finding_document(1)]))
    asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), [finding_document(2)]))
    assert asyncio.run(written(settings, [finding_document(1)])) == []
    assert mirrored.count("findings") == 2


def test_a_bulk_is_bounded_and_one_that_is_too_large_for_a_proxy_is_halved(
    elasticsearch_node: Elasticsearch, mirrored: Mirrored
) -> None:
    """No request has more than 5 MB; a 413 on the way cuts it in two, until the one document that is too large is left."""
    documents = [Document(number, "baseline", f"k{number}", 1, {"values": "x" * 200_000}) for number in range(60)]

    async def write() -> tuple[list[Refused], list[int]]:
        async with Meddler(elasticsearch_node.address) as proxy:
            refused = await written(settings_of(proxy.address, mirrored.prefix), documents)
            return refused, [len(request.body) for request in proxy.bulks]

    refused, sizes = asyncio.run(write())
    assert refused == []
    assert max(sizes) <= MOST_BULK_BYTES
    assert sum(sizes) > 2 * MOST_BULK_BYTES
    assert mirrored.count("baselines") == 60


def test_a_document_that_is_too_large_for_a_proxy_is_refused_alone(
    elasticsearch_node: Elasticsearch, nginx_front: Front, mirrored: Mirrored
) -> None:
    """nginx takes a megabyte by default."""
    front = nginx_front(elasticsearch_node.address)
    limit = front.folder / "nginx.conf"
    limit.write_text(limit.read_text().replace("client_max_body_size 0", "client_max_body_size 1m"))
    front._process.signal(1)
    small = [finding_document(number) for number in range(3_000)]
    large = Document(9_999, "baseline", "large", 1, {"values": "x" * 2_000_000})

    refused: list[Refused] = []
    while not refused:  # until the reload has been taken, which may cost a connection
        with contextlib.suppress(SinkError):
            refused = asyncio.run(written(settings_of(front.address, mirrored.prefix), [*small, large]))
    assert [(each.document.key, "413" in each.reason) for each in refused] == [("large", True)]
    assert mirrored.count("findings") == 3_000


def test_the_mapping_holds_what_the_documents_hold(elasticsearch_node: Elasticsearch, mirrored: Mirrored) -> None:
    """No field of a finding, an incident or a delivery is left out of the mapping by mistake."""
    asyncio.run(written(settings_of(elasticsearch_node.address, mirrored.prefix), one_of_each()))
    for kind in ("findings", "incidents", "deliveries"):
        (index,) = elasticsearch_node.ask("GET", f"/{mirrored.prefix}-{kind}/_mapping").values()
        for source in mirrored.sources(kind):
            missing = set(_paths(source)) - set(_mapped(index["mappings"])) - {"trimwatch.also"}
            assert missing == set(), json.dumps(sorted(missing))


def _paths(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict) and path not in ("trimwatch.evidence", "trimwatch.body"):
        return [inner for name, each in value.items() for inner in _paths(each, f"{path}.{name}" if path else name)]
    return [path]


def _mapped(mapping: dict[str, Any], path: str = "") -> list[str]:
    found = []
    for name, field in mapping.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        found += _mapped(field, inner) if "properties" in field else [inner]
    return found
