"""Whether a cluster would serve a source, for `check --connect`: who answers, whether its indices are there, what orders their
documents, where the line stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from detector.core.decode.logs.line import meaning, read
from detector.edges.elasticsearch.client import client
from detector.edges.elasticsearch.library import ApiError, AsyncElasticsearch, TransportError
from detector.edges.elasticsearch.nodes import PLAIN, ask_nodes, distinct, mapped, resolved
from detector.edges.elasticsearch.refusals import REFUSALS, Need, problem_of
from detector.edges.inspected import Inspected, Problem
from detector.edges.sources.elasticsearch.hits import Hit, line_of, value_at
from detector.interface import rfc3339
from detector.masking import mask
from detector.plain_text import cut, one_line
from detector.settings import ElasticsearchSourceSettings

_DATES = frozenset({"date", "date_nanos"})
_ENOUGH = 10_000  # the most documents that are worth counting
_SHOWN = 3
_LONGEST_LINE = 80

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
    caps = await mapped(cluster, settings.index, [settings.time_field], include_unmapped="true")
    indices = [caps["indices"]] if isinstance(caps["indices"], str) else caps["indices"]
    if not indices:
        return "", (("index", await _missing(cluster, settings.index)),)
    seen = f"{settings.index}: {len(indices)} {'index' if len(indices) == 1 else 'indices'}"
    if problem := _time_problem(settings.time_field, caps["fields"].get(settings.time_field, {}), indices):
        others = await _dates(cluster, settings.index, settings.time_field)
        return seen, (("time_field", problem + others),)
    newest, documents = await _newest(cluster, settings)
    await _open_and_close(cluster, settings)
    seen += f", {documents}"
    if newest is None:
        return seen, ()
    source = newest["_source"]
    if settings.message_field and value_at(source, settings.message_field) is None:
        return seen, (("message_field", _no_message(settings.message_field, source)),)
    if not (line := _line_in(newest, settings)):
        names = _shown(sorted(source))
        return seen, (
            ("message_field", f"no line was found in the newest document, which has {names}: name the field that holds it"),
        )
    return f"{seen}, its line `{line}`", ()


def _line_in(newest: Mapping[str, Any], settings: ElasticsearchSourceSettings) -> str:
    """The beginning of what the source would judge of a document; secrets masked."""
    hit = Hit(newest["_index"], newest["_id"], (0,), None, -1, ("", 0), 0, newest["_source"])
    line = read(line_of(hit, settings.message_field, settings.service or "").rstrip(b"\n"), 0)
    text = meaning(line, 0).message.decode(errors="replace").strip()
    return cut(one_line(mask(text)), _LONGEST_LINE)


async def _open_and_close(cluster: AsyncElasticsearch, settings: ElasticsearchSourceSettings) -> None:
    """A point in time, which takes rights of its own; OpenSearch has it at another place. All is asked in plain JSON, as the
    source does: older releases understand it."""
    is_elastic = settings.flavor == "elasticsearch"
    place, name, at = ("_pit", "id", "/_pit") if is_elastic else ("_search/point_in_time", "pit_id", "/_search/point_in_time")
    path = f"/{quote(settings.index, safe=',*')}/{place}?keep_alive=1m"
    pit = (await cluster.perform_request("POST", path, headers=PLAIN)).body[name]
    await cluster.perform_request("DELETE", at, headers=PLAIN, body={name: pit if is_elastic else [pit]})


async def _missing(cluster: AsyncElasticsearch, index: str) -> str:
    words = f"`{index}` matches no index that we may read"
    with suppress(ApiError, TransportError):
        found = await resolved(cluster, "*")
        names = [each["name"] for kind in ("indices", "aliases", "data_streams") for each in found[kind]]
        near = difflib.get_close_matches(index, names, n=_SHOWN, cutoff=0.5)
        words += f"; there are {', '.join(near)}" if near else f"; we may read {len(names)} others, none of a similar name"
    return words


def _time_problem(field: str, types: Types, indices: list[str]) -> str:
    """Empty where every index that has the field has it as a date."""
    for kind, entry in types.items():
        if kind not in _DATES and kind != "unmapped":
            where = _shown(entry.get("indices", indices))
            return f"`{field}` is mapped as {kind} in {where}: map it as date or date_nanos"
    return "" if _DATES & set(types) else f"no index has a field `{field}`, so nothing orders its documents"


async def _dates(cluster: AsyncElasticsearch, index: str, but: str) -> str:
    """Other fields that could order documents, in words; OpenSearch cannot be asked."""
    with suppress(ApiError, TransportError):
        caps = await mapped(cluster, index, ["*"], filters="-metadata", types="date,date_nanos")
        if dates := sorted(caps["fields"].keys() - {but}):
            return f"; fields that are dates: {_shown(dates)}"
    return ""


async def _newest(cluster: AsyncElasticsearch, settings: ElasticsearchSourceSettings) -> tuple[Mapping[str, Any] | None, str]:
    """The newest document that the source would read, and how many there are, in words."""
    query = {"query_string": {"query": settings.query}} if settings.query else {"match_all": {}}
    order = [{settings.time_field: {"order": "desc", "unmapped_type": "date", "numeric_type": "date"}}]
    path = f"/{quote(settings.index, safe=',*')}/_search"
    body = {"query": query, "sort": order, "size": 1, "track_total_hits": _ENOUGH}
    found = (await cluster.perform_request("POST", path, headers=PLAIN, body=body)).body
    total = found["hits"]["total"]
    several = "document" if total["value"] == 1 else "documents"
    count = f"{'at least ' if total['relation'] == 'gte' else ''}{total['value']:,} {several}"
    hits = found["hits"]["hits"]
    if not hits:
        return None, f"{count} that `query` matches" if settings.query else f"{count} yet"
    newest = hits[0]["sort"][0]
    is_timed = isinstance(newest, int) and newest > 0
    return hits[0], f"{count}, the newest of {rfc3339(newest)}" if is_timed else f"{count}, none of them with a time"


def _no_message(field: str, document: Mapping[str, Any]) -> str:
    texts = [name for name in ("message", "log", "msg", "body", "event.original") if isinstance(value_at(document, name), str)]
    return f"the newest document has no `{field}`" + (f"; it has {_shown(texts)}" if texts else "")


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
