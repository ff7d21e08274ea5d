"""Every node of a cluster asked by itself, for `check --connect`: a client hides the one that fails behind the next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from detector.edges.elasticsearch.client import ClusterSettings, client
from detector.edges.elasticsearch.library import ApiError, AsyncElasticsearch, TransportError
from detector.edges.elasticsearch.refusals import REFUSALS, Need, problem_of
from detector.edges.inspected import Problem

PLAIN = {"accept": "application/json", "content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Nodes:
    """`answered` are the numbers of the addresses that serve us; `version` is empty where the cluster does not say."""

    answered: tuple[int, ...]
    version: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        count = len(self.answered)
        return ", ".join(filter(None, (f"{count} {'node' if count == 1 else 'nodes'}", self.version)))


async def ask_nodes(settings: ClusterSettings, index: str) -> Nodes:
    """Asks all at once for a field of the index, for half of the time at most: one that hangs leaves time for the rest."""
    halved = replace(settings, timeout=settings.timeout / 2)
    asked = await asyncio.gather(*(_ask_node(halved, at, index) for at in range(len(settings.urls))))
    versions = [version for version, _ in asked if version is not None]
    return Nodes(
        tuple(at for at, (version, _) in enumerate(asked) if version is not None),
        ", ".join(sorted({version for version in versions if version})),
        distinct(problem for _, problem in asked if problem is not None),
    )


async def _ask_node(settings: ClusterSettings, at: int, index: str) -> tuple[str | None, Problem | None]:
    """Its version, or what is wrong."""
    try:
        async with client(replace(settings, urls=(settings.urls[at],))) as node:
            await mapped(node, index, ["@timestamp"])
            return await _version(node), None
    except REFUSALS as error:
        need = Need("read fields of the index", f"the index privilege `read` on `{index}`")
        return None, problem_of(error, settings, at, need)


async def mapped(cluster: AsyncElasticsearch, index: str, fields: Iterable[str], **more: str) -> Mapping[str, Any]:
    """`indices` that match, none where there are none, and by field and type how they map it. Asked as OpenSearch understands it
    too, which knows no fields in a body."""
    words = {"fields": ",".join(fields), "allow_no_indices": "true", "ignore_unavailable": "true", **more}
    answer = await cluster.perform_request("GET", f"/{quote(index, safe=',*')}/_field_caps?{urlencode(words)}", headers=PLAIN)
    if not isinstance(answer.body, dict) or not isinstance(answer.body.get("indices"), list):
        raise TransportError("the answer is none that Elasticsearch gives: is the address right, and the path in it?")
    return answer.body


async def resolved(cluster: AsyncElasticsearch, pattern: str) -> Mapping[str, Any]:
    """`indices`, `aliases` and `data_streams` whose names match. By GET, as OpenSearch wants it."""
    answer = await cluster.perform_request("GET", f"/_resolve/index/{quote(pattern, safe=',*')}", headers=PLAIN)
    found: Mapping[str, Any] = answer.body
    return found


async def _version(node: AsyncElasticsearch) -> str:
    """Asking takes a right of its own that nothing else needs."""
    with suppress(ApiError, TransportError, LookupError, TypeError):
        return str((await node.perform_request("GET", "/", headers=PLAIN)).body["version"]["number"])
    with suppress(ApiError, TransportError, LookupError, TypeError, AttributeError):
        nodes = (await node.perform_request("GET", "/_nodes/http?filter_path=nodes.*.version", headers=PLAIN)).body["nodes"]
        return ", ".join(sorted({str(each["version"]) for each in nodes.values()}))
    return ""


def distinct(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """One for each field: ten nodes that do not know the password are one fault. Addresses are fields of their own."""
    first: dict[str, str] = {}
    for field, problem in problems:
        first.setdefault(field, problem)
    return tuple(first.items())
