"""Whether a cluster would serve a source, for `check --connect`: who answers, whether its indices are there, what orders their
documents, where the line stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch

from detector.edges.elasticsearch.client import client
from detector.edges.elasticsearch.nodes import ask_nodes, distinct
from detector.edges.elasticsearch.refusals import REFUSALS, Need, problem_of
from detector.edges.inspected import Inspected, Problem
from detector.settings import ElasticsearchSourceSettings

_DATES = frozenset({"date", "date_nanos"})
_ENOUGH = 10_000  # the most documents that are worth counting
_SHOWN = 3

Types = Mapping[str, Mapping[str, Any]]  # of one field: by type, the indices that map it so


async def inspect_source(settings: ElasticsearchSourceSettings) -> Inspected:
    """Reads a mapping and one document, and opens and closes a point in time."""
    nodes = await ask_nodes(settings, settings.index)
    if not nodes.answered:
        return Inspected(problems=nodes.problems)
    at = nodes.answered[0]
    try:
        async with client(replace(settings, urls=(settings.urls[at],))) as cluster:
            seen, problems = await _look(cluster, settings)
    except REFUSALS as error:
        need = Need("read the index", f"the index privilege `read` on `{settings.index}`")
        return Inspected(str(nodes), distinct((*nodes.problems, problem_of(error, settings, at, need))))
    return Inspected("; ".join(filter(None, (str(nodes), seen))), distinct((*nodes.problems, *problems)))


async def _look(cluster: AsyncElasticsearch, settings: ElasticsearchSourceSettings) -> tuple[str, tuple[Problem, ...]]:
    asked = cluster.field_caps(
        index=settings.index, fields=settings.time_field, include_unmapped=True, allow_no_indices=True, ignore_unavailable=True
    )
    caps = (await asked).body
    indices = [caps["indices"]] if isinstance(caps["indices"], str) else caps["indices"]
    if not indices:
        return "", (("index", await _missing(cluster, settings.index)),)
    seen = f"{settings.index}: {len(indices)} {'index' if len(indices) == 1 else 'indices'}"
    types = caps["fields"].get(settings.time_field, {})
    if problem := _time_problem(settings.time_field, types, indices, await _dates(cluster, settings.index, settings.time_field)):
        return seen, (problem,)
    newest, documents = await _newest(cluster, settings)
    pit = await cluster.open_point_in_time(index=settings.index, keep_alive="1m")
    await cluster.close_point_in_time(id=pit["id"])
    seen += f", {documents}"
    if newest is not None and settings.message_field and _at(newest["_source"], settings.message_field) is None:
        return seen, (("message_field", _no_message(settings.message_field, newest["_source"])),)
    return seen, ()


async def _missing(cluster: AsyncElasticsearch, index: str) -> str:
    words = f"`{index}` matches no index that we may read"
    with suppress(ApiError, TransportError):
        found = (await cluster.indices.resolve_index(name="*")).body
        names = [each["name"] for kind in ("indices", "aliases", "data_streams") for each in found[kind]]
        near = difflib.get_close_matches(index, names, n=_SHOWN, cutoff=0.5)
        words += f"; there are {', '.join(near)}" if near else f"; we may read {len(names)} others, none of a similar name"
    return words


def _time_problem(field: str, types: Types, indices: list[str], dates: list[str]) -> Problem | None:
    """None where every index has the field as a date."""
    others = {kind: entry for kind, entry in types.items() if kind not in _DATES and kind != "unmapped"}
    for kind, entry in others.items():
        where = _shown(entry.get("indices", indices))
        return "time_field", f"`{field}` is mapped as {kind} in {where}: map it as date or date_nanos{_named(dates)}"
    if not _DATES & set(types):
        return "time_field", f"no index has a field `{field}`, so nothing orders its documents{_named(dates)}"
    return None


async def _dates(cluster: AsyncElasticsearch, index: str, but: str) -> list[str]:
    """Other fields that could order documents."""
    caps = (await cluster.field_caps(index=index, fields="*", filters="-metadata", types="date,date_nanos")).body
    return sorted(caps["fields"].keys() - {but})


def _named(dates: list[str]) -> str:
    return f"; fields that are dates: {_shown(dates)}" if dates else ""


async def _newest(cluster: AsyncElasticsearch, settings: ElasticsearchSourceSettings) -> tuple[Mapping[str, Any] | None, str]:
    """The newest document that the source would read, and how many there are, in words."""
    query = {"query_string": {"query": settings.query}} if settings.query else {"match_all": {}}
    order = [{settings.time_field: {"order": "desc", "unmapped_type": "date", "format": "strict_date_optional_time"}}]
    found = (await cluster.search(index=settings.index, query=query, sort=order, size=1, track_total_hits=_ENOUGH)).body
    total = found["hits"]["total"]
    count = f"{'at least ' if total['relation'] == 'gte' else ''}{total['value']:,} documents"
    hits = found["hits"]["hits"]
    if not hits:
        return None, f"{count} that `query` matches" if settings.query else f"{count} yet"
    return hits[0], f"{count}, the newest of {hits[0]['sort'][0]}"


def _no_message(field: str, document: Mapping[str, Any]) -> str:
    texts = [name for name in ("message", "log", "msg", "body", "event.original") if isinstance(_at(document, name), str)]
    return f"the newest document has no `{field}`" + (f"; it has {_shown(texts)}" if texts else "")


def _at(document: Mapping[str, Any], path: str) -> Any:
    """A field by its dotted name, whether the document nests it or writes the dots."""
    if path in document:
        return document[path]
    head, _, rest = path.partition(".")
    below = document.get(head)
    return _at(below, rest) if rest and isinstance(below, Mapping) else None


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
