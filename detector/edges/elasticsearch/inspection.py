"""Whether a cluster would serve us, for `check --connect`: every node asked, then what the source reads or the mirror writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch

from detector.edges.elasticsearch.client import ClusterSettings, client
from detector.edges.elasticsearch.mirror_inspection import look_at_mirror
from detector.edges.elasticsearch.refusals import REFUSALS, Need, problem_of
from detector.edges.elasticsearch.source_inspection import look_at_source
from detector.edges.inspected import Inspected, Problem
from detector.settings import ElasticsearchSettings, ElasticsearchSourceSettings


@dataclass(frozen=True, slots=True)
class _Node:
    """A node that answered; `version` is empty where it does not say."""

    at: int
    version: str


async def inspect_source(settings: ElasticsearchSourceSettings) -> Inspected:
    """Reads a mapping and one document, and opens and closes a point in time."""
    need = Need("read fields of the index", f"the index privilege `read` on `{settings.index}`")
    nodes, problems = await _ask_nodes(settings, settings.index, need)
    if not nodes:
        return Inspected(problems=problems)
    at, version = nodes[0].at, nodes[0].version
    async with client(replace(settings, urls=(settings.urls[at],))) as cluster:
        seen, found = await look_at_source(cluster, settings, at)
    return Inspected(_said(version, len(nodes), seen), _distinct((*problems, *found)))


async def inspect_mirror(settings: ElasticsearchSettings) -> Inspected:
    """Asks for rights, has a template tried out, and sends a document that cannot be written."""
    need = Need("read the indices", f"the index privilege `read` on `{settings.prefix}-*`")
    nodes, problems = await _ask_nodes(settings, f"{settings.prefix}-*", need)
    if not nodes:
        return Inspected(problems=problems)
    at, version = nodes[0].at, nodes[0].version
    async with client(replace(settings, urls=(settings.urls[at],))) as cluster:
        seen, found = await look_at_mirror(cluster, settings, at)
    return Inspected(_said(version, len(nodes), seen), _distinct((*problems, *found)), "that a document is written")


async def _ask_nodes(settings: ClusterSettings, index: str, need: Need) -> tuple[list[_Node], tuple[Problem, ...]]:
    """The nodes that answered, and what is wrong with the others. All are asked at once, for half of the time at most, so that
    one that hangs leaves time for the rest."""
    halved = replace(settings, timeout=settings.timeout / 2)
    asked = await asyncio.gather(*(_ask_node(halved, at, index, need) for at in range(len(settings.urls))))
    nodes = [each for each in asked if isinstance(each, _Node)]
    return nodes, _distinct(each for each in asked if not isinstance(each, _Node))


async def _ask_node(settings: ClusterSettings, at: int, index: str, need: Need) -> _Node | Problem:
    try:
        async with client(replace(settings, urls=(settings.urls[at],))) as node:
            await node.field_caps(index=index, fields="@timestamp", allow_no_indices=True, ignore_unavailable=True)
            return _Node(at, await _version(node))
    except REFUSALS as error:
        return problem_of(error, settings, at, need)


async def _version(node: AsyncElasticsearch) -> str:
    """Asking takes a right of its own that nothing else needs."""
    with suppress(ApiError, TransportError):
        return str((await node.info())["version"]["number"])
    with suppress(ApiError, TransportError):
        nodes = (await node.nodes.info(filter_path="nodes.*.version"))["nodes"]
        return ", ".join(sorted({str(each["version"]) for each in nodes.values()}))
    return ""


def _said(version: str, nodes: int, seen: str) -> str:
    return "; ".join(filter(None, (f"{nodes} {'node' if nodes == 1 else 'nodes'} answered", version, seen)))


def _distinct(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """One for each field: ten nodes that do not know the password are one fault. Addresses are fields of their own."""
    first: dict[str, str] = {}
    for field, problem in problems:
        first.setdefault(field, problem)
    return tuple(first.items())
